/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The registers with which a task came into the kernel, and the system call that they tell. */
#ifndef WEIR_REGS_BPF_H
#define WEIR_REGS_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>

#define PF_EXITING 0x00000004 /* include/linux/sched.h */

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */

/* Calls that close descriptors; arch/x86/entry/syscalls/syscall_64.tbl */
enum {
	NR_CLOSE = 3,
	NR_DUP2 = 33,
	NR_SHUTDOWN = 48,
	NR_EXECVE = 59,
	NR_DUP3 = 292,
	NR_EXECVEAT = 322,
};

static __always_inline u64 regs_nr(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static __always_inline void regs_args(u64 *a, struct pt_regs *regs)
{
	a[0] = regs->di;
	a[1] = regs->si;
	a[2] = regs->dx;
	a[3] = regs->r10;
	a[4] = regs->r8;
	a[5] = regs->r9;
}

/* One of them; n: a constant. */
static __always_inline u64 regs_arg(struct pt_regs *regs, const u32 n)
{
	return n == 0   ? regs->di
	       : n == 1 ? regs->si
	       : n == 2 ? regs->dx
	       : n == 3 ? regs->r10
	       : n == 4 ? regs->r8
			: regs->r9;
}

static __always_inline bool task_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT (1UL << 22) /* arch/arm64/include/asm/thread_info.h */

/* include/uapi/asm-generic/unistd.h, which has no dup2 */
enum {
	NR_DUP3 = 24,
	NR_DUP2 = NR_DUP3,
	NR_CLOSE = 57,
	NR_SHUTDOWN = 210,
	NR_EXECVE = 221,
	NR_EXECVEAT = 281,
};

static __always_inline u64 regs_nr(struct pt_regs *regs)
{
	return (u32)regs->syscallno;
}

static __always_inline void regs_args(u64 *a, struct pt_regs *regs)
{
	a[0] = regs->orig_x0;
	a[1] = regs->regs[1];
	a[2] = regs->regs[2];
	a[3] = regs->regs[3];
	a[4] = regs->regs[4];
	a[5] = regs->regs[5];
}

static __always_inline u64 regs_arg(struct pt_regs *regs, const u32 n)
{
	return n == 0   ? regs->orig_x0
	       : n == 1 ? regs->regs[1]
	       : n == 2 ? regs->regs[2]
	       : n == 3 ? regs->regs[3]
	       : n == 4 ? regs->regs[4]
			: regs->regs[5];
}

static __always_inline bool task_compat(struct task_struct *task)
{
	return task->thread_info.flags & TIF_32BIT;
}
#endif

/* The registers with which the task that runs came into the kernel. */
static __always_inline struct pt_regs *task_regs(void)
{
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* On all architectures. */
enum {
	NR_IO_URING_ENTER = 426,
	NR_CLOSE_RANGE = 436,
};

/* Does the task that runs close something of its own: by a call that is for it, or in its end? */
static __always_inline bool task_closes(struct task_struct *task)
{
	u64 nr;

	if (task->flags & PF_EXITING)
		return true;
	if (task_compat(task)) /* its numbers are others */
		return false;
	nr = regs_nr(task_regs());
	return nr == NR_CLOSE || nr == NR_SHUTDOWN || nr == NR_CLOSE_RANGE || nr == NR_DUP2 ||
	       nr == NR_DUP3 || nr == NR_EXECVE || nr == NR_EXECVEAT || nr == NR_IO_URING_ENTER;
}

#endif
