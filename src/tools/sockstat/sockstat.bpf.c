/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sockstat: one number more for each socket call that ends, and for each message. */
#include "ways.bpf.h"
#include "door.bpf.h"
#include "probe.bpf.h"
#include "tally.bpf.h"
#include "sockstat.h"

_Static_assert(CALL_MAX <= WHAT_DOORS, "calls and doors would be counted as one");

SEC(".rodata.sockstat") const volatile struct sockstat_conf conf;

static __always_inline struct tally_slot *slot_of_process(struct task_struct *task, u32 what)
{
	TALLY_KEY(key, bucket);
	struct tally_slot *s;

	(void)key;
	*key_words = tally_first(task_tgid(task), what);
	s = TALLY_FIND(key, bucket);
	if (s)
		return s;
	s = TALLY_SEARCH(key, bucket);
	if (s && !s->key.comm[0])
		task_process(s->key.comm, task);
	return s;
}

static __always_inline struct tally_slot *slot_of_cgroup(struct task_struct *task, u32 what)
{
	TALLY_KEY(key, id);
	struct tally_slot *s;

	key->what = what;
	key->id = task->cgroups->dfl_cgrp->kn->id;
	s = TALLY_FIND(key, id);
	return s ? s : TALLY_SEARCH(key, id);
}

static __always_inline int add(struct task_struct *task, u32 what, s64 ret)
{
	struct tally_slot *s = conf.by == BY_CALL      ? tally_at(what)
			       : conf.by == BY_PROCESS ? slot_of_process(task, what)
						       : slot_of_cgroup(task, what);

	if (s)
		s->n[(u64)ret >> 63]++;
	return 0;
}

static __always_inline int on_call(u32 call, struct pt_regs *regs, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task_matches(task) ? add(task, call & (WHAT_DOORS - 1), ret) : 0;
}

static __noinline int door_of_task(u32 door, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return probe_watched(door, task) ? add(task, WHAT_DOORS + door, ret) : 0;
}

/* Where nobody asks whose message it is, it need not be known: that is a third of the work. */
static __always_inline int on_door(u32 door, struct sock *sk, s64 ret)
{
	(void)sk;
	if (!tally_side.everybody)
		return door_of_task(door, ret);
	tally_one(WHAT_DOORS + door, (u32)ret >> 31); /* the bits that a message's result has */
	return 0;
}

CALL_EXIT_WAYS(on_call)
DOOR_WAYS(on_door)
DOOR_ENTRY_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
