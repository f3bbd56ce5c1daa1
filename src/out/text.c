/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Tables for people. A cell that says nothing is "-", so that every column is there. */
#include "private.h"

/* Cells are short: one block of blanks, and one of what a cell holds, do for most. */
#define BLOCK 16

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

#define CLOCK 15 /* columns; a narrower one has fewer digits of the second */

/* Local time of day. */
static void put_clock(struct out *o, u64 ts)
{
	u64 wall = ts + o->shift;
	struct buf *b = &o->b;
	char *at = buf_room(b, 16);

	if (wall - o->second >= NS_PER_S)
		new_second(o, wall);
	memcpy(at, o->clock, 8);
	at[8] = '.';
	b->at = at + 9;
	buf_digits(b, (wall - o->second) / 1000, 6);
}

/* Text of ours or of others: both may carry names that others chose. */
static size_t put_string(struct buf *b, const char *s, size_t n)
{
	return buf_safe_utf8(b, s, n);
}

static size_t put_cgroup(struct out *o, const struct column *c, const struct rec *r)
{
	const char *path = cell_cgroup(o, c, r);
	size_t start = buf_len(&o->b);

	if (path)
		return put_string(&o->b, path, strlen(path));
	buf_u64(&o->b, cell_u64(c, r));
	return buf_len(&o->b) - start;
}

static void put_error(struct buf *b, s64 ret)
{
	char scratch[8];
	const char *name = error_name(ret, scratch);

	if (name)
		buf_str(b, name);
}

static void put_nest(struct out *o, const struct column *c, const struct rec *r)
{
	struct verbs v = verbs_on(&verbs_text, &o->b, o->notes);

	c->nest(&v, r);
}

static size_t put_comm(struct buf *b, const struct column *c, const char *s)
{
	int n = copy_comm(buf_room(b, 16), c, s);

	if (n < 0)
		return put_string(b, s, strnlen(s, c->size));
	b->at += n;
	return n;
}

/* Writes one cell; returns the columns it takes on a terminal. */
static inline size_t put_cell(struct out *o, const struct column *c, const struct rec *r)
{
	size_t start = buf_len(&o->b);
	const char *s;

	switch ((enum column_kind)c->kind) {
	case COL_UINT: buf_u64(&o->b, cell_uint(c, r)); break;
	case COL_INT: buf_s64(&o->b, cell_sint(c, r)); break;
	case COL_CLOCK:
		put_clock(o, cell_u64(c, r));
		o->b.at -= c->width < CLOCK ? CLOCK - c->width : 0;
		break;
	case COL_NS: buf_seconds(&o->b, cell_u64(c, r), 6); break;
	case COL_COMM: return put_comm(&o->b, c, cell_at(c, r));
	case COL_STRING: s = cell_string(c, r); return s ? put_string(&o->b, s, strlen(s)) : 0;
	case COL_CGROUP: return put_cgroup(o, c, r);
	case COL_ERROR: put_error(&o->b, cell_sint(c, r)); break;
	case COL_NEST: put_nest(o, c, r); break;
	}
	return buf_len(&o->b) - start;
}

/* Aligns what was written since start and separates it from the next; nothing trails a line. */
static inline void align(struct buf *b, const struct shown *s, size_t start, size_t taken)
{
	size_t pad = taken < s->c.width ? s->c.width - taken : 0;

	if (pad && !(s->c.flags & COL_LEFT)) {
		push_right(b, start, pad);
		pad = 0;
	}
	if (!s->last)
		spaces(b, pad + 1);
}

static void text_row(struct out *o, const struct shown *s, const struct shown *end,
		     const struct rec *r)
{
	size_t start, taken;

	for (; s < end; s++) {
		start = buf_len(&o->b);
		taken = put_cell(o, &s->c, r);
		if (!taken) {
			buf_chr(&o->b, '-');
			taken = 1;
		}
		align(&o->b, s, start, taken);
	}
	buf_chr(&o->b, '\n');
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

const struct out_ops out_text = {.need = COL_TEXT, .head = text_head, .row = text_row};
