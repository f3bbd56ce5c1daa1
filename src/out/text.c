/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Tables for people. A cell that says nothing is "-", so that every column is there. */
#include "clock.h"
#include "private.h"

/* Cells are short: one block of blanks, and one of what a cell holds, do for most. */
#define BLOCK 16

#define CLOCK 15 /* bytes of 12:03:11.123456; a narrower column has fewer digits of the second */

static inline void blank(char *at, size_t n)
{
	if (n <= BLOCK)
		memcpy(at, "                ", BLOCK);
	else
		memset(at, ' ', n);
}

static inline void spaces(struct buf *b, size_t n)
{
	char *at = n <= BLOCK ? buf_room(b, BLOCK) : buf_room(b, n);

	blank(at, n);
	b->at = at + n;
}

/* Moves what was written since start n to the right. */
static __attribute__((noinline)) void push_far(struct buf *b, size_t start, size_t n)
{
	size_t len = buf_len(b) - start;
	char *at;

	buf_room(b, n);
	at = b->base + start;
	memmove(at + n, at, len);
	memset(at, ' ', n);
	b->at += n;
}

static inline void push_right(struct buf *b, size_t start, size_t n)
{
	char *at = b->base + start, cell[BLOCK];

	if (n > BLOCK || b->at - at > BLOCK || !buf_has(b, 2 * BLOCK)) {
		push_far(b, start, n);
		return;
	}
	memcpy(cell, at, BLOCK);
	blank(at, n);
	memcpy(at + n, cell, BLOCK);
	b->at += n;
}

static __attribute__((noinline)) void new_second(struct out *o, u64 wall)
{
	struct buf b = {0};
	u32 s = wall / NS_PER_S % 86400;

	buf_digits(&b, s / 3600, 2);
	buf_chr(&b, ':');
	buf_digits(&b, s / 60 % 60, 2);
	buf_chr(&b, ':');
	buf_digits(&b, s % 60, 2);
	memcpy(o->clock, b.base, 8);
	o->second = wall - wall % NS_PER_S;
	buf_free(&b);
}

/* Aligns what was written since start and separates it from the next; nothing trails a line. */
static inline __attribute__((always_inline)) void align(struct buf *b, const struct shown *s,
							size_t start, size_t taken)
{
	size_t pad = taken < s->c.width ? s->c.width - taken : 0;

	if (pad && !(s->c.flags & COL_LEFT)) {
		push_right(b, start, pad);
		pad = 0;
	}
	if (!s->last)
		spaces(b, pad + 1);
}

/* Ends a cell that was begun at start and takes so many columns on a terminal. */
static inline void end_cell(struct out *o, const struct shown *s, size_t start, size_t taken)
{
	if (!taken) {
		buf_chr(&o->b, '-');
		taken = 1;
	}
	align(&o->b, s, start, taken);
}

/* Rare: no room, another second, or no time. */
static __attribute__((noinline)) void clock_again(struct out *o, const struct shown *s,
						  const struct rec *r)
{
	if (s->c.flags & COL_MAYBE && !cell_u64(&s->c, r)) {
		end_cell(o, s, buf_len(&o->b), 0);
		return;
	}
	new_second(o, cell_u64(&s->c, r) + o->shift);
	put_again(o, s, r);
}

/* Local time of day. */
static void text_clock(struct out *o, const struct shown *s, const struct rec *r)
{
	u64 wall = cell_u64(&s->c, r) + o->shift;
	char *at = o->b.at;
	size_t n;

	if (!buf_has(&o->b, CLOCK + BLOCK) || wall - o->second >= NS_PER_S) {
		clock_again(o, s, r);
		return;
	}
	memcpy(at, o->clock, 8);
	at[8] = '.';
	buf_put_six(at + 9, (u32)(wall - o->second) / 1000);
	if (s->c.width == CLOCK && !s->last) {
		at[CLOCK] = ' ';
		o->b.at = at + CLOCK + 1;
		return;
	}
	n = s->c.width < CLOCK ? s->c.width : CLOCK;
	o->b.at = at + n;
	end_cell(o, s, buf_len(&o->b) - n, n);
}

static __attribute__((noinline)) void end_plain(struct out *o, const struct shown *s, size_t start)
{
	end_cell(o, s, start, buf_len(&o->b) - start);
}

static void text_uint(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start = buf_len(&o->b);

	buf_u64(&o->b, cell_uint(&s->c, r));
	end_plain(o, s, start);
}

static void text_int(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start = buf_len(&o->b);

	buf_s64(&o->b, cell_sint(&s->c, r));
	end_plain(o, s, start);
}

static void text_ns(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start = buf_len(&o->b);

	buf_seconds(&o->b, cell_u64(&s->c, r), 6);
	end_plain(o, s, start);
}

#define PORT 5 /* digits of the largest */

static __attribute__((noinline)) void any_port(struct out *o, const struct shown *s, u32 port)
{
	size_t start = buf_len(&o->b);

	if (port)
		buf_u64(&o->b, port);
	end_plain(o, s, start);
}

static void text_port(struct out *o, const struct shown *s, const struct rec *r)
{
	u32 port = cell_port(&s->c, r);
	char *at = o->b.at;

	if (s->c.width != PORT || s->last || s->c.flags & COL_LEFT || port < 1000 ||
	    !buf_has(&o->b, BLOCK)) {
		any_port(o, s, port);
		return;
	}
	memcpy(at, buf_digits3 + port / 1000 * 4 + 1, 2);
	memcpy(at + 2, buf_digits3 + port % 1000 * 4, 4);
	if (port < 10000)
		*at = ' ';
	at[PORT] = ' ';
	o->b.at = at + PORT + 1;
}

static void text_error(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start = buf_len(&o->b);
	char scratch[8];
	const char *name = error_name(cell_sint(&s->c, r), scratch);

	if (name)
		buf_str(&o->b, name);
	end_plain(o, s, start);
}

static void text_nest(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start = buf_len(&o->b);

	s->c.nest(nested(o), r);
	if (!(s->last && s->c.flags & COL_LEFT && buf_len(&o->b) > start)) /* else it is the end */
		end_cell(o, s, start, buf_len(&o->b) - start);
}

/* Text of ours or of others: both may carry names that others chose. */
static void put_string(struct out *o, const struct shown *s, const char *text, size_t n)
{
	size_t start = buf_len(&o->b);

	end_cell(o, s, start, buf_safe_utf8(&o->b, text, n));
}

static void text_comm(struct out *o, const struct shown *s, const struct rec *r)
{
	const char *comm = cell_at(&s->c, r);

	put_string(o, s, comm, strnlen(comm, s->c.size));
}

static void text_string(struct out *o, const struct shown *s, const struct rec *r)
{
	const char *text = cell_string(&s->c, r);

	put_string(o, s, text, text ? strlen(text) : 0);
}

static void text_cgroup(struct out *o, const struct shown *s, const struct rec *r)
{
	const char *path = cell_cgroup(o, &s->c, r);

	if (path)
		put_string(o, s, path, strlen(path));
	else
		text_uint(o, s, r);
}

static void text_head(struct out *o, const struct shown *s, const struct shown *end)
{
	size_t start;

	if (o->color)
		buf_str(&o->b, "\033[1m");
	for (; s < end; s++) {
		start = buf_len(&o->b);
		buf_str(&o->b, s->c.head);
		align(&o->b, s, start, buf_len(&o->b) - start);
	}
	if (o->color)
		buf_str(&o->b, "\033[0m");
	buf_chr(&o->b, '\n');
}

const struct out_ops out_text = {
	.need = COL_TEXT,
	.verbs = &verbs_text,
	.head = text_head,
	.put = {[COL_UINT] = text_uint,
		[COL_INT] = text_int,
		[COL_CLOCK] = text_clock,
		[COL_NS] = text_ns,
		[COL_COMM] = text_comm,
		[COL_STRING] = text_string,
		[COL_CGROUP] = text_cgroup,
		[COL_ERROR] = text_error,
		[COL_PORT] = text_port,
		[COL_NEST] = text_nest},
	.empty = "",
	.line_end = "\n",
};
