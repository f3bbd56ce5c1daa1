/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Probes beside system calls (src/core/probes.h). */
#ifndef WEIR_PROBE_BPF_H
#define WEIR_PROBE_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include "probe.h"
#include "task.bpf.h"

SEC(".data.proof") struct proof proof;

/* Is the task that runs to be watched, whose tgid is that one? Where weir itself runs: proof for
 * the loader, no event. */
static __always_inline bool probe_watched_of(u32 id, struct task_struct *task, u32 tgid)
{
	if (tgid == filter.self) {
		__sync_fetch_and_add(&proof.seen[id], 1);
		return false;
	}
	return task_passes(task);
}

static __always_inline bool probe_watched(u32 id, struct task_struct *task)
{
	return probe_watched_of(id, task, task->tgid);
}

#endif
