/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Who: the task that runs now. Plain loads throughout (0.2 ns each; a probe read is 22). */
#ifndef WEIR_TASK_BPF_H
#define WEIR_TASK_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "cast.h"
#include "filter.h"
#include "shared.h"

/* task->flags, include/linux/sched.h */
#define PF_IO_WORKER 0x00000010 /* 5.12 */
#define PF_KTHREAD   0x00200000

SEC(".rodata.filter") const volatile struct filter filter;

/* One slot, set when --cgroup is given. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} cgroup_filter SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct follow_state);
} followed SEC(".maps");

/*
 * The same task, or socket, to walk on from. For each pointer that is taken from one that the
 * verifier trusts, as it does bpf_get_current_task_btf() and a tracepoint's arguments since 6.2, it
 * looks through the names of all the kernel's types, up to four times
 * (btf_nested_type_is_trusted(): 0.7 ms; a binary search since 6.19). What bpf_rdonly_cast()
 * returns is not trusted, and the call is but a move to the processor. Helpers want the one that it
 * was.
 *
 * An extern would make libbpf read all of the kernel's BTF, and on kernels that have no such
 * function that of each module as well: so the loader puts it in, or a move.
 */
static void *(*const type_cast)(void *, u32) = (void *)CAST_CALL;

static __always_inline struct task_struct *task_walk(struct task_struct *task)
{
	return type_cast(task, CAST_TASK);
}

static __always_inline struct sock *sk_walk(struct sock *sk)
{
	return type_cast(sk, CAST_SOCK);
}

/* Of a socket that is TCP's, where there is such a cast. */
static __always_inline struct tcp_sock *sk_tcp(struct sock *sk)
{
	return type_cast(sk, CAST_TCP);
}

/* What the loader learnt of weir itself. */
struct learnt {
	u64 socket_fops; /* address of the kernel's socket_file_ops */
	u32 pid_level;   /* depth of its pid namespace, 0: the initial one */
	u32 pad;
	u64 regs; /* where on a task's stack its registers are */
	u64 self; /* address of this */
};
SEC(".data.learnt") struct learnt learnt;

/* Run once by the loader with the descriptor of a socket (BPF_PROG_TEST_RUN, Linux 5.10). */
SEC("raw_tp") int learn(u64 *ctx)
{
	struct task_struct *current = bpf_get_current_task_btf(), *task = task_walk(current);
	struct file **fds, *file = NULL;
	u64 fd = ctx[0];

	fds = task->files->fdt->fd;
	learnt.pid_level = task->thread_pid->level;
	*(struct pt_regs *volatile *)&learnt.regs = (void *)bpf_task_pt_regs(current);
	learnt.regs = *(volatile u64 *)&learnt.regs - (u64)task->stack;
	*(struct learnt *volatile *)&learnt.self = &learnt;
	if (bpf_probe_read_kernel(&file, sizeof(file), fds + (u32)fd))
		return 1;
	return bpf_core_read(&learnt.socket_fops, sizeof(learnt.socket_fops), &file->f_op) ? 1 : 0;
}

/* As bpf_task_pt_regs(), without the call: for all tasks it adds the same to where the stack is.
 * Only where programs may cast. */
static __always_inline struct pt_regs *regs_walk(struct task_struct *task)
{
	return type_cast((void *)task->stack + learnt.regs, CAST_REGS);
}

/* An address as a number, which can be handed to a function that is not static: the only thing
 * that the verifier lets one calculate of a pointer is how far it is from another. */
static __always_inline u64 number_of(const void *p)
{
	u64 n = (u64)p;

	asm("%0 -= %1" : "+r"(n) : "r"(&learnt));
	return n + learnt.self;
}

/*
 * A task's id as weir's own pid namespace has it; 0 when the task is not in it. Its struct pid is
 * read as a number: with a pointer that it knows, the verifier lets nobody calculate.
 */
static __always_inline u32 pid_here(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	u32 nr = 0, level = learnt.pid_level;

	if (BPF_CORE_READ(pid, level) >= level)
		bpf_probe_read_kernel(&nr, sizeof(nr),
				      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
					      level * bpf_core_type_size(struct upid));
	return nr;
}

/* Of a task whose tgid was read already: each such load is 6 instructions. */
static __always_inline u32 task_tgid_of(struct task_struct *task, u32 tgid)
{
	return learnt.pid_level ? pid_here(task->group_leader) : tgid;
}

static __always_inline u32 task_tgid(struct task_struct *task)
{
	return learnt.pid_level ? pid_here(task_walk(task)->group_leader) : task->tgid;
}

/* What the filter asks of a task, but for the cgroup; when it asks nothing, one test is all that is
 * left. */
static __always_inline bool task_fits(struct task_struct *task)
{
	const u64 *comm = (const u64 *)task->comm;
	const volatile u64 *want = (const volatile u64 *)filter.comm;

	if (!(filter.have & FILTER_TASK))
		return true;
	if (filter.have & FILTER_PID && task_tgid(task) != filter.pid)
		return false;
	if (filter.have & FILTER_UID && task_walk(task)->cred->euid.val != filter.uid)
		return false;
	if (filter.have & FILTER_NETNS && task_walk(task)->nsproxy->net_ns->ns.inum != filter.netns)
		return false;
	if (filter.have & FILTER_COMM && (comm[0] != want[0] || comm[1] != want[1]))
		return false;
	return !(filter.have & FILTER_FOLLOW) || bpf_task_storage_get(&followed, task, 0, 0);
}

/* The same with the cgroup, of the task that runs. */
static __always_inline bool task_passes(struct task_struct *task)
{
	if (!(filter.have & FILTER_TASK)) /* one test for both */
		return true;
	return task_fits(task) && (!(filter.have & FILTER_CGROUP) ||
				   bpf_current_task_under_cgroup(&cgroup_filter, 0) == 1);
}

/* The same, and it is not weir, which knows its id in the initial namespace too. */
static __always_inline bool task_matches(struct task_struct *task)
{
	return task->tgid != filter.self && task_passes(task);
}

/* Its name: 16 bytes, aligned. */
static __always_inline void task_comm(char *to, struct task_struct *task)
{
	const u64 *comm = (const u64 *)task->comm;

	((u64 *)to)[0] = comm[0];
	((u64 *)to)[1] = comm[1];
}

/* The name of its process. */
static __always_inline void task_process(char *to, struct task_struct *task)
{
	task_comm(to, task_walk(task)->group_leader);
}

/* Of a task whose ids were read already. What text shows is all but the thread, the user and the
 * cgroup: without all, these are 0. */
static __always_inline void who_known(struct who *w, struct task_struct *task, u32 tgid, u32 tid,
				      const bool all)
{
	task = task_walk(task);
	if (learnt.pid_level) {
		tgid = pid_here(task->group_leader);
		tid = pid_here(task);
	}
	w->pid = tgid;
	w->netns = task->nsproxy->net_ns->ns.inum;
	task_comm(w->comm, task);
	if (all) {
		w->tid = tid;
		w->uid = task->cred->euid.val;
		w->cgroup = bpf_get_current_cgroup_id();
	} else {
		w->tid = w->uid = 0;
		w->cgroup = 0;
	}
}

static __always_inline void who_fill(struct who *w, struct task_struct *task)
{
	who_known(w, task, task->tgid, task->pid, true);
}

#include "follow.bpf.h" /* the filter asks for the mark, so it is set and passed on, too */

#endif
