/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Entry and exit of system calls, joined: what the entry leaves for the exit, and the programs of
 * every way (ways.bpf.h) for both.
 */
#ifndef WEIR_CALL_BPF_H
#define WEIR_CALL_BPF_H

#include "ways.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, STATES);
	__type(key, u32);
	__type(value, struct call_state);
} states SEC(".maps");

static __always_inline struct call_state *state_at(u32 place)
{
	place &= STATES - 1;
	return bpf_map_lookup_elem(&states, &place);
}

/*
 * The places after a task's first, for the few tasks that find it taken: looked at in functions
 * that are global, so that the verifier looks at them once. Both tell how far the place is from the
 * first, 0 for none.
 */
struct state_search {
	u32 tid, next;
};

static __always_inline u32 state_search(u32 tid, long (*step)(u32, struct state_search *))
{
	struct state_search s = {.tid = tid};

	bpf_loop(STATE_PROBES - 1, step, &s, 0);
	return s.next;
}

static long state_claim_step(u32 i, struct state_search *s)
{
	struct call_state *st = state_at(s->tid + i + 1), *home = state_at(s->tid);

	if (!st || !home)
		return 1;
	if (st->owner != s->tid) {
		if (st->owner || __sync_val_compare_and_swap(&st->owner, 0, s->tid))
			return 0;
		st->moved = i + 1;
		__sync_fetch_and_add(&home->away, 1);
	}
	s->next = i + 1;
	return 1;
}

__noinline u32 state_claim_next(u32 tid)
{
	return state_search(tid, state_claim_step);
}

static long state_find_step(u32 i, struct state_search *s)
{
	struct call_state *st = state_at(s->tid + i + 1);

	if (!st || st->owner != s->tid)
		return 0;
	s->next = i + 1;
	return 1;
}

__noinline u32 state_find_next(u32 tid)
{
	return state_search(tid, state_find_step);
}

/* A place for a task's call; NULL when all of its places are taken. */
static __always_inline struct call_state *state_claim(u32 tid)
{
	struct call_state *st = state_at(tid);
	u32 next;

	if (!st || st->owner == tid)
		return st;
	if (!st->owner && !__sync_val_compare_and_swap(&st->owner, 0, tid)) {
		st->moved = 0;
		return st;
	}
	next = state_claim_next(tid);
	return next ? state_at(tid + next) : NULL;
}

/* The state that a task's call has, NULL when none. */
static __always_inline struct call_state *state_find(u32 tid)
{
	struct call_state *home = state_at(tid);
	u32 next;

	if (!home || home->owner == tid)
		return home;
	next = home->away ? state_find_next(tid) : 0;
	return next ? state_at(tid + next) : NULL;
}

static __always_inline void state_free(struct call_state *st)
{
	struct call_state *home = st->moved ? state_at(st->owner) : NULL;

	if (home)
		__sync_fetch_and_add(&home->away, -1);
	st->owner = 0;
}

/* The call's state if this entry is to be watched, else NULL. Starts its clock. */
static __always_inline struct call_state *call_enter(u32 call, struct task_struct *task)
{
	u32 tgid = task->tgid;
	struct call_state *st;

	if (tgid == filter.self || !task_passes(task))
		return NULL;
	st = state_claim(task->pid);
	if (!st) {
		count_lost(LOST_STATE);
		return NULL;
	}
	st->rec.call = call;
	st->rec.who.pid = tgid;
	st->rec.h.ts = bpf_ktime_get_ns();
	return st;
}

/* The state that call_enter() left, or NULL when this call's entry was not watched. It is to be
 * given back with state_free(). */
static __always_inline struct call_state *call_exit(u32 call, struct task_struct *task)
{
	struct call_state *st = state_find(task->pid);

	if (!st || st->rec.call == call)
		return st;
	state_free(st); /* a call whose exit the kernel skipped */
	return NULL;
}

/* A task that is killed in a call never leaves it. */
SEC("?tp_btf/sched_process_exit") int state_exit(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_state *st = state_find(task->pid);

	if (st)
		state_free(st);
	return 0;
}

/* The programs of every way at the entry and at the exit: enter(call), leave(call, regs, ret).
 */
#define CALL_ENTER_FENTRY(name, fn, ...)                                                           \
	SEC("?fentry/" CALL_SYMBOL(fn)) int enter_##name(u64 *ctx)                                 \
	{                                                                                          \
		return call_enter_(CALL_##name);                                                   \
	}
#define CALL_WAYS(enter, leave) CALL_WAYS_OF(CALLS, enter, leave)
#define CALL_WAYS_OF(list, enter, leave)                                                           \
	CALL_EXIT_WAYS_OF(list, leave)                                                             \
	static __always_inline int call_enter_(u32 call)                                           \
	{                                                                                          \
		return enter(call);                                                                \
	}                                                                                          \
	list(CALL_ENTER_FENTRY) SEC("?tracepoint") int call_enter_tp(struct sys_enter_ctx *ctx)    \
	{                                                                                          \
		u32 call = call_of(ctx->nr);                                                       \
		return call ? enter(call) : 0;                                                     \
	}                                                                                          \
	SEC("?raw_tp") int call_enter_raw(u64 *ctx)                                                \
	{                                                                                          \
		u32 call = call_of_raw(ctx[1], bpf_get_current_task_btf());                        \
		return call ? enter(call) : 0;                                                     \
	}

#endif
