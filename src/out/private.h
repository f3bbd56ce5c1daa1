/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the formats share; nobody outside src/out includes this. */
#ifndef WEIR_OUT_PRIVATE_H
#define WEIR_OUT_PRIVATE_H

#include "memo.h"
#include "out.h"

struct shown;

/* Writes one cell, and what is between it and its neighbours. */
typedef void put_fn(struct out *o, const struct shown *s, const struct rec *r);

/*
 * A column that this format shows, made ready once for all rows. The first of some that are kept
 * (COL_KEPT) stands for all of them: what they say is known by the words of the record that they
 * and what lies between them are in.
 */
struct shown {
	put_fn *put;              /* its cell */
	put_fn *put_kept;         /* its cell and those of the others that are kept with it */
	const struct shown *next; /* after these */
	struct column c;
	bool last;
	bool quote;    /* JSON: a string follows, always */
	u8 key_len;    /* of JSON's key; 0: too long for a block */
	u16 kept;      /* so many are kept from here on; 0: this one is told anew in each row */
	u16 at, words; /* where the words are, and how many */
	u8 each[MEMO_WORDS]; /* where one member is not all that a column tells of: each word's
				place, those between them are left out */
	u32 what;            /* MEMO_CELLS and the place in the row */
	char key[32];        /* {"name": or ,"name": and the quote */
};

/* How the rows of a table are shown. */
struct plan {
	const struct column *cols; /* what it was made of */
	u32 ncols;
	u32 nshown;
	u32 what;         /* of its first column, for the memo */
	struct buf shown; /* struct shown [nshown] */
};

struct out {
	struct buf b;
	const struct out_ops *ops;
	struct plan plan, other; /* the one in use, and the one before it */
	struct memo *memo;
	struct verbs verbs; /* to whom nested values are told */
	u64 shift;          /* CLOCK_MONOTONIC to the clock that is printed */
	u64 second;     /* ns of the printed clock at which the second that clock holds begins */
	char clock[24]; /* HH:MM:SS in text, 2024-02-29T12:03:11 in JSON and CSV */
	char line_end[4];
	u8 line_end_len;
	bool color;
	int fd;
	int err;         /* -errno of the first write that failed; nothing is kept after it */
	struct buf cell; /* CSV: one cell before it is quoted */
	const char *(*cgroup)(u64 id);
};

struct out_ops {
	u8 need, without; /* enum column_flag: of the columns that the format shows */
	const struct verbs_ops *verbs;
	void (*head)(struct out *o, const struct shown *s, const struct shown *end);
	put_fn *put[COL_KINDS];       /* by kind */
	const char *empty, *line_end; /* empty: a row without columns, up to its end */
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

static inline u16 cell_port(const struct column *c, const struct rec *r)
{
	u16 port;

	memcpy(&port, cell_at(c, r), sizeof(port));
	return port;
}

static inline s64 cell_sint(const struct column *c, const struct rec *r)
{
	unsigned unused = 64 - 8 * c->size;

	return (s64)(cell_uint(c, r) << unused) >> unused;
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
bool put_named_flags(struct buf *b, const struct names *table, u64 n);

static inline bool put_flags(struct buf *b, const struct names *table, u64 n)
{
	/* a table may have a name for none */
	if (n || (table->count && !table->rows->value))
		return put_named_flags(b, table, n);
	buf_chr(b, '0');
	return false;
}

/* The listener, outside of all boxes. */
static inline struct verbs *nested(struct out *o)
{
	o->verbs.depth = 0;
	o->verbs.boxes = 0;
	o->verbs.comma = 0;
	return &o->verbs;
}

/* Where there is no room, a cell makes some and is begun again. */
void put_again(struct out *o, const struct shown *s, const struct rec *r);

/* Boxes deeper than 32 are told, but forget the oldest: the closing signs of these may be wrong. */

static inline enum verbs_box box_now(const struct verbs *v)
{
	return v->boxes & 3;
}

static inline void box_open(struct verbs *v, enum verbs_box box)
{
	v->boxes = v->boxes << 2 | box;
	v->depth++;
	v->comma = 0;
}

/* A box is a value: from now on what comes next in the one around it needs a comma of that size. */
static inline enum verbs_box box_close(struct verbs *v, size_t comma)
{
	enum verbs_box closed = box_now(v);

	v->boxes >>= 2;
	v->depth--;
	v->comma = comma;
	return closed;
}

#endif
