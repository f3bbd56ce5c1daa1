/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* An argument, a result or a field of the kernel's, by its type. */
#include <sys/socket.h>
#include "told.h"

static u64 load_uint(const u8 *p, u32 size)
{
	u64 n = 0;

	memcpy(&n, p, size < 8 ? size : 8); /* little-endian, as all that weir runs on */
	return n;
}

static s64 load_sint(const u8 *p, u32 size)
{
	u32 unused = size < 8 ? 64 - 8 * size : 0;

	return (s64)(load_uint(p, size) << unused) >> unused;
}

/* A pointer to something that was looked at: text told in its place, JSON a member of it. */
static const struct sect *looked(const struct hit_rec *r, u8 kind, const struct value *val)
{
	return sect_find(&r->h, kind, val->number, NULL);
}

#define SOCK_WORDS (sizeof(struct hit_sock) / 8)
_Static_assert(sizeof(struct hit_sock) % 8 == 0, "a memo's key is of whole words");

static __attribute__((noinline)) void sock_anew(struct verbs *v, const struct hit_sock *sock)
{
	size_t start = buf_len(v->b);
	const char *name;

	buf_chr(v->b, '<');
	decode_sock_id(v->b, &sock->id, NULL);
	name = sock->id.type == SOCK_STREAM ? name_of(&names_tcp_state, sock->id.state) : NULL;
	if (name) {
		buf_chr(v->b, ' ');
		buf_text(v->b, name + sizeof("TCP_") - 1);
	}
	if (sock->cookie) {
		buf_str(v->b, " sk:");
		buf_hex(v->b, sock->cookie);
	}
	buf_chr(v->b, '>');
	if (sock->id.family == AF_INET || sock->id.family == AF_INET6)
		keep_told(v, start, MEMO_SOCK, sock, SOCK_WORDS);
}

static void tell_sock_value(struct verbs *v, const struct sect *s)
{
	const struct hit_sock *sock = (const void *)(s + 1);

	if (!tell_is_text(v))
		tell_hit_sock(v, sock);
	else if (!told_before(v, MEMO_SOCK, sock, SOCK_WORDS))
		sock_anew(v, sock);
}

static void tell_packet_value(struct verbs *v, const struct sect *s)
{
	const struct packet_id *p = (const void *)(s + 1);

	if (tell_is_text(v))
		tell_packet_text(v, p);
	else
		tell_packet(v, p);
}

static void tell_device(struct verbs *v, const struct sect *s)
{
	const char *name = (const char *)(s + 1);
	char room[24] = "";

	memcpy(room, name, 16);
	if (tell_is_text(v))
		buf_safe_utf8(v->b, room, strlen(room));
	else
		v->ops->bytes(v, room, strlen(room), false); /* a name may have quotes in it */
}

/* Of what was looked at for this argument; false when nothing could be. */
static bool tell_pointee(struct verbs *v, const struct value *val, const struct hit_rec *r)
{
	const struct sect *s;

	if (!v->notes && tell_is_text(v))
		return false;
	switch (val->kind) {
	case VALUE_SOCK:
	case VALUE_SOCKET:
		s = looked(r, SECT_SOCK, val);
		if (!s || s->len < sizeof(struct hit_sock) ||
		    !(((const struct hit_sock *)(s + 1))->id.flags & SOCK_ID_VALID))
			return false;
		return tell_sock_value(v, s), true;
	case VALUE_PACKET:
		s = looked(r, SECT_PACKET, val);
		if (!s || s->len < sizeof(struct packet_id) ||
		    !(((const struct packet_id *)(s + 1))->flags & PACKET_VALID))
			return false;
		return tell_packet_value(v, s), true;
	case VALUE_MSGHDR:
		s = looked(r, SECT_SIZE, val);
		if (!s)
			return false;
		open_box(v, BOX_STRUCT);
		field_uint(v, "size", s->full);
		close_box(v);
		return true;
	case VALUE_SOCKADDR:
		s = looked(r, SECT_ADDR, val);
		if (!s || !s->full)
			return false;
		return decode_sockaddr(v, s + 1, load16(s + 1) == AF_INET ? 16 : s->len), true;
	case VALUE_DEVICE:
		s = looked(r, SECT_DEVICE, val);
		return s && s->len >= 16 ? tell_device(v, s), true : false;
	default: return false;
	}
}

void tell_value(struct verbs *v, const struct value *val, const void *p, const struct hit_rec *r)
{
	u64 n = load_uint(p, val->size);
	const char *name;

	switch ((enum value_kind)val->kind) {
	case VALUE_INT: v->ops->sint(v, load_sint(p, val->size)); break;
	case VALUE_UINT: v->ops->uint(v, n); break;
	case VALUE_HEX: v->ops->hex(v, n); break;
	case VALUE_BOOL: tell_as(v, n & 0xff ? "true" : "false", n & 0xff ? 1 : 0); break;
	case VALUE_CHAR: v->ops->bytes(v, p, 1, false); break;
	case VALUE_STRING: v->ops->bytes(v, p, strnlen(p, val->size), false); break;
	case VALUE_ENUM:
		name = name_of(&val->names, load_sint(p, val->size));
		if (name)
			v->ops->word(v, name);
		else
			v->ops->sint(v, load_sint(p, val->size));
		break;
	default:
		if (!n || !tell_pointee(v, val, r))
			v->ops->ptr(v, n);
	}
}
