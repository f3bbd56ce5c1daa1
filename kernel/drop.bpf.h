/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A packet that the kernel drops: is its reason one that is asked for, and which socket was it of?
 * The tracepoint kfree_skb; what becomes of a drop, on_drop() says, which whoever includes this
 * has. drop_probe in src/core/reasons.h attaches it.
 */
#ifndef WEIR_DROP_BPF_H
#define WEIR_DROP_BPF_H

#include "ends.bpf.h"
#include "drop.h"

SEC(".rodata.reasons") const volatile struct reasons_asked reasons;

/* A drop, as the program got it; the rest is asked for where it is needed. */
struct drop {
	u64 *ctx;
	struct sk_buff *skb;
	u64 sk; /* the receiving socket, or the packet's; 0: none */
	u64 place;
	u32 reason;
};

static __always_inline bool reason_wanted(u32 reason)
{
	u64 at = REASON_WHAT(reason) - 1, word = at / 64;

	if (!reasons.chosen)
		return true;
	barrier_var(word);
	return word < REASON_WORDS && reasons.bits[word] >> (at & 63) & 1;
}

/* Kernel memory below the direct mapping is none: what is not a device's address is left alone. */
#define NETNS_FIRST 0xf0000000 /* PROC_DYNAMIC_FIRST, fs/proc/generic.c: inodes of namespaces */

/* The network namespace by the packet's route, which it has where TCP has taken its device away
 * (tcp_v4_rcv()); 0: unknown. */
static __noinline u32 route_netns(u64 at)
{
	u64 dst = BPF_CORE_READ((struct sk_buff *)at, _skb_refdst) & ~1ull; /* SKB_DST_NOREF */
	u32 netns = dst ? BPF_CORE_READ((struct dst_entry *)dst, dev, nd_net.net, ns.inum) : 0;

	return netns >= NETNS_FIRST ? netns : 0;
}

/*
 * The packet at that address and its device; returns its network namespace, 0: unknown. Where a
 * packet lies in a socket's queue, the place of its device has other things (dev_scratch, rbnode):
 * a device is one whose namespace looks like one; else what the packet came in by.
 */
static __always_inline u32 drop_packet(struct packet_id *p, u64 at)
{
	u32 netns;

	packet_look(p, at);
	netns = p->ifindex ? packet_netns(at) : 0;
	if (netns >= NETNS_FIRST)
		return netns;
	__builtin_memset(p->dev, 0, sizeof(p->dev));
	p->ifindex = BPF_CORE_READ((struct sk_buff *)at, skb_iif);
	return route_netns(at);
}

/* The same and its socket: where it does not say, that which has its addresses. */
static __always_inline u32 drop_look(struct drop *d, struct packet_id *p, struct hit_sock *s)
{
	u32 netns = drop_packet(p, (u64)d->skb);

	if (!d->sk && d->reason != reasons.no_socket)
		d->sk = ends_find(p, netns, s);
	else
		hit_sock_look(s, d->sk);
	if (!d->sk)
		s->id.flags = 0;
	return netns;
}

static __always_inline int on_drop(struct drop *d);

static __always_inline int drop_seen(u64 *ctx, u64 rx)
{
	struct drop d = {
		.ctx = ctx, .skb = (struct sk_buff *)ctx[0], .place = ctx[1], .reason = ctx[2]};

	if (!reason_wanted(d.reason))
		return 0;
	d.sk = rx ? rx : (u64)d.skb->sk;
	return on_drop(&d);
}

SEC("?tp_btf") int on_drop_3(u64 *ctx)
{
	return drop_seen(ctx, 0);
}

/*
 * Since c53795d48ee8 (6.11) with the receiving socket, which may be NULL though the verifier of
 * some kernels believes that it is not: so it is read as a number. It gets a cookie, if it has
 * none: the kernel's function looks by itself whether it is NULL.
 */
SEC("?tp_btf") int on_drop_4(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[3];
	u64 rx = 0;

	bpf_probe_read_kernel(&rx, sizeof(rx), &ctx[3]);
	if (sk)
		bpf_get_socket_cookie(sk);
	return drop_seen(ctx, rx);
}

#endif
