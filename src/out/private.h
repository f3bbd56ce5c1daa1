/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the formats share; nobody outside src/out includes this. */
#ifndef WEIR_OUT_PRIVATE_H
#define WEIR_OUT_PRIVATE_H

#include "out.h"

#define NS_PER_S 1000000000ull

/* A column that this format shows, made ready once for all rows. */
struct shown {
	struct column c;
	bool last;
	bool quote;   /* JSON: a string follows, always */
	u32 key_len;  /* of JSON's key; 0: too long for a block */
	char key[32]; /* {"name": or ,"name": and the quote */
};

struct out {
	struct buf b;
	const struct out_ops *ops;
	const struct column *cols; /* what the plan was made of */
	u32 ncols;
	u32 nshown;
	struct buf plan; /* struct shown [nshown] */
	u64 shift;       /* CLOCK_MONOTONIC to the clock that is printed */
	u64 second;      /* ns of the printed clock at which the second that clock holds begins */
	char clock[24];  /* HH:MM:SS in text, 2024-02-29T12:03:11 in JSON and CSV */
	bool color, notes;
	int fd;
	int err;         /* -errno of the first write that failed; nothing is kept after it */
	struct buf cell; /* CSV: one cell before it is quoted */
	const char *(*cgroup)(u64 id);
};

struct out_ops {
	u8 need, without; /* enum column_flag: of the columns that the format shows */
	void (*head)(struct out *o, const struct shown *s, const struct shown *end);
	void (*row)(struct out *o, const struct shown *s, const struct shown *end,
		    const struct rec *r);
};

extern const struct out_ops out_text, out_json, out_csv;

static inline const void *cell_at(const struct column *c, const struct rec *r)
{
	return (const char *)r + c->off;
}

static inline u64 cell_u64(const struct column *c, const struct rec *r)
{
	u64 v;

	memcpy(&v, cell_at(c, r), 8);
	return v;
}

/* Members of 4, 8, 2 or 1 bytes, wherever they lie. */
static inline u64 cell_uint(const struct column *c, const struct rec *r)
{
	const void *p = cell_at(c, r);
	u32 w;
	u16 h;

	if (c->size == 4) {
		memcpy(&w, p, 4);
		return w;
	}
	if (c->size == 8)
		return cell_u64(c, r);
	if (c->size == 2) {
		memcpy(&h, p, 2);
		return h;
	}
	return *(const u8 *)p;
}

static inline s64 cell_sint(const struct column *c, const struct rec *r)
{
	unsigned unused = 64 - 8 * c->size;

	return (s64)(cell_uint(c, r) << unused) >> unused;
}

/*
 * Copies a name that fits its 16 bytes and holds nothing to escape, in text or in JSON; returns
 * its length, or -1 when it must be looked at closer. There is room for 16 bytes.
 */
static inline int copy_comm(char *at, const struct column *c, const char *s)
{
#ifdef __SSE2__
	typedef signed char __attribute__((vector_size(16), aligned(1), may_alias)) block;
	unsigned stop;
	block text;

	if (c->size != sizeof(block))
		return -1;
	text = *(const block *)s;
	*(block *)at = text;
	/* signed: what is not ASCII is below the blank, as the NUL is */
	stop = __builtin_ia32_pmovmskb128((text < 32) | (text == 127) | (text == '"') |
					  (text == '\\'));
	if (stop && !s[__builtin_ctz(stop)])
		return __builtin_ctz(stop);
#else
	(void)at, (void)c, (void)s;
#endif
	return -1;
}

static inline const char *cell_string(const struct column *c, const struct rec *r)
{
	const char *s;

	memcpy(&s, cell_at(c, r), sizeof(s));
	return s;
}

static inline const char *cell_cgroup(struct out *o, const struct column *c, const struct rec *r)
{
	return o->cgroup ? o->cgroup(cell_u64(c, r)) : NULL;
}

/* The name of the error that a return value tells, or NULL; scratch holds one without a name. */
const char *error_name(s64 ret, char scratch[8]);

/* RFC 3339 in UTC with nanoseconds, of a CLOCK_MONOTONIC time. */
void put_time(struct out *o, struct buf *b, u64 ts);

/* A|B|0x80, 0 when none; returns whether a name was told. */
bool put_flags(struct buf *b, const struct names *table, u64 n);

static inline struct verbs verbs_on(const struct verbs_ops *ops, struct buf *b, bool notes)
{
	struct verbs v;

	v.ops = ops; /* boxes are written when opened: no need to clear them */
	v.b = b;
	v.notes = notes;
	v.depth = 0;
	v.first = 0;
	v.boxes[0] = BOX_ARGS; /* outside of all boxes */
	return v;
}

/*
 * The innermost box is bit 0 of first. Boxes deeper than 32 are told, but forget the oldest: the
 * separators and closing signs of these may be wrong, nothing else is.
 */
#define BOXES 32

static inline void box_open(struct verbs *v, enum verbs_box box)
{
	v->boxes[++v->depth % BOXES] = box;
	v->first = v->first << 1 | 1;
}

static inline enum verbs_box box_close(struct verbs *v)
{
	v->first >>= 1;
	return v->boxes[v->depth-- % BOXES];
}

static inline enum verbs_box box_now(const struct verbs *v)
{
	return v->boxes[v->depth % BOXES];
}

/* Whether the next value is the first in its box; not any more then. */
static inline bool box_first(struct verbs *v)
{
	bool first = v->first & 1;

	v->first &= ~1u;
	return first;
}

#endif
