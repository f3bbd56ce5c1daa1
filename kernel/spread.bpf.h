/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Histograms of times by process, destination or stack (include/spread.h, src/core/spreads.h). */
#ifndef WEIR_SPREAD_BPF_H
#define WEIR_SPREAD_BPF_H

#include "conn.bpf.h"
#include "hist.h"
#include "spread.h"
#include "stack.bpf.h"
#include "tally.bpf.h"

SEC(".rodata.spread") const volatile struct spread_conf spread_conf;

/* The task, and its stack where that is asked for. ctx: the program's. */
static __always_inline void spread_task(void *ctx, struct tally_key *key, struct task_struct *task)
{
	key->pid = task_tgid(task);
	task_process(key->comm, task);
	if (spread_conf.by == BY_STACK)
		key->id = stack_here(ctx, key->pid);
}

/* The end of a connection that was connected to. */
static __always_inline void spread_end(struct tally_key *key, const struct sock_id *id, bool remote)
{
	const u64 *addr = (const u64 *)(remote ? id->raddr : id->laddr);

	key->family = id->family;
	key->port = remote ? id->rport : id->lport;
	((u64 *)key->addr)[0] = addr[0];
	((u64 *)key->addr)[1] = addr[1];
}

static __always_inline void spread_in(struct tally_key *key, const u32 words, u64 v)
{
	struct tally_slot *s = tally_whole(key, words);

	if (!s)
		return;
	s->n[SPREAD_COUNT]++;
	s->n[SPREAD_SUM] += v;
	if (v > s->n[SPREAD_MAX])
		s->n[SPREAD_MAX] = v;
}

/* One time more. */
static __always_inline void spread_add(struct tally_key *key, u32 kind, u64 ns)
{
	u64 us = ns / 1000;

	key->what = SPREAD_WHAT(spread_conf.by, kind);
	key->bucket = hist_slot(us) + 1;
	if (spread_conf.by == BY_DESTINATION)
		spread_in(key, TALLY_WORDS(addr), us);
	else if (spread_conf.by == BY_STACK)
		spread_in(key, TALLY_WORDS(id), us);
	else
		spread_in(key, TALLY_WORDS(bucket), us);
}

#endif
