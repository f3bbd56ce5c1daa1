/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Whose a packet is: its socket's owner, or of an arriving one that of the socket that its
 * addresses lead to. */
#ifndef WEIR_PACKETS_WHOSE_BPF_H
#define WEIR_PACKETS_WHOSE_BPF_H

#include "owner.bpf.h"
#include "packets.h"

#define CURRENT_NETNS -1
#define ETH_P_8021Q   0x8100
#define ETH_P_8021AD  0x88a8
#define STACK_BYTES   16384 /* of a task in the kernel (THREAD_SIZE of x86-64 and arm64) */
#define TAGS          2     /* in a frame: a VLAN in a provider's (QinQ) */
#define HEADERS       128   /* Ethernet, tags, IPv4 with all options, ports; a power of two */

/*
 * Owners that were found, by cookie, which no two sockets ever share: the socket's address, and a
 * hash, need not be asked again. An owner that is known stays: one that changes does so before the
 * socket has packets (owner_keep() of a fresh one).
 */
struct packets_known {
	u64 cookie;
	struct who who;
	u64 passes;
};

#define KNOWN 256

/*
 * What the addresses of the last packets led to. An answer serves for FLOW_NS, and only as long as
 * no socket has got an owner since: who takes over an address has a socket of its own.
 */
struct packets_flow {
	u64 addrs, ports; /* the latter with the interface above them */
	u64 noted;        /* with the protocol below it */
	u64 ts;
	u64 passes;
	struct who who;
};

#define FLOW_BITS 7
#define FLOWS     (1 << FLOW_BITS)
#define FLOW_NS   1000000

/* One at a time on each processor: softirqs, and tc with them shut out. */
struct packets_work {
	u8 headers[HEADERS];
	struct bpf_sock_tuple tuple;
	u64 key;           /* address of the socket */
	u16 type;          /* ethertype */
	u8 version, proto; /* of IP; 0: it is none */
	bool v6, ports;
	bool out;
	u16 link; /* what the bytes begin with: a LINKTYPE_ of pcap files */
	u32 ifindex;
	u64 ts;
	struct who who;
	struct packets_pair pair;
	struct packets_prefix local; /* the address of this end */
	struct packets_known known[KNOWN];
	struct packets_flow flows[FLOWS];
};

/* A value of each processor's is at most 32 KiB (PCPU_MIN_UNIT_SIZE). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct packets_work);
} packets_works SEC(".maps");

/* Filled by src/core/locals.c. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct packets_prefix);
	__type(value, u32);
} packets_locals SEC(".maps");

/* As task_fits(), of somebody whose task is elsewhere; what it cannot know does not fit. */
static __always_inline bool who_fits(const struct who *w)
{
	const u64 *comm = (const u64 *)w->comm;
	const volatile u64 *want = (const volatile u64 *)filter.comm;

	if (filter.have & (FILTER_FOLLOW | FILTER_CGROUP))
		return false;
	if (filter.have & FILTER_PID && w->pid != filter.pid)
		return false;
	if (filter.have & FILTER_UID && w->uid != filter.uid)
		return false;
	return !(filter.have & FILTER_COMM) || (comm[0] == want[0] && comm[1] == want[1]);
}

static __noinline int owner_ask(struct packets_work *w, struct packets_known *known, u64 cookie)
{
	struct owner *o = owner_of(w->key, cookie);

	if (!o || !o->who.pid)
		return -1;
	w->who = o->who;
	if (cookie) {
		known->who = o->who;
		known->passes = o->passes;
		known->cookie = cookie;
	}
	return o->passes;
}

/* What was noted of the socket at w->key: 1 it passes, 0 it does not, -1 nobody knows. who: where
 * its owner is told. */
static __always_inline int owner_look(struct packets_work *w, u64 cookie, const struct who **who)
{
	u32 slot = cookie & (KNOWN - 1);
	struct packets_known *known = &w->known[slot];

	*who = &w->who;
	if (known->cookie != cookie || !cookie)
		return owner_ask(w, known, cookie);
	*who = &known->who;
	return known->passes;
}

/* A task that sends by itself, of a socket that nobody noted yet: it is its own. */
static __noinline int owner_sends_now(struct packets_work *w)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 bottom = (u64)task->stack, here = 0;

	barrier_var(here);
	if ((u64)&here <= bottom || (u64)&here >= bottom + STACK_BYTES ||
	    task->flags & PF_KTHREAD || task->tgid == filter.self)
		return -1;
	who_read(&w->who, task);
	return who_fits(&w->who);
}

/* IPv6: the protocol behind the extension headers that come first, and its place; above 16 bits
 * whether it is a later fragment. */
static __noinline u32 extensions_look(struct packets_work *w, u32 next, u32 at)
{
	u32 fragment = 0;

	for (u32 i = 0; i < 4; i++) {
		u8 *h;

		if (next != 0 && next != 43 && next != 44 && next != 60)
			break;
		barrier_var(at);
		if (at > HEADERS - 8)
			break;
		h = w->headers + at;
		if (next == 44) {
			fragment = (h[2] << 8 | h[3]) & 0xfff8;
			at += 8;
		} else {
			at += (h[1] + 1) * 8;
		}
		next = h[0];
		if (fragment)
			break;
	}
	w->proto = next;
	return (at < 0xffff ? at : 0xffff) | (fragment ? 1 << 16 : 0);
}

static __always_inline bool is_tag(u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* Fills type, proto and the tuple with what the headers say, the remote end first. */
static __noinline int headers_look(struct packets_work *w)
{
	struct bpf_sock_tuple *t = &w->tuple;
	bool out = w->out;
	u32 at = 0, fragment = 0;
	u8 *h = w->headers;

	w->version = w->proto = 0;
	w->v6 = w->ports = false;
	if (w->link == LINK_ETHER) {
		w->type = h[12] << 8 | h[13];
		for (at = 14; at < 14 + TAGS * 4 && is_tag(w->type); at += 4)
			w->type = h[at + 2] << 8 | h[at + 3];
	} else {
		w->type = h[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP;
	}
	h += at;
	if (w->type == ETH_P_IP && h[0] >> 4 == 4) {
		w->version = 4;
		w->proto = h[9];
		fragment = (h[6] << 8 | h[7]) & 0x1fff;
		t->ipv4.saddr = *(u32 *)(h + (out ? 16 : 12));
		t->ipv4.daddr = *(u32 *)(h + (out ? 12 : 16));
		at += (h[0] & 15) * 4;
	} else if (w->type == ETH_P_IPV6 && h[0] >> 4 == 6) {
		u32 *s = (u32 *)(h + (out ? 24 : 8)), *d = (u32 *)(h + (out ? 8 : 24));

		w->v6 = true;
		w->version = 6;
		for (u32 i = 0; i < 4; i++) {
			t->ipv6.saddr[i] = s[i];
			t->ipv6.daddr[i] = d[i];
		}
		fragment = extensions_look(w, h[6], at + 40);
		at = fragment & 0xffff;
		fragment >>= 16;
	} else {
		return 0;
	}
	barrier_var(at);
	if (at > HEADERS - 4 || fragment ||
	    (w->proto != PROTO_TCP && w->proto != PROTO_UDP && w->proto != PROTO_SCTP))
		return 0;
	h = w->headers + at;
	w->ports = true;
	if (w->v6) {
		t->ipv6.sport = *(u16 *)(h + (out ? 2 : 0));
		t->ipv6.dport = *(u16 *)(h + (out ? 0 : 2));
	} else {
		t->ipv4.sport = *(u16 *)(h + (out ? 2 : 0));
		t->ipv4.dport = *(u16 *)(h + (out ? 0 : 2));
	}
	return 0;
}

/* The first bytes, in which the addresses are; 0s behind the end. */
#define HEADERS_LOOK(LOAD, ctx, w, length)                                                         \
	do {                                                                                       \
		u32 n_ = (length);                                                                 \
                                                                                                   \
		if (n_ > HEADERS)                                                                  \
			n_ = HEADERS;                                                              \
		__builtin_memset((w)->headers, 0, HEADERS);                                        \
		/* from 1 to HEADERS, as also older verifiers see */                               \
		barrier_var(n_);                                                                   \
		n_ = ((n_ - 1) & (HEADERS - 1)) + 1;                                               \
		LOAD(ctx, (w)->headers, n_);                                                       \
		headers_look(w);                                                                   \
	} while (0)

/*
 * Is the packet this host's? One that is forwarded, or passes a bridge, leads to a socket, too,
 * when that takes what comes to any address.
 */
static __noinline int is_ours(struct packets_work *w)
{
	u32 *to = (u32 *)w->local.addr;

	w->local.bits = 128;
	if (w->v6) {
		for (u32 i = 0; i < 4; i++)
			to[i] = w->tuple.ipv6.daddr[i];
	} else {
		to[0] = to[1] = 0;
		to[2] = bpf_htonl(0xffff);
		to[3] = w->tuple.ipv4.daddr;
	}
	return bpf_map_lookup_elem(&packets_locals, &w->local) != NULL;
}

static __always_inline bool takes_any(const struct packets_work *w, const struct bpf_sock *sk)
{
	if (!w->v6)
		return !sk->src_ip4;
	return !(sk->src_ip6[0] | sk->src_ip6[1] | sk->src_ip6[2] | sk->src_ip6[3]);
}

/* The socket that the addresses lead to: its own, or the one that listens there. */
static __always_inline int owner_by_address(void *ctx, struct packets_work *w,
					    const struct who **who)
{
	struct bpf_sock *sk = NULL;
	u64 cookie = 0, key;
	int passes;

	if (!w->ports)
		return -1;
	if (w->proto == PROTO_TCP)
		sk = w->v6 ? bpf_sk_lookup_tcp(ctx, &w->tuple, sizeof(w->tuple.ipv6), CURRENT_NETNS,
					       0)
			   : bpf_sk_lookup_tcp(ctx, &w->tuple, sizeof(w->tuple.ipv4), CURRENT_NETNS,
					       0);
	else if (w->proto == PROTO_UDP)
		sk = w->v6 ? bpf_sk_lookup_udp(ctx, &w->tuple, sizeof(w->tuple.ipv6), CURRENT_NETNS,
					       0)
			   : bpf_sk_lookup_udp(ctx, &w->tuple, sizeof(w->tuple.ipv4), CURRENT_NETNS,
					       0);
	if (!sk)
		return -1;
	if (takes_any(w, sk) && !is_ours(w)) {
		bpf_sk_release(sk);
		return -1;
	}
	w->key = (u64)sk;
	key = *(volatile u64 *)&w->key; /* a number, which can be computed with */
	passes = bpf_core_read(&cookie, sizeof(cookie),
			       &((struct sock *)key)->__sk_common.skc_cookie.counter)
			 ? -1
			 : owner_look(w, cookie, who);
	bpf_sk_release(sk);
	return passes;
}

/*
 * Does a packet that arrives begin as most do: Ethernet, IPv4 without options, ports? key: these,
 * as they lie in memory, as owner_by_flow() wants them.
 */
static __always_inline bool headers_plain(const struct packets_work *w, const u8 *h, const u8 *end,
					  struct packets_flow *key)
{
	if (h + 38 > end || w->link != LINK_ETHER || *(u16 *)(h + 12) != bpf_htons(ETH_P_IP) ||
	    h[14] != 0x45 || *(u16 *)(h + 20) & bpf_htons(0x1fff) ||
	    (h[23] != PROTO_TCP && h[23] != PROTO_UDP))
		return false;
	key->addrs = (u64) * (u32 *)(h + 30) << 32 | *(u32 *)(h + 26);
	key->ports = (u64)w->ifindex << 32 | *(u32 *)(h + 34);
	key->noted = owners_noted << 8 | h[23];
	return true;
}

/* As owner_by_address(), mostly without asking the kernel. */
static __always_inline int owner_by_flow(void *ctx, struct packets_work *w,
					 const struct packets_flow *key, const struct who **who)
{
	u32 mix = (key->addrs >> 32) ^ key->addrs ^ key->ports;
	struct packets_flow *f;
	int passes;

	f = &w->flows[mix * 0x9e3779b1 >> (32 - FLOW_BITS)]; /* the highest bits are made of all */
	*who = &f->who;
	if (f->addrs == key->addrs && f->ports == key->ports && f->noted == key->noted &&
	    w->ts - f->ts < FLOW_NS)
		return f->passes;
	w->tuple.ipv4.saddr = key->addrs;
	w->tuple.ipv4.daddr = key->addrs >> 32;
	w->tuple.ipv4.sport = key->ports;
	w->tuple.ipv4.dport = key->ports >> 16;
	w->proto = key->noted;
	w->v6 = false;
	w->ports = true;
	passes = owner_by_address(ctx, w, who);
	f->addrs = key->addrs;
	f->ports = key->ports;
	f->noted = key->noted;
	f->ts = w->ts;
	f->passes = passes;
	if (passes >= 0)
		f->who = **who;
	return passes;
}

/* owner: as owner_look() tells it, of a packet that arrives. */
#define OWNER_ARRIVES(LOAD, ctx, w, length, owner, who)                                            \
	do {                                                                                       \
		struct packets_flow key_;                                                          \
                                                                                                   \
		if (headers_plain(w, (const u8 *)(u64)(ctx)->data,                                 \
				  (const u8 *)(u64)(ctx)->data_end, &key_)) {                      \
			owner = owner_by_flow(ctx, w, &key_, &who);                                \
		} else {                                                                           \
			HEADERS_LOOK(LOAD, ctx, w, length);                                        \
			owner = owner_by_address(ctx, w, &who);                                    \
		}                                                                                  \
	} while (0)

#endif
