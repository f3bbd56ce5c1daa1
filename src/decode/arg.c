/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* One argument of a call, by kind. What is not here is in the file of its own noun. */
#include <sys/socket.h>
#include "kinds.h"
#include "tell.h"

#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN: the kernel reads no longer name, nor does strace */

void arg_int(const struct arg *a)
{
	a->v->ops->sint(a->v, (s32)a->val);
}

void arg_uint(const struct arg *a)
{
	a->v->ops->uint(a->v, (u32)a->val);
}

void arg_u64(const struct arg *a)
{
	a->v->ops->uint(a->v, a->val);
}

void arg_s64(const struct arg *a)
{
	a->v->ops->sint(a->v, a->val);
}

static void arg_ptr(const struct arg *a)
{
	a->v->ops->ptr(a->v, a->val);
}

/* What the record knows of a descriptor stands behind it, where the reader wants it. */
void arg_fd(const struct arg *a)
{
	const struct sock_id *id;

	a->v->ops->sint(a->v, (s32)a->val);
	id = &a->r->sock;
	if (a->v->notes && id->flags & SOCK_ID_VALID && !(id->flags & SOCK_ID_SECOND) == !a->idx)
		tell_note(a->v, id, &a->r->h);
}

void arg_domain(const struct arg *a)
{
	a->v->ops->name(a->v, &names_af, (u32)a->val);
}

/* strace prints SOCK_CLOEXEC first; what is left over is told as one number. */
static void tell_flags_of_type(struct verbs *v, const char *type, u32 flags)
{
	char room[256];
	struct buf b = {room, room, room + sizeof(room) - 64};
	u32 left = flags & ~(0x800u | 0x80000u);

	if (type)
		buf_str(&b, type);
	if (flags & 0x80000)
		buf_str(&b, buf_len(&b) ? "|SOCK_CLOEXEC" : "SOCK_CLOEXEC");
	if (flags & 0x800)
		buf_str(&b, buf_len(&b) ? "|SOCK_NONBLOCK" : "SOCK_NONBLOCK");
	if (left && buf_len(&b))
		buf_chr(&b, '|');
	if (left || !buf_len(&b))
		buf_hex(&b, left);
	buf_chr(&b, 0);
	v->ops->word(v, room);
	if (left && !(flags & (0x800 | 0x80000)))
		tell_raw(v, " /* SOCK_??? */");
}

void arg_type(const struct arg *a)
{
	u32 type = a->val;
	const char *name = name_of(&names_sock_type, type & 15);

	tell_flags_of_type(a->v, name, name ? type & ~15u : type);
}

void arg_sock_flags(const struct arg *a)
{
	tell_flags_of_type(a->v, NULL, a->val);
}

static const char *af_proto(u32 family, u32 protocol)
{
	if (family == AF_IRDA) /* as strace 6.1 does */
		family = AF_CAN;
	for (u32 i = 0; i < naf_protos; i++)
		if (af_protos[i].level == family && af_protos[i].value == protocol)
			return af_protos[i].name;
	return NULL;
}

void arg_protocol(const struct arg *a)
{
	u32 family = a->r->args[0], protocol = a->val;
	struct verbs *v = a->v;
	const char *what = name_of(&names_af_proto_unknown, family), *name;
	struct names unknown = {NULL, 0, what, NULL};

	switch (family) {
	case AF_INET:
	case AF_INET6: v->ops->name(v, &names_ipproto, protocol); return;
	case AF_NETLINK: v->ops->name(v, &names_netlink_proto, protocol); return;
	case AF_PACKET: tell_ethertype(v, __builtin_bswap16(protocol)); return;
	case AF_RXRPC: v->ops->name(v, &names_af, protocol); return;
	}
	if (!what) {
		v->ops->uint(v, a->val);
		return;
	}
	name = af_proto(family, protocol);
	if (name && family != AF_AX25) {
		v->ops->word(v, name);
		return;
	}
	if (name)
		unknown.unknown = name;
	v->ops->name(v, &unknown, family == AF_AX25 ? a->val : protocol);
}

void arg_how(const struct arg *a)
{
	a->v->ops->name(a->v, &names_shut, (u32)a->val);
}

void arg_msg_flags(const struct arg *a)
{
	a->v->ops->flags(a->v, &names_msg_flags, (u32)a->val);
}

void arg_splice_flags(const struct arg *a)
{
	a->v->ops->flags(a->v, &names_splice_flags, (u32)a->val);
}

void arg_rwf(const struct arg *a)
{
	a->v->ops->flags(a->v, &names_rwf, (u32)a->val);
}

/* Payload that there was, of full bytes; no section: hidden by -s 0, or unreadable. */
static void tell_buffer(const struct arg *a, u64 full)
{
	const struct sect *s = arg_sect(a, SECT_DATA);
	struct memory m = {.full = full, .address = a->val, .unreadable = arg_unread(a)};

	if (s) {
		m.p = s + 1;
		m.n = s->len;
		m.full = s->full;
	}
	if (!a->val || (!s && m.unreadable))
		a->v->ops->ptr(a->v, a->val);
	else if (!s)
		a->v->ops->bytes(a->v, "", 0, full);
	else if (is_netlink(a->r) && (a->r->call == CALL_sendto || a->r->call == CALL_recvfrom))
		tell_netlink(a->v, a->r, &m);
	else
		tell_shown(a->v, a->r, &m);
}

void arg_sent(const struct arg *a)
{
	tell_buffer(a, a->r->args[a->idx + 1]);
}

void arg_received(const struct arg *a)
{
	if (call_failed(a->r))
		a->v->ops->ptr(a->v, a->val);
	else
		tell_buffer(a, a->r->ret);
}

void arg_hostname(const struct arg *a)
{
	if ((u32)a->r->args[a->idx + 1] > HOSTNAME_MAX)
		arg_ptr(a);
	else
		tell_buffer(a, (u32)a->r->args[a->idx + 1]);
}

void arg_addr(const struct arg *a)
{
	const struct sect *s = arg_sect(a, SECT_ADDR);

	if (s && s->len >= 2)
		decode_sockaddr(a->v, s + 1, s->len);
	else
		arg_ptr(a);
}

/* A value-result length: [in], and => out when the call went well and changed it. */
void arg_length_out(const struct arg *a)
{
	const struct sect *in = arg_sect(a, SECT_INLEN), *out = arg_sect(a, SECT_OUTLEN);
	s64 n;

	/* strace shows a length without an address as its pointer */
	if (!in || (a->r->call != CALL_getsockopt && !a->r->args[a->idx - 1])) {
		arg_ptr(a);
		return;
	}
	n = (s32)in->full;
	if (tell_is_text(a->v))
		tell_raw(a->v, "[");
	tell_change(a->v, n, out && !call_failed(a->r) ? (s32)out->full : n, " => ");
	if (tell_is_text(a->v))
		tell_raw(a->v, "]");
}

void arg_timeout(const struct arg *a)
{
	const struct sect *s = arg_sect(a, SECT_TIME);

	if (s && s->len == 16)
		tell_time(a->v, s + 1, "tv_sec", "tv_nsec");
	else
		arg_ptr(a);
}

void arg_pair(const struct arg *a)
{
	const struct sect *s = arg_sect(a, SECT_INTS);

	if (s && s->len == 8)
		tell_int_array(a->v, s + 1, 2, 2);
	else
		arg_ptr(a);
}

/* sendfile moves its offset on: [5] => [15]. splice's are told as they were before. */
void arg_offset(const struct arg *a)
{
	const struct sect *s = arg_sect(a, SECT_INTS);
	struct verbs *v = a->v;
	u64 in, out;

	if (!s || s->len != 16 || !a->val) {
		arg_ptr(a);
		return;
	}
	in = load64(s + 1);
	out = load64((const u8 *)(s + 1) + 8);
	if (!tell_is_text(v)) {
		v->ops->length(v, in, out);
		return;
	}
	v->ops->length(v, in, in);
	if (a->r->ret <= 0 || a->r->call != CALL_sendfile)
		return;
	tell_raw(v, " => ");
	v->ops->length(v, out, out);
}
