/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sockstat: one number more for each socket call that ends, and for each message. */
#include "ways.bpf.h"
#include "door.bpf.h"
#include "follow.bpf.h"
#include "probe.bpf.h"
#include "sockstat.h"

_Static_assert(CALL_MAX <= SLOT_DOORS, "calls and doors would share slots");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counts);
} counts SEC(".maps");

/*
 * No atomics: each slot is one program's, and the kernel does not run a program while it runs on
 * the same CPU (it counts that as missed).
 */
static __always_inline int add(u32 slot, s64 ret)
{
	struct counts *c;
	u32 zero = 0;

	c = bpf_map_lookup_elem(&counts, &zero);
	if (c)
		c->n[slot][(u64)ret >> 63]++;
	return 0;
}

static __always_inline int on_call(u32 call, s64 ret)
{
	return task_matches(bpf_get_current_task_btf()) ? add(call & (SLOT_DOORS - 1), ret) : 0;
}

static __always_inline int on_door(u32 door, s64 ret)
{
	return probe_watched(door, bpf_get_current_task_btf()) ? add(SLOT_DOORS + door, ret) : 0;
}

CALL_EXIT_WAYS(on_call)
DOOR_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
