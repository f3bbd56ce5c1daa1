/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The way out of the kernel half: one ring, and a count of everything that did not fit. */
#ifndef WEIR_RING_BPF_H
#define WEIR_RING_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include "record.h"
#include "shared.h"

/* Size is set by the loader (--ring); the kernel wants a power of two of pages. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counters);
} counters SEC(".maps");

SEC(".data.shared") struct shared shared;

static __always_inline struct counters *count(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* At once: a softirq may come between a load and its store, and count on the same processor. */
static __always_inline void count_lost(enum lost cause)
{
	struct counters *c = count();

	if (c)
		__sync_fetch_and_add(&c->lost[cause], 1);
}

/* A reader that is busy polls the ring by itself: waking it for each record would cost five times
 * as much as the record. */
static __always_inline u64 ring_flags(void)
{
	if (!shared.idle)
		return BPF_RB_NO_WAKEUP;
	shared.idle = 0;
	return BPF_RB_FORCE_WAKEUP;
}

#define EEXIST 17

/*
 * Adds a key to a hash: 0, -EEXIST, or another error. An int, for until d7ba4cc900bf (6.4) the
 * kernel's functions return one, and the upper half of the register is not part of it.
 */
static __always_inline int map_add(void *map, const void *key, const void *value)
{
	return bpf_map_update_elem(map, key, value, BPF_NOEXIST);
}

/* Hands a reserved record over. */
static __always_inline void ring_submit(void *r)
{
	bpf_ringbuf_submit(r, ring_flags());
}

#endif
