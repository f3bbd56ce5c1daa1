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

SEC("?raw_tp") int hit_raw(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now());
}

SEC("?tp_btf") int hit_tp_btf(u64 *ctx)
{
	return hit_fire(ctx, number(), 0, context_now());
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
