/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: tracepoints and kernel functions, a program for each way to them. */
#include "hit.bpf.h"

/* The number of the probe that this copy of the program was loaded for. */
static __always_inline u32 number(void)
{
	u64 n;

	asm volatile("%0 = %1 ll" : "=r"(n) : "i"(HIT_NUMBER));
	return n;
}

SEC("?tracepoint") int hit_tp(void *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), 0, context_now(), NULL);
}

/*
 * Programs that know the type of a socket among their arguments look at it by plain loads, and
 * first at what filters ask: most of what happens on a busy machine goes no further.
 */
static __always_inline struct sock *known_sock(u64 *ctx)
{
	struct sock *sk;

	asm volatile("%0 = %2 ll; %0 = *(u64 *)(%1 + 0)" : "=&r"(sk) : "r"(ctx), "i"(HIT_SOCK));
	return sk;
}

static __always_inline bool known_refused(struct sock *sk)
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
	/* it gets a cookie here, if it has none: without one it would be asked about each time */
	return filter.have & FILTER_OWNER && owner_is_refused(bpf_get_socket_cookie(sk));
}

/* Their arguments; the verifier refuses a load of one that the function does not have. */
static __always_inline void known_words(u64 *words, u64 *ctx)
{
	u64 n;

	asm volatile("%0 = %1 ll" : "=r"(n) : "i"(HIT_WORDS));
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

static __always_inline int known_fire(u64 *ctx, u64 frame)
{
	struct sock *sk = known_sock(ctx);
	u32 context = context_now();
	u64 words[KNOWN_WORDS];

	if (!sk)
		return hit_fire(ctx, number(), frame, context, NULL);
	if (known_refused(sk))
		return 0;
	known_words(words, ctx);
	return hit_fire(words, number(), frame, context | HOW_KNOWN, sk);
}

SEC("?raw_tp") int hit_raw(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now(), NULL);
}

SEC("?tp_btf") int hit_tp_btf(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now(), NULL);
}

SEC("?tp_btf") int hit_tp_btf_sock(u64 *ctx)
{
	return known_fire(ctx, 0);
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
	return known_fire(ctx, trampoline_frame(ctx));
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
