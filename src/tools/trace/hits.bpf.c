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

/*
 * Is this what the loader puts in the place of a marker? A comparison with a constant, no more.
 */
#define IS_LOADED(value, marker)                                                                   \
	({                                                                                         \
		u32 n_ = (value);                                                                  \
		asm volatile("" : "+r"(n_));                                                       \
		n_ == (marker);                                                                    \
	})
#define IS_PORT(port)     IS_LOADED(port, HIT_PORT)
#define IS_BE_PORT(port)  IS_LOADED(port, HIT_BE_PORT) /* in network order */
#define NO_PORTS_OF(port) (!IS_BE_PORT((port)[0]) && !IS_BE_PORT((port)[1]))

/*
 * Is this copy loaded to do so? Where it is not, control passes an instruction that is reached from
 * nowhere else: then the verifier leaves out the question, as of its two ways one is never taken.
 */
static __always_inline bool loaded_to(const u64 marker)
{
	asm goto("r0 = %0 ll; if r0 == 0 goto %l[no]" : : "i"(marker) : "r0" : no);
	return true;
no:
	asm volatile("goto +0");
	return false;
}

/* A socket's ports in one load: the remote one above, the local one below, that in network order.
 * Local 0: it is closed, or of no family that has ports. */
#define ENDS(sk)     bpf_ntohl((sk)->__sk_common.skc_portpair)
#define LOCAL(ends)  ((u16)(ends))
#define REMOTE(ends) ((ends) >> 16)

static __always_inline bool ends_refused(u32 ends)
{
	return LOCAL(ends) && !IS_BE_PORT(LOCAL(ends)) && !IS_PORT(REMOTE(ends));
}

static __always_inline bool sock_refused(struct sock *sk)
{
	if (filter.have & FILTER_FAMILY && sk->__sk_common.skc_family != filter.family)
		return true;
	return filter.have & FILTER_PORT && ends_refused(ENDS(sk));
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

/* The same of an IPv6 header, if it is one, by a read more. */
static __noinline bool refused_behind_ip6(u64 *ctx)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	u16 network = skb->network_header, ports[2];

	if (skb->protocol != bpf_htons(ETH_P_IPV6) || network == skb->mac_header ||
	    bpf_probe_read_kernel(ports, sizeof(ports), (void *)skb->head + network + 40))
		return false;
	return NO_PORTS_OF(ports);
}

/*
 * Surely neither port? It takes a first byte of 0x45 for IPv4's header without options: no device
 * has an address that begins so, which is what would stand there were the header another.
 */
static __noinline bool refused_by_header(u64 *ctx)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	u8 h[24] __attribute__((aligned(8)));
	u16 network = skb->network_header;

	if (!network || bpf_probe_read_kernel(h, sizeof(h), (void *)skb->head + network))
		return false;
	if (h[0] == 0x45)
		return NO_PORTS_OF((u16 *)(h + 20));
	return h[0] >> 4 == 6 && refused_behind_ip6(ctx);
}

/*
 * The same where the ports are known to be: 20 bytes, IPv4's header without options, or 40, IPv6's,
 * from the network to the transport header. Were the latter one of before, of a packet within
 * this one, another IP header would lie between them, and behind one with ports there is no
 * room for it. What cannot be read here matches nothing later.
 */
static __always_inline bool packet_refused(u64 *ctx, struct sk_buff *skb)
{
	u32 behind = skb->network_header + 20, transport = skb->transport_header;
	u16 ports[2];

	barrier_var(behind);
	if (behind != transport) {
		behind += 20;
		barrier_var(behind);
		if (behind != transport)
			return refused_by_header(ctx);
	}
	bpf_probe_read_kernel(ports, sizeof(ports), (void *)skb->head + transport);
	return NO_PORTS_OF(ports);
}

/* The socket among the arguments, or else the packet's. */
static __always_inline struct sock *sock_of(u64 *ctx, struct sk_buff *skb)
{
	struct sock *sk;

	if (!loaded_to(HIT_OWN) && (sk = KNOWN_ARG(struct sock *, HIT_SOCK)))
		return sk;
	return skb->sk;
}

static __always_inline bool port_refuses(u64 *ctx)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	struct sock *sk = sock_of(ctx, skb);

	if (sk) {
		u32 ends = ENDS(sk);

		barrier_var(ends);
		if (!ends || ends == HIT_BE_PORT)
			return false;
		if (REMOTE(ends)) {
			if (!ends_refused(ends))
				return false;
			if (packet_is_plain(skb, sk))
				return true;
		}
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
	n->number = (LOADED(HIT_NOTE) & 0xffff) | NOTE_FOR;
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

	if (loaded_to(HIT_BY_PORT) && ends_refused(ENDS(sk)))
		return true;
	if (loaded_to(HIT_BY_OWNER)) {
		u64 cookie = sk->__sk_common.skc_cookie.counter;

		if (owner_is_refused(cookie))
			return true;
		/* without a cookie it would be asked about each time */
		if (sk && !cookie)
			bpf_get_socket_cookie(sk);
	}
	return false;
}

/* kept: ctx, in memory. A register would have to be saved and restored. */
static __always_inline bool packet_left_out(u64 *ctx, u64 *volatile *kept)
{
	return (loaded_to(HIT_BY_PORT) && port_refuses(ctx)) ||
	       (loaded_to(HIT_BY_OWNER) && owner_refuses(*kept));
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
	k.sk = loaded_to(HIT_OWN) ? NULL : KNOWN_ARG(struct sock *, HIT_SOCK);
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

/*
 * How many functions stand at the tracepoint of that symbol, 2 for more? -1: the kernel does not
 * tell. Called on request.
 */
SEC("?syscall") int hit_standing(struct hit_symbol *ctx)
{
	struct hit_symbol symbol = *ctx;
	struct tracepoint_func *funcs;
	u64 address;

	if (bpf_kallsyms_lookup_name(symbol.name, sizeof(symbol.name), 0, &address))
		return -1;
	funcs = BPF_CORE_READ((struct tracepoint *)address, funcs);
	if (!funcs || !BPF_CORE_READ(&funcs[0], func))
		return 0;
	return BPF_CORE_READ(&funcs[1], func) ? 2 : 1;
}

SEC("?tp_btf") int hit_tp_btf_sock(u64 *ctx)
{
	if (!sock_left_out(ctx))
		return sock_fire(ctx, 0, context_now());
	return loaded_to(HIT_SILENTLY) ? note_refused(0) : 0;
}

/* This, as others of few lines below, is not part of the program, which uses fewer registers so. */
static __noinline int packet_reached(u64 *ctx)
{
	return packet_fire(ctx, 0, context_now());
}

SEC("?tp_btf") int hit_tp_btf_packet(u64 *ctx)
{
	u64 *volatile kept = ctx;

	if (!packet_left_out(ctx, &kept))
		return packet_reached(kept);
	ctx = kept;
	return loaded_to(HIT_SILENTLY) ? note_refused((u64)KNOWN_ARG(struct sk_buff *, HIT_PACKET))
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

static __noinline int sock_called(u64 *ctx)
{
	return sock_fire(ctx, trampoline_frame(ctx), context_now());
}

static __noinline int packet_called(u64 *ctx)
{
	return packet_fire(ctx, trampoline_frame(ctx), context_now());
}

SEC("?fentry") int hit_fentry_sock(u64 *ctx)
{
	return sock_left_out(ctx) ? 0 : sock_called(ctx);
}

SEC("?fentry") int hit_fentry_packet(u64 *ctx)
{
	u64 *volatile kept = ctx;

	return packet_left_out(ctx, &kept) ? 0 : packet_called(kept);
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
