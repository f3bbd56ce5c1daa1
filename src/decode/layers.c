/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* RFC 791, 8200, 9293, 768, 792, 4443, 826, 2784 (GRE), 2890, 7348 (VXLAN), 9260 (SCTP); IEEE
 * 802.1Q */
#include "layers.h"
#include "tell.h"

#define DEEPEST 1 /* tunnels that are looked into */

/* Where the walk stands. */
struct walk_at {
	struct layers *l;
	const u8 *p;
	u32 len;  /* captured from p on */
	u32 full; /* of the frame, by the headers so far */
	u8 depth;
};

static inline __attribute__((always_inline)) struct layer *add(struct walk_at *w, u8 kind,
							       u16 proto, u32 len)
{
	struct layer *n;

	if (w->l->n >= LAYERS_MAX)
		return NULL;
	n = &w->l->at[w->l->n++];
	*n = (struct layer){.kind = kind,
			    .depth = w->depth,
			    .proto = proto,
			    .p = w->p,
			    .len = len,
			    .full = w->full};
	return n;
}

static __attribute__((noinline)) bool cut(struct walk_at *w, u8 as, u16 proto, bool bad)
{
	struct layer *n = add(w, LAYER_CUT, proto, w->len < w->full ? w->len : w->full);

	if (n) {
		n->as = as;
		n->bad = bad;
	}
	return false;
}

/* Are there so many bytes here? Else the layer is told as cut. */
static inline bool have(struct walk_at *w, u8 kind, u16 proto, u32 need)
{
	if (w->full < need)
		return cut(w, kind, proto, true);
	return w->len >= need || cut(w, kind, proto, false);
}

static void skip(struct walk_at *w, u32 n)
{
	w->p += n;
	w->len -= n;
	w->full -= n;
}

/* A header says how long the rest is: not beyond what there is. Padding falls off. */
static void limit(struct walk_at *w, u32 n)
{
	if (n < w->full)
		w->full = n;
	if (w->len > w->full)
		w->len = w->full;
}

static void data(struct walk_at *w, u16 proto)
{
	add(w, LAYER_DATA, proto, w->len);
}

static void find_type(struct walk_at *w, u16 type);
static void find_ether(struct walk_at *w);

static void find_arp(struct walk_at *w)
{
	u32 n;

	if (!have(w, LAYER_ARP, 0x0806, 8))
		return;
	n = 8 + 2 * (w->p[4] + w->p[5]);
	if (have(w, LAYER_ARP, 0x0806, n))
		add(w, LAYER_ARP, 0x0806, n);
}

static void find_tcp(struct walk_at *w)
{
	u32 n;

	if (!have(w, LAYER_TCP, 6, 20))
		return;
	n = (w->p[12] >> 4) * 4;
	if (n < 20) {
		cut(w, LAYER_TCP, 6, true);
		return;
	}
	if (!have(w, LAYER_TCP, 6, n))
		return;
	add(w, LAYER_TCP, 6, n);
	skip(w, n);
	data(w, 6);
}

#define VXLAN_PORT 4789 /* RFC 7348 */

static void find_udp(struct walk_at *w)
{
	u32 n, port;

	if (!have(w, LAYER_UDP, 17, 8))
		return;
	n = net16(w->p + 4);
	port = net16(w->p + 2);
	if (n && n < 8) { /* 0: a jumbogram, RFC 2675, or offloaded */
		cut(w, LAYER_UDP, 17, true);
		return;
	}
	add(w, LAYER_UDP, 17, 8);
	skip(w, 8);
	if (n)
		limit(w, n - 8);
	/* the flag that says that the number is valid; others are of later extensions */
	if (port == VXLAN_PORT && w->depth < DEEPEST && w->len >= 8 && w->p[0] & 8) {
		add(w, LAYER_VXLAN, VXLAN_PORT, 8);
		skip(w, 8);
		w->depth++;
		find_ether(w);
		return;
	}
	data(w, 17);
}

static void find_gre(struct walk_at *w)
{
	u32 n = 4, bits;

	if (!have(w, LAYER_GRE, 47, 4))
		return;
	bits = net16(w->p);
	n += bits & 0x8000 ? 4 : 0;      /* checksum */
	n += bits & 0x2000 ? 4 : 0;      /* key */
	n += bits & 0x1000 ? 4 : 0;      /* sequence */
	if (bits & 7 || bits & 0x4000) { /* version 1 is PPTP's; routing is RFC 1701's */
		data(w, 47);
		return;
	}
	if (!have(w, LAYER_GRE, 47, n))
		return;
	bits = net16(w->p + 2);
	add(w, LAYER_GRE, 47, n);
	skip(w, n);
	if (w->depth >= DEEPEST) {
		data(w, bits);
		return;
	}
	w->depth++;
	if (bits == 0x6558)
		find_ether(w);
	else
		find_type(w, bits);
}

static void find_proto(struct walk_at *w, u8 proto)
{
	switch (proto) {
	case 1:
		if (have(w, LAYER_ICMP, 1, 4))
			add(w, LAYER_ICMP, 1, w->len);
		return;
	case 58:
		if (have(w, LAYER_ICMP6, 58, 4))
			add(w, LAYER_ICMP6, 58, w->len);
		return;
	case 6: find_tcp(w); return;
	case 17: find_udp(w); return;
	case 132:
		if (!have(w, LAYER_SCTP, 132, 12))
			return;
		add(w, LAYER_SCTP, 132, 12);
		skip(w, 12);
		data(w, 132);
		return;
	case 47: find_gre(w); return;
	case 4:
	case 41:
		if (w->depth < DEEPEST) {
			w->depth++;
			find_type(w, proto == 4 ? 0x0800 : 0x86dd);
			return;
		}
	}
	data(w, proto);
}

static void find_ip4(struct walk_at *w)
{
	u32 n, total, fragment, proto;

	if (!have(w, LAYER_IP4, 0x0800, 20))
		return;
	n = (w->p[0] & 15) * 4;
	total = net16(w->p + 2);
	if (w->p[0] >> 4 != 4 || n < 20 || (total && total < n)) {
		cut(w, LAYER_IP4, 0x0800, true);
		return;
	}
	if (total) /* 0: larger than 64 KiB, or segmented later */
		limit(w, total);
	if (!have(w, LAYER_IP4, 0x0800, n))
		return;
	add(w, LAYER_IP4, 0x0800, n);
	fragment = net16(w->p + 6) & 0x1fff;
	proto = w->p[9];
	skip(w, n);
	if (fragment)
		data(w, proto);
	else
		find_proto(w, proto);
}

/* Extension headers whose length is in their second byte; what a fragment has behind it is only in
 * the first one. */
static void find_ext(struct walk_at *w, u8 next)
{
	for (;;) {
		struct layer *l;
		u32 n = 8;
		bool later = false;

		if (next == 59) /* no next header */
			return;
		if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60 &&
		    next != 135) {
			find_proto(w, next);
			return;
		}
		if (!have(w, LAYER_EXT, next, 8))
			return;
		if (next == 51) /* in words of 4 bytes, less 2 */
			n = (w->p[1] + 2) * 4;
		else if (next != 44)
			n = (w->p[1] + 1) * 8;
		else
			later = net16(w->p + 2) & 0xfff8;
		if (n < 8) {
			cut(w, LAYER_EXT, next, true);
			return;
		}
		if (!have(w, LAYER_EXT, next, n))
			return;
		l = add(w, LAYER_EXT, next, n);
		if (!l)
			return;
		l->as = next;
		next = w->p[0];
		skip(w, n);
		if (later) {
			data(w, next);
			return;
		}
	}
}

static void find_ip6(struct walk_at *w)
{
	u32 payload;
	u8 next;

	if (!have(w, LAYER_IP6, 0x86dd, 40))
		return;
	if (w->p[0] >> 4 != 6) {
		cut(w, LAYER_IP6, 0x86dd, true);
		return;
	}
	payload = net16(w->p + 4);
	next = w->p[6];
	if (payload) /* 0: a jumbogram */
		limit(w, 40 + payload);
	add(w, LAYER_IP6, 0x86dd, 40);
	skip(w, 40);
	find_ext(w, next);
}

static void find_type(struct walk_at *w, u16 type)
{
	switch (type) {
	case 0x0800: find_ip4(w); return;
	case 0x86dd: find_ip6(w); return;
	case 0x0806:
	case 0x8035: find_arp(w); return;
	case 0x8100:
	case 0x88a8:
	case 0x9100: /* p is behind the TPID */
		if (!have(w, LAYER_VLAN, type, 4))
			return;
		type = net16(w->p + 2);
		if (!add(w, LAYER_VLAN, net16(w->p - 2), 4))
			return;
		skip(w, 4);
		if (type < 1536) {
			limit(w, type);
			add(w, LAYER_LLC, type, 0);
			data(w, type);
			return;
		}
		find_type(w, type);
		return;
	}
	data(w, type);
}

static void find_ether(struct walk_at *w)
{
	u16 type;

	if (!have(w, LAYER_ETHER, 0, 14))
		return;
	type = net16(w->p + 12);
	add(w, LAYER_ETHER, type, 14);
	skip(w, 14);
	if (type < 1536) { /* 802.3: a length */
		limit(w, type);
		add(w, LAYER_LLC, type, 0);
		data(w, type);
		return;
	}
	find_type(w, type);
}

struct cooked layer_cooked(const struct layer *l)
{
	const u8 *p = l->p;
	bool two = l->len == COOKED2;

	return (struct cooked){
		.way = two ? p[10] : net16(p),
		.hardware = net16(p + (two ? 8 : 2)),
		.ifindex = two ? net32(p + 4) : 0,
		.mac = (two ? p[11] : net16(p + 4)) == 6 ? p + (two ? 12 : 6) : NULL,
	};
}

/* What a device had before, the kernel has told in a header of its own. */
static void find_cooked(struct walk_at *w, u32 n)
{
	u16 type;

	if (!have(w, LAYER_COOKED, 0, n))
		return;
	type = net16(w->p + (n == COOKED2 ? 0 : 14));
	add(w, LAYER_COOKED, type, n);
	skip(w, n);
	if (type < 1536) /* 802.3, CAN and others (if_ether.h) */
		data(w, type);
	else
		find_type(w, type);
}

/* An address family, by the numbers that BSDs and Linux have for IP. */
static void find_family(struct walk_at *w)
{
	u32 family;

	if (w->len < 4) {
		data(w, 0);
		return;
	}
	family = w->p[0] | w->p[3]; /* in either byte order it is less than 256 */
	if (family == 2 || family == 10 || family == 24 || family == 28 || family == 30) {
		skip(w, 4);
		find_type(w, family == 2 ? 0x0800 : 0x86dd);
	} else {
		data(w, 0);
	}
}

void layers_find(struct layers *l, u16 link, const u8 *p, u32 len, u32 full)
{
	struct walk_at w = {l, p, len < full ? len : full, full, 0};

	l->n = 0;
	switch (link) {
	case LINKTYPE_ETHERNET: find_ether(&w); return;
	case LINKTYPE_RAW:
		if (len)
			find_type(&w, p[0] >> 4 == 6 ? 0x86dd : 0x0800);
		else
			data(&w, 0);
		return;
	case LINKTYPE_IPV4: find_type(&w, 0x0800); return;
	case LINKTYPE_IPV6: find_type(&w, 0x86dd); return;
	case LINKTYPE_LINUX_SLL: find_cooked(&w, 16); return;
	case LINKTYPE_LINUX_SLL2: find_cooked(&w, COOKED2); return;
	case LINKTYPE_NULL:
	case LINKTYPE_LOOP: find_family(&w); return;
	default: data(&w, 0);
	}
}

const struct layer *layers_last(const struct layers *l, u8 kind, u8 depth)
{
	const struct layer *found = NULL;

	for (u32 i = 0; i < l->n; i++)
		if (l->at[i].kind == kind && l->at[i].depth == depth)
			found = &l->at[i];
	return found;
}
