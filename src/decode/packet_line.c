/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A packet as a line, in tcpdump's words (tcpdump -nnS). */
#include "packet_decode.h"
#include "tell.h"

static void put_hex2(struct buf *b, u8 n)
{
	static const char digits[] = "0123456789abcdef";

	buf_chr(b, digits[n >> 4]);
	buf_chr(b, digits[n & 15]);
}

void packet_put_mac(struct buf *b, const u8 *p)
{
	for (u32 i = 0; i < 6; i++) {
		if (i)
			buf_chr(b, ':');
		put_hex2(b, p[i]);
	}
}

const char *packet_ethertype(u16 type)
{
	switch (type) {
	case 0x0800: return "IPv4";
	case 0x86dd: return "IPv6";
	case 0x0806: return "ARP";
	case 0x8035: return "RARP";
	case 0x8100: return "802.1Q";
	case 0x88a8: return "802.1Q-QinQ";
	case 0x8847: return "MPLS unicast";
	case 0x8863: return "PPPoE D";
	case 0x8864: return "PPPoE S";
	case 0x88cc: return "LLDP";
	case 0x888e: return "EAPOL";
	default: return NULL;
	}
}

static const struct name proto_rows[] = {
	{0, "hbh"},       {1, "ICMP"},  {2, "IGMP"},  {4, "IP"},     {6, "TCP"},
	{17, "UDP"},      {33, "DCCP"}, {41, "IP6"},  {43, "rt"},    {44, "frag"},
	{47, "GRE"},      {50, "ESP"},  {51, "AH"},   {58, "ICMP6"}, {59, "no next header"},
	{60, "dstopt"},   {89, "OSPF"}, {103, "PIM"}, {112, "VRRP"}, {132, "SCTP"},
	{135, "mobility"}};
const struct names packet_protos = {proto_rows, ARRAY_SIZE(proto_rows), NULL, NULL};

static void put_proto(struct buf *b, u16 proto)
{
	const char *name = name_of(&packet_protos, proto);

	if (name) {
		buf_text(b, name);
	} else {
		buf_str(b, "ip-proto-");
		buf_u64(b, proto);
	}
}

static void put_ends(struct buf *b, const struct layer *ip, const struct layer *l4, bool v4,
		     bool ports)
{
	buf_str(b, v4 ? "IP " : "IP6 ");
	for (u32 i = 0; i < 2; i++) {
		if (v4)
			buf_ip4(b, ip->p + 12 + 4 * i);
		else
			buf_ip6(b, ip->p + 8 + 16 * i);
		if (ports) {
			buf_chr(b, '.');
			buf_u64(b, net16(l4->p + 2 * i));
		}
		if (!i)
			buf_str(b, " > ");
	}
	buf_str(b, ": ");
}

/* Addresses, with ports when l4 has some. */
static void tell_ends(struct verbs *v, const struct layer *ip, const struct layer *l4)
{
	bool v4 = ip->kind == LAYER_IP4;
	bool ports =
		l4 && (l4->kind == LAYER_TCP || l4->kind == LAYER_UDP || l4->kind == LAYER_SCTP);
	u64 key[5] = {(u64)(v4 | ports << 1) << 32 | (ports ? load32(l4->p) : 0)};
	u32 words = v4 ? 2 : 5;
	size_t start = buf_len(v->b);

	memcpy(key + 1, ip->p + (v4 ? 12 : 8), 8 * (words - 1));
	/* the compiler writes the loops out */
	if (v4 ? told_before(v, MEMO_ENDS, key, 2) : told_before(v, MEMO_ENDS, key, 5))
		return;
	put_ends(v->b, ip, l4, v4, ports);
	keep_told(v, start, MEMO_ENDS, key, words);
}

static void put_options(struct buf *b, const u8 *p, u32 n)
{
	bool more = false;

	while (n) {
		u32 kind = p[0], len = kind < 2 ? 1 : n < 2 ? 0 : p[1];

		if (more)
			buf_chr(b, ',');
		more = true;
		if (!len || len > n || (kind > 1 && len < 2)) {
			buf_str(b, "bad opt");
			return;
		}
		if (kind == 0) {
			buf_str(b, "eol");
		} else if (kind == 1) {
			buf_str(b, "nop");
		} else if (kind == 2 && len == 4) {
			buf_str(b, "mss ");
			buf_u64(b, net16(p + 2));
		} else if (kind == 3 && len == 3) {
			buf_str(b, "wscale ");
			buf_u64(b, p[2]);
		} else if (kind == 4) {
			buf_str(b, "sackOK");
		} else if (kind == 5 && len >= 10 && (len - 2) % 8 == 0) {
			buf_str(b, "sack ");
			buf_u64(b, (len - 2) / 8);
			buf_chr(b, ' ');
			for (u32 i = 2; i < len; i += 8) {
				buf_chr(b, '{');
				buf_u64(b, net32(p + i));
				buf_chr(b, ':');
				buf_u64(b, net32(p + i + 4));
				buf_chr(b, '}');
			}
		} else if (kind == 8 && len == 10) {
			buf_str(b, "TS val ");
			buf_u64(b, net32(p + 2));
			buf_str(b, " ecr ");
			buf_u64(b, net32(p + 6));
		} else if (kind == 30) {
			buf_str(b, "mptcp ");
			buf_u64(b, len);
		} else if (kind == 34) {
			buf_str(b, "tfo");
		} else {
			buf_str(b, "unknown-");
			buf_u64(b, kind);
		}
		if (!kind)
			return;
		p += len;
		n -= len;
	}
}

static void put_tcp(struct buf *b, const struct layer *t)
{
	static const char letters[] = "FSRP.UEW";
	u32 payload = t->full - t->len, seq = net32(t->p + 4);
	u8 flags = t->p[13];

	buf_str(b, "Flags [");
	for (u32 i = 0; i < 8; i++)
		if (flags >> i & 1)
			buf_chr(b, letters[i]);
	buf_str(b, flags ? "]" : "none]");
	if (payload || flags & 7) {
		buf_str(b, ", seq ");
		buf_u64(b, seq);
		if (payload) {
			buf_chr(b, ':');
			buf_u64(b, (u32)(seq + payload));
		}
	}
	if (flags & 16) {
		buf_str(b, ", ack ");
		buf_u64(b, net32(t->p + 8));
	}
	buf_str(b, ", win ");
	buf_u64(b, net16(t->p + 14));
	if (flags & 32) {
		buf_str(b, ", urg ");
		buf_u64(b, net16(t->p + 18));
	}
	if (t->len > 20) {
		buf_str(b, ", options [");
		put_options(b, t->p + 20, t->len - 20);
		buf_chr(b, ']');
	}
	buf_str(b, ", ");
	packet_put_length(b, payload);
}

static void put_arp(struct buf *b, const struct layer *l)
{
	u16 op = net16(l->p + 6);
	const u8 *p = l->p + 8;
	bool inet = net16(l->p + 2) == 0x0800 && l->p[4] == 6 && l->p[5] == 4;

	buf_str(b, "ARP, ");
	if (inet && op == 1) {
		buf_str(b, "Request who-has ");
		buf_ip4(b, p + 16);
		buf_str(b, " tell ");
		buf_ip4(b, p + 6);
	} else if (inet && op == 2) {
		buf_str(b, "Reply ");
		buf_ip4(b, p + 6);
		buf_str(b, " is-at ");
		packet_put_mac(b, p);
	} else {
		buf_str(b, "opcode ");
		buf_u64(b, op);
	}
	buf_str(b, ", ");
	packet_put_length(b, l->full);
}

static const struct name chunk_rows[] = {{0, "DATA"},
					 {1, "INIT"},
					 {2, "INIT ACK"},
					 {3, "SACK"},
					 {4, "HB REQ"},
					 {5, "HB ACK"},
					 {6, "ABORT"},
					 {7, "SHUTDOWN"},
					 {8, "SHUTDOWN ACK"},
					 {9, "ERROR"},
					 {10, "COOKIE ECHO"},
					 {11, "COOKIE ACK"},
					 {14, "SHUTDOWN COMPLETE"}};
const struct names packet_chunks = {chunk_rows, ARRAY_SIZE(chunk_rows), NULL, NULL};

u32 packet_chunk(const struct layer *data, u32 at)
{
	u32 n;

	if (at > data->len || data->len - at < 4)
		return 0;
	n = net16(data->p + at + 2);
	return n < 4 ? 0 : (n + 3) & ~3u;
}

#define CHUNKS 16

static void put_sctp(struct buf *b, const struct layer *data)
{
	u32 at = 0, n, i = 0;

	buf_str(b, "sctp");
	for (; (n = packet_chunk(data, at)) && i < CHUNKS; at += n, i++) {
		const char *name = name_of(&packet_chunks, data->p[at]);

		buf_str(b, i ? " [" : " [");
		if (name)
			buf_text(b, name);
		else
			buf_u64(b, data->p[at]);
		buf_chr(b, ']');
	}
}

static void put_type(struct buf *b, const struct layer *l)
{
	const char *name = packet_ethertype(l->proto);

	if (l->proto < 1536) {
		buf_str(b, ", 802.3");
	} else {
		buf_str(b, ", ethertype ");
		if (name) {
			buf_text(b, name);
			buf_str(b, " (");
		}
		buf_str(b, "0x");
		put_hex2(b, l->proto >> 8);
		put_hex2(b, l->proto);
		if (name)
			buf_chr(b, ')');
	}
	buf_str(b, ", ");
	packet_put_length(b, l->full);
	buf_str(b, ": ");
}

static void put_ether(struct buf *b, const struct layer *l)
{
	packet_put_mac(b, l->p + 6);
	buf_str(b, " > ");
	packet_put_mac(b, l->p);
	put_type(b, l);
}

/* Its header says from whom and which way, not to whom. */
static void put_cooked(struct buf *b, const struct layer *l)
{
	static const char *const ways[] = {"In", "B", "M", "P", "Out"};
	struct cooked c = layer_cooked(l);

	buf_text(b, c.way < 5 ? ways[c.way] : "?");
	if (l->len == COOKED2) {
		buf_str(b, " ifindex ");
		buf_u64(b, c.ifindex);
	}
	if (c.mac) {
		buf_chr(b, ' ');
		packet_put_mac(b, c.mac);
	}
	put_type(b, l);
}

static void put_vlan(struct buf *b, const struct layer *l)
{
	u16 tci = net16(l->p);

	buf_str(b, "vlan ");
	buf_u64(b, tci & 0xfff);
	buf_str(b, ", p ");
	buf_u64(b, tci >> 13);
	if (tci >> 12 & 1)
		buf_str(b, ", DEI");
	buf_str(b, ", ");
}

const char *packet_kind(u8 kind)
{
	static const char *const names[LAYER_KINDS] = {
		"ethernet", "vlan", "llc", "cooked", "arp", "ip",    "ip6",  "ip6-ext", "icmp",
		"icmp6",    "tcp",  "udp", "sctp",   "gre", "vxlan", "data", "cut"};

	return names[kind];
}

/* What is in the way between IP and what it carries. */
static void put_fragment(struct buf *b, const struct layer *ip, const struct layer *ext)
{
	u32 bits = ip->kind == LAYER_IP4 ? net16(ip->p + 6) : 0, at = (bits & 0x1fff) * 8;
	bool more = bits & 0x2000;
	u32 id = net16(ip->p + 4);

	if (ext) {
		bits = net16(ext->p + 2);
		at = bits & 0xfff8;
		more = bits & 1;
		id = net32(ext->p + 4);
	} else if (!at && !more) {
		return;
	}
	buf_str(b, "frag (id ");
	buf_u64(b, id);
	buf_str(b, ", offset ");
	buf_u64(b, at);
	buf_str(b, more ? ", more) " : ") ");
}

static void put_ip(struct verbs *v, const struct layers *l, u32 i)
{
	struct buf *b = v->b;
	const struct layer *ip = &l->at[i], *frag = NULL, *next;
	u32 k = i + 1;

	while (k < l->n && l->at[k].kind == LAYER_EXT) {
		if (l->at[k].as == 44)
			frag = &l->at[k];
		k++;
	}
	next = k < l->n ? &l->at[k] : NULL;
	tell_ends(v, ip, next);
	for (u32 e = i + 1; e < k; e++)
		if (l->at[e].as != 44) {
			put_proto(b, l->at[e].as);
			buf_chr(b, ' ');
		}
	put_fragment(b, ip, frag);
	if (!next)
		buf_str(b, "no next header");
}

/* Length first: what follows is a guess at the first bytes. */
static void put_payload(struct buf *b, const struct layer *l4, const struct layer *d)
{
	size_t at = buf_len(b);
	const char *name;

	buf_str(b, ": ");
	name = packet_payload(b, l4, d);
	if (!name)
		b->at = b->base + at;
}

/* Payload that stands for itself: what no header before it has told. */
static void put_data(struct buf *b, const struct layers *l, u32 i)
{
	const struct layer *d = &l->at[i], *before = i ? d - 1 : NULL;

	if (!before) {
		packet_put_length(b, d->full);
		return;
	}
	switch (before->kind) {
	case LAYER_TCP: put_payload(b, before, d); break;
	case LAYER_UDP:
		buf_str(b, "UDP, ");
		packet_put_length(b, d->full);
		put_payload(b, before, d);
		break;
	case LAYER_SCTP: put_sctp(b, d); break;
	case LAYER_IP4:
	case LAYER_IP6:
	case LAYER_EXT:
		put_proto(b, d->proto);
		buf_str(b, ", ");
		packet_put_length(b, d->full);
		break;
	default:
		if (d->proto < 1536)
			buf_str(b, "802.3");
		else
			buf_hex(b, d->proto);
		buf_str(b, ", ");
		packet_put_length(b, d->full);
	}
}

static void put_layer(struct verbs *v, const struct layers *l, u32 i, bool ether)
{
	const struct layer *at = &l->at[i];
	struct buf *b = v->b;

	switch (at->kind) {
	case LAYER_ETHER:
		if (ether)
			put_ether(b, at);
		break;
	case LAYER_COOKED:
		if (ether)
			put_cooked(b, at);
		break;
	case LAYER_VLAN: put_vlan(b, at); break;
	case LAYER_ARP: put_arp(b, at); break;
	case LAYER_IP4:
	case LAYER_IP6: put_ip(v, l, i); break;
	case LAYER_ICMP: packet_put_icmp(b, at); break;
	case LAYER_ICMP6: packet_put_icmp6(b, at); break;
	case LAYER_TCP: put_tcp(b, at); break;
	case LAYER_GRE:
		buf_str(b, "GREv0, ");
		packet_put_length(b, at->full);
		buf_str(b, ": ");
		break;
	case LAYER_VXLAN:
		buf_str(b, "VXLAN, vni ");
		buf_u64(b, net32(at->p + 4) >> 8);
		buf_str(b, ": ");
		break;
	case LAYER_DATA: put_data(b, l, i); break;
	case LAYER_CUT:
		buf_str(b, at->bad ? "[bad " : "[|");
		buf_text(b, packet_kind(at->as));
		buf_chr(b, ']');
		break;
	}
}

void packet_line(struct verbs *v, const struct layers *l, bool ether)
{
	for (u32 i = 0; i < l->n; i++)
		put_layer(v, l, i, ether);
}
