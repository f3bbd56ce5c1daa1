/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a descriptor is: behind it in text, a member of its own in JSON. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "told.h"

#define VSOCK_ANY (~0u) /* VMADDR_CID_ANY, VMADDR_PORT_ANY */

/* TCP, UDPv6, UNIX-STREAM, NETLINK: what strace -yy calls it. */
static void tell_kind(struct buf *b, const struct sock_id *id)
{
	static const char *const types[] = {[SOCK_STREAM] = "STREAM",
					    [SOCK_DGRAM] = "DGRAM",
					    [SOCK_RAW] = "RAW",
					    [SOCK_SEQPACKET] = "SEQPACKET"};
	const char *type = id->type < ARRAY_SIZE(types) ? types[id->type] : NULL;
	const char *family = name_of(&names_af, id->family);
	const char *protocol = name_of(&names_ipproto, id->protocol);

	if (id->family == AF_INET || id->family == AF_INET6) {
		if (id->type == SOCK_RAW)
			buf_str(b, "RAW");
		else if (id->protocol == IPPROTO_ICMPV6) /* the v6 follows */
			buf_str(b, "ICMP");
		else if (protocol)
			buf_text(b, protocol + sizeof("IPPROTO_") - 1);
		else
			buf_u64(b, id->protocol);
		if (id->family == AF_INET6)
			buf_str(b, "v6");
		return;
	}
	if (family)
		buf_text(b, family + sizeof("AF_") - 1);
	else
		buf_u64(b, id->family);
	if (id->family == AF_UNIX && type) {
		buf_chr(b, '-');
		buf_text(b, type);
	}
}

static void tell_end(struct buf *b, u16 family, const u8 *addr, u16 port)
{
	if (family == AF_INET) {
		buf_ip4(b, addr);
	} else {
		buf_chr(b, '[');
		buf_ip6(b, addr);
		buf_chr(b, ']');
	}
	buf_chr(b, ':');
	buf_u64(b, port);
}

/* An end that is not accepted yet, or closed already, has no inode. */
static void tell_path(struct buf *b, const char *before, const struct rec *r, u8 kind, u64 ino)
{
	const struct sect *path = r ? sect_find(r, kind, ANY_ARG, NULL) : NULL;
	const u8 *p;

	if (!path || !path->len) {
		if (ino) {
			buf_str(b, before);
			buf_u64(b, ino);
		}
		return;
	}
	buf_str(b, before);
	p = (const u8 *)(path + 1);
	if (!*p)
		buf_chr(b, '@');
	buf_c_quoted(b, p + !*p, *p ? strnlen((const char *)p, path->len) : path->len - 1u, false);
}

static void tell_vsock(struct buf *b, u32 cid, u32 port)
{
	buf_u64(b, cid);
	buf_chr(b, ':');
	buf_u64(b, port);
}

void decode_sock_id(struct buf *b, const struct sock_id *id, const struct rec *r)
{
	const char *name;

	tell_kind(b, id);
	switch (id->family) {
	case AF_INET:
	case AF_INET6:
		if (!(id->flags & (SOCK_ID_BOUND | SOCK_ID_PEER)))
			return;
		buf_chr(b, ':');
		tell_end(b, id->family, id->laddr, id->lport);
		if (!(id->flags & SOCK_ID_PEER))
			return;
		buf_str(b, "->");
		tell_end(b, id->family, id->raddr, id->rport);
		return;
	case AF_UNIX:
		tell_path(b, ":", r, SECT_LPATH, id->ino);
		if (id->flags & SOCK_ID_PEER)
			tell_path(b, "->", r, SECT_RPATH, id->peer_ino);
		return;
	case AF_NETLINK:
		name = name_of(&names_netlink_proto, id->protocol);
		buf_chr(b, ':');
		if (name)
			buf_text(b, name + sizeof("NETLINK_") - 1);
		else
			buf_u64(b, id->protocol);
		buf_chr(b, ':');
		buf_u64(b, id->portid);
		return;
	case AF_PACKET:
		name = name_of(&names_eth_p, id->rport);
		buf_chr(b, ':');
		if (name)
			buf_text(b, name);
		else
			buf_hex(b, id->rport);
		name = netdev_name(id->ifindex);
		buf_chr(b, ':');
		if (name)
			buf_c_escaped(b, (const u8 *)name, strnlen(name, IFNAME_MAX));
		else
			buf_u64(b, id->ifindex);
		return;
	case AF_VSOCK:
		if (id->lvport == VSOCK_ANY)
			return;
		buf_chr(b, ':');
		tell_vsock(b, id->lcid, id->lvport);
		if (id->rvport == VSOCK_ANY)
			return;
		buf_str(b, "->");
		tell_vsock(b, id->rcid, id->rvport);
		return;
	}
}

static __attribute__((noinline)) void note_anew(struct verbs *v, const struct sock_id *id,
						const struct rec *r)
{
	size_t start = buf_len(v->b);

	buf_chr(v->b, '<'); /* notes are text's alone */
	decode_sock_id(v->b, id, r);
	buf_chr(v->b, '>');
	if (sock_id_determined(id))
		keep_told(v, start, MEMO_NOTE, id, SOCK_ID_WORDS);
}

void tell_note(struct verbs *v, const struct sock_id *id, const struct rec *r)
{
	if (!sock_id_determined(id) || !told_before(v, MEMO_NOTE, id, SOCK_ID_WORDS))
		note_anew(v, id, r);
}

static void field_path(struct verbs *v, const char *name, const struct rec *r, u8 kind)
{
	const struct sect *path = sect_find(r, kind, ANY_ARG, NULL);
	const char *p;

	if (!path || !path->len)
		return;
	p = (const char *)(path + 1);
	field(v, name);
	v->ops->bytes(v, p, *p ? strnlen(p, path->len) : path->len, false);
}

static void tell_unix(struct verbs *v, const struct sock_id *id, const struct rec *r)
{
	field_path(v, "local_path", r, SECT_LPATH);
	field_path(v, "remote_path", r, SECT_RPATH);
	if (id->flags & SOCK_ID_PEER && id->peer_ino) /* who is not accepted yet has none */
		field_uint(v, "remote_inode", id->peer_ino);
}

static void tell_inet(struct verbs *v, const struct sock_id *id)
{
	if (id->flags & SOCK_ID_BOUND)
		tell_address(v, "local", id->family == AF_INET, id->laddr, id->lport);
	if (id->flags & SOCK_ID_PEER)
		tell_address(v, "remote", id->family == AF_INET, id->raddr, id->rport);
	if (id->type == SOCK_STREAM)
		field_name(v, "state", &names_tcp_state, id->state);
}

static void tell_protocol(struct verbs *v, const struct sock_id *id)
{
	const struct names *table = id->family == AF_INET || id->family == AF_INET6 ? &names_ipproto
				    : id->family == AF_NETLINK ? &names_netlink_proto
							       : NULL;

	field(v, "protocol");
	if (table)
		v->ops->name(v, table, id->protocol);
	else
		v->ops->uint(v, id->protocol);
}

static __attribute__((noinline)) void socket_anew(struct verbs *v, const struct call_rec *r)
{
	const struct sock_id *id = &r->sock;
	size_t start = buf_len(v->b);

	open_box(v, BOX_STRUCT);
	field_name(v, "family", &names_af, id->family);
	field_name(v, "type", &names_sock_type, id->type);
	tell_protocol(v, id);
	switch (id->family) {
	case AF_INET:
	case AF_INET6: tell_inet(v, id); break;
	case AF_UNIX: tell_unix(v, id, &r->h); break;
	case AF_NETLINK: field_uint(v, "portid", id->portid); break;
	case AF_PACKET:
		field_uint(v, "ifindex", id->ifindex);
		field_name(v, "ethertype", &names_eth_p, id->rport);
		break;
	case AF_VSOCK:
		field_uint(v, "local_cid", id->lcid);
		field_uint(v, "local_port", id->lvport);
		field_uint(v, "remote_cid", id->rcid);
		field_uint(v, "remote_port", id->rvport);
		break;
	}
	if (id->ino)
		field_uint(v, "inode", id->ino);
	close_box(v);
	if (sock_id_determined(id))
		keep_told(v, start, MEMO_SOCKET, id, SOCK_ID_WORDS);
}

void decode_socket(struct verbs *v, const struct call_rec *r)
{
	const struct sock_id *id = &r->sock;

	if (!(id->flags & SOCK_ID_VALID))
		v->ops->ptr(v, 0);
	else if (!sock_id_determined(id) || !told_before(v, MEMO_SOCKET, id, SOCK_ID_WORDS))
		socket_anew(v, r);
}

void tell_hit_sock(struct verbs *v, const struct hit_sock *s)
{
	open_box(v, BOX_STRUCT);
	field_name(v, "family", &names_af, s->id.family);
	field_name(v, "type", &names_sock_type, s->id.type);
	tell_protocol(v, &s->id);
	if (s->id.family == AF_INET || s->id.family == AF_INET6)
		tell_inet(v, &s->id);
	if (s->cookie)
		field_uint(v, "cookie", s->cookie);
	close_box(v);
}
