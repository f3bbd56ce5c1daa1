/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What the programs at system calls do not see: 32-bit calls, and io_uring. That a task in scope
 * does such things is noticed where they begin (exec, io_uring_setup), and for tasks that began
 * before weir by one look at all of them: no system call costs anything more.
 */
#ifndef WEIR_NOTICE_BPF_H
#define WEIR_NOTICE_BPF_H

#include <bpf/bpf_core_read.h>
#include "ring.bpf.h"
#include "task.bpf.h"

/*
 * All is read with BPF_CORE_READ here. These programs run rarely, and to load them is what they
 * cost: for each pointer that is taken from a task by a plain load, the verifiers of 6.2 to 6.18
 * look through all of the kernel's type names, three times (type_is_rcu(), type_is_trusted()),
 * which takes a millisecond.
 */
static __always_inline void who_read(struct who *w, struct task_struct *task)
{
	w->pid = BPF_CORE_READ(task, tgid);
	w->tid = BPF_CORE_READ(task, pid);
	if (learnt.pid_level) {
		w->pid = pid_here(BPF_CORE_READ(task, group_leader));
		w->tid = pid_here(task);
	}
	w->uid = BPF_CORE_READ(task, cred, euid.val);
	w->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	w->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_core_read(w->comm, sizeof(w->comm), &task->comm);
}

#define CGROUP_DEPTH 64 /* levels of cgroups that are looked through */

/* Once a run, unless the ring is full: then it is told of the next. */
static __noinline void notice(struct task_struct *task, u32 what)
{
	struct notice_rec *r;

	if (shared.notices & what)
		return;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r)
		return;
	shared.notices |= what;
	r->h = (struct rec){.len = sizeof(*r),
			    .type = REC_NOTICE,
			    .fixed = sizeof(*r),
			    .ts = bpf_ktime_get_ns()};
	who_read(&r->who, task);
	r->what = what;
	r->pad = 0;
	ring_submit(r);
}

/* Of a 32-bit program, x32 included, all memory lies below 4 GiB. This the kernel keeps as a number
 * (setup_new_exec()); the bits that tell the same differ by architecture and have moved in 6.18. */
static __always_inline bool is_narrow(struct task_struct *task)
{
	u64 size = BPF_CORE_READ(task, mm, task_size);

	return size && size <= 1ULL << 32; /* kernel threads have no memory of their own */
}

SEC("?raw_tp/sched_process_exec") int notice_exec(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (is_narrow(task) && task_matches(task))
		notice(task, NOTICE_COMPAT);
	return 0;
}

SEC("?raw_tp/io_uring_create") int notice_io_uring(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task_matches(task))
		notice(task, NOTICE_IO_URING);
	return 0;
}

/* Of any task; bpf_current_task_under_cgroup() tells it of the one that runs. */
static __always_inline bool in_cgroup(struct task_struct *task)
{
	struct cgroup *cgrp = BPF_CORE_READ(task, cgroups, dfl_cgrp), *up = NULL;
	struct cgroup___ids *old = (void *)cgrp;
	u32 level = BPF_CORE_READ(cgrp, level);
	u64 id = 0;

	for (u32 i = 0; i < CGROUP_DEPTH && i <= level && id != filter.cgroup; i++) {
		if (bpf_core_field_exists(cgrp->ancestors)) {
			bpf_probe_read_kernel(
				&up, sizeof(up),
				(void *)cgrp + bpf_core_field_offset(cgrp->ancestors) + i * 8);
			id = BPF_CORE_READ(up, kn, id);
		} else {
			bpf_probe_read_kernel(
				&id, sizeof(id),
				(void *)cgrp + bpf_core_field_offset(old->ancestor_ids) + i * 8);
		}
	}
	return id == filter.cgroup;
}

/* Of each task that began before: the loader reads through this once, when the others are attached.
 */
SEC("?iter/task") int notice_scan(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task || task->tgid == filter.self || !task_fits(task))
		return 0;
	if (filter.have & FILTER_CGROUP && !in_cgroup(task))
		return 0;
	if (is_narrow(task))
		notice(task, NOTICE_COMPAT);
	if (bpf_core_field_exists(task->io_uring) && BPF_CORE_READ(task, io_uring))
		notice(task, NOTICE_IO_URING);
	return 0;
}

#endif
