/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Packets and sockets that a probe is about. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "told.h"

NAMES(tcp_flags, NULL, {1, "FIN"}, {2, "SYN"}, {4, "RST"}, {8, "PSH"}, {16, "ACK"}, {32, "URG"},
      {64, "ECE"}, {128, "CWR"});

static void put_end(struct buf *b, const struct packet_id *p, const u8 *addr, u16 port)
{
	bool ports = p->flags & PACKET_PORTS;

	if (p->version == 4)
		buf_ip4(b, addr);
	if (p->version == 6) {
		if (ports)
			buf_chr(b, '[');
		buf_ip6(b, addr);
		if (ports)
			buf_chr(b, ']');
	}
	if (!ports)
		return;
	buf_chr(b, ':');
	buf_u64(b, port);
}

static void put_device(struct buf *b, const struct packet_id *p)
{
	if (!p->ifindex)
		return;
	buf_safe_utf8(b, p->dev, strnlen(p->dev, sizeof(p->dev)));
	buf_chr(b, ' ');
}

static __attribute__((noinline)) void text_anew(struct buf *b, const struct packet_id *p)
{
	const char *name;
	bool more = false;

	put_device(b, p);
	if (p->flags & PACKET_IP) {
		name = name_of(&names_ipproto, p->l4);
		if (name)
			buf_text(b, name + sizeof("IPPROTO_") - 1);
		else
			buf_u64(b, p->l4);
		buf_chr(b, ' ');
		put_end(b, p, p->saddr, p->sport);
		buf_str(b, "->");
		put_end(b, p, p->daddr, p->dport);
		buf_chr(b, ' ');
	} else if (p->protocol) {
		name = name_of(&names_eth_p, p->protocol);
		if (name)
			buf_text(b, name);
		else
			buf_hex(b, p->protocol);
		buf_chr(b, ' ');
	}
	for (u32 i = 0; i < 8; i++)
		if (p->tcp_flags >> i & 1) {
			if (more)
				buf_chr(b, ',');
			buf_text(b, tcp_flags_rows[i].name);
			more = true;
		}
	if (more)
		buf_chr(b, ' ');
	buf_u64(b, p->len);
}

#define PACKET_WORDS (sizeof(struct packet_id) / 8)
_Static_assert(sizeof(struct packet_id) % 8 == 0, "a memo's key is of whole words");

/* <lo TCP 127.0.0.1:40000->127.0.0.1:80 SYN,ACK 60> */
void tell_packet_text(struct verbs *v, const struct packet_id *p)
{
	size_t start = buf_len(v->b);

	if (told_before(v, MEMO_PACKET, p, PACKET_WORDS))
		return;
	buf_chr(v->b, '<');
	text_anew(v->b, p);
	buf_chr(v->b, '>');
	keep_told(v, start, MEMO_PACKET, p, PACKET_WORDS);
}

void tell_packet(struct verbs *v, const struct packet_id *p)
{
	open_box(v, BOX_STRUCT);
	field_uint(v, "len", p->len);
	if (p->ifindex) {
		field(v, "dev");
		v->ops->bytes(v, p->dev, strnlen(p->dev, sizeof(p->dev)), false);
		field_uint(v, "ifindex", p->ifindex);
	}
	if (p->protocol)
		field_name(v, "ethertype", &names_eth_p, p->protocol);
	if (p->flags & PACKET_IP) {
		bool ports = p->flags & PACKET_PORTS, is4 = p->version == 4;

		field_name(v, "protocol", &names_ipproto, p->l4);
		tell_address(v, "source", is4, p->saddr, ports ? p->sport : -1);
		tell_address(v, "destination", is4, p->daddr, ports ? p->dport : -1);
	}
	if (p->flags & PACKET_PORTS && p->l4 == IPPROTO_TCP)
		field_flags(v, "flags", &tcp_flags, p->tcp_flags);
	close_box(v);
}

void decode_packet(struct verbs *v, const struct packet_id *p)
{
	if (p->flags & PACKET_VALID)
		tell_packet(v, p);
	else
		v->ops->ptr(v, 0);
}

void decode_packet_text(struct buf *b, const struct packet_id *p)
{
	if (p->flags & PACKET_VALID)
		text_anew(b, p);
}

void decode_hit_sock(struct verbs *v, const struct hit_sock *s)
{
	if (s->id.flags & SOCK_ID_VALID)
		tell_hit_sock(v, s);
	else
		v->ops->ptr(v, 0);
}
