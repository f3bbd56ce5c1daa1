/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir packets: each packet of an interface, at XDP or tc, into one record. It only looks: XDP
 * programs return XDP_PASS on every path, tc programs "go on" (TC_ACT_UNSPEC, TCX_NEXT).
 */
#include "owner.bpf.h"
#include "packets.h"

#define XDP_PASS      2
#define TC_ACT_UNSPEC -1
#define CURRENT_NETNS -1
#define ETH_P_8021Q   0x8100
#define ETH_P_8021AD  0x88a8
#define STACK_BYTES   16384 /* of a task in the kernel (THREAD_SIZE of x86-64 and arm64) */

SEC(".rodata.packets") const volatile struct packets_conf conf;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct packets_device);
} packets_devices SEC(".maps");

/* One at a time on each processor: softirqs, and tc with them shut out. */
#define HEADERS 128 /* Ethernet, a tag, IPv4 with all options, ports; a power of two */

struct packets_work {
	u8 headers[HEADERS];
	struct hit_sock sock;
	struct bpf_sock_tuple tuple;
	u64 key;           /* address of the socket */
	u16 type;          /* ethertype */
	u8 version, proto; /* of IP; 0: it is none */
	bool v6, ports;
	struct packets_pair pair;
	struct packet_rec rec;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct packets_work);
} packets_works SEC(".maps");

/* Owner */

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

/* What was noted of the socket at key: 1 it passes, 0 it does not, -1 nobody knows. */
static __noinline int owner_look(struct packets_work *w)
{
	struct owner *o;
	u64 key = w->key;

	if (!key || bpf_core_read(&w->sock.cookie, sizeof(u64),
				  &((struct sock *)key)->__sk_common.skc_cookie.counter))
		return -1;
	o = owner_find(key, &w->sock);
	if (!o || !o->who.pid)
		return -1;
	w->rec.who = o->who;
	w->rec.bits |= PACKET_WHO;
	return o->passes;
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
	who_read(&w->rec.who, task);
	w->rec.bits |= PACKET_WHO;
	return who_fits(&w->rec.who);
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

/* Fills type, proto and the tuple with what the headers say, the remote end first. */
static __noinline int headers_look(struct packets_work *w)
{
	struct bpf_sock_tuple *t = &w->tuple;
	bool out = w->rec.bits & PACKET_OUT;
	u32 at = 0, fragment = 0;
	u8 *h = w->headers;

	w->version = w->proto = 0;
	w->v6 = w->ports = false;
	if (w->rec.link == LINK_ETHER) {
		w->type = h[12] << 8 | h[13];
		at = 14;
		if (w->type == ETH_P_8021Q || w->type == ETH_P_8021AD) {
			w->type = h[16] << 8 | h[17];
			at = 18;
		}
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

/* The socket that the addresses lead to: its own, or the one that listens there. */
static __always_inline int owner_by_address(void *ctx, struct packets_work *w)
{
	struct bpf_sock *sk = NULL;
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
	w->key = (u64)sk;
	passes = owner_look(w);
	bpf_sk_release(sk);
	return passes;
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

/* Record */

static __always_inline struct packets_work *begin(u32 ifindex, u8 bits)
{
	u32 zero = 0;
	struct packets_work *w = bpf_map_lookup_elem(&packets_works, &zero);
	struct packets_device *d;

	if (!w)
		return NULL;
	d = bpf_map_lookup_elem(&packets_devices, &ifindex);
	w->rec.h.ts = bpf_ktime_get_ns();
	w->rec.netns = conf.netns;
	w->rec.ifindex = ifindex;
	w->rec.tag_proto = w->rec.tag_tci = 0;
	w->rec.bits = bits | (d ? d->bits : 0);
	w->rec.link = d ? d->link : LINK_ETHER;
	w->rec.gso_segs = w->rec.gso_size = 0;
	w->rec.who = (struct who){};
	return w;
}

/* --summary: two hashes and a histogram */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKETS_PAIRS);
	__type(key, struct packets_pair);
	__type(value, struct packets_count);
} packets_pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKETS_TYPES);
	__type(key, u32);
	__type(value, struct packets_count);
} packets_types SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PACKETS_SIZES);
	__type(key, u32);
	__type(value, u64);
} packets_sizes SEC(".maps");

static __always_inline void count_in(void *map, void *key, u32 bytes, u32 side)
{
	struct packets_count none = {}, *c = bpf_map_lookup_elem(map, key);

	if (!c) {
		map_add(map, key, &none);
		c = bpf_map_lookup_elem(map, key);
	}
	if (!c) {
		count_lost(LOST_MAP);
		return;
	}
	if (side) {
		__sync_fetch_and_add(&c->packets[1], 1);
		__sync_fetch_and_add(&c->bytes[1], bytes);
	} else {
		__sync_fetch_and_add(&c->packets[0], 1);
		__sync_fetch_and_add(&c->bytes[0], bytes);
	}
}

static __always_inline void put_end(struct packets_end *e, struct packets_work *w, bool dst)
{
	struct bpf_sock_tuple *t = &w->tuple;
	u32 *to = (u32 *)e->addr;

	e->addr[0] = e->addr[1] = 0;
	e->pad = e->port = 0;
	if (w->v6) {
		for (u32 i = 0; i < 4; i++)
			to[i] = dst ? t->ipv6.daddr[i] : t->ipv6.saddr[i];
		if (w->ports)
			e->port = bpf_ntohs(dst ? t->ipv6.dport : t->ipv6.sport);
	} else if (w->version) {
		to[0] = dst ? t->ipv4.daddr : t->ipv4.saddr;
		if (w->ports)
			e->port = bpf_ntohs(dst ? t->ipv4.dport : t->ipv4.sport);
	}
}

static __noinline int count_packet(struct packets_work *w, u32 bytes)
{
	struct packets_pair *p = &w->pair;
	bool out = w->rec.bits & PACKET_OUT, second;
	struct packets_end swapped;
	u32 key = w->type << 16 | w->version << 8 | w->proto, bucket = 0;
	u64 *size;

	put_end(&p->end[0], w, out); /* the sender first */
	put_end(&p->end[1], w, !out);
	p->type = w->type;
	p->proto = w->proto;
	p->version = w->version;
	second = p->end[0].addr[0] > p->end[1].addr[0] ||
		 (p->end[0].addr[0] == p->end[1].addr[0] &&
		  (p->end[0].addr[1] > p->end[1].addr[1] ||
		   (p->end[0].addr[1] == p->end[1].addr[1] && p->end[0].port > p->end[1].port)));
	if (second) {
		swapped = p->end[0];
		p->end[0] = p->end[1];
		p->end[1] = swapped;
	}
	count_in(&packets_pairs, p, bytes, second);
	count_in(&packets_types, &key, bytes, !out);
	for (u32 n = bytes; n && bucket < PACKETS_SIZES - 1; n >>= 1)
		bucket++;
	size = bpf_map_lookup_elem(&packets_sizes, &bucket);
	if (size)
		++*size;
	return 0;
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

/* The first bytes, in which the addresses are; 0s behind the end. */
#define READ_HEADERS(LOAD, ctx, w, length)                                                         \
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

SEC("?tc") int packets_in(struct __sk_buff *ctx)
{
	struct packets_work *w = begin(ctx->ifindex, 0);
	int owner = -1;

	if (!w)
		return TC_ACT_UNSPEC;
	if (conf.owner || conf.summary)
		READ_HEADERS(LOAD_SKB, ctx, w, ctx->len);
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
		owner = owner_look(w);
		if (owner < 0 && w->key)
			owner = owner_sends_now(w);
	}
	if (conf.summary || (conf.owner && owner < 0))
		READ_HEADERS(LOAD_SKB, ctx, w, ctx->len);
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
		READ_HEADERS(LOAD_XDP, ctx, w, bpf_xdp_get_buff_len(ctx));
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
