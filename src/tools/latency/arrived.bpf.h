/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir latency: how long received data waits for its reader. Both ends are at a locked socket, so
 * nothing here meets itself.
 */
#ifndef WEIR_ARRIVED_BPF_H
#define WEIR_ARRIVED_BPF_H

#include "stage.bpf.h"

/* Segments that came in order. Where more wait than there is room for, the last one stands for all
 * that come later: they are counted, with its time. */
struct arrived {
	u64 ts;
	u32 end;
	u32 n;
	u32 bytes;
	u32 pad;
};

struct arrivals {
	struct stage_ends ends;
	u32 head, tail; /* never taken modulo */
	struct arrived ring[ARRIVED_MOST];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct arrivals);
} arrivals SEC(".maps");

static __always_inline struct arrivals *arrivals_of(struct sock *sk)
{
	struct arrivals *a = bpf_sk_storage_get(&arrivals, sk, 0, 0);
	struct sock_id id;

	if (a)
		return a;
	if (filter.have & FILTER_SOCK && !(conn_look(&id, (u64)sk) && conn_matches(&id)))
		return NULL;
	a = sk_value(&arrivals, sk);
	if (a)
		stage_ends(&a->ends, sk);
	else
		count_lost(LOST_MAP);
	return a;
}

static __always_inline int arrived_add(struct sock *sk, struct tcp_sock *tp,
				       const struct segment *s)
{
	u32 next = tp->rcv_nxt;
	struct arrivals *a;
	struct arrived *m;
	bool new = true;

	/* Out of order it cannot be read yet; what fills the gap makes it so. Or it is old. */
	if (seq_after(s->seq, next) || !seq_after(s->end, next))
		return 0;
	a = arrivals_of(sk);
	if (!a)
		return 0;
	m = &a->ring[(a->head - 1) & (ARRIVED_MOST - 1)];
	if (a->head != a->tail) {
		if (seq_after(next, m->end)) /* with the gap that it filled */
			m->end = next;
		/* The one before was dropped after all: here it is again. */
		new = !seq_after(m->end, next);
	}
	if (new && a->head - a->tail == ARRIVED_MOST) {
		m->end = s->end;
		m->n++;
		m->bytes += s->end - next;
		return 0;
	}
	if (new)
		m = &a->ring[a->head++ & (ARRIVED_MOST - 1)];
	m->ts = bpf_ktime_get_ns();
	m->end = s->end;
	m->n = 1;
	m->bytes = s->end - next;
	return 0;
}

struct reading {
	struct arrivals *a;
	u64 now;
	u32 copied;
	u32 silent; /* it is not to be told */
	struct who who;
};

static __always_inline void arrived_tell(struct reading *r, const struct arrived *m, u64 ns)
{
	struct latency_rec *rec = stage_rec(&r->who, &r->a->ends, r->now);

	if (!rec)
		return;
	rec->s.dur = ns;
	rec->s.ret = 0;
	for (u32 i = 0; i < STAGES; i++)
		rec->stage[i] = i == STAGE_WAIT ? ns : STAGE_UNKNOWN;
	rec->bytes = m->bytes;
	rec->again = 0;
	ring_submit(rec);
}

static int arrived_one(u32 i, struct reading *r)
{
	struct arrivals *a = r->a;
	struct arrived *m = &a->ring[a->tail & (ARRIVED_MOST - 1)];
	u64 ns;

	if (a->tail == a->head || seq_after(m->end, r->copied))
		return 1;
	a->tail++;
	if (r->silent)
		return 0;
	ns = stage_time(m->ts, r->now);
	if (!conf.over_ns)
		stage_count(&r->who, &a->ends, STAGE_WAIT, ns, m->n);
	else if (ns >= conf.over_ns)
		arrived_tell(r, m, ns);
	return 0;
}

static __always_inline int arrived_read(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct reading r = {.a = bpf_sk_storage_get(&arrivals, sk, 0, 0)};
	struct tcp_sock *tp;

	if (!r.a || r.a->head == r.a->tail)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	r.copied = tp->copied_seq;
	r.now = bpf_ktime_get_ns();
	if (!sk->sk_lock.owned) /* a softirq reads for the kernel (TLS, BPF): for whom? */
		r.silent = (filter.have & FILTER_TASK) != 0;
	else if (task_matches(task))
		stage_who(&r.who, task);
	else
		r.silent = 1;
	bpf_loop(ARRIVED_MOST, arrived_one, &r, 0);
	return 0;
}

#endif
