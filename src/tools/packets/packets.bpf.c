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

/* The same by ifindex modulo its size, which is found faster: no number, no such device. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PACKETS_PLACES);
	__type(key, u32);
	__type(value, struct packets_device);
} packets_places SEC(".maps");

static __always_inline struct packets_device *device_of(u32 ifindex)
{
	u32 place = ifindex & (PACKETS_PLACES - 1);
	struct packets_device *d = bpf_map_lookup_elem(&packets_places, &place);

	if (!d || !d->ifindex)
		return NULL;
	return d->ifindex == ifindex ? d : bpf_map_lookup_elem(&packets_devices, &ifindex);
}

/* Record */

static __always_inline struct packets_work *begin(u32 ifindex, u8 bits)
{
	u32 zero = 0;
	struct packets_work *w = bpf_map_lookup_elem(&packets_works, &zero);
	struct packets_device *d;

	if (!w)
		return NULL;
	d = device_of(ifindex);
	w->rec.h.ts = bpf_ktime_get_ns();
	w->rec.netns = conf.netns;
	w->rec.ifindex = ifindex;
	w->rec.bits = bits | (d ? d->bits : 0);
	w->rec.link = d ? d->link : LINK_ETHER;
	w->rec.tag_proto = w->rec.tag_tci = w->rec.gso_segs = w->rec.gso_size = 0;
	return w;
}

/* Room in the ring comes in sizes that are powers of two; the reader goes by the record's own
 * length. */
struct packet_room {
	struct packet_rec rec;
	struct sect sect;
	u8 data[];
};

#define LOAD_SKB(ctx, to, n) bpf_skb_load_bytes(ctx, 0, to, n)
#define LOAD_XDP(ctx, to, n) bpf_xdp_load_bytes(ctx, 0, to, n)

#define SEND(most, LOAD)                                                                           \
	do {                                                                                       \
		r = bpf_ringbuf_reserve(&ring, sizeof(*r) + (most), 0);                            \
		if (!r) {                                                                          \
			count_lost(LOST_RING);                                                     \
			break;                                                                     \
		}                                                                                  \
		if (!(w->rec.bits & PACKET_WHO))                                                   \
			w->rec.who = (struct who){};                                               \
		r->rec = w->rec;                                                                   \
		r->rec.h.len = sizeof(*r) + n;                                                     \
		r->rec.h.type = REC_PACKET;                                                        \
		r->rec.h.fixed = sizeof(r->rec);                                                   \
		barrier_var(n);                                                                    \
		n = ((n - 1) & ((most)-1)) + 1; /* as also older verifiers see */                  \
		if (LOAD(ctx, r->data, n)) {                                                       \
			r->rec.h.len = sizeof(*r);                                                 \
			n = 0;                                                                     \
		}                                                                                  \
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

static __always_inline int send_skb(struct __sk_buff *ctx, struct packets_work *w)
{
	u32 n = ctx->len, full = n;
	struct packet_room *r;

	if (ctx->vlan_present) {
		full += 4;
		w->rec.tag_proto = bpf_ntohs(ctx->vlan_proto);
		w->rec.tag_tci = ctx->vlan_tci;
		w->rec.bits |= PACKET_TAGGED;
	}
	w->rec.gso_segs = ctx->gso_segs;
	w->rec.gso_size = ctx->gso_size;
	if (conf.summary) {
		count_packet(w, full);
		return TC_ACT_UNSPEC;
	}
	if (n > conf.snap)
		n = conf.snap;
	SEND_SIZED(LOAD_SKB);
	return TC_ACT_UNSPEC;
}

static __always_inline int send_xdp(struct xdp_md *ctx, struct packets_work *w)
{
	u32 n = bpf_xdp_get_buff_len(ctx), full = n;
	struct packet_room *r;

	if (conf.summary) {
		count_packet(w, full);
		return XDP_PASS;
	}
	if (n > conf.snap)
		n = conf.snap;
	SEND_SIZED(LOAD_XDP);
	return XDP_PASS;
}

SEC("?tc") int packets_in(struct __sk_buff *ctx)
{
	struct packets_work *w = begin(ctx->ifindex, 0);
	int owner = -1;

	if (!w)
		return TC_ACT_UNSPEC;
	if (conf.owner || conf.summary)
		HEADERS_LOOK(LOAD_SKB, ctx, w, ctx->len);
	if (conf.owner)
		owner = owner_by_address(ctx, w);
	return passes(owner) ? send_skb(ctx, w) : TC_ACT_UNSPEC;
}

SEC("?tc") int packets_out(struct __sk_buff *ctx)
{
	struct packets_work *w = begin(ctx->ifindex, PACKET_OUT);
	int owner = -1;

	if (!w)
		return TC_ACT_UNSPEC;
	if (conf.owner) {
		w->key = (u64)ctx->sk;
		if (w->key)
			owner = owner_look(w, bpf_get_socket_cookie(ctx));
		if (owner < 0 && w->key)
			owner = owner_sends_now(w);
	}
	if (conf.summary || (conf.owner && owner < 0))
		HEADERS_LOOK(LOAD_SKB, ctx, w, ctx->len);
	if (conf.owner && owner < 0)
		owner = owner_by_address(ctx, w);
	return passes(owner) ? send_skb(ctx, w) : TC_ACT_UNSPEC;
}

SEC("?xdp.frags") int packets_xdp(struct xdp_md *ctx)
{
	struct packets_work *w = begin(ctx->ingress_ifindex, PACKET_XDP);
	int owner = -1;

	if (!w)
		return XDP_PASS;
	if (conf.owner || conf.summary)
		HEADERS_LOOK(LOAD_XDP, ctx, w, bpf_xdp_get_buff_len(ctx));
	if (conf.owner)
		owner = owner_by_address(ctx, w);
	return passes(owner) ? send_xdp(ctx, w) : XDP_PASS;
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
