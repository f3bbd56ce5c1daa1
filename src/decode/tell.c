/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Notations that strace has and the verbs have not, made of verbs. */
#include "tell.h"

/* note() is told where notes are wanted; notation always is. */
void tell_raw(struct verbs *v, const char *text)
{
	bool notes = v->notes;

	v->notes = true;
	v->ops->note(v, text);
	v->notes = notes;
}

/* Who writes a note is text: there is no other way to ask. */
bool tell_is_text(struct verbs *v)
{
	size_t before = buf_len(v->b), written;

	tell_raw(v, " ");
	written = buf_len(v->b) - before;
	v->b->at -= written;
	return written;
}

bool tell_more_than_strace(struct verbs *v)
{
	return v->notes || !tell_is_text(v);
}

void tell_as(struct verbs *v, const char *text, u64 n)
{
	size_t before = buf_len(v->b);

	tell_raw(v, text);
	if (buf_len(v->b) == before)
		v->ops->uint(v, n);
}

void tell_change(struct verbs *v, s64 in, s64 out, const char *arrow)
{
	if (!tell_is_text(v)) {
		v->ops->length(v, in, out);
		return;
	}
	v->ops->sint(v, in);
	if (in == out)
		return;
	tell_raw(v, arrow);
	v->ops->sint(v, out);
}

void tell_byte(struct verbs *v, u8 n)
{
	if (n)
		v->ops->hex(v, n);
	else
		tell_as(v, "00", 0);
}

void tell_hex_bytes(struct verbs *v, const void *p, u32 n)
{
	static const char digits[] = "0123456789abcdef";
	char text[] = "\\x00";
	const u8 *at = p;

	if (!tell_is_text(v)) {
		v->ops->bytes(v, p, n, false);
		return;
	}
	tell_raw(v, "\"");
	for (; n; n--, at++) {
		text[2] = digits[*at >> 4];
		text[3] = digits[*at & 15];
		tell_raw(v, text);
	}
	tell_raw(v, "\"");
}

void tell_byte_array(struct verbs *v, const u8 *p, u32 n, u32 max)
{
	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < n && i < max; i++) {
		item(v);
		tell_byte(v, p[i]);
	}
	if (n > max)
		v->ops->more(v);
	close_box(v);
}

void tell_int_array(struct verbs *v, const void *p, u32 n, u32 max)
{
	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < n && i < max; i++) {
		item(v);
		v->ops->sint(v, (s32)load32((const u8 *)p + 4 * i));
	}
	if (n > max)
		v->ops->more(v);
	close_box(v);
}

void tell_ifindex(struct verbs *v, u32 ifindex)
{
	const char *name = netdev_name(ifindex);
	char text[128];
	struct buf b = {text, text, text + sizeof(text)};

	if (!name) {
		v->ops->uint(v, ifindex);
		return;
	}
	buf_str(&b, "if_nametoindex(\"");
	buf_c_escaped(&b, (const u8 *)name, strnlen(name, IFNAME_MAX));
	buf_mem(&b, "\")", 3);
	tell_as(v, text, ifindex);
}

void tell_ethertype(struct verbs *v, u32 ethertype)
{
	tell_raw(v, "htons(");
	v->ops->name(v, &names_eth_p, ethertype);
	tell_raw(v, ")");
}

void tell_unreadable_rest(struct verbs *v, u64 address)
{
	char text[32];
	struct buf b = {text, text, text + sizeof(text)};

	v->ops->more(v);
	buf_str(&b, " /* ");
	buf_hex(&b, address);
	buf_mem(&b, " */", 4);
	tell_raw(v, text);
}

void tell_time(struct verbs *v, const void *p, const char *sec, const char *frac)
{
	open_box(v, BOX_STRUCT);
	field_sint(v, sec, load64(p));
	field_uint(v, frac, load64((const u8 *)p + 8)); /* strace prints the fraction unsigned */
	close_box(v);
}
