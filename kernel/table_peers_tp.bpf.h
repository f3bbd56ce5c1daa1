/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * UDP's peers where there are tracepoints only. What a device's queue gets tells whom a socket
 * sends to; of what a program reads no tracepoint has the packet: it is counted for the peer that
 * the socket is connected to, else for the socket, without a peer.
 */
#ifndef WEIR_TABLE_PEERS_TP_BPF_H
#define WEIR_TABLE_PEERS_TP_BPF_H

#include "table_peers.bpf.h"

/* What a socket without a cookie sends: kept until its call returns, where it gets one. */
struct udp_young {
	u64 sk; /* 0: free */
	u64 skb;
	u64 sent, tx;
	struct udp_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* UDP_YOUNG where they are watched */
	__type(key, u32);
	__type(value, struct udp_young);
} udp_youngs SEC(".maps");

static __always_inline struct udp_young *udp_young(u64 sk)
{
	u32 at = conn_hash(sk) & (UDP_YOUNG - 1);

	return bpf_map_lookup_elem(&udp_youngs, &at);
}

static __noinline int udp_first(u64 sk, u64 skb, const struct udp_key *k, u32 n, u32 bytes)
{
	struct udp_young *y = udp_young(sk);

	if (!y || (y->sk == sk && y->skb == skb)) /* by another device again */
		return 0;
	if (y->sk && (y->sk != sk || y->key.addr[0] != k->addr[0] || y->key.addr[1] != k->addr[1] ||
		      y->key.port != k->port))
		count_lost(LOST_MAP);
	if (y->sk != sk)
		y->sent = y->tx = 0;
	y->sk = sk;
	y->skb = skb;
	y->key = *k;
	y->sent += n;
	y->tx += bytes;
	return 0;
}

/*
 * Where there are tracepoints only. net_dev_queue(skb), in whatever context: a packet that waited
 * for a neighbour's address comes later. Of a datagram in fragments the first has UDP's header.
 * Devices on top of others (bonds, bridges, VLANs) hand the same packet on: it is counted at the
 * first. What a tunnel has made of it has another protocol or port.
 */
static __always_inline bool udp_is(struct sock *sk)
{
	return sk->sk_protocol == PROTO_UDP && sk->sk_type == SOCK_DGRAM;
}

static __noinline int udp_queued(struct sock *sk, struct sk_buff *skb)
{
	u64 head = (u64)skb->head, dev = (u64)skb->dev, at = (u64)skb;
	u8 ip[40] __attribute__((aligned(8)));
	struct udp_key k = {};
	struct udp_peer *p;
	u16 udp[4]; /* ports, length, sum */
	u32 n;

	if (bpf_probe_read_kernel(ip, sizeof(ip), (void *)(head + skb->network_header)) ||
	    bpf_probe_read_kernel(udp, sizeof(udp), (void *)(head + skb->transport_header)))
		return 0;
	n = udp_payload(udp[2]);
	if (bpf_ntohs(udp[0]) != sk->__sk_common.skc_num)
		return 0;
	if (ip[0] >> 4 == 4) {
		if (ip[9] != PROTO_UDP || *(u16 *)(ip + 6) & bpf_htons(0x1fff))
			return 0;
		udp_key4(&k, *(u32 *)(ip + 16), udp[1]);
	} else {
		u16 fragment[2];

		if (ip[6] ==
		    44) { /* a fragment's header: its second half-word is where it belongs */
			if (bpf_probe_read_kernel(fragment, sizeof(fragment),
						  (void *)(head + skb->network_header + 40)) ||
			    fragment[1] & bpf_htons(0xfff8))
				return 0;
		}
		udp_key6(&k, (u64 *)(ip + 24), udp[1]);
	}
	k.cookie = sk->__sk_common.skc_cookie.counter;
	if (!k.cookie)
		return udp_first(number_of(sk), at, &k, udp_datagrams(skb, n), n);
	p = udp_peer(sk, &k, false);
	if (!p || (p->skb == at && p->dev != dev))
		return 0;
	p->skb = at;
	p->dev = dev;
	udp_sent(p, udp_datagrams(skb, n), n);
	return 0;
}

SEC("?tp_btf") int udp_out_tp(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct sock *sk = skb->sk;

	return sk && udp_is(sk) ? udp_queued(sk, skb) : 0;
}

/* Of a socket without a place: what is dropped of it may say as little. */
static __always_inline void udp_fresh(struct sock *sk, const struct udp_key *k)
{
	if (conn_told.dropped && udp_find(k) == UDP_NOWHERE)
		dropped_note(sk);
}

/* What has no packet to tell the peer: that which the socket is connected to, else none. */
static __noinline struct udp_peer *udp_own(struct sock *sk)
{
	struct sock_id id;
	struct udp_key k = {};

	conn_ends(&id, sk);
	udp_key_of(&k, &id);
	k.cookie = udp_cookie(sk);
	udp_fresh(sk, &k);
	return udp_peer(sk, &k, true);
}

/* sock_recv_length(sk, ret, flags). Where nobody sees who accepts, that is also who has a
 * connection of MPTCP, whose paths are used by the kernel's own threads. */
SEC("?tp_btf") int udp_in_tp(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	s32 len = ctx[1];
	struct udp_peer *p;

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return conn_accept(sk);
	if (!udp_is(sk) || len < 0 || ctx[2] & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	p = udp_own(sk);
	if (!p)
		return 0;
	udp_received(p, 1, len);
	return 0;
}

/* sock_send_length(sk, ret, flags): who sends, which a packet does not tell; and of the first one
 * whose it was. */
SEC("?tp_btf") int udp_who_tp(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct udp_young *y;
	struct udp_peer *p;
	struct udp_key k = {};

	if (sk->sk_protocol == IPPROTO_MPTCP)
		return conn_accept(sk);
	if (!udp_is(sk))
		return 0;
	k.cookie = udp_cookie(sk);
	udp_fresh(sk, &k);
	udp_peer(sk, &k, true); /* the place without a peer has the owner */
	y = udp_young(number_of(sk));
	if (!y || y->sk != (u64)sk)
		return 0;
	k = y->key;
	k.cookie = sk->__sk_common.skc_cookie.counter;
	p = udp_peer(sk, &k, true);
	if (p)
		udp_sent(p, y->sent, y->tx);
	y->sk = 0;
	return 0;
}

#endif
