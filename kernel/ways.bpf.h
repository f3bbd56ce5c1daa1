/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Exits of system calls, on whatever way the kernel grants. A tool writes its inline functions and
 * CALL_EXIT_WAYS() makes the programs of every way from them; the loader (src/core/ways.c) loads
 * those of one way only:
 *   fexit  fexit on __x64_sys_X, a program for each call
 *   tp     syscalls:sys_exit_X, one program for all calls
 *   raw    raw_tp sys_exit, likewise; needs no tracefs
 * A tool that needs the entry too uses CALL_WAYS() of call.bpf.h.
 */
#ifndef WEIR_WAYS_BPF_H
#define WEIR_WAYS_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "call.h"
#include "notice.bpf.h"
#include "regs.bpf.h"
#include "ring.bpf.h"
#include "task.bpf.h"

/* Filled by the loader: system call number → enum call_id, 0 when it is not asked for. */
SEC(".rodata.calls") const volatile u8 call_ids[CALL_NR_MAX];

/* How each is captured: folded into the code where the call is a constant. */
static const struct call_desc descs[32] = {CALLS(CALL_DESC)};
_Static_assert(CALL_MAX <= 32, "descs is indexed with a mask of 31");
#define DESC(call) (&descs[(call)&31])

static __always_inline u32 call_of(u64 nr)
{
	return nr < CALL_NR_MAX ? call_ids[nr] : CALL_NONE;
}

#if defined(__TARGET_ARCH_x86)
#define CALL_SYMBOL(fn) "__x64_sys_" #fn
#elif defined(__TARGET_ARCH_arm64)
#define CALL_SYMBOL(fn) "__arm64_sys_" #fn
#endif

/* Raw tracepoints see 32-bit calls too, whose numbers mean other things. A 64-bit program can make
 * them as well (int 0x80). */
static __always_inline u32 call_of_raw(u64 nr, struct task_struct *task)
{
	u32 call = call_of(nr);

	if (call && task_compat(task)) {
		if (task_matches(task))
			notice(task, NOTICE_COMPAT);
		return CALL_NONE;
	}
	return call == CALL_COMPAT ? CALL_NONE : call;
}

/*
 * The programs of every way at the exit: leave(call, regs, ret), with the registers of the entry.
 * In those of fexit the call is a constant, and what it does not need is not there; the others look
 * it up.
 */
#define CALL_EXIT_FEXIT(name, fn, ...)                                                             \
	SEC("?fexit/" CALL_SYMBOL(fn)) int exit_##name(u64 *ctx)                                   \
	{                                                                                          \
		return call_leave(CALL_##name, (struct pt_regs *)ctx[0], ctx[1]);                  \
	}
#define CALL_EXIT_WAYS(leave) CALL_EXIT_WAYS_OF(CALLS, leave)
/* The same for a tool that knows its calls beforehand: list is like CALLS. */
#define CALL_EXIT_WAYS_OF(list, leave)                                                             \
	static __always_inline int call_leave(u32 call, struct pt_regs *regs, s64 ret)             \
	{                                                                                          \
		return leave(call, regs, ret);                                                     \
	}                                                                                          \
	list(CALL_EXIT_FEXIT) SEC("?tracepoint") int call_exit_tp(struct sys_exit_ctx *ctx)        \
	{                                                                                          \
		u32 call = call_of(ctx->nr);                                                       \
		return call ? leave(call, task_regs(), ctx->ret) : 0;                              \
	}                                                                                          \
	SEC("?raw_tp") int call_exit_raw(u64 *ctx)                                                 \
	{                                                                                          \
		struct task_struct *task = bpf_get_current_task_btf();                             \
		struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);                   \
		u32 call = call_of_raw(regs_nr(regs), task);                                       \
		return call ? leave(call, regs, ctx[1]) : 0;                                       \
	}

#endif
