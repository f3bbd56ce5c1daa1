/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* An output's life, its buffer, and the writing of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "private.h"

/* Written in blocks of this size: at 150 bytes a row, a write call is shared by 400 rows. */
#define GATHER (64 * 1024)
#define PAGE   4096

static const struct out_ops *const formats[] = {
	[OUT_TEXT] = &out_text,
	[OUT_JSON] = &out_json,
	[OUT_CSV] = &out_csv,
};

struct out *out_open(enum out_format format, int fd, const struct out_world *world, bool color)
{
	struct out *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->ops = formats[format];
	o->fd = fd;
	o->shift = world->wall_ns;
	if (format ==
	    OUT_TEXT) /* the time of day alone; days more, so that no zone makes it negative */
		o->shift += (world->zone_s + 2 * 86400) * (s64)NS_PER_S;
	o->cgroup = world->cgroup;
	o->color = color;
	o->second = -NS_PER_S; /* no time is within this second */
	buf_room(&o->b, GATHER + GATHER / 4);
	buf_room(&o->cell, 1);
	o->memo = calloc(1, sizeof(*o->memo));
	if (!o->memo) {
		out_close(o);
		return NULL;
	}
	o->verbs = (struct verbs){.ops = o->ops->verbs,
				  .b = format == OUT_CSV ? &o->cell : &o->b,
				  .memo = o->memo,
				  .notes = format != OUT_JSON};
	return o;
}

void out_notes(struct out *o, bool notes)
{
	o->verbs.notes = notes && o->ops != &out_json;
	memo_forget(o->memo);
}

void out_forget(struct out *o)
{
	memo_forget(o->memo);
}

#define MOST_COLUMNS 64 /* of a table, for the memo */

static void make_key(struct shown *s, bool first)
{
	size_t n = strlen(s->c.name);

	s->quote = s->c.kind == COL_CLOCK || s->c.kind == COL_COMM;
	s->key[0] = first ? '{' : ',';
	s->key_len = 0;
	if (n + 5 > sizeof(s->key))
		return;
	s->key[1] = '"';
	memcpy(s->key + 2, s->c.name, n);
	memcpy(s->key + 2 + n, "\":\"", 3);
	s->key_len = n + 4 + s->quote;
}

static const struct shown *columns(const struct out *o)
{
	return (const struct shown *)o->plan.shown.base;
}

static __attribute__((noinline)) void put_anew(struct out *o, const struct shown *s,
					       const struct rec *r, const void *key, u32 words)
{
	size_t start = buf_len(&o->b);

	for (u32 i = 0; i < s->kept; i++)
		s[i].put(o, s + i, r);
	memo_keep(o->memo, &o->b, start, s->what, key, words);
}

static inline __attribute__((always_inline)) void put_words(struct out *o, const struct shown *s,
							    const struct rec *r, u32 words)
{
	const char *key = (const char *)r + s->at;

	if (!memo_tell(o->memo, &o->b, s->what, key, words))
		put_anew(o, s, r, key, words);
}

static void put_kept(struct out *o, const struct shown *s, const struct rec *r)
{
	put_words(o, s, r, s->words);
}

/* A task; the compiler writes its loops out. */
static void put_kept5(struct out *o, const struct shown *s, const struct rec *r)
{
	put_words(o, s, r, 5);
}

/* A task and its call. */
static void put_kept6(struct out *o, const struct shown *s, const struct rec *r)
{
	put_words(o, s, r, 6);
}

/* A packet's interface, direction and owner. */
static void put_kept7(struct out *o, const struct shown *s, const struct rec *r)
{
	put_words(o, s, r, 7);
}

/* Words from all over the record. What comes first is made of all: by it their place is found. */
static inline __attribute__((always_inline)) void put_gathered(struct out *o, const struct shown *s,
							       const struct rec *r, u32 words)
{
	u64 key[MEMO_WORDS], h = 0;

#pragma GCC unroll 8
	for (u32 i = 1; i < words; i++) {
		key[i] = memo_word(r, s->each[i]);
		h = (h << 7 | h >> 57) + key[i];
	}
	key[0] = h * 0x9e3779b97f4a7c15;
	if (!memo_tell(o->memo, &o->b, s->what, key, words))
		put_anew(o, s, r, key, words);
}

static void put_each(struct out *o, const struct shown *s, const struct rec *r)
{
	put_gathered(o, s, r, s->words);
}

/* An address; the compiler writes its loops out. */
static void put_each4(struct out *o, const struct shown *s, const struct rec *r)
{
	put_gathered(o, s, r, 4);
}

/* A task and an address. */
static void put_each7(struct out *o, const struct shown *s, const struct rec *r)
{
	put_gathered(o, s, r, 7);
}

/* What happened besides. */
static void put_each8(struct out *o, const struct shown *s, const struct rec *r)
{
	put_gathered(o, s, r, 8);
}

static bool add_word(struct shown *s, u32 word)
{
	for (u32 i = 1; i < s->words; i++)
		if (s->each[i] == word)
			return true;
	if (s->words == MEMO_WORDS || word > 255)
		return false;
	s->each[s->words++] = word;
	return true;
}

/* Does a column fit the words of those before it? */
static bool add_column(struct shown *s, const struct column *c)
{
	u32 had = s->words, first = c->off / 8, also = COL_ALSO_WORD(c->flags);
	bool fits = !also || add_word(s, also);

	for (u32 i = first; fits && i < (c->off + c->size + 7u) / 8; i++)
		fits = add_word(s, i);
	if (!fits)
		s->words = had;
	return fits;
}

static bool make_each(struct shown *s, const struct shown *end)
{
	bool also = false;

	s->words = 1;
	for (s->kept = 0; s + s->kept < end && s[s->kept].c.flags & COL_KEPT; s->kept++) {
		if (!add_column(s, &s[s->kept].c))
			break;
		also |= COL_ALSO_WORD(s[s->kept].c.flags);
	}
	s->next = s + s->kept;
	s->put_kept = s->words == 4   ? put_each4
		      : s->words == 7 ? put_each7
		      : s->words == 8 ? put_each8
				      : put_each;
	return also;
}

/* How many columns are kept from s on, and where in the record what they tell is. */
static void make_kept(struct shown *s, const struct shown *end)
{
	u32 from = ~0u, to = 0;

	if (make_each(s, end))
		return;
	for (s->kept = 0; s + s->kept < end && s[s->kept].c.flags & COL_KEPT; s->kept++) {
		const struct column *c = &s[s->kept].c;

		from = c->off < from ? c->off : from;
		to = c->off + c->size > to ? c->off + c->size : to;
	}
	s->next = s + s->kept + !s->kept;
	s->at = from & ~7u; /* records and their members are of whole words */
	s->words = s->kept ? (to - s->at + 7) / 8 : 0;
	s->put_kept = !s->kept        ? s->put
		      : s->words == 5 ? put_kept5
		      : s->words == 6 ? put_kept6
		      : s->words == 7 ? put_kept7
				      : put_kept;
}

/*
 * Which columns are shown, and how, is worked out once for all rows of a table. The table before is
 * kept: rows of two may alternate.
 */
static void make_plan(struct out *o, const struct column *cols, u32 ncols)
{
	struct plan *p = &o->plan, last = *p;
	struct shown s = {0}, *all;
	u32 i;

	*p = o->other;
	o->other = last;
	if (p->cols == cols && p->ncols == ncols)
		return;
	buf_room(&p->shown, sizeof(s));
	buf_clear(&p->shown);
	p->cols = cols;
	p->ncols = ncols;
	p->nshown = 0;
	p->what = last.what == MEMO_CELLS ? MEMO_CELLS + MOST_COLUMNS : MEMO_CELLS;
	for (i = 0; i < ncols; i++) {
		if ((cols[i].flags & o->ops->need) != o->ops->need ||
		    cols[i].flags & o->ops->without)
			continue;
		s.c = cols[i];
		s.put = o->ops->put[s.c.kind];
		make_key(&s, !p->nshown++);
		buf_mem(&p->shown, &s, sizeof(s));
	}
	all = (struct shown *)p->shown.base;
	if (p->nshown)
		all[p->nshown - 1].last = true;
	for (i = 0; i < p->nshown; i++) {
		make_kept(all + i, all + p->nshown);
		all[i].what = p->what + i;
	}
	memo_forget(o->memo);
	o->line_end_len = snprintf(o->line_end, sizeof(o->line_end), "%s%s",
				   p->nshown ? "" : o->ops->empty, o->ops->line_end);
}

/* Waits until a descriptor that does not block takes more. */
static int await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t done;
	int err = 0;

	while (n && !err) {
		done = write(fd, p, n);
		if (done >= 0) {
			p += done;
			n -= done;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			err = await(fd);
		} else if (errno != EINTR) {
			err = -errno;
		}
	}
	return err;
}

/* Writes the first n bytes that are gathered. */
static int write_first(struct out *o, size_t n)
{
	size_t rest = buf_len(&o->b) - n;

	if (!o->err)
		o->err = write_all(o->fd, o->b.base, n);
	memmove(o->b.base, o->b.base + n, rest);
	o->b.at = o->b.base + rest;
	return o->err;
}

int out_flush(struct out *o)
{
	return write_first(o, buf_len(&o->b));
}

/* Whole pages: a file's last page need not be looked up and filled twice. */
static __attribute__((noinline)) void write_pages(struct out *o)
{
	write_first(o, buf_len(&o->b) & ~(size_t)(PAGE - 1)); /* an error stays in o->err */
}

static inline void written_by_itself(struct out *o)
{
	if (__builtin_expect(buf_len(&o->b) >= GATHER, 0))
		write_pages(o);
}

void out_head(struct out *o, const struct column *cols, u32 ncols, bool quiet)
{
	make_plan(o, cols, ncols);
	if (!o->err && o->ops->head && !(quiet && o->ops == &out_text))
		o->ops->head(o, columns(o), columns(o) + o->plan.nshown);
}

void put_again(struct out *o, const struct shown *s, const struct rec *r)
{
	buf_room(&o->b, 4 * BUF_SLACK);
	s->put(o, s, r);
}

void out_row(struct out *o, const struct column *cols, u32 ncols, const struct rec *r)
{
	const struct shown *s, *end;

	if (o->err)
		return;
	if (__builtin_expect(cols != o->plan.cols || ncols != o->plan.ncols, 0))
		make_plan(o, cols, ncols);
	s = columns(o);
	for (end = s + o->plan.nshown; s < end; s = s->next)
		s->put_kept(o, s, r);
	memcpy(buf_room(&o->b, sizeof(o->line_end)), o->line_end, sizeof(o->line_end));
	o->b.at += o->line_end_len;
	written_by_itself(o);
}

void out_line(struct out *o, const char *text, size_t n)
{
	if (o->err)
		return;
	buf_mem(&o->b, text, n);
	if (!n || text[n - 1] != '\n')
		buf_chr(&o->b, '\n');
	written_by_itself(o);
}

int out_close(struct out *o)
{
	int err = out_flush(o);

	buf_free(&o->b);
	buf_free(&o->cell);
	buf_free(&o->plan.shown);
	buf_free(&o->other.shown);
	free(o->memo);
	free(o);
	return err;
}

/* The kernel's own, which libc has no names for: a tracer sees them before they are translated. */
static const char *const internal[] = {
	"ERESTARTSYS",           "ERESTARTNOINTR", "ERESTARTNOHAND", "ENOIOCTLCMD",
	"ERESTART_RESTARTBLOCK", "EPROBE_DEFER",   "EOPENSTALE",     "ENOPARAM"};

const char *error_name(s64 ret, char scratch[8])
{
	const char *name;
	int err;

	if (ret >= 0 || ret < -4095)
		return NULL;
	err = -ret;
	if (err >= 512 && err < 520)
		return internal[err - 512];
	name = strerrorname_np(err);
	if (name)
		return name;
	snprintf(scratch, 8, "%d", err);
	return scratch;
}

/* Once a second of the wall clock. */
static __attribute__((noinline)) void new_second(struct out *o, u64 wall)
{
	time_t s = wall / NS_PER_S;
	struct tm tm;

	o->second = s * NS_PER_S;
	gmtime_r(&s, &tm);
	strftime(o->clock, sizeof(o->clock), "%Y-%m-%dT%H:%M:%S", &tm);
}

void put_time(struct out *o, struct buf *b, u64 ts)
{
	u64 wall = ts + o->shift;
	char *at = buf_room(b, 32);

	if (wall - o->second >= NS_PER_S)
		new_second(o, wall);
	memcpy(at, o->clock, 19);
	at[19] = '.';
	at = buf_put_nine(at + 20, wall - o->second);
	*at = 'Z'; /* within the room asked for */
	b->at = at + 1;
}
