/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The connection table: what is known of each TCP connection, and whose it is. It is kept in the
 * socket's own storage, which goes with the socket: nothing grows, and what one socket had no other
 * can get. Counters are the kernel's own, read when the state changes, at the end, and by an
 * iterator: no message costs anything.
 *
 * Who: a program at a state change runs in the name of the task that owns the socket only when the
 * socket is locked by a task (sk_lock.owned). In a softirq it is not, whoever runs there: packets
 * for a locked socket wait in its backlog (tcp_v4_rcv()), which the locking task works off.
 *
 * conn_state_of() in table_state.bpf.h tells what is known of a socket, conn_fill() makes a record
 * of it. What keeps it up to date is in table_watch.bpf.h, iterators in table_iter.bpf.h.
 */
#ifndef WEIR_TABLE_BPF_H
#define WEIR_TABLE_BPF_H

#include "conn.bpf.h"
#include "notice.bpf.h"
#include "table_drops.bpf.h"
#include "table_state.bpf.h"

/* include/net/tcp_states.h, ABI; the others are in conn.bpf.h and packet.bpf.h */
enum {
	TCP_FIN_WAIT1 = 4,
	TCP_FIN_WAIT2 = 5,
	TCP_CLOSE_WAIT = 8,
	TCP_LAST_ACK = 9,
	TCP_CLOSING = 11,
};
#define SOCK_DONE     1 /* bit of skc_flags: a FIN has come (tcp_fin()); include/net/sock.h */
#define IPPROTO_MPTCP 262

static __always_inline bool conn_owner_passes(struct task_struct *task)
{
	return !(filter.have & FILTER_OWNER) || task_passes(task);
}

/* Is the task that runs at this socket for itself? */
static __always_inline bool conn_in_task(struct sock *sk)
{
	struct task_struct *task;

	if (!sk->sk_lock.owned)
		return false;
	task = bpf_get_current_task_btf();
	return !(task->flags & PF_KTHREAD) && task->tgid != filter.self;
}

/* The task that runs has the socket, and is its owner when none is known. */
__noinline int conn_used(struct conn_state *s)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!s)
		return 0;
	if (!(s->flags & CONN_OWNED)) {
		who_fill(&s->who, task);
		s->passes = conn_owner_passes(task);
		s->flags |= CONN_OWNED;
	} else if (s->who.pid != task_tgid(task)) {
		who_fill(&s->user, task);
		s->flags |= CONN_USED;
	}
	return 0;
}

/* A path of MPTCP that was accepted is the socket's of the whole (mptcp_sock_graft()): it is whose
 * that is. Called with the path locked, which keeps the whole. */
static __always_inline void conn_adopt(struct sock *sk, struct conn_state *s)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct conn_state *all;
	struct socket *whole;
	struct sock *up;

	if (s->flags & CONN_OWNED || !bpf_core_field_exists(tp->is_mptcp))
		return;
	whole = sk->sk_socket; /* not of sk_walk(): a helper looks at up */
	up = whole ? whole->sk : NULL;
	if (!up || up->sk_protocol != IPPROTO_MPTCP)
		return;
	all = conn_state_of(up);
	if (!all || !(all->flags & CONN_OWNED))
		return;
	s->who = all->who;
	s->passes = all->passes;
	s->flags |= CONN_OWNED;
}

/* Do the filters that ask who want it? NULL: nothing is known of it. */
static __always_inline bool conn_wanted(const struct conn_state *s)
{
	return !(filter.have & FILTER_OWNER) || (s && s->flags & CONN_OWNED && s->passes);
}

/* -errno: of the end; until then what the socket has to tell, as SO_ERROR does. */
static __always_inline s32 conn_error(struct sock *sk, const struct conn_state *s)
{
	return s && s->err ? s->err : -(sk->sk_err ?: sk->sk_err_soft);
}

/* --failed and --slower: the connection's error, and how long it is. */
static __always_inline bool conn_result_fits(const struct conn_state *s, s32 err, u64 now)
{
	if (filter.have & FILTER_FAILED && !err)
		return false;
	return !(filter.have & FILTER_SLOWER) || (s && now - s->seen >= filter.slower_ns);
}

/* An address of IPv4 in one of IPv6, ::ffff:1.2.3.4 */
static __always_inline bool conn_mapped(const u8 *addr)
{
	const u32 *a = (const u32 *)addr;

	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

/* The end of a socket as id has it. sk: one that the verifier knows. */
static __always_inline void conn_ends(struct sock_id *id, struct sock *sk)
{
	u64 *laddr = (u64 *)id->laddr, *raddr = (u64 *)id->raddr;

	id->flags = SOCK_ID_VALID;
	id->family = sk->__sk_common.skc_family;
	id->lport = sk->__sk_common.skc_num;
	id->rport = bpf_ntohs(sk->__sk_common.skc_dport);
	if (id->family == AF_INET6) {
		bpf_core_read(laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(raddr, 16, &sk->__sk_common.skc_v6_daddr);
		if (conn_mapped(id->laddr)) {
			id->family = AF_INET;
			laddr[0] = laddr[1] >> 32;
			raddr[0] = raddr[1] >> 32;
			laddr[1] = raddr[1] = 0;
		}
	} else {
		laddr[0] = sk->__sk_common.skc_rcv_saddr;
		raddr[0] = sk->__sk_common.skc_daddr;
		laddr[1] = raddr[1] = 0;
	}
	id->pad = 0;
	id->ino = 0;
}

static __always_inline void conn_ports(struct sock_id *id)
{
	if (id->lport)
		id->flags |= SOCK_ID_BOUND;
	if (id->rport)
		id->flags |= SOCK_ID_PEER;
}

static __always_inline bool conn_state_in(u32 state, u32 set)
{
	return 1u << state & set;
}
#define FIN_SENT                                                                                   \
	(1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSING | 1u << TCP_LAST_ACK)

/*
 * Bytes that were acknowledged, of bytes_acked, which counts FIN, and SYN where this side sent it
 * (tcp_snd_una_update()). The FIN is the last that is sent: it has its acknowledgment when nothing
 * is left without. Where it is not known who opened the connection, bytes_sent says whether the SYN
 * is in: it has neither.
 */
static __always_inline u64 conn_acked(struct tcp_sock *tp, u32 *flags, u32 state)
{
	u32 fin = conn_state_in(state, FIN_SENT);
	u32 done = fin && tp->snd_una == tp->write_seq;
	u64 acked = tp->bytes_acked - done;
	u64 data;

	if (*flags & CONN_ACTIVE)
		return acked ? acked - 1 : 0;
	if (*flags & CONN_PASSIVE || state == TCP_LISTEN || state == TCP_CLOSE)
		return acked;
	if (!acked) /* not even a SYN */
		*flags |= state == TCP_SYN_SENT ? CONN_ACTIVE : CONN_PASSIVE;
	if (!acked)
		return 0;
	data = tp->bytes_sent - tp->bytes_retrans -
	       (tp->snd_nxt - tp->snd_una - (fin && !done && tp->snd_nxt == tp->write_seq));
	*flags |= acked == data + 1 ? CONN_ACTIVE : acked == data ? CONN_PASSIVE : 0;
	return *flags & CONN_ACTIVE ? acked - 1 : acked;
}

/* state: that of the connection, or the one before it ended. */
static __noinline int conn_count(struct conn_counts *c, struct tcp_sock *tp, u32 *flags, u32 state)
{
	struct sock *sk = (struct sock *)tp;
	u32 rate = tp->rate_delivered, us = tp->rate_interval_us;

	c->tx = conn_acked(tp, flags, state);
	c->rx = tp->bytes_received;
	if (c->rx && sk->__sk_common.skc_flags & 1 << SOCK_DONE)
		c->rx--;
	c->sent = tp->bytes_sent;
	c->retrans_bytes = tp->bytes_retrans;
	c->segs_out = tp->segs_out;
	c->segs_in = tp->segs_in;
	c->data_segs_out = tp->data_segs_out;
	c->data_segs_in = tp->data_segs_in;
	c->retrans = tp->total_retrans;
	c->lost = tp->lost;
	c->reordering = tp->reordering;
	c->rtt_us = tp->srtt_us >> 3;
	c->rttvar_us = tp->mdev_us >> 2;
	c->min_rtt_us = tp->rtt_min.s[0].v;
	if (c->min_rtt_us == MIN_RTT_NONE)
		c->min_rtt_us = 0;
	c->cwnd = tp->snd_cwnd;
	c->ssthresh = tp->snd_ssthresh;
	c->mss = tp->mss_cache;
	c->pad = 0;
	c->rate = rate && us ? (u64)rate * c->mss * 1000000 / us : 0;
	return 0;
}

static __always_inline u32 conn_netns(struct sock *sk)
{
	return sk_walk(sk)->__sk_common.skc_net.net->ns.inum;
}

/* Packets that the socket dropped; UDP counts in a place of its own since 6.18. */
static __always_inline u32 conn_drops(struct sock *sk)
{
	u32 n = sk->sk_drops.counter;

	if (bpf_core_field_exists(sk->sk_drop_counters)) {
		struct numa_drop_counters *all = sk->sk_drop_counters;

		if (all)
			n += all->drops0.counter + all->drops1.counter;
	}
	return n;
}

/* What is in the socket's queues, as ss tells it (tcp_diag_get_info()). */
static __always_inline void conn_queues(struct conn_rec *r, struct tcp_sock *tp, u32 state)
{
	struct sock *sk = (struct sock *)tp;
	s32 unread;

	r->send_limit = sk->sk_sndbuf;
	r->recv_limit = sk->sk_rcvbuf;
	if (state == TCP_LISTEN) {
		r->send_queue = tp->inet_conn.icsk_accept_queue.qlen.counter;
		r->recv_queue = sk->sk_ack_backlog;
		r->recv_limit = sk->sk_max_ack_backlog;
		return;
	}
	unread = tp->rcv_nxt - tp->copied_seq;
	r->send_queue = tp->write_seq - tp->snd_una;
	r->recv_queue = unread > 0 ? unread : 0;
}

/* All but the counters; s: NULL where nothing is known of the socket. */
static __always_inline void conn_known(struct conn_rec *r, const struct conn_state *s)
{
	u64 *user = (u64 *)&r->user, *who = (u64 *)&r->s.who;

	if (!s || !(s->flags & CONN_OWNED))
		for (u32 i = 0; i < sizeof(struct who) / 8; i++)
			who[i] = 0;
	else
		r->s.who = s->who;
	if (!s || !(s->flags & CONN_USED))
		for (u32 i = 0; i < sizeof(struct who) / 8; i++)
			user[i] = 0;
	else
		r->user = s->user;
	r->flags = s ? s->flags : CONN_BEFORE;
	r->opened = s ? s->opened : 0;
	r->connect_ns = s ? s->connect_ns : CONNECT_UNKNOWN;
	r->s.dur = s && s->seen ? r->s.h.ts - s->seen : 0;
	r->s.ret = s ? s->err : 0;
	r->dtx = r->drx = r->interval_ns = r->last = 0;
}

/*
 * Fills a record of a TCP socket but for its counters. state: its state; at its end the one before,
 * which tells what the counters have in them. now: when that is.
 */
static __noinline int conn_fill(struct conn_rec *r, struct tcp_sock *tp, const struct conn_state *s,
				u32 state, u64 now)
{
	struct sock *sk = (struct sock *)tp;

	r->s.h = (struct rec){.len = sizeof(*r), .type = REC_CONN, .fixed = sizeof(*r), .ts = now};
	conn_known(r, s);
	conn_ends(&r->s.sock, sk);
	if (!r->s.sock.lport) /* cleared when it is closed */
		r->s.sock.lport = bpf_ntohs(((struct inet_sock *)sk)->inet_sport);
	conn_ports(&r->s.sock);
	r->s.sock.type = SOCK_STREAM;
	r->s.sock.protocol = PROTO_TCP;
	r->s.sock.state = state;
	if (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp)
		r->flags |= CONN_MPTCP;
	r->cookie = bpf_get_socket_cookie(tp);
	r->netns = conn_netns(sk);
	r->drops = conn_drops(sk);
	dropped_fill(r);
	conn_queues(r, tp, state);
	return 0;
}

/* Its counters, as they are now, into a record that conn_fill() has made. */
static __always_inline void conn_fill_counts(struct conn_rec *r, struct tcp_sock *tp, u32 state)
{
	r->flags |= CONN_COUNTERS;
	conn_count(&r->c, tp, &r->flags, state);
}

static __always_inline bool conn_in_netns(struct sock *sk)
{
	return !(filter.have & FILTER_NETNS) || conn_netns(sk) == filter.netns;
}

/* Do the filters that look at the socket want it? */
static __always_inline bool conn_fits(struct sock *sk)
{
	struct sock_id id;

	if (!conn_in_netns(sk))
		return false;
	if (!(filter.have & FILTER_SOCK))
		return true;
	conn_ends(&id, sk);
	if (!id.lport)
		id.lport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	return conn_matches(&id);
}

/* Sends a record of what a connection is now. */
static __noinline int conn_send(struct sock *sk, struct conn_state *s, u32 event, u32 state,
				u64 now)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct conn_rec *r;

	if (!tp || !conn_fits(sk) || !conn_result_fits(s, s->err, now))
		return 0;
	if (!conn_wanted(s)) {
		if (event == CONN_CLOSED && !(s->flags & CONN_OWNED))
			count_lost(LOST_OWNER);
		return 0;
	}
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(LOST_RING);
		return 0;
	}
	conn_fill(r, tp, s, state, now);
	if (event == CONN_CLOSED)
		conn_fill_counts(r, tp, state);
	else /* on the way they tell next to nothing */
		__builtin_memset(&r->c, 0, sizeof(r->c));
	r->event = event;
	if (event == CONN_CLOSED && s->based) {
		r->dtx = r->c.tx - s->tx;
		r->drx = r->c.rx - s->rx;
	}
	ring_submit(r);
	return 0;
}

#endif
