/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: tracepoints and kernel functions, a program for each way to them. */
#include "hit.bpf.h"

/* The number of the probe that this copy of the program was loaded for. */
static __always_inline u32 number(void)
{
	return LOADED(HIT_NUMBER);
}

SEC("?tracepoint") int hit_tp(void *ctx)
{
	return hit_record(ctx, bpf_get_attach_cookie(ctx));
}

/*
 * Programs that know the types of a socket and a packet among their arguments look at them by plain
 * loads, and first at what filters ask: most of what happens on a busy machine goes no further.
 */
#define KNOWN_ARG(type, marker)                                                                    \
	({                                                                                         \
		type a_;                                                                           \
		asm volatile("%0 = %2 ll; %0 = *(u64 *)(%1 + 0)"                                   \
			     : "=&r"(a_)                                                           \
			     : "r"(ctx), "i"(marker));                                             \
		a_;                                                                                \
	})

#define NUM(pair)   ((u16)((pair) >> 16))
#define DPORT(pair) ((u16)(pair))

/* The port that is asked for, where the loader has put it. */
#define PORT ((u16)LOADED(HIT_PORT))

/* num: 0 where it is closed, or of no family that has ports */
static __always_inline bool pair_refused(u32 pair, u16 port)
{
	return NUM(pair) && NUM(pair) != port && DPORT(pair) != bpf_htons(port);
}

static __always_inline bool sock_refused(struct sock *sk)
{
	if (filter.have & FILTER_FAMILY && sk->__sk_common.skc_family != filter.family)
		return true;
	return filter.have & FILTER_PORT && pair_refused(sk->__sk_common.skc_portpair, filter.port);
}

/*
 * Is the packet of a connected socket as the socket has sent it? Then the socket's ports are its
 * ports, and need not be read: not where conntrack may have changed them, nor where a tunnel has
 * put others in front: such a packet is at another device than the socket's route.
 */
static __always_inline bool packet_is_plain(struct sk_buff *skb, struct sock *sk)
{
	struct dst_entry *dst = sk->sk_dst_cache;

	if (!dst || dst->dev != skb->dev)
		return false;
	if (bpf_core_field_exists(skb->_nfct) && skb->_nfct)
		return false;
	return !bpf_core_field_exists(dst->xfrm) || !dst->xfrm;
}

#define PORTS_REFUSED(at, port) (*(u16 *)(at) != (port) && *(u16 *)((at) + 2) != (port))

/* The same of an IPv6 header, if it is one, by a read more. */
static __noinline bool refused_behind_ip6(u64 *ctx, u16 port)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	u16 network = skb->network_header;
	u32 ports;

	if (skb->protocol != bpf_htons(ETH_P_IPV6) || network == skb->mac_header ||
	    bpf_probe_read_kernel(&ports, sizeof(ports), (void *)skb->head + network + 40))
		return false;
	return PORTS_REFUSED((u8 *)&ports, port);
}

/*
 * Surely neither port? It takes a first byte of 0x45 for IPv4's header without options: no device
 * has an address that begins so, which is what would stand there were the header another.
 */
static __always_inline bool packet_refused(u64 *ctx, struct sk_buff *skb)
{
	u16 network = skb->network_header, port;
	u8 h[24] __attribute__((aligned(8)));

	if (!network || bpf_probe_read_kernel(h, sizeof(h), (void *)skb->head + network))
		return false;
	port = PORT;
	port = bpf_htons(port);
	if (h[0] == 0x45)
		return PORTS_REFUSED(h + 20, port);
	return h[0] >> 4 == 6 && refused_behind_ip6(ctx, port);
}

/* The socket among the arguments, or else the packet's. */
static __always_inline struct sock *sock_of(u64 *ctx, struct sk_buff *skb)
{
	struct sock *sk = LOADED(HIT_OWN) ? NULL : KNOWN_ARG(struct sock *, HIT_SOCK);

	return sk ?: skb->sk;
}

static __always_inline bool port_refuses(u64 *ctx)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	struct sock *sk = sock_of(ctx, skb);

	if (sk) {
		u32 pair = sk->__sk_common.skc_portpair;

		if (!pair_refused(pair, PORT))
			return false;
		if (DPORT(pair) && packet_is_plain(skb, sk))
			return true;
	}
	return packet_refused(ctx, skb);
}

static __noinline bool owner_refuses(u64 *ctx)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	struct sock *sk = sock_of(ctx, skb);

	return sk && owner_is_refused(sk->__sk_common.skc_cookie.counter);
}

static __always_inline bool known_address_refused(const struct known *k)
{
	return filter.have & FILTER_SOCK && !(k->skb && packet_matches(&k->packet)) &&
	       (!k->sk || sock_refused(k->sk));
}

/* Nobody is known of it; but of another network namespace it does not count. */
static __always_inline bool nobody_refused(void)
{
	return !(filter.have & FILTER_NETNS) && (count_lost(LOST_OWNER), true);
}

/* For the record that comes next. */
static __noinline int note_refused(u64 skb)
{
	struct noted *n = noted_now();

	if (!n)
		return 0;
	n->number = LOADED(HIT_NOTE) & 0xffff;
	n->refused = true;
	n->about.skb = skb;
	return 0;
}

/* Leaves a note, where this is a copy that is there for that; else the hit is told. */
static __always_inline int known_fire(u64 *ctx, u64 frame, u32 context, struct known *k,
				      bool refused)
{
	u64 note = LOADED(HIT_NOTE);

	if (!(note >> 32))
		return note & NOTE_MAKES && !refused ? note_made(k, note & 0xffff, context)
						     : note_known(k, note & 0xffff, refused);
	if (refused)
		return 0;
	return hit_fire(ctx, number(), frame, context, k);
}

/*
 * Most of what happens on a busy machine is not what is asked for: that is found out first, in the
 * program itself, by as little as it takes.
 */
static __always_inline bool sock_left_out(u64 *ctx)
{
	struct sock *sk = KNOWN_ARG(struct sock *, HIT_SOCK);

	if (LOADED(HIT_BY_PORT) && pair_refused(sk->__sk_common.skc_portpair, PORT))
		return true;
	if (LOADED(HIT_BY_OWNER)) {
		u64 cookie = sk->__sk_common.skc_cookie.counter;

		if (owner_is_refused(cookie))
			return true;
		/* without a cookie it would be asked about each time */
		if (sk && !cookie)
			bpf_get_socket_cookie(sk);
	}
	return false;
}

static __always_inline bool packet_left_out(u64 *ctx)
{
	return (LOADED(HIT_BY_PORT) && port_refuses(ctx)) ||
	       (LOADED(HIT_BY_OWNER) && owner_refuses(ctx));
}

/* Not part of the programs: see context_now(). */
static __noinline int sock_fire(u64 *ctx, u64 frame, u32 context)
{
	struct known k;

	k.sk = KNOWN_ARG(struct sock *, HIT_SOCK);
	if (!k.sk)
		return hit_fire(ctx, number(), frame, context, NULL);
	k.skb = NULL;
	k.own = false;
	return known_fire(ctx, frame, context, &k, filter.have & FILTER_SOCK && sock_refused(k.sk));
}

static __noinline int packet_fire(u64 *ctx, u64 frame, u32 context)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	bool refused = false;
	struct known k;

	if (!skb)
		return hit_fire(ctx, number(), frame, context, NULL);
	k.skb = skb;
	k.sk = LOADED(HIT_OWN) ? NULL : KNOWN_ARG(struct sock *, HIT_SOCK);
	k.own = !k.sk;
	if (!k.sk)
		k.sk = skb->sk;
	if (!(filter.have & FILTER_SOCK)) /* it need not be looked into then */
		refused = filter.have & FILTER_OWNER && !k.sk && nobody_refused();
	if (!refused)
		packet_known(&k.packet, skb);
	if (filter.have & FILTER_SOCK)
		refused = known_address_refused(&k) ||
			  (filter.have & FILTER_OWNER && !k.sk && nobody_refused());
	if (!refused)
		packet_known_rest(&k.packet, skb);
	return known_fire(ctx, frame, context, &k, refused);
}

SEC("?raw_tp") int hit_raw(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now(), NULL);
}

SEC("?tp_btf") int hit_tp_btf(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now(), NULL);
}

/* How many functions stand at the tracepoint at that address, 2 for more? Called on request. */
SEC("?raw_tp") int hit_standing(u64 *ctx)
{
	struct tracepoint_func *funcs = BPF_CORE_READ((struct tracepoint *)ctx[0], funcs);

	if (!funcs || !BPF_CORE_READ(&funcs[0], func))
		return 0;
	return BPF_CORE_READ(&funcs[1], func) ? 2 : 1;
}

SEC("?tp_btf") int hit_tp_btf_sock(u64 *ctx)
{
	if (!sock_left_out(ctx))
		return sock_fire(ctx, 0, context_now());
	return LOADED(HIT_SILENTLY) ? note_refused(0) : 0;
}

SEC("?tp_btf") int hit_tp_btf_packet(u64 *ctx)
{
	if (!packet_left_out(ctx))
		return packet_fire(ctx, 0, context_now());
	return LOADED(HIT_SILENTLY) ? note_refused((u64)KNOWN_ARG(struct sk_buff *, HIT_PACKET))
				    : 0;
}

/*
 * Functions. Where entry and return are joined, the call is known by its frame: of fentry and fexit
 * the context is one and the same memory on the stack; a kretprobe finds the stack pointer one word
 * above the return address.
 */
static __always_inline u64 trampoline_frame(u64 *ctx)
{
	u32 zero = 0;
	void *base = bpf_map_lookup_elem(&hit_confs, &zero);

	return base ? (u64)ctx - (u64)base : 0;
}

static __always_inline u64 regs_frame(struct pt_regs *regs, const bool entry)
{
	return regs->sp + (entry ? RETURN_ADDRESS : 0);
}

SEC("?fentry") int hit_fentry(u64 *ctx)
{
	return hit_fire(ctx, number(), trampoline_frame(ctx), context_now(), NULL);
}

SEC("?fentry") int hit_fentry_sock(u64 *ctx)
{
	return sock_left_out(ctx) ? 0 : sock_fire(ctx, trampoline_frame(ctx), context_now());
}

SEC("?fentry") int hit_fentry_packet(u64 *ctx)
{
	return packet_left_out(ctx) ? 0 : packet_fire(ctx, trampoline_frame(ctx), context_now());
}

SEC("?fexit") int hit_fexit(u64 *ctx)
{
	return hit_return(ctx, number(), trampoline_frame(ctx));
}

SEC("?kprobe") int hit_kprobe(struct pt_regs *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, true), context_now(),
			NULL);
}

SEC("?kretprobe") int hit_kretprobe(struct pt_regs *ctx)
{
	return hit_return(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, false));
}

SEC("?kprobe.multi") int hit_multi(struct pt_regs *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, true), context_now(),
			NULL);
}

SEC("?kretprobe.multi") int hit_multi_ret(struct pt_regs *ctx)
{
	return hit_return(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, false));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
