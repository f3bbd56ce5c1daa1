/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir packets: each packet of an interface, at XDP or tc, into one record. It only looks: XDP
 * programs return XDP_PASS on every path, tc programs "go on" (TC_ACT_UNSPEC, TCX_NEXT).
 */
#include "sums.bpf.h"
#include "whose.bpf.h"

#define XDP_PASS      2
#define TC_ACT_UNSPEC -1

SEC(".rodata.packets") const volatile struct packets_conf conf;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct packets_device);
} packets_devices SEC(".maps");

/* The same by ifindex modulo their number, which is found faster: no number, no such device. */
SEC(".data.packets_places") struct packets_device packets_places[PACKETS_PLACES];

static __always_inline struct packets_device *device_of(u32 ifindex)
{
	struct packets_device *d = &packets_places[ifindex & (PACKETS_PLACES - 1)];

	if (d->ifindex == ifindex)
		return d;
	return d->ifindex ? bpf_map_lookup_elem(&packets_devices, &ifindex) : NULL;
}

static __always_inline struct packets_work *begin(u32 ifindex, u8 *bits)
{
	u32 zero = 0;
	struct packets_work *w = bpf_map_lookup_elem(&packets_works, &zero);
	struct packets_device *d;

	if (!w)
		return NULL;
	d = device_of(ifindex);
	w->out = *bits & PACKET_OUT;
	w->link = d ? d->link : LINK_ETHER;
	*bits |= d ? d->bits : 0;
	w->ifindex = ifindex;
	w->ts = bpf_ktime_get_ns();
	return w;
}

/* Is it to be told, as far as its owner goes? */
static __always_inline bool passes(int owner)
{
	if (!(filter.have & FILTER_OWNER) || owner > 0)
		return true;
	if (owner < 0)
		count_lost(LOST_OWNER);
	return false;
}

/* Room in the ring comes in sizes that are powers of two; the reader goes by the record's own
 * length. */
struct packet_room {
	struct packet_rec rec;
	struct sect sect;
	u8 data[];
};

/* What the record has of a packet's tag and of its segments. */
struct packet_extra {
	u16 tag_proto, tag_tci, gso_segs, gso_size;
};

static __always_inline void fill(struct packet_room *r, const struct packets_work *w, u8 bits,
				 const struct who *who, const struct packet_extra *extra)
{
	r->rec.h.type = REC_PACKET;
	r->rec.h.fixed = sizeof(r->rec);
	r->rec.h.ts = w->ts;
	r->rec.tag_proto = extra->tag_proto;
	r->rec.tag_tci = extra->tag_tci;
	r->rec.gso_segs = extra->gso_segs;
	r->rec.gso_size = extra->gso_size;
	r->rec.netns = conf.netns;
	r->rec.ifindex = w->ifindex;
	r->rec.bits = bits;
	r->rec.pad = 0;
	r->rec.link = w->link;
	r->rec.pad2 = 0;
	if (who)
		r->rec.who = *who;
	else
		r->rec.who = (struct who){};
}

#define LOAD_SKB(ctx, to, n) bpf_skb_load_bytes(ctx, 0, to, n)
#define LOAD_XDP(ctx, to, n) bpf_xdp_load_bytes(ctx, 0, to, n)

_Static_assert(sizeof(struct packet_rec) + sizeof(struct sect) + PACKET_SNAP_MAX + 8 < REC_LONGEST,
	       "the reader sees it in one piece");

#define SEND(most, LOAD)                                                                           \
	do {                                                                                       \
		r = bpf_ringbuf_reserve(&ring, sizeof(*r) + (most), 0);                            \
		if (!r) {                                                                          \
			count_lost(LOST_RING);                                                     \
			break;                                                                     \
		}                                                                                  \
		fill(r, w, bits, who, &extra);                                                     \
		barrier_var(n);                                                                    \
		n = ((n - 1) & ((most)-1)) + 1; /* as also older verifiers see */                  \
		if (LOAD(ctx, r->data, n))                                                         \
			n = 0;                                                                     \
		r->rec.h.len = sizeof(*r) + n;                                                     \
		r->sect = (struct sect){.kind = SECT_DATA, .len = n, .full = full};                \
		ring_submit(r);                                                                    \
	} while (0)

#define SEND_SIZED(LOAD)                                                                           \
	do {                                                                                       \
		if (n <= 128)                                                                      \
			SEND(128, LOAD);                                                           \
		else if (n <= 256)                                                                 \
			SEND(256, LOAD);                                                           \
		else if (n <= 512)                                                                 \
			SEND(512, LOAD);                                                           \
		else if (n <= 2048)                                                                \
			SEND(2048, LOAD);                                                          \
		else if (n <= 16384)                                                               \
			SEND(16384, LOAD);                                                         \
		else                                                                               \
			SEND(65536, LOAD);                                                         \
	} while (0)

static __always_inline int send_skb(struct __sk_buff *ctx, struct packets_work *w, u8 bits,
				    const struct who *who)
{
	struct packet_extra extra = {.gso_segs = ctx->gso_segs, .gso_size = ctx->gso_size};
	u32 n = ctx->len, full = n;
	struct packet_room *r;

	if (ctx->vlan_present) {
		full += 4;
		extra.tag_proto = bpf_ntohs(ctx->vlan_proto);
		extra.tag_tci = ctx->vlan_tci;
		bits |= PACKET_TAGGED;
	}
	if (n > conf.snap)
		n = conf.snap;
	SEND_SIZED(LOAD_SKB);
	return TC_ACT_UNSPEC;
}

static __always_inline int send_xdp(struct xdp_md *ctx, struct packets_work *w, u8 bits,
				    const struct who *who)
{
	u32 n = bpf_xdp_get_buff_len(ctx), full = n;
	struct packet_extra extra = {};
	struct packet_room *r;

	if (n > conf.snap)
		n = conf.snap;
	SEND_SIZED(LOAD_XDP);
	return XDP_PASS;
}

/* The owner of a packet that leaves: 1 it passes, 0 it does not, -1 nobody knows. Then who is as it
 * was: callers give it a value, as the verifiers of 6.1.176 and others before 6.3 refuse to read
 * what was never written. */
static __always_inline int owner_leaves(struct __sk_buff *ctx, struct packets_work *w,
					const struct who **who)
{
	int owner = -1;

	w->key = (u64)ctx->sk;
	if (ctx->sk)
		owner = owner_look(w, bpf_get_socket_cookie(ctx), who);
	if (owner < 0 && w->key) {
		*who = &w->who;
		owner = owner_sends_now(w);
	}
	if (owner >= 0)
		return owner;
	HEADERS_LOOK(LOAD_SKB, ctx, w, ctx->len);
	return owner_by_address(ctx, w, who);
}

/* --summary */

static __always_inline int count_skb(struct __sk_buff *ctx, struct packets_work *w)
{
	const struct who *who = NULL;
	int owner = -1;

	if (conf.owner && w->out)
		owner = owner_leaves(ctx, w, &who);
	else if (conf.owner)
		OWNER_ARRIVES(LOAD_SKB, ctx, w, ctx->len, owner, who);
	if (!passes(owner))
		return TC_ACT_UNSPEC;
	HEADERS_LOOK(LOAD_SKB, ctx, w, ctx->len);
	count_packet(w, ctx->len + (ctx->vlan_present ? 4 : 0));
	return TC_ACT_UNSPEC;
}

static __always_inline int count_xdp(struct xdp_md *ctx, struct packets_work *w)
{
	u32 n = bpf_xdp_get_buff_len(ctx);
	const struct who *who = NULL;
	int owner = -1;

	if (conf.owner)
		OWNER_ARRIVES(LOAD_XDP, ctx, w, n, owner, who);
	if (!passes(owner))
		return XDP_PASS;
	HEADERS_LOOK(LOAD_XDP, ctx, w, n);
	count_packet(w, n);
	return XDP_PASS;
}

/* bits and who of a packet whose owner is known. */
#define KNOWN_WHO(owner, bits, who)                                                                \
	do {                                                                                       \
		if ((owner) >= 0)                                                                  \
			(bits) |= PACKET_WHO;                                                      \
		else                                                                               \
			(who) = NULL;                                                              \
	} while (0)

SEC("?tc") int packets_in(struct __sk_buff *ctx)
{
	u8 bits = 0;
	struct packets_work *w = begin(ctx->ifindex, &bits);
	const struct who *who = NULL;
	int owner;

	if (!w)
		return TC_ACT_UNSPEC;
	if (conf.summary)
		return count_skb(ctx, w);
	OWNER_ARRIVES(LOAD_SKB, ctx, w, ctx->len, owner, who);
	if (!passes(owner))
		return TC_ACT_UNSPEC;
	KNOWN_WHO(owner, bits, who);
	return send_skb(ctx, w, bits, who);
}

SEC("?tc") int packets_out(struct __sk_buff *ctx)
{
	u8 bits = PACKET_OUT;
	struct packets_work *w = begin(ctx->ifindex, &bits);
	const struct who *who = NULL;
	int owner;

	if (!w)
		return TC_ACT_UNSPEC;
	if (conf.summary)
		return count_skb(ctx, w);
	owner = owner_leaves(ctx, w, &who);
	if (!passes(owner))
		return TC_ACT_UNSPEC;
	KNOWN_WHO(owner, bits, who);
	return send_skb(ctx, w, bits, who);
}

SEC("?xdp.frags") int packets_xdp(struct xdp_md *ctx)
{
	u8 bits = PACKET_XDP;
	struct packets_work *w = begin(ctx->ingress_ifindex, &bits);
	const struct who *who = NULL;
	int owner;

	if (!w)
		return XDP_PASS;
	if (conf.summary)
		return count_xdp(ctx, w);
	OWNER_ARRIVES(LOAD_XDP, ctx, w, bpf_xdp_get_buff_len(ctx), owner, who);
	if (!passes(owner))
		return XDP_PASS;
	KNOWN_WHO(owner, bits, who);
	return send_xdp(ctx, w, bits, who);
}

/* The filter's translation calls the program that follows it (cbpf.h). */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} packets_tc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} packets_xdps SEC(".maps");

char LICENSE[] SEC("license") = "Dual BSD/GPL";
