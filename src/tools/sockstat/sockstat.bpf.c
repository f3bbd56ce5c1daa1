/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sockstat: one number more for each socket call that ends, and for each message. */
#include "ways.bpf.h"
#include "door.bpf.h"
#include "probe.bpf.h"
#include "tally.bpf.h"
#include "sockstat.h"

_Static_assert(CALL_MAX <= WHAT_DOORS, "calls and doors would be counted as one");

SEC(".rodata.sockstat") const volatile struct sockstat_conf conf;

static __always_inline int add(struct task_struct *task, u32 what, s64 ret)
{
	struct tally_key key = {};
	struct tally_slot *s;

	key.what = what;
	if (conf.by == BY_PROCESS) {
		key.pid = task_tgid(task);
		task_comm(key.comm, task);
		s = tally_find(&key, TALLY_WORDS(comm));
	} else if (conf.by == BY_CGROUP) {
		key.id = task->cgroups->dfl_cgrp->kn->id;
		s = tally_find(&key, TALLY_WORDS(id));
	} else {
		s = tally_at(what);
	}
	if (s)
		s->n[(u64)ret >> 63]++;
	return 0;
}

static __always_inline int on_call(u32 call, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task_matches(task) ? add(task, call & (WHAT_DOORS - 1), ret) : 0;
}

static __always_inline int on_door(u32 door, struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return probe_watched(door, task) ? add(task, WHAT_DOORS + door, ret) : 0;
}

CALL_EXIT_WAYS(on_call)
DOOR_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
