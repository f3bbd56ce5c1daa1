/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * User stacks: each is told to the user half once, at once, so that it can find the names of the
 * functions while the process lives. From then on it is a number.
 */
#ifndef WEIR_STACK_BPF_H
#define WEIR_STACK_BPF_H

#include "ring.bpf.h"

/* Stacks that were told. One more is counted as lost, and has no names. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} stacks SEC(".maps");

/* The number of the current task's user stack: a hash of it, which is the same number in no two
 * processes. 0: it could not be read. */
static __always_inline u64 stack_here(void *ctx, u32 pid)
{
	struct stack_rec *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	u64 id = pid;
	u8 one = 1;
	int err;

	if (!r) {
		count_lost(LOST_RING);
		return 0;
	}
	if (bpf_get_stack(ctx, r->ip, sizeof(r->ip), BPF_F_USER_STACK) <= 0) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return 0;
	}
	for (u32 i = 0; i < STACK_MAX; i++) /* what it did not fill is 0 */
		id = (id ^ r->ip[i] ^ id >> 29) * 0x9e3779b97f4a7c15ULL;
	err = map_add(&stacks, &id, &one);
	if (err) {
		if (err != -EEXIST)
			count_lost(LOST_MAP);
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		return id;
	}
	r->h = (struct rec){.len = sizeof(*r),
			    .type = REC_STACK,
			    .fixed = sizeof(*r),
			    .ts = bpf_ktime_get_ns()};
	r->pid = pid;
	r->pad = 0;
	r->id = id;
	ring_submit(r);
	return id;
}

#endif
