/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The way out for records that are many and short: see include/lane.h. */
#ifndef WEIR_LANE_BPF_H
#define WEIR_LANE_BPF_H

#include "ring.bpf.h"
#include "lane.h"

SEC(".rodata.lanes") const volatile struct lanes_conf lanes_conf;

/* The loader sets how many and how long they are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, LANES);
	__type(key, u32);
	__type(value, struct lane);
} lanes SEC(".maps");

/* A place for len bytes, a multiple of 8, in the processor's lane, or in one that has room and of
 * which nobody else takes some at this moment; NULL when there is none. */
static __always_inline u8 *lane_reserve(u32 len)
{
	u32 key = bpf_get_smp_processor_id() & lanes_conf.own, mask = lanes_conf.mask;

	for (u32 i = 0; i < LANES; i++) { /* where they are fewer, more than once */
		struct lane *l = bpf_map_lookup_elem(&lanes, &key);
		u64 at;

		if (!l)
			return NULL;
		at = *(volatile u64 *)&l->produced;
		if (at + len - *(volatile u64 *)&l->consumed <= (u64)mask + 1 &&
		    __sync_val_compare_and_swap(&l->produced, at, at + len) == at)
			return l->data + (at & mask);
		key = (key + 1) % lanes_conf.count;
	}
	return NULL;
}

/* The rest of a record is there: now its first word, which all of head but the time is. */
static __always_inline void lane_commit(void *to, struct rec head)
{
	u64 first = head.len | (u64)head.type << 32 | (u64)head.fixed << 48;

#if defined(__TARGET_ARCH_x86)
	barrier();
	*(volatile u64 *)to = first; /* stores are seen in their order */
#else
	__sync_lock_test_and_set((u64 *)to, first);
#endif
}

/* A reader that sleeps is woken through the kernel's ring, by nothing. */
static __always_inline void lane_wake(void)
{
	void *none;

	if (!shared.idle)
		return;
	shared.idle = 0;
	none = bpf_ringbuf_reserve(&ring, 8, 0);
	if (none)
		bpf_ringbuf_discard(none, BPF_RB_FORCE_WAKEUP);
}

/* Copies a record that was made elsewhere, most is the room that it stands in; from is read up to
 * the next multiple of 8. Not 0 when the lanes are full. */
static __always_inline int lane_output(const struct rec *from, u32 len, const u32 most)
{
	u32 room = (len + 7) & ~7u, rest;
	u8 *to;

	if (room < sizeof(*from) || room > most)
		return 1;
	to = lane_reserve(room);
	if (!to)
		return 1;
	rest = room - 8;
	barrier_var(rest);
	if (rest <= most - 8)
		bpf_probe_read_kernel(to + 8, rest, (u8 *)from + 8);
	lane_commit(to, *from);
	lane_wake();
	return 0;
}

#endif
