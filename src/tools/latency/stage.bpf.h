/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir latency: a time is told, as part of a histogram or as a record of its own. */
#ifndef WEIR_STAGE_BPF_H
#define WEIR_STAGE_BPF_H

#include "by.bpf.h"
#include "ring.bpf.h"
#include "sk.bpf.h"
#include "latency.h"

#define IPPROTO_TCP 6
#define EPIPE       32

SEC(".rodata.latency") const volatile struct latency_conf conf;

/* A connection's ends, looked at once. */
struct stage_ends {
	struct sock_id id;
	u64 cookie;
};

static __always_inline void stage_ends(struct stage_ends *e, struct sock *sk)
{
	conn_look(&e->id, (u64)sk);
	e->cookie = bpf_get_socket_cookie(sk);
}

/* The task that runs: histograms show a process, records all of it. */
static __always_inline void stage_who(struct who *w, struct task_struct *task)
{
	if (conf.over_ns) {
		who_fill(w, task);
		return;
	}
	w->pid = task_tgid(task);
	task_process(w->comm, task);
}

/* A time of n messages. Not static: so it is verified once, by itself, and not for each caller. */
__noinline int stage_count(const struct who *w, const struct stage_ends *e, u32 stage, u64 ns,
			   u32 n)
{
	struct tally_key key = {.what = LATENCY_WHAT(by_conf.by, stage)};

	if (!w || !e)
		return 0;
	if (filter.have & FILTER_SLOWER && ns < filter.slower_ns)
		return 0;
	if (by_conf.by & (BY_TASK | BY_CONNECTION)) {
		key.pid = w->pid;
		__builtin_memcpy(key.comm, w->comm, sizeof(key.comm));
	}
	if (by_ends_wanted())
		by_ends(&key, &e->id);
	if (by_conf.by & BY_CONNECTION)
		key.id = e->cookie;
	by_count(&key, ns / 1000, n);
	return 0;
}

/* What has a start and an end, which another CPU may have noted in the other order. */
static __always_inline u64 stage_time(u64 from, u64 to)
{
	if (!from || !to)
		return STAGE_UNKNOWN;
	return to > from ? to - from : 0;
}

/* A record, without its times; submitted by the caller. NULL: it was lost. */
static __always_inline struct latency_rec *stage_rec(const struct who *w,
						     const struct stage_ends *e, u64 ts)
{
	struct latency_rec *r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);

	if (!r) {
		count_lost(LOST_RING);
		return NULL;
	}
	r->s.h =
		(struct rec){.len = sizeof(*r), .type = REC_LATENCY, .fixed = sizeof(*r), .ts = ts};
	r->s.who = *w;
	r->s.sock = e->id;
	r->cookie = e->cookie;
	return r;
}

/* The TCP header of a segment, as far as it is wanted. */
struct segment {
	u32 seq, end; /* end: behind its last byte of data */
	u32 ack;
	u16 sport, dport; /* network order */
};

/* 1; 0 when it cannot be read. */
static __always_inline u32 segment_look(struct segment *s, struct sk_buff *skb)
{
	struct {
		u16 sport, dport;
		u32 seq, ack;
		u8 words, flags;
		u16 window;
	} h;
	u64 head = (u64)skb->head;
	u32 at = skb->transport_header, data = (u64)skb->data - head;

	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)(head + at)))
		return 0;
	s->sport = h.sport;
	s->dport = h.dport;
	s->seq = bpf_ntohl(h.seq);
	s->ack = bpf_ntohl(h.ack);
	s->end = s->seq + skb->len - (at - data) - (h.words >> 4) * 4;
	return 1;
}

/* Sequence numbers go round. */
static __always_inline bool seq_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

#endif
