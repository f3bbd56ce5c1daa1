/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* An output's life, its buffer, and the writing of it. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "private.h"

/* Written in blocks of this size: at 150 bytes a row, a write call is shared by 400 rows. */
#define GATHER (64 * 1024)

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
	o->shift = world->wall_ns + (format == OUT_TEXT ? world->zone_s * (s64)NS_PER_S : 0);
	o->cgroup = world->cgroup;
	o->color = color;
	o->notes = true;
	o->second = -NS_PER_S; /* no time is within this second */
	buf_room(&o->b, GATHER + GATHER / 4);
	buf_room(&o->cell, 1);
	return o;
}

void out_notes(struct out *o, bool notes)
{
	o->notes = notes;
}

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

/* Rows of one table follow each other: which columns are shown, and how, is worked out once. */
static void make_plan(struct out *o, const struct column *cols, u32 ncols)
{
	struct shown s = {0}, *all;
	u32 i;

	buf_room(&o->plan, sizeof(s));
	buf_clear(&o->plan);
	o->cols = cols;
	o->ncols = ncols;
	o->nshown = 0;
	for (i = 0; i < ncols; i++) {
		if ((cols[i].flags & o->ops->need) != o->ops->need ||
		    cols[i].flags & o->ops->without)
			continue;
		s.c = cols[i];
		make_key(&s, !o->nshown++);
		buf_mem(&o->plan, &s, sizeof(s));
	}
	all = (struct shown *)o->plan.base;
	if (o->nshown)
		all[o->nshown - 1].last = true;
}

static inline void written_by_itself(struct out *o)
{
	if (__builtin_expect(buf_len(&o->b) >= GATHER, 0))
		out_flush(o); /* an error stays in o->err */
}

void out_head(struct out *o, const struct column *cols, u32 ncols, bool quiet)
{
	const struct shown *s;

	make_plan(o, cols, ncols);
	s = (const struct shown *)o->plan.base;
	if (!o->err && o->ops->head && !(quiet && o->ops == &out_text))
		o->ops->head(o, s, s + o->nshown);
}

void out_row(struct out *o, const struct column *cols, u32 ncols, const struct rec *r)
{
	const struct shown *s;

	if (o->err)
		return;
	if (__builtin_expect(cols != o->cols || ncols != o->ncols, 0))
		make_plan(o, cols, ncols);
	s = (const struct shown *)o->plan.base;
	o->ops->row(o, s, s + o->nshown, r);
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

int out_flush(struct out *o)
{
	if (!o->err)
		o->err = write_all(o->fd, o->b.base, buf_len(&o->b));
	buf_clear(&o->b);
	return o->err;
}

int out_close(struct out *o)
{
	int err = out_flush(o);

	buf_free(&o->b);
	buf_free(&o->cell);
	buf_free(&o->plan);
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
	b->at = at + 20;
	buf_digits(b, wall - o->second, 9);
	*b->at++ = 'Z'; /* within the room asked for */
}
