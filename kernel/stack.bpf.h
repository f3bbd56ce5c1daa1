/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * User stacks: each is told to the user half once, at once, so that it can find the names of the
 * functions while the process lives. From then on it is a number.
 */
#ifndef WEIR_STACK_BPF_H
#define WEIR_STACK_BPF_H

#include "mix.bpf.h"
#include "ring.bpf.h"

/* Stacks that were told. One more is counted as lost, and has no names. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} stacks SEC(".maps");

/* Where a stack is made: not in the ring, where what is discarded takes its place until the reader
 * comes by, for whom there is nothing. The kernel does not run a program while it runs on the CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct stack_rec);
} stack_made SEC(".maps");

/* The number of the current task's user stack: a hash of it, which is the same number in no two
 * processes. 0: it could not be read. For one program of an object. */
static __always_inline u64 stack_here(void *ctx, u32 pid)
{
	u64 id = pid;
	u32 zero = 0;
	u8 one = 1;
	struct stack_rec *r = bpf_map_lookup_elem(&stack_made, &zero);
	int err;

	if (!r || bpf_get_stack(ctx, r->ip, sizeof(r->ip), BPF_F_USER_STACK) <= 0)
		return 0;
	for (u32 i = 0; i < STACK_MAX; i++) /* what it did not fill is 0 */
		id = mix(id, r->ip[i]);
	err = map_add(&stacks, &id, &one);
	if (err && err != -EEXIST)
		count_lost(LOST_MAP);
	if (err)
		return id;
	r->h = (struct rec){.len = sizeof(*r),
			    .type = REC_STACK,
			    .fixed = sizeof(*r),
			    .ts = bpf_ktime_get_ns()};
	r->pid = pid;
	r->kernel = 0;
	r->id = id;
	if (bpf_ringbuf_output(&ring, r, sizeof(*r), ring_flags()))
		count_lost(LOST_RING);
	return id;
}

#endif
