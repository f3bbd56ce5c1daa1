/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The verbs in strace's notation. */
#include "private.h"

static void text_open(struct verbs *v, enum verbs_box box)
{
	static const char opening[] = {[BOX_ARGS] = '(', [BOX_STRUCT] = '{', [BOX_ARRAY] = '['};

	box_open(v, box);
	buf_chr(v->b, opening[box]);
}

static void text_close(struct verbs *v)
{
	static const char closing[] = {[BOX_ARGS] = ')', [BOX_STRUCT] = '}', [BOX_ARRAY] = ']'};

	buf_chr(v->b, closing[box_close(v, 2)]);
}

static void text_item(struct verbs *v);

BUF_RARE item_again(struct verbs *v)
{
	buf_room(v->b, 2);
	text_item(v);
}

static void text_item(struct verbs *v)
{
	struct buf *b = v->b;
	char *at = b->at;

	if (!buf_has(b, 2)) {
		item_again(v);
		return;
	}
	memcpy(at, ", ", 2);
	b->at = at + v->comma;
	v->comma = 2;
}

static __attribute__((noinline)) void long_field(struct verbs *v, const char *name)
{
	text_item(v);
	buf_text(v->b, name);
	buf_chr(v->b, '=');
}

/* Called more often than anything else: what fits is written with one look at the room. */
static void text_field(struct verbs *v, const char *name)
{
	struct buf *b = v->b;
	char *end = NULL;

	if (!(v->boxes & BOX_STRUCT)) {
		text_item(v);
		return;
	}
	if (buf_has(b, 2 + BUF_SHORT)) {
		memcpy(b->at, ", ", 2);
		end = buf_short(b->at + v->comma, name);
	}
	if (!end) {
		long_field(v, name);
		return;
	}
	*end = '=';
	b->at = end + 1;
	v->comma = 2;
}

static void text_sint(struct verbs *v, s64 n)
{
	buf_s64(v->b, n);
}

static void text_uint(struct verbs *v, u64 n)
{
	buf_u64(v->b, n);
}

static void text_hex(struct verbs *v, u64 n)
{
	buf_hex(v->b, n);
}

static void text_ptr(struct verbs *v, u64 address)
{
	if (address)
		buf_hex(v->b, address);
	else
		buf_str(v->b, "NULL");
}

static void put_comment(struct buf *b, const struct names *table)
{
	if (!table->unknown)
		return;
	buf_str(b, " /* ");
	buf_str(b, table->unknown);
	buf_str(b, " */");
}

static void text_name(struct verbs *v, const struct names *table, u64 n)
{
	const char *name;

	if (!v->notes && table->old) /* --bare: as strace 6.1 has it */
		table = table->old;
	name = name_of(table, n);
	if (name) {
		buf_str(v->b, name);
		return;
	}
	buf_hex(v->b, n);
	put_comment(v->b, table);
}

bool put_named_flags(struct buf *b, const struct names *table, u64 n)
{
	const struct name *row = table->rows, *end = row + table->count;
	bool named = false;
	u64 rest = n;

	if (!n) {
		buf_str(b, row->name);
		return true;
	}
	for (; row < end && row->value <= rest; row++) {
		if (!row->value || (rest & row->value) != row->value)
			continue;
		if (named)
			buf_chr(b, '|');
		buf_str(b, row->name);
		rest &= ~row->value;
		named = true;
	}
	if (named && rest)
		buf_chr(b, '|');
	if (!named || rest)
		buf_hex(b, rest);
	return named;
}

static __attribute__((noinline)) void some_flags(struct buf *b, const struct names *table, u64 n)
{
	if (!put_named_flags(b, table, n))
		put_comment(b, table);
}

static void text_flags(struct verbs *v, const struct names *table, u64 n)
{
	if (!v->notes && table->old)
		table = table->old;
	if (!n)
		put_flags(v->b, table, 0);
	else
		some_flags(v->b, table, n);
}

static void text_word(struct verbs *v, const char *word)
{
	buf_str(v->b, word);
}

static void text_bytes(struct verbs *v, const void *p, size_t n, bool cut)
{
	buf_c_quoted(v->b, p, n, cut);
}

static void text_wrapped(struct verbs *v, const char *name, u64 n)
{
	buf_str(v->b, name);
	buf_chr(v->b, '(');
	buf_u64(v->b, n);
	buf_chr(v->b, ')');
}

static void text_in4(struct verbs *v, const u8 *addr)
{
	buf_str(v->b, "inet_addr(\"");
	buf_ip4(v->b, addr);
	buf_str(v->b, "\")");
}

static void text_in6(struct verbs *v, const char *name, const u8 *addr)
{
	text_item(v);
	buf_str(v->b, "inet_pton(AF_INET6, \"");
	buf_ip6(v->b, addr);
	buf_str(v->b, "\", &");
	buf_str(v->b, name);
	buf_chr(v->b, ')');
}

static void text_length(struct verbs *v, u64 in, u64 out)
{
	buf_chr(v->b, '[');
	buf_u64(v->b, in);
	if (in != out) {
		buf_str(v->b, " => ");
		buf_u64(v->b, out);
	}
	buf_chr(v->b, ']');
}

static void text_more(struct verbs *v)
{
	if (v->depth)
		text_item(v);
	buf_str(v->b, "...");
}

static void text_note(struct verbs *v, const char *text)
{
	if (v->notes)
		buf_str(v->b, text);
}

/* A cell that is bytes alone: its quotes are CSV's, where it needs some. */
static void csv_bytes(struct verbs *v, const void *p, size_t n, bool cut)
{
	if (v->depth) {
		buf_c_quoted(v->b, p, n, cut);
		return;
	}
	buf_c_escaped(v->b, p, n);
	if (cut)
		buf_str(v->b, "...");
}

/* A number without a name: JSON has it so. */
static void csv_name(struct verbs *v, const struct names *table, u64 n)
{
	if (v->depth || name_of(table, n))
		text_name(v, table, n);
	else
		buf_u64(v->b, n);
}

static void csv_flags(struct verbs *v, const struct names *table, u64 n)
{
	if (v->depth)
		text_flags(v, table, n);
	else
		put_flags(v->b, table, n);
}

#define SAME_IN_BOTH                                                                               \
	.open = text_open, .close = text_close, .field = text_field, .item = text_item,            \
	.sint = text_sint, .uint = text_uint, .hex = text_hex, .ptr = text_ptr, .word = text_word, \
	.wrapped = text_wrapped, .in4 = text_in4, .in6 = text_in6, .length = text_length,          \
	.more = text_more, .note = text_note, .comma = 2

const struct verbs_ops verbs_text = {SAME_IN_BOTH, .name = text_name, .flags = text_flags,
				     .bytes = text_bytes};

const struct verbs_ops verbs_csv = {SAME_IN_BOTH, .name = csv_name, .flags = csv_flags,
				    .bytes = csv_bytes};
