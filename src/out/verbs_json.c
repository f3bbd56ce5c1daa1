/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The verbs in JSON. Names of fields, constants and flags, and words, are ours and need no escape.
 */
#include "private.h"

static void json_open(struct verbs *v, enum verbs_box box)
{
	box_open(v, box);
	buf_chr(v->b, box == BOX_ARRAY ? '[' : '{');
}

static void json_close(struct verbs *v)
{
	buf_chr(v->b, box_close(v, 1) == BOX_ARRAY ? ']' : '}');
}

static void json_item(struct verbs *v)
{
	char *at = buf_room(v->b, 1);

	*at = ',';
	v->b->at = at + v->comma;
	v->comma = 1;
}

static __attribute__((noinline)) void long_quoted(struct buf *b, const char *name)
{
	buf_chr(b, '"');
	buf_text(b, name);
	buf_chr(b, '"');
}

static inline void put_quoted(struct buf *b, const char *name)
{
	char *at = b->at, *end = NULL;

	if (buf_has(b, 1 + BUF_SHORT)) {
		*at = '"';
		end = buf_short(at + 1, name);
	}
	if (!end) {
		long_quoted(b, name);
		return;
	}
	*end = '"';
	b->at = end + 1;
}

static __attribute__((noinline)) void long_field(struct verbs *v, const char *name)
{
	json_item(v);
	long_quoted(v->b, name);
	buf_chr(v->b, ':');
}

/* Called more often than anything else: what fits is written with one look at the room. */
static void json_field(struct verbs *v, const char *name)
{
	struct buf *b = v->b;
	char *at = b->at, *end = NULL;

	if (buf_has(b, 3 + BUF_SHORT)) {
		*at = ',';
		at += v->comma;
		*at = '"';
		end = buf_short(at + 1, name);
	}
	if (!end) {
		long_field(v, name);
		return;
	}
	memcpy(end, "\":", 2);
	b->at = end + 2;
	v->comma = 1;
}

static void json_sint(struct verbs *v, s64 n)
{
	buf_s64(v->b, n);
}

static void json_uint(struct verbs *v, u64 n)
{
	buf_u64(v->b, n);
}

static void json_ptr(struct verbs *v, u64 address)
{
	if (!address) {
		buf_str(v->b, "null");
		return;
	}
	buf_chr(v->b, '"');
	buf_hex(v->b, address);
	buf_chr(v->b, '"');
}

static void json_name(struct verbs *v, const struct names *table, u64 n)
{
	const char *name = name_of(table, n);

	if (name)
		put_quoted(v->b, name);
	else
		buf_u64(v->b, n);
}

static void json_flags(struct verbs *v, const struct names *table, u64 n)
{
	buf_chr(v->b, '"');
	put_flags(v->b, table, n);
	buf_chr(v->b, '"');
}

static void json_word(struct verbs *v, const char *word)
{
	put_quoted(v->b, word);
}

static void json_bytes(struct verbs *v, const void *p, size_t n, bool cut)
{
	(void)cut; /* how many there were is a member of its own */
	buf_json_bytes(v->b, p, n);
}

static void json_wrapped(struct verbs *v, const char *name, u64 n)
{
	(void)name;
	buf_u64(v->b, n);
}

static void json_in4(struct verbs *v, const u8 *addr)
{
	buf_chr(v->b, '"');
	buf_ip4(v->b, addr);
	buf_chr(v->b, '"');
}

static void json_in6(struct verbs *v, const char *name, const u8 *addr)
{
	json_field(v, name);
	buf_chr(v->b, '"');
	buf_ip6(v->b, addr);
	buf_chr(v->b, '"');
}

static void json_length(struct verbs *v, u64 in, u64 out)
{
	buf_str(v->b, "{\"in\":");
	buf_u64(v->b, in);
	buf_str(v->b, ",\"out\":");
	buf_u64(v->b, out);
	buf_chr(v->b, '}');
}

static void json_more(struct verbs *v)
{
	if (!v->depth || box_now(v) != BOX_ARRAY)
		return;
	json_item(v);
	buf_str(v->b, "\"...\"");
}

static void json_note(struct verbs *v, const char *text)
{
	(void)v, (void)text;
}

const struct verbs_ops verbs_json = {
	.open = json_open,
	.close = json_close,
	.field = json_field,
	.item = json_item,
	.sint = json_sint,
	.uint = json_uint,
	.hex = json_uint,
	.ptr = json_ptr,
	.name = json_name,
	.flags = json_flags,
	.word = json_word,
	.bytes = json_bytes,
	.wrapped = json_wrapped,
	.in4 = json_in4,
	.in6 = json_in6,
	.length = json_length,
	.more = json_more,
	.note = json_note,
	.comma = 1,
};
