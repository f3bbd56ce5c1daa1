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

static void json_uint(struct out *o, const struct shown *s, const struct rec *r)
{
	put_key(&o->b, s);
	buf_u64(&o->b, cell_uint(&s->c, r));
}

static void json_port(struct out *o, const struct shown *s, const struct rec *r)
{
	u32 port = cell_port(&s->c, r);

	put_key(&o->b, s);
	if (port)
		buf_u64(&o->b, port);
	else
		buf_str(&o->b, "null");
}

static void json_int(struct out *o, const struct shown *s, const struct rec *r)
{
	put_key(&o->b, s);
	buf_s64(&o->b, cell_sint(&s->c, r));
}

static void put_string(struct buf *b, const char *text)
{
	buf_chr(b, '"');
	buf_json_utf8(b, text, strlen(text));
	buf_chr(b, '"');
}

static void put_text(struct buf *b, const char *text)
{
	if (text)
		put_string(b, text);
	else
		buf_str(b, "null");
}

static void json_string(struct out *o, const struct shown *s, const struct rec *r)
{
	put_key(&o->b, s);
	put_text(&o->b, cell_string(&s->c, r));
}

static void json_cgroup(struct out *o, const struct shown *s, const struct rec *r)
{
	const char *path = cell_cgroup(o, &s->c, r);

	put_key(&o->b, s);
	if (path)
		put_string(&o->b, path);
	else
		buf_u64(&o->b, cell_u64(&s->c, r));
}

static void json_error(struct out *o, const struct shown *s, const struct rec *r)
{
	s64 ret = cell_sint(&s->c, r);
	char scratch[8];

	put_key(&o->b, s);
	put_text(&o->b, ret < 0 ? error_name(ret, scratch) : NULL);
}

/* The opening quote of a time and of a comm is in the key. */
static void json_clock(struct out *o, const struct shown *s, const struct rec *r)
{
	u64 ts = cell_u64(&s->c, r);

	put_key(&o->b, s);
	if (!ts && s->c.flags & COL_MAYBE) {
		o->b.at--;
		buf_str(&o->b, "null");
		return;
	}
	put_time(o, &o->b, ts);
	buf_chr(&o->b, '"');
}

static void json_comm(struct out *o, const struct shown *s, const struct rec *r)
{
	const char *comm = cell_at(&s->c, r);

	put_key(&o->b, s);
	buf_json_utf8(&o->b, comm, strnlen(comm, s->c.size));
	buf_chr(&o->b, '"');
}

/* A value that tells nothing is null. */
static void json_nest(struct out *o, const struct shown *s, const struct rec *r)
{
	size_t start;

	put_key(&o->b, s);
	start = buf_len(&o->b);
	s->c.nest(nested(o), r);
	if (buf_len(&o->b) == start)
		buf_str(&o->b, "null");
}

const struct out_ops out_json = {
	.without = COL_TEXT_ONLY,
	.verbs = &verbs_json,
	.put = {[COL_UINT] = json_uint,
		[COL_INT] = json_int,
		[COL_CLOCK] = json_clock,
		[COL_NS] = json_uint,
		[COL_COMM] = json_comm,
		[COL_STRING] = json_string,
		[COL_CGROUP] = json_cgroup,
		[COL_ERROR] = json_error,
		[COL_PORT] = json_port,
		[COL_NEST] = json_nest},
	.empty = "{",
	.line_end = "}\n",
};
