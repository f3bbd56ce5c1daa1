/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Packets and sockets by their address in the kernel, which may have come from anywhere. */
#ifndef WEIR_PACKET_BPF_H
#define WEIR_PACKET_BPF_H

#include "sock.bpf.h"

#define ETH_P_IP         0x0800
#define ETH_P_IPV6       0x86dd
#define PROTO_TCP        6
#define PROTO_UDP        17
#define PROTO_UDPL       136
#define PROTO_SCTP       132
#define TCP_TIME_WAIT    6 /* include/net/tcp_states.h, ABI: these two are no struct sock */
#define TCP_NEW_SYN_RECV 12

/* The end of struct sk_buff from len on, in one read: 120 bytes on 6.1, 6.12 and 6.18. */
#define SKB_BYTES 136
#define SKB_AT(field)                                                                              \
	(bpf_core_field_offset(struct sk_buff, field) - bpf_core_field_offset(struct sk_buff, len))
#define SKB(buf, type, field)                                                                      \
	(SKB_AT(field) <= SKB_BYTES - sizeof(type) ? *(type *)((buf) + SKB_AT(field)) : (type)0)

/* IPv6's header, and of TCP's what is told: ports and flags. */
#define IP_BYTES 56

static __always_inline void packet_ports(struct packet_id *p, const u8 *h)
{
	if (p->l4 != PROTO_TCP && p->l4 != PROTO_UDP && p->l4 != PROTO_UDPL && p->l4 != PROTO_SCTP)
		return;
	p->sport = bpf_ntohs(*(u16 *)h);
	p->dport = bpf_ntohs(*(u16 *)(h + 2));
	p->flags |= PACKET_PORTS;
	if (p->l4 == PROTO_TCP)
		p->tcp_flags = h[13];
}

/* What an IP header says; false when at is none. What lies behind the packet's end is memory of its
 * buffer: it is read along. */
static __noinline int packet_ip(struct packet_id *p, u64 at)
{
	u8 h[IP_BYTES] __attribute__((aligned(8)));
	u64 *saddr = (u64 *)p->saddr, *daddr = (u64 *)p->daddr;

	if (bpf_probe_read_kernel(h, sizeof(h), (void *)at))
		return 0;
	if (h[0] >> 4 == 4 && (h[0] & 15) >= 5) {
		p->version = 4;
		p->l4 = h[9];
		saddr[0] = *(u32 *)(h + 12);
		daddr[0] = *(u32 *)(h + 16);
		p->flags |= PACKET_IP;
		if (*(u16 *)(h + 6) & bpf_htons(0x1fff)) /* a later fragment has no ports */
			return 1;
		if ((h[0] & 15) > 5 && /* behind options */
		    bpf_probe_read_kernel(h + 20, 16, (void *)at + (h[0] & 15) * 4))
			return 1;
		packet_ports(p, h + 20);
		return 1;
	}
	if (h[0] >> 4 != 6)
		return 0;
	p->version = 6;
	p->l4 = h[6];
	saddr[0] = *(u64 *)(h + 8);
	saddr[1] = *(u64 *)(h + 16);
	daddr[0] = *(u64 *)(h + 24);
	daddr[1] = *(u64 *)(h + 32);
	p->flags |= PACKET_IP;
	packet_ports(p, h + 40);
	return 1;
}

/*
 * Where the IP header is: where the network header is set, there; else, on its way in, at the
 * data. A packet that a protocol has only begun to build has neither.
 */
static __always_inline void packet_headers(struct packet_id *p, u64 head, u64 data, u16 network,
					   u16 mac)
{
	if (p->protocol && p->protocol != ETH_P_IP && p->protocol != ETH_P_IPV6)
		return;
	if (network && network != 0xffff && network != mac && packet_ip(p, head + network))
		return;
	if (p->protocol)
		packet_ip(p, data);
}

/*
 * Fills p with what a packet is; returns its socket, 0 when it has none. Called
 * with its address as a number: whatever it is, nothing worse comes of it than a packet that is not
 * told. skb: SKB_BYTES of memory.
 */
static __noinline u64 packet_look_in(struct packet_id *p, u64 at, u8 *skb)
{
	struct sk_buff *s = (struct sk_buff *)at;
	struct net_device *dev;
	u64 two[2] = {}; /* dev and sk */

	__builtin_memset(p, 0, sizeof(*p));
	if (!at || bpf_probe_read_kernel(skb, SKB_BYTES, &s->len))
		return 0;
	if (bpf_core_field_offset(struct sk_buff, sk) ==
	    bpf_core_field_offset(struct sk_buff, dev) + 8) {
		bpf_core_read(two, sizeof(two), &s->dev);
	} else {
		bpf_core_read(&two[0], 8, &s->dev);
		bpf_core_read(&two[1], 8, &s->sk);
	}
	dev = (struct net_device *)two[0];
	p->flags = PACKET_VALID;
	p->len = SKB(skb, u32, len);
	p->protocol = bpf_ntohs(SKB(skb, u16, protocol));
	if (dev) {
		bpf_core_read(&p->ifindex, sizeof(p->ifindex), &dev->ifindex);
		bpf_core_read(p->dev, sizeof(p->dev), &dev->name);
	}
	packet_headers(p, SKB(skb, u64, head), SKB(skb, u64, data), SKB(skb, u16, network_header),
		       SKB(skb, u16, mac_header));
	return two[1];
}

static __noinline u64 packet_look(struct packet_id *p, u64 at)
{
	u8 skb[SKB_BYTES] __attribute__((aligned(8)));

	return packet_look_in(p, at, skb);
}

/* The same of one whose type the verifier knows, by plain loads but for the headers: what filters
 * ask, */
static __always_inline void packet_known(struct packet_id *p, struct sk_buff *skb)
{
	__builtin_memset(p, 0, sizeof(*p));
	p->flags = PACKET_VALID;
	p->protocol = bpf_ntohs(skb->protocol);
	packet_headers(p, (u64)skb->head, (u64)skb->data, skb->network_header, skb->mac_header);
}

/* ... and the rest. */
static __always_inline void packet_known_rest(struct packet_id *p, struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;

	p->len = skb->len;
	if (!dev)
		return;
	p->ifindex = dev->ifindex;
	((u64 *)p->dev)[0] = ((u64 *)&dev->name)[0];
	((u64 *)p->dev)[1] = ((u64 *)&dev->name)[1];
}

/* Of the packet's device; 0 when it has none. */
static __noinline u32 packet_netns(u64 at)
{
	return BPF_CORE_READ((struct sk_buff *)at, dev, nd_net.net, ns.inum);
}

/* struct sock_common up to its cookie, in one read: 96 bytes on 6.1, 6.12 and 6.18. */
#define SK_BYTES 96
#define SK(buf, type, field)                                                                       \
	(bpf_core_field_offset(struct sock_common, field) <= SK_BYTES - sizeof(type)               \
		 ? SKC(buf, type, field)                                                           \
		 : (type)0)

/*
 * Fills s with what filters ask of a socket of any family, and net with its network namespace.
 * Returns the id's flags, 0 when it cannot be read. skc: SK_BYTES of memory.
 */
static __noinline u32 hit_sock_first(struct hit_sock *s, u64 *net, u64 at, u8 *skc)
{
	struct sock_id *id = &s->id;
	struct sock *sk = (struct sock *)at;

	__builtin_memset(s, 0, sizeof(*s));
	if (!at || bpf_probe_read_kernel(skc, SK_BYTES, (void *)at))
		return 0;
	id->flags = SOCK_ID_VALID;
	id->family = SKC(skc, u16, skc_family);
	id->state = SKC(skc, u8, skc_state);
	s->cookie = SK(skc, u64, skc_cookie.counter);
	*net = SK(skc, u64, skc_net.net);
	if (id->family == AF_INET || id->family == AF_INET6)
		sock_inet(id, skc, sk);
	return id->flags;
}

static __always_inline void hit_sock_rest(struct hit_sock *s, u64 at)
{
	struct sock_id *id = &s->id;

	if (id->state == TCP_TIME_WAIT || id->state == TCP_NEW_SYN_RECV) {
		id->type = SOCK_STREAM; /* these are short: nothing after sock_common is theirs */
		id->protocol = PROTO_TCP;
		return;
	}
	sock_kind(&id->type, &id->protocol, at);
}

/* Fills s with what a socket of any family is; returns the id's flags, 0 when it cannot be read. */
static __noinline u32 hit_sock_look(struct hit_sock *s, u64 at)
{
	u8 skc[SK_BYTES] __attribute__((aligned(8)));
	u64 net;
	u32 flags = hit_sock_first(s, &net, at, skc);

	if (flags)
		hit_sock_rest(s, at);
	return flags;
}

/* Does either end of the packet pass the filters that look at addresses? */
static __always_inline bool packet_matches(const struct packet_id *p)
{
	u16 family = p->version == 4 ? AF_INET : p->version == 6 ? AF_INET6 : 0;

	if (!(p->flags & PACKET_IP))
		return false;
	if (filter.have & FILTER_FAMILY && family != filter.family)
		return false;
	if (filter.have & FILTER_PORT && p->sport != filter.port && p->dport != filter.port)
		return false;
	if (filter.have & FILTER_HOST && !addr_matches(family, p->saddr) &&
	    !addr_matches(family, p->daddr))
		return false;
	return true;
}

#endif
