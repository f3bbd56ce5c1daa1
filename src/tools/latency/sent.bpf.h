/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir latency: messages that are sent, from the call to the acknowledgment.
 *
 * A message is put into its connection's ring when its call returns, with what had happened to its
 * last byte by then. From there on, the socket is locked where acknowledgments come, but not where
 * a call returns, nor behind a device's queue: places in the ring are taken and given back with
 * atomic operations, and what finds one taken in between leaves it.
 */
#ifndef WEIR_SENT_BPF_H
#define WEIR_SENT_BPF_H

#include "stage.bpf.h"

enum { SENT_FREE, SENT_WAITS, SENT_TAKEN };

struct sent {
	u64 begun; /* its call; 0: not known */
	u64 done;
	u64 queue,
		xmit; /* its last byte: handed to the device's queue, to the device; 0: not yet */
	u32 state;
	u32 end; /* sequence number behind the last byte */
	u32 bytes;
	u32 ifindex; /* the first device: where the byte comes there again, it is sent again */
	u32 again;
	u32 pad;
	struct who who;
};

/* The furthest byte that was seen at a place, for messages whose call has not returned yet. */
struct furthest {
	u64 ts; /* 0: none */
	u32 end;
	u32 ifindex;
};

struct sends {
	struct stage_ends ends;
	struct furthest queue, xmit, acked;
	u32 head, tail; /* never taken modulo */
	struct {
		u64 begun;
		u32 tid, pad;
	} calls[CALLS_MOST];
	struct sent ring[SENT_MOST];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sends);
} sends SEC(".maps");

/* Messages without an end, for the account. */
SEC(".data.unfinished") s64 unfinished;

static __always_inline struct sends *sends_of(struct sock *sk)
{
	struct sends *c = bpf_sk_storage_get(&sends, sk, 0, 0);
	struct sock_id id;

	if (c)
		return c;
	if (filter.have & FILTER_SOCK && !(conn_look(&id, (u64)sk) && conn_matches(&id)))
		return NULL;
	c = sk_value(&sends, sk);
	if (c)
		stage_ends(&c->ends, sk);
	else
		count_lost(LOST_MAP);
	return c;
}

/* The end of a message: its times are told. acked: else it never came. */
static __noinline int sent_tell(struct sends *c, struct sent *m, u64 now, u32 acked)
{
	u64 last = m->xmit ?: m->queue ?: m->done, end = now > m->done ? now : m->done;
	u64 queue = stage_time(m->done, m->queue), qdisc = stage_time(m->queue, m->xmit);
	u64 ack = acked ? stage_time(last, now) : STAGE_UNKNOWN;
	struct latency_rec *r;

	if (!conf.over_ns) {
		if (queue != STAGE_UNKNOWN)
			stage_count(&m->who, &c->ends, STAGE_QUEUE, queue, 1);
		if (qdisc != STAGE_UNKNOWN)
			stage_count(&m->who, &c->ends, STAGE_QDISC, qdisc, 1);
		if (ack != STAGE_UNKNOWN)
			stage_count(&m->who, &c->ends, STAGE_ACK, ack, 1);
		return 0;
	}
	if (end - (m->begun ?: m->done) < conf.over_ns)
		return 0;
	r = stage_rec(&m->who, &c->ends, end);
	if (!r)
		return 0;
	r->s.dur = end - (m->begun ?: m->done);
	r->s.ret = acked ? 0 : -EPIPE;
	r->stage[STAGE_CALL] = stage_time(m->begun, m->done);
	r->stage[STAGE_QUEUE] = queue;
	r->stage[STAGE_QDISC] = qdisc;
	r->stage[STAGE_ACK] = ack;
	r->stage[STAGE_WAIT] = STAGE_UNKNOWN;
	r->bytes = m->bytes;
	r->again = m->again;
	ring_submit(r);
	return 0;
}

struct ending {
	struct sends *c;
	u64 now;
	u32 una; /* acknowledged up to here */
	u32 all; /* and the others never will be */
};

static int sent_one(u32 i, struct ending *e)
{
	struct sends *c = e->c;
	u32 at = c->tail + i;
	struct sent *m = &c->ring[at & (SENT_MOST - 1)];
	bool acked;

	if (at == c->head)
		return 1;
	if (m->state != SENT_WAITS)
		return 0;
	acked = !seq_after(m->end, e->una);
	if (!acked && !e->all)
		return 1;
	if (__sync_val_compare_and_swap(&m->state, SENT_WAITS, SENT_TAKEN) != SENT_WAITS)
		return 0;
	sent_tell(c, m, e->now, acked);
	__sync_fetch_and_add(&unfinished, -1);
	m->state = SENT_FREE;
	return 0;
}

/* The places at the end that are free again. Their number is that of the last one's successor. */
static int sent_free(u32 i, struct sends **at)
{
	struct sends *c = *at;
	u32 tail = c->tail;

	if (tail == c->head || c->ring[tail & (SENT_MOST - 1)].state != SENT_FREE)
		return 1;
	__sync_val_compare_and_swap(&c->tail, tail, tail + 1);
	return 0;
}

static __always_inline void sent_ends(struct sends *c, u32 una, u64 now, bool all)
{
	struct ending e = {.c = c, .now = now, .una = una, .all = all};

	bpf_loop(SENT_MOST, sent_one, &e, 0);
	bpf_loop(SENT_MOST, sent_free, &c, 0);
}

static __always_inline bool sent_any(const struct sends *c)
{
	return c->head != c->tail;
}

/* A segment was acknowledged, or so the packet says that came. */
static __always_inline void sent_acked(struct sock *sk, struct tcp_sock *tp, u32 ack)
{
	struct sends *c;
	u64 now;

	if (seq_after(ack, tp->snd_nxt) || !seq_after(ack, tp->snd_una))
		return;
	c = bpf_sk_storage_get(&sends, sk, 0, 0);
	if (!c)
		return;
	now = bpf_ktime_get_ns();
	c->acked.end = ack;
	c->acked.ts = now;
	if (sent_any(c))
		sent_ends(c, ack, now, false);
}

/* What the socket itself says. all: it says no more. */
static __always_inline void sent_ask(struct sock *sk, struct sends *c, bool all)
{
	if (sent_any(c))
		sent_ends(c, BPF_CORE_READ((struct tcp_sock *)sk, snd_una), bpf_ktime_get_ns(),
			  all);
}

static __always_inline void sent_over(struct sock *sk, bool all)
{
	struct sends *c = bpf_sk_storage_get(&sends, sk, 0, 0);

	if (c)
		sent_ask(sk, c, all);
}

/* A task begins to send. first: else it may have begun before. */
static __always_inline int sent_begin(struct sock *sk, const bool first)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tid = task->pid;
	struct sends *c;

	if (sk->sk_protocol != IPPROTO_TCP || !task_matches(task))
		return 0;
	c = sends_of(sk);
	if (!c)
		return 0;
	for (u32 i = 0; i < CALLS_MOST; i++) {
		u32 had = __sync_val_compare_and_swap(&c->calls[i].tid, 0, tid);

		if (had && had != tid)
			continue;
		if (!had || first)
			c->calls[i].begun = bpf_ktime_get_ns();
		return 0;
	}
	count_lost(LOST_STATE);
	return 0;
}

static __always_inline u64 sent_begun(struct sends *c, u32 tid)
{
	u64 begun;

	for (u32 i = 0; i < CALLS_MOST; i++) {
		if (c->calls[i].tid != tid)
			continue;
		begun = c->calls[i].begun;
		c->calls[i].tid = 0;
		return begun;
	}
	return 0;
}

static __always_inline u64 reached(const struct furthest *f, u32 end)
{
	return f->ts && !seq_after(end, f->end) ? f->ts : 0;
}

/* The message's place; NULL: there is none. */
static __always_inline struct sent *sent_place(struct sends *c)
{
	u32 head = c->head;
	struct sent *m = &c->ring[head & (SENT_MOST - 1)];

	if (head - c->tail >= SENT_MOST ||
	    __sync_val_compare_and_swap(&m->state, SENT_FREE, SENT_TAKEN) != SENT_FREE) {
		count_lost(LOST_MAP);
		return NULL;
	}
	c->head = head + 1;
	return m;
}

/* It is followed from here on. */
static __always_inline void sent_follow(struct sends *c, struct tcp_sock *tp, u64 begun, u64 now,
					u32 bytes, const struct who *who)
{
	struct sent *m = sent_place(c);
	u32 end = tp->write_seq;
	u64 acked;

	if (!m)
		return;
	m->begun = begun;
	m->done = now;
	m->queue = reached(&c->queue, end);
	m->xmit = reached(&c->xmit, end);
	m->end = end;
	m->bytes = bytes;
	m->ifindex = c->queue.ifindex;
	m->again = 0;
	m->who = *who;
	__sync_fetch_and_add(&unfinished, 1);
	__sync_val_compare_and_swap(&m->state, SENT_TAKEN, SENT_WAITS);
	if (seq_after(end, tp->snd_una))
		return;
	acked = reached(&c->acked, end);
	sent_ends(c, end, acked ?: now, false);
}

/* A send call returns. */
static __always_inline int sent_end(struct sock *sk, s32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct who who = {};
	struct tcp_sock *tp;
	struct sends *c;
	u64 now, begun;

	if (sk->sk_protocol != IPPROTO_TCP || !task_matches(task))
		return 0;
	c = sends_of(sk);
	tp = c ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tp)
		return 0;
	now = bpf_ktime_get_ns();
	begun = sent_begun(c, task->pid);
	if (ret <= 0)
		return 0;
	stage_who(&who, task);
	if (begun && !conf.over_ns)
		stage_count(&who, &c->ends, STAGE_CALL, now - begun, 1);
	sent_follow(c, tp, begun, now, ret, &who);
	return 0;
}

static __always_inline void go_further(struct furthest *f, u32 end, u32 ifindex, u64 now,
				       bool again)
{
	if (f->ts && !seq_after(end, f->end) && !(again && end == f->end))
		return;
	f->end = end;
	f->ifindex = ifindex;
	f->ts = now;
}

/* A packet of a connection is at a device's queue, or (xmit) behind it. */
static __always_inline int sent_moves(struct sk_buff *skb, const bool xmit)
{
	struct sock *sk = skb->sk;
	struct segment s;
	struct sends *c;
	u32 ifindex;
	u64 now;

	if (!sk || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	c = bpf_sk_storage_get(&sends, sk, 0, 0);
	if (!c)
		return 0;
	/* No tcp_probe() tells of acknowledgments then. */
	if (!xmit && sk->__sk_common.skc_state != TCP_ESTABLISHED)
		sent_ask(sk, c, false);
	/* The ports are compared as what is sent may be wrapped into something else. */
	if (!segment_look(&s, skb) || s.end == s.seq ||
	    bpf_ntohs(s.sport) != sk->__sk_common.skc_num || s.dport != sk->__sk_common.skc_dport)
		return 0;
	now = bpf_ktime_get_ns();
	ifindex = skb->dev->ifindex;
	if (xmit)
		go_further(&c->xmit, s.end, ifindex, now, true);
	else
		go_further(&c->queue, s.end, ifindex, now, false);
	for (u32 i = 0; i < SENT_MOST; i++) {
		u32 at = c->tail + i;
		struct sent *m = &c->ring[at & (SENT_MOST - 1)];

		if (at == c->head)
			break;
		if (seq_after(m->end, s.end) || !seq_after(m->end, s.seq))
			continue;
		if (xmit) {
			if (!m->again || !m->xmit)
				m->xmit = now;
		} else if (!m->queue) {
			m->queue = now;
			m->ifindex = ifindex;
		} else if (m->ifindex == ifindex) {
			m->again++;
		}
	}
	return 0;
}

#endif
