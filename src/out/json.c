/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * JSON lines, one compact object a row. Integers are written whole, also above 2^53: a reader that
 * keeps numbers as doubles (jq 1.6, JavaScript) rounds such an id.
 */
#include "private.h"

static __attribute__((noinline)) void long_key(struct buf *b, const struct shown *s)
{
	buf_chr(b, s->key[0]);
	buf_chr(b, '"');
	buf_str(b, s->c.name);
	buf_str(b, "\":");
	if (s->quote)
		buf_chr(b, '"');
}

static inline void put_key(struct buf *b, const struct shown *s)
{
	char *at = buf_room(b, sizeof(s->key));

	memcpy(at, s->key, sizeof(s->key));
	b->at = at + s->key_len;
	if (__builtin_expect(!s->key_len, 0))
		long_key(b, s);
}

static void put_string(struct buf *b, const char *s, size_t n)
{
	buf_chr(b, '"');
	buf_json_utf8(b, s, n);
	buf_chr(b, '"');
}

static void put_text(struct buf *b, const char *s)
{
	if (s)
		put_string(b, s, strlen(s));
	else
		buf_str(b, "null");
}

static void put_cgroup(struct out *o, const struct column *c, const struct rec *r)
{
	const char *path = cell_cgroup(o, c, r);

	if (path)
		put_text(&o->b, path);
	else
		buf_u64(&o->b, cell_u64(c, r));
}

static void put_error(struct buf *b, s64 ret)
{
	char scratch[8];

	put_text(b, error_name(ret, scratch));
}

static void put_comm(struct buf *b, const struct column *c, const char *s)
{
	int n = copy_comm(buf_room(b, 16), c, s);

	if (n < 0)
		buf_json_utf8(b, s, strnlen(s, c->size));
	else
		b->at += n;
	buf_chr(b, '"');
}

/* A value that tells nothing is null. */
static void put_nest(struct out *o, const struct column *c, const struct rec *r)
{
	struct verbs v = verbs_on(&verbs_json, &o->b, false);
	size_t start = buf_len(&o->b);

	c->nest(&v, r);
	if (buf_len(&o->b) == start)
		buf_str(&o->b, "null");
}

/* The opening quote of a time and of a comm is in the key. */
static inline void put_cell(struct out *o, const struct column *c, const struct rec *r)
{
	switch ((enum column_kind)c->kind) {
	case COL_UINT: buf_u64(&o->b, cell_uint(c, r)); break;
	case COL_INT: buf_s64(&o->b, cell_sint(c, r)); break;
	case COL_CLOCK:
		put_time(o, &o->b, cell_u64(c, r));
		buf_chr(&o->b, '"');
		break;
	case COL_NS: buf_u64(&o->b, cell_u64(c, r)); break;
	case COL_COMM: put_comm(&o->b, c, cell_at(c, r)); break;
	case COL_STRING: put_text(&o->b, cell_string(c, r)); break;
	case COL_CGROUP: put_cgroup(o, c, r); break;
	case COL_ERROR: put_error(&o->b, cell_sint(c, r)); break;
	case COL_NEST: put_nest(o, c, r); break;
	}
}

static void json_row(struct out *o, const struct shown *s, const struct shown *end,
		     const struct rec *r)
{
	if (s == end)
		buf_chr(&o->b, '{');
	for (; s < end; s++) {
		put_key(&o->b, s);
		put_cell(o, &s->c, r);
	}
	buf_str(&o->b, "}\n");
}

const struct out_ops out_json = {.without = COL_TEXT_ONLY, .row = json_row};
