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
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), 0, context_now());
}

/*
 * Programs that know the type of a socket among their arguments see by plain loads what the filters
 * refuse, before all else: most of what happens on a busy machine.
 */
static __always_inline bool known_refused(u64 *ctx)
{
	struct sock *sk;
	u16 family;

	asm volatile("%0 = %2 ll; %0 = *(u64 *)(%1 + 0)" : "=&r"(sk) : "r"(ctx), "i"(HIT_SOCK));
	if (!sk)
		return false;
	family = sk->__sk_common.skc_family;
	if (filter.have & FILTER_FAMILY && family != filter.family)
		return true;
	if (filter.have & FILTER_PORT && (family == AF_INET || family == AF_INET6)) {
		u16 num = sk->__sk_common.skc_num;

		/* num is cleared at TCP_CLOSE */
		if (num && num != filter.port &&
		    sk->__sk_common.skc_dport != bpf_htons(filter.port))
			return true;
	}
	return filter.have & FILTER_OWNER && owner_is_refused(sk->__sk_common.skc_cookie.counter);
}

SEC("?raw_tp") int hit_raw(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now());
}

SEC("?tp_btf") int hit_tp_btf(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now());
}

SEC("?tp_btf") int hit_tp_btf_sock(u64 *ctx)
{
	return known_refused(ctx) ? 0 : hit_fire(ctx, number(), 0, context_now());
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
	return hit_fire(ctx, number(), trampoline_frame(ctx), context_now());
}

SEC("?fentry") int hit_fentry_sock(u64 *ctx)
{
	return known_refused(ctx) ? 0
				  : hit_fire(ctx, number(), trampoline_frame(ctx), context_now());
}

SEC("?fexit") int hit_fexit(u64 *ctx)
{
	return hit_return(ctx, number(), trampoline_frame(ctx));
}

SEC("?kprobe") int hit_kprobe(struct pt_regs *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, true), context_now());
}

SEC("?kretprobe") int hit_kretprobe(struct pt_regs *ctx)
{
	return hit_return(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, false));
}

SEC("?kprobe.multi") int hit_multi(struct pt_regs *ctx)
{
	return hit_fire(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, true), context_now());
}

SEC("?kretprobe.multi") int hit_multi_ret(struct pt_regs *ctx)
{
	return hit_return(ctx, bpf_get_attach_cookie(ctx), regs_frame(ctx, false));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
