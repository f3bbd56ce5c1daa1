/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A packet's headers, field by field; names as in the documents that define them. */
#include "packet_decode.h"
#include "tell.h"

void packet_frame_any(struct packet_frame *f, const struct packet_rec *r)
{
	static u8 room[PACKET_SNAP_MAX + 8];
	const struct sect *s = sect_find(&r->h, SECT_DATA, ANY_ARG, NULL);

	*f = (struct packet_frame){.link = r->link};
	if (!s)
		return;
	f->p = (const u8 *)(s + 1);
	f->len = s->len;
	f->full = s->full > s->len ? s->full : s->len;
	if (!(r->bits & PACKET_TAGGED) || s->len < 12)
		return;
	memcpy(room, f->p, 12);
	room[12] = r->tag_proto >> 8;
	room[13] = r->tag_proto;
	room[14] = r->tag_tci >> 8;
	room[15] = r->tag_tci;
	memcpy(room + 16, f->p + 12, s->len - 12);
	f->p = room;
	f->len += 4;
	if (f->full < f->len)
		f->full = f->len;
}

const struct layers *packet_layers(const struct packet_rec *r)
{
	static struct layers layers;
	struct packet_frame f;

	packet_frame(&f, r);
	layers_find(&layers, f.link, f.p, f.len, f.full);
	return &layers;
}

static void tell_text(struct verbs *v, const char *name, void (*put)(struct buf *, const u8 *),
		      const u8 *p)
{
	char room[64 + BUF_SLACK];
	struct buf b = {room, room, room + sizeof(room) - BUF_SLACK};

	put(&b, p);
	buf_chr(&b, 0);
	field(v, name);
	v->ops->word(v, room);
}

static void tell_ether(struct verbs *v, const struct layer *l)
{
	tell_text(v, "src", packet_put_mac, l->p + 6);
	tell_text(v, "dst", packet_put_mac, l->p);
	field_uint(v, l->proto < 1536 ? "length" : "type", l->proto);
}

static void tell_cooked(struct verbs *v, const struct layer *l)
{
	struct cooked c = layer_cooked(l);

	field_uint(v, "packet_type", c.way);
	field_uint(v, "hardware", c.hardware);
	if (c.mac)
		tell_text(v, "src", packet_put_mac, c.mac);
	if (l->len == COOKED2)
		field_uint(v, "ifindex", c.ifindex);
	field_uint(v, "type", l->proto);
}

static void tell_vlan(struct verbs *v, const struct layer *l)
{
	u16 tci = net16(l->p);

	field_uint(v, "tpid", l->proto);
	field_uint(v, "id", tci & 0xfff);
	field_uint(v, "priority", tci >> 13);
	field_uint(v, "dei", tci >> 12 & 1);
	field_uint(v, "type", net16(l->p + 2));
}

static void tell_arp(struct verbs *v, const struct layer *l)
{
	const u8 *p = l->p + 8;

	field_uint(v, "hardware", net16(l->p));
	field_uint(v, "protocol", net16(l->p + 2));
	field_uint(v, "opcode", net16(l->p + 6));
	if (l->p[4] != 6 || l->p[5] != 4)
		return;
	tell_text(v, "sender_mac", packet_put_mac, p);
	tell_text(v, "sender_ip", buf_ip4, p + 6);
	tell_text(v, "target_mac", packet_put_mac, p + 10);
	tell_text(v, "target_ip", buf_ip4, p + 16);
}

static void tell_ip4(struct verbs *v, const struct layer *l)
{
	u16 bits = net16(l->p + 6);

	field_uint(v, "header_bytes", l->len);
	field_uint(v, "tos", l->p[1]);
	field_uint(v, "length", net16(l->p + 2));
	field_uint(v, "id", net16(l->p + 4));
	field_uint(v, "dont_fragment", bits >> 14 & 1);
	field_uint(v, "more_fragments", bits >> 13 & 1);
	field_uint(v, "fragment_offset", (bits & 0x1fff) * 8);
	field_uint(v, "ttl", l->p[8]);
	field_uint(v, "protocol", l->p[9]);
	field_uint(v, "checksum", net16(l->p + 10));
	tell_text(v, "src", buf_ip4, l->p + 12);
	tell_text(v, "dst", buf_ip4, l->p + 16);
	if (l->len > 20) {
		field(v, "options");
		v->ops->bytes(v, l->p + 20, l->len - 20, false);
	}
}

static void tell_ip6(struct verbs *v, const struct layer *l)
{
	u32 first = net32(l->p);

	field_uint(v, "traffic_class", first >> 20 & 255);
	field_uint(v, "flow_label", first & 0xfffff);
	field_uint(v, "payload_length", net16(l->p + 4));
	field_uint(v, "next_header", l->p[6]);
	field_uint(v, "hop_limit", l->p[7]);
	tell_text(v, "src", buf_ip6, l->p + 8);
	tell_text(v, "dst", buf_ip6, l->p + 24);
}

static void tell_ext(struct verbs *v, const struct layer *l)
{
	const char *name = name_of(&packet_protos, l->as);

	field(v, "name");
	v->ops->word(v, name ? name : "?");
	field_uint(v, "type", l->as);
	field_uint(v, "next_header", l->p[0]);
	field_uint(v, "bytes", l->len);
	if (l->as == 44) {
		field_uint(v, "fragment_offset", net16(l->p + 2) & 0xfff8);
		field_uint(v, "more_fragments", l->p[3] & 1);
		field_uint(v, "id", net32(l->p + 4));
	}
}

static void tell_icmp(struct verbs *v, const struct layer *l)
{
	u8 type = l->p[0];
	bool echo = l->kind == LAYER_ICMP ? type == 8 || type == 0 : type == 128 || type == 129;

	field_uint(v, "type", type);
	field_uint(v, "code", l->p[1]);
	field_uint(v, "checksum", net16(l->p + 2));
	if (echo && l->len >= 8) {
		field_uint(v, "id", net16(l->p + 4));
		field_uint(v, "seq", net16(l->p + 6));
	}
	if (l->kind == LAYER_ICMP6 && (type == 135 || type == 136) && l->len >= 24)
		tell_text(v, "target", buf_ip6, l->p + 8);
	if (l->kind == LAYER_ICMP6 && type == 2 && l->len >= 8)
		field_uint(v, "mtu", net32(l->p + 4));
	if (l->kind == LAYER_ICMP && type == 3 && l->p[1] == 4 && l->len >= 8)
		field_uint(v, "mtu", net16(l->p + 6));
}

NAMES(tcp_bits, NULL, {1, "FIN"}, {2, "SYN"}, {4, "RST"}, {8, "PSH"}, {16, "ACK"}, {32, "URG"},
      {64, "ECE"}, {128, "CWR"}, {256, "AE"});

/* Those that have a value; a wrong length ends the list. */
static void tell_tcp_options(struct verbs *v, const u8 *p, u32 n)
{
	while (n) {
		u32 kind = p[0], len = kind < 2 ? 1 : n < 2 ? 0 : p[1];

		if (!kind || !len || len > n || (kind > 1 && len < 2))
			return;
		if (kind == 2 && len == 4)
			field_uint(v, "mss", net16(p + 2));
		else if (kind == 3 && len == 3)
			field_uint(v, "window_scale", p[2]);
		else if (kind == 4)
			field_uint(v, "sack_permitted", 1);
		else if (kind == 8 && len == 10) {
			field_uint(v, "ts_val", net32(p + 2));
			field_uint(v, "ts_ecr", net32(p + 6));
		} else if (kind == 5 && (len - 2) % 8 == 0) {
			field(v, "sack");
			open_box(v, BOX_ARRAY);
			for (u32 i = 2; i < len; i += 4) {
				item(v);
				v->ops->uint(v, net32(p + i));
			}
			close_box(v);
		}
		p += len;
		n -= len;
	}
}

/* A key may be there once: of an option that is repeated the first counts. */
static void tell_tcp(struct verbs *v, const struct layer *l)
{
	u8 seen[32] = {0};
	const u8 *p = l->p + 20;
	u32 n = l->len - 20;
	bool twice = false;

	field_uint(v, "src_port", net16(l->p));
	field_uint(v, "dst_port", net16(l->p + 2));
	field_uint(v, "seq", net32(l->p + 4));
	field_uint(v, "ack", net32(l->p + 8));
	field_uint(v, "header_bytes", l->len);
	field_flags(v, "flags", &tcp_bits, net16(l->p + 12) & 0x1ff);
	field_uint(v, "window", net16(l->p + 14));
	field_uint(v, "checksum", net16(l->p + 16));
	field_uint(v, "urgent", net16(l->p + 18));
	field_uint(v, "payload_bytes", l->full - l->len);
	for (const u8 *at = p; at < p + n && *at; at += *at < 2 ? 1 : at[1]) {
		if (*at > 1 && (at + 1 >= p + n || at[1] < 2 || at[1] > p + n - at))
			break;
		twice |= *at > 1 && seen[*at / 8] >> *at % 8 & 1;
		seen[*at / 8] |= 1 << *at % 8;
	}
	if (!n)
		return;
	field(v, "options");
	open_box(v, BOX_STRUCT);
	if (!twice)
		tell_tcp_options(v, p, n);
	else
		field_uint(v, "repeated", 1);
	close_box(v);
}

static void tell_udp(struct verbs *v, const struct layer *l)
{
	field_uint(v, "src_port", net16(l->p));
	field_uint(v, "dst_port", net16(l->p + 2));
	field_uint(v, "length", net16(l->p + 4));
	field_uint(v, "checksum", net16(l->p + 6));
}

static void tell_sctp(struct verbs *v, const struct layer *l, const struct layer *data)
{
	u32 at = 0, n;

	field_uint(v, "src_port", net16(l->p));
	field_uint(v, "dst_port", net16(l->p + 2));
	field_uint(v, "tag", net32(l->p + 4));
	field_uint(v, "checksum", net32(l->p + 8));
	if (!data)
		return;
	field(v, "chunks");
	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < 16 && (n = packet_chunk(data, at)); at += n, i++) {
		const char *name = name_of(&packet_chunks, data->p[at]);

		item(v);
		open_box(v, BOX_STRUCT);
		field_uint(v, "type", data->p[at]);
		field(v, "name");
		v->ops->word(v, name ? name : "?");
		field_uint(v, "length", net16(data->p + at + 2));
		close_box(v);
	}
	close_box(v);
}

static void tell_gre(struct verbs *v, const struct layer *l)
{
	u32 bits = net16(l->p), at = 4;

	field_uint(v, "type", net16(l->p + 2));
	if (bits & 0x8000)
		at += 4;
	if (bits & 0x2000) {
		field_uint(v, "key", net32(l->p + at));
		at += 4;
	}
	if (bits & 0x1000)
		field_uint(v, "seq", net32(l->p + at));
}

/* The layers from i on that go into one array; the index of the first that does not. */
static u32 tell_list(struct verbs *v, const struct layers *l, u32 i, const char *name,
		     void (*tell)(struct verbs *, const struct layer *))
{
	u8 kind = l->at[i].kind;

	field(v, name);
	open_box(v, BOX_ARRAY);
	for (; i < l->n && l->at[i].kind == kind; i++) {
		item(v);
		open_box(v, BOX_STRUCT);
		tell(v, &l->at[i]);
		close_box(v);
	}
	close_box(v);
	return i;
}

static void tell_box(struct verbs *v, const char *name, const struct layer *l,
		     void (*tell)(struct verbs *, const struct layer *))
{
	field(v, name);
	open_box(v, BOX_STRUCT);
	tell(v, l);
	close_box(v);
}

static void tell_payload(struct verbs *v, const struct layer *l4, const struct layer *data)
{
	static struct buf text; /* kept: it is at most a line */
	const char *name;

	buf_clear(&text);
	name = packet_payload(&text, l4, data);
	if (!name)
		return;
	field(v, name);
	v->ops->bytes(v, text.base, buf_len(&text), false);
}

static void tell_layer(struct verbs *v, const struct layers *all, u32 i)
{
	const struct layer *l = &all->at[i], *next = i + 1 < all->n ? l + 1 : NULL;

	switch (l->kind) {
	case LAYER_ETHER: tell_box(v, "ethernet", l, tell_ether); break;
	case LAYER_COOKED: tell_box(v, "cooked", l, tell_cooked); break;
	case LAYER_ARP: tell_box(v, "arp", l, tell_arp); break;
	case LAYER_IP4: tell_box(v, "ip", l, tell_ip4); break;
	case LAYER_IP6: tell_box(v, "ipv6", l, tell_ip6); break;
	case LAYER_ICMP: tell_box(v, "icmp", l, tell_icmp); break;
	case LAYER_ICMP6: tell_box(v, "icmpv6", l, tell_icmp); break;
	case LAYER_TCP: tell_box(v, "tcp", l, tell_tcp); break;
	case LAYER_UDP: tell_box(v, "udp", l, tell_udp); break;
	case LAYER_GRE: tell_box(v, "gre", l, tell_gre); break;
	case LAYER_SCTP:
		field(v, "sctp");
		open_box(v, BOX_STRUCT);
		tell_sctp(v, l, next && next->kind == LAYER_DATA ? next : NULL);
		close_box(v);
		break;
	case LAYER_VXLAN:
		field(v, "vxlan");
		open_box(v, BOX_STRUCT);
		field_uint(v, "vni", net32(l->p + 4) >> 8);
		close_box(v);
		break;
	case LAYER_DATA:
		field_uint(v, "payload_bytes", l->full);
		if (i)
			tell_payload(v, l - 1, l);
		break;
	case LAYER_CUT:
		field(v, l->bad ? "malformed" : "truncated");
		v->ops->word(v, packet_kind(l->as));
		break;
	}
}

void packet_tell(struct verbs *v, const struct layers *l)
{
	u32 depth = 0, i = 0;

	open_box(v, BOX_STRUCT);
	while (i < l->n) {
		if (l->at[i].depth > depth) {
			field(v, "inner");
			open_box(v, BOX_STRUCT);
			depth++;
		}
		if (l->at[i].kind == LAYER_VLAN) {
			i = tell_list(v, l, i, "vlan", tell_vlan);
		} else if (l->at[i].kind == LAYER_EXT) {
			i = tell_list(v, l, i, "extensions", tell_ext);
		} else {
			tell_layer(v, l, i++);
		}
	}
	while (depth--)
		close_box(v);
	close_box(v);
}

void packet_hex(struct buf *b, const u8 *p, u32 n)
{
	static const char digits[] = "0123456789abcdef";

	for (u32 at = 0; at < n; at += 16) {
		buf_str(b, "\t0x");
		for (int s = 12; s >= 0; s -= 4)
			buf_chr(b, digits[at >> s & 15]);
		buf_str(b, ": ");
		for (u32 i = at; i < at + 16; i++) {
			if (i % 2 == 0)
				buf_chr(b, ' ');
			buf_chr(b, i < n ? digits[p[i] >> 4] : ' ');
			buf_chr(b, i < n ? digits[p[i] & 15] : ' ');
		}
		buf_str(b, "  ");
		for (u32 i = at; i < at + 16 && i < n; i++)
			buf_chr(b, p[i] >= 32 && p[i] < 127 ? p[i] : '.');
		buf_chr(b, '\n');
	}
}
