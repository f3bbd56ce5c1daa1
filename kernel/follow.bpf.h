/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * -- COMMAND: its children, grandchildren and threads, through fork, exec and exit. The loader
 * marks the first task; the mark is inherited before the child runs for the first time. Comes with
 * task.bpf.h, whose filter asks for the mark.
 */
#ifndef WEIR_FOLLOW_BPF_H
#define WEIR_FOLLOW_BPF_H

#include "ring.bpf.h"
#include "task.bpf.h"

SEC("?tp_btf/sched_process_fork") int follow_fork(u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];

	if (!bpf_task_storage_get(&followed, parent, 0, 0))
		return 0;
	if (!bpf_task_storage_get(&followed, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
		count_lost(LOST_FOLLOW);
		return 0;
	}
	__sync_fetch_and_add(&shared.live, 1);
	return 0;
}

SEC("?tp_btf/sched_process_exit") int follow_exit(u64 *ctx)
{
	if (bpf_task_storage_get(&followed, bpf_get_current_task_btf(), 0, 0))
		__sync_fetch_and_add(&shared.live, -1);
	return 0;
}

#endif
