/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Messages through the doors, counted by process and direction. */
#ifndef WEIR_IO_BPF_H
#define WEIR_IO_BPF_H

#include "door.bpf.h"
#include "follow.bpf.h"
#include "io.h"
#include "probe.bpf.h"
#include "sk.bpf.h"
#include "sock.bpf.h"
#include "tally.bpf.h"

/* A function of its own: what it has on the stack is cleared only where there is such a filter. */
static __noinline bool io_matches(struct sock *sk)
{
	struct peer peer = {};
	struct sock_id id = {};

	sk_look(&id, sk);
	return sock_matches(&id, &peer);
}

/* Is this message to be counted? The loader's own test messages are not. tgid: the task's. */
static __always_inline bool io_watched(u32 door, struct task_struct *task, u32 tgid,
				       struct sock *sk)
{
	if (tally_side.everybody)
		return true;
	return probe_watched_of(door, task, tgid) &&
	       (!(filter.have & FILTER_SOCK) || io_matches(sk));
}

static __always_inline void io_count(struct tally_slot *s, s64 ret)
{
	if (ret < 0) {
		s->n[N_FAILED]++;
		return;
	}
	s->n[N_DONE]++;
	s->n[N_BYTES] += ret;
}

#endif
