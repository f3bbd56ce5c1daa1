/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: tracepoints and kernel functions, a program for each way to them. */
#include "hit.bpf.h"

/* What the loader puts in the place of a marker. */
#define LOADED(marker)                                                                             \
	({                                                                                         \
		u64 n_;                                                                            \
		asm volatile("%0 = %1 ll" : "=r"(n_) : "i"(marker));                               \
		n_;                                                                                \
	})

/* The number of the probe that this copy of the program was loaded for. */
static __always_inline u32 number(void)
{
	return LOADED(HIT_NUMBER);
}

SEC("?tracepoint") int hit_tp(void *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), 0, context_now(), NULL);
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

static __always_inline bool sock_refused(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	if (filter.have & FILTER_FAMILY && family != filter.family)
		return true;
	if (filter.have & FILTER_PORT && (family == AF_INET || family == AF_INET6)) {
		u16 num = sk->__sk_common.skc_num;

		/* num is cleared at TCP_CLOSE */
		if (num && num != filter.port &&
		    sk->__sk_common.skc_dport != bpf_htons(filter.port))
			return true;
	}
	return false;
}

static __always_inline bool known_address_refused(const struct known *k)
{
	return filter.have & FILTER_SOCK && !(k->skb && packet_matches(&k->packet)) &&
	       (!k->sk || sock_refused(k->sk));
}

static __always_inline bool known_owner_refused(const struct known *k)
{
	if (!(filter.have & FILTER_OWNER))
		return false;
	if (k->sk)
		return owner_is_refused(k->sk->__sk_common.skc_cookie.counter);
	/* nobody is known of it; but of another network namespace it does not count */
	return !(filter.have & FILTER_NETNS) && (count_lost(LOST_OWNER), true);
}

/* Their arguments; the verifier refuses a load of one that the function does not have. */
static __always_inline void known_words(u64 *words, u64 *ctx)
{
	u64 n = LOADED(HIT_WORDS);

	for (u32 i = 0; i < KNOWN_WORDS; i++)
		words[i] = 0;
	if (n > KNOWN_WORDS)
		return;
	if (n > 0)
		words[0] = ctx[0];
	if (n > 1)
		words[1] = ctx[1];
	if (n > 2)
		words[2] = ctx[2];
	if (n > 3)
		words[3] = ctx[3];
	if (n > 4)
		words[4] = ctx[4];
	if (n > 5)
		words[5] = ctx[5];
}

/* Leaves a note, where this is a copy that is there for that; else the hit is told. */
static __always_inline int known_fire(u64 *ctx, u64 frame, u32 context, struct known *k,
				      bool refused)
{
	u64 note = LOADED(HIT_NOTE);

	if (!(note >> 32))
		return note_known(k, note, refused);
	if (refused)
		return 0;
	known_words(k->words, ctx);
	return hit_fire(ctx, number(), frame, context, k);
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
	/* it gets a cookie here, if it has none: without one it would be asked about each time */
	if (filter.have & FILTER_OWNER)
		bpf_get_socket_cookie(k.sk);
	return known_fire(ctx, frame, context, &k,
			  known_address_refused(&k) || known_owner_refused(&k));
}

static __noinline int packet_fire(u64 *ctx, u64 frame, u32 context)
{
	struct sk_buff *skb = KNOWN_ARG(struct sk_buff *, HIT_PACKET);
	bool refused = false;
	struct known k;

	if (!skb)
		return hit_fire(ctx, number(), frame, context, NULL);
	k.skb = skb;
	k.own = LOADED(HIT_OWN);
	if (k.own)
		k.sk = skb->sk;
	else
		k.sk = KNOWN_ARG(struct sock *, HIT_SOCK);
	if (!(filter.have & FILTER_SOCK)) /* it need not be looked into then */
		refused = known_owner_refused(&k);
	if (!refused)
		packet_known(&k.packet, skb);
	if (filter.have & FILTER_SOCK)
		refused = known_address_refused(&k) || known_owner_refused(&k);
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
	return sock_fire(ctx, 0, context_now());
}

SEC("?tp_btf") int hit_tp_btf_packet(u64 *ctx)
{
	return packet_fire(ctx, 0, context_now());
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
	return sock_fire(ctx, trampoline_frame(ctx), context_now());
}

SEC("?fentry") int hit_fentry_packet(u64 *ctx)
{
	return packet_fire(ctx, trampoline_frame(ctx), context_now());
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
