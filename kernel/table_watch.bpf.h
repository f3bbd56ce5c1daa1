/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What keeps the connection table up to date: changes of state, accepts, and the end of sockets. */
#ifndef WEIR_TABLE_WATCH_BPF_H
#define WEIR_TABLE_WATCH_BPF_H

#include "regs.bpf.h"
#include "table.bpf.h"

/*
 * What has storage of its own leaves nothing behind by which a missed end would be found out: of
 * those whose end is to be told it is counted how many began, and how many ends were heard of.
 */
SEC(".data.kept") struct {
	u64 begun, ended, alive; /* alive: at the end of the run, by conn_left_kept() */
} conn_kept;

static __always_inline void conn_expect(struct conn_state *s)
{
	if (s->sk || s->kept || !conn_is_left(s))
		return;
	s->kept = 1;
	__sync_fetch_and_add(&conn_kept.begun, 1);
}

static __always_inline void conn_done(struct conn_state *s)
{
	s->told = 2;
	if (!s->kept)
		return;
	s->kept = s->nobody = 0;
	__sync_fetch_and_add(&conn_kept.ended, 1);
}

/* Packets that do not say whose they are may be this socket's. */
static __always_inline void dropped_note(struct sock *sk)
{
	struct hit_sock s;

	if (!conn_told.dropped)
		return;
	conn_ends(&s.id, sk);
	s.id.protocol = sk->sk_protocol;
	s.cookie = bpf_get_socket_cookie(sk);
	ends_put((u64)sk, &s, conn_netns(sk));
}

static __always_inline void conn_tell(struct sock *sk, struct conn_state *s, u32 event, u32 state,
				      u64 now)
{
	if (conn_told.events & 1u << event)
		conn_send(sk, s, event, state, now);
}

/* A connection begins; the storage may have that of an earlier one of the same socket. */
static __always_inline struct conn_state *conn_begin(struct sock *sk, u32 flag)
{
	struct conn_state *s = conn_state_fresh(sk);

	if (!s)
		return NULL;
	s->cookie = 0;
	s->opened = s->seen = bpf_ktime_get_ns();
	s->connect_ns = CONNECT_UNKNOWN;
	s->ended = s->tx = s->rx = 0;
	s->flags = flag;
	s->err = 0;
	s->told = s->based = 1;
	s->kept = 0;
	s->fits = conn_in_netns(sk);
	if (flag == CONN_ACTIVE && conn_in_task(sk))
		conn_used(s);
	conn_expect(s);
	return s;
}

/*
 * A task closes the connection: is that its user? Whoever lets a file go last closes it, who may
 * have looked at it in passing: at another's descriptors in /proc, by an iterator over files (weir
 * itself, as others run it), or as it was sent what it did not want. So it is one that closes on
 * purpose, or that opened the file: a process has credentials of its own (copy_creds()), which the
 * file keeps.
 */
static __always_inline void conn_closed_by(struct sock *sk, struct conn_state *s)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (s->flags & CONN_OWNED && s->who.pid == task_tgid(task))
		return;
	if (task_closes(task) || sk_walk(sk)->sk_socket->file->f_cred == task_walk(task)->cred)
		conn_used(s);
}

/* How it ended, by the state before and the socket's error (tcp_reset(), tcp_write_err()); closed
 * by its task while it was open, without an error: that resets it (tcp_disconnect(), tcp_close()).
 */
static __always_inline void conn_ended(struct sock *sk, struct conn_state *s, u32 old)
{
	s->err = -sk->sk_err;
	s->last = old;
	if (!s->err && old == TCP_SYN_SENT)
		s->err = sk->sk_err_soft ? -sk->sk_err_soft : -CONNECT_GIVEN_UP;
	if (!s->err && !conn_state_in(old, FIN_SENT) && old != TCP_SYN_SENT)
		s->flags |= CONN_ABORTED;
}

/* Why this side resets it: as tcp_close() asks, but for data that nobody read, which the row has.
 */
static __always_inline void conn_aborted(struct sock *sk, struct conn_state *s)
{
	if (!(s->flags & CONN_ABORTED))
		return;
	if (!sk->sk_socket)
		s->flags |= CONN_UNTAKEN;
	else if (sk->__sk_common.skc_flags >> SOCK_LINGER & 1 && !sk->sk_lingertime)
		s->flags |= CONN_LINGER;
}

static __always_inline struct conn_state *conn_listen(struct sock *sk)
{
	struct conn_state *s;

	conn_state_free(conn_state_of(sk));
	s = conn_state_make(sk);
	if (!s)
		return NULL;
	s->opened = s->seen = bpf_ktime_get_ns();
	s->connect_ns = CONNECT_UNKNOWN;
	s->flags = 0;
	s->err = 0;
	s->told = 1;
	if (conn_in_task(sk))
		conn_used(s);
	dropped_note(sk);
	return s;
}

/* What is known of a socket whose end is to be told, NULL when there is nothing to tell. */
static __always_inline struct conn_state *conn_close(struct sock *sk, u32 old, u64 *now)
{
	struct conn_state *s = conn_state_of(sk);

	*now = bpf_ktime_get_ns();
	if (old == TCP_LISTEN && s) {
		s->told = 2;
		return conn_told.events & 1 << CONN_LISTENS ? s : NULL;
	}
	if (old == TCP_CLOSE || old == TCP_LISTEN)
		return NULL;
	if (!s) { /* older than weir, and not found yet */
		s = conn_state_add(sk);
		if (!s)
			return NULL;
		s->flags = CONN_BEFORE;
		s->seen = *now;
		s->connect_ns = CONNECT_UNKNOWN;
	}
	if (s->ended)
		return NULL;
	conn_ended(sk, s, old);
	conn_aborted(sk, s);
	conn_adopt(sk, s);
	/* Once a FIN is sent, its task has done all it does: what comes then may be worked off by
	 * whoever had the socket locked: iterators over sockets lock each. The same goes for a
	 * reset that comes, which leaves an error. */
	if (!conn_state_in(old, FIN_SENT) && !sk->sk_err && conn_in_task(sk))
		conn_closed_by(sk, s);
	s->ended = *now;
	if (!(s->flags & CONN_OWNED) && !s->nobody && sk_walk(sk)->sk_socket)
		return NULL; /* told by conn_gone() */
	conn_done(s);
	return s;
}

/* It came, and a program will accept it: what is so now is told then, unless each change is
 * wanted. Paths of MPTCP are accepted as the whole, which is told of none of them. */
static __always_inline bool conn_pending(struct sock *sk, struct conn_state *s)
{
	struct tcp_sock *tp;

	if (!(s->flags & CONN_PASSIVE) || !conn_told.accepts)
		return false;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || (bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp))
		return false;
	s->flags |= CONN_PENDING;
	return !(conn_told.events & 1 << CONN_OPENED);
}

/* A change of state that is neither the end nor listening: what of it is to be told, 0 for nothing.
 */
static __always_inline u32 conn_goes_on(struct sock *sk, struct conn_state *s, u32 state, u64 *now)
{
	if (state == TCP_ESTABLISHED) {
		*now = bpf_ktime_get_ns();
		s->cookie = bpf_get_socket_cookie(sk); /* tcp_create_openreq_child() sets one */
		if (s->opened)
			s->connect_ns = *now - s->opened;
		s->flags |= CONN_HANDSHAKE;
		s->fits = conn_fits(sk);
		conn_expect(s);
		dropped_note(sk);
		return conn_pending(sk, s) ? 0 : CONN_ESTABLISHED;
	}
	if (state == TCP_CLOSE_WAIT)
		s->flags |= CONN_FIN_REMOTE;
	if (state == TCP_FIN_WAIT1)
		s->flags |= CONN_FIN_LOCAL;
	conn_adopt(sk, s);
	if ((state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK) && conn_in_task(sk))
		conn_closed_by(sk, s);
	return 0;
}

SEC("?tp_btf") int conn_on_state(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	u32 old = ctx[1], state = ctx[2], event;
	bool begins = state == TCP_SYN_SENT || (old == TCP_LISTEN && state != TCP_CLOSE);
	struct conn_state *s;
	u64 now = 0;

	if (sk->sk_protocol != PROTO_TCP)
		return 0;
	if (state == TCP_CLOSE) {
		event = CONN_CLOSED;
		s = conn_close(sk, old, &now);
	} else if (state == TCP_LISTEN) {
		event = CONN_LISTENS;
		s = conn_listen(sk);
		now = s ? s->opened : 0;
	} else {
		if (!begins &&
		    !conn_state_in(state, 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT |
						  1u << TCP_FIN_WAIT1 | 1u << TCP_LAST_ACK))
			return 0;
		s = begins ? NULL : conn_state_of(sk);
		if (!s && (begins || state == TCP_ESTABLISHED)) /* or that was skipped */
			s = conn_begin(sk, state == TCP_SYN_SENT || old == TCP_SYN_SENT
						   ? CONN_ACTIVE
						   : CONN_PASSIVE);
		if (!s)
			return 0;
		if (begins) { /* one that came is established in the same moment */
			event = state == TCP_SYN_SENT ? CONN_OPENED : 0;
			now = s->opened;
		} else {
			event = conn_goes_on(sk, s, state, &now);
		}
	}
	if (!s || !event)
		return 0;
	/* From memory, what is told and of which state are but numbers to the verifier, which looks
	 * at conn_send() once then, not for each that they may be. */
	s->event = event;
	event = *(volatile u8 *)&s->event;
	old = ((volatile u64 *)ctx)[1];
	state = ((volatile u64 *)ctx)[2];
	state = event == CONN_CLOSED ? old : state;
	conn_tell(sk, s, event, state, now);
	return 0;
}

/*
 * A socket is destroyed whose connection ended before, in nobody's name: by the task that closes
 * it. Or nobody heard of the end: the kernel does not run a program that it has interrupted.
 */
static __always_inline void conn_last(struct sock *sk, struct conn_state *s)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool heard = s->ended;

	if (!heard) {
		conn_ended(sk, s,
			   s->flags & (CONN_FIN_LOCAL | CONN_FIN_REMOTE) ? TCP_LAST_ACK
									 : TCP_ESTABLISHED);
		s->ended = bpf_ktime_get_ns();
	}
	conn_done(s);
	if (heard && !(task->flags & PF_KTHREAD) && task->tgid != filter.self)
		conn_closed_by(sk, s);
	conn_tell(sk, s, CONN_CLOSED, s->last, s->ended);
}

SEC("?tp_btf") int conn_gone(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct conn_state *s = conn_state_of(sk);

	if (s && s->told != 2 && s->flags & (CONN_ACTIVE | CONN_PASSIVE | CONN_BEFORE))
		conn_last(sk, s);
	conn_state_free(s);
	return 0;
}

/*
 * The whole of MPTCP has an owner now, so its first path has, which was there before. By the time
 * that ends, it may have no way to the whole any more (__mptcp_close()). Its pointer is one that
 * the verifier does not know: it is found where its beginning was seen. Later paths ask the whole
 * (conn_adopt()).
 */
static __noinline int conn_accept_path(struct sock *sk, const struct conn_state *all)
{
	struct conn_state *s;
	struct sock *first;

	if (!bpf_core_type_exists(struct mptcp_sock))
		return 0;
	first = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	s = first ? conn_find((u64)first, BPF_CORE_READ(first, __sk_common.skc_cookie.counter))
		  : NULL;
	if (!s || s->flags & CONN_OWNED)
		return 0;
	s->who = all->who;
	s->passes = all->passes;
	s->flags |= CONN_OWNED;
	return 0;
}

static __always_inline int conn_accept(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct conn_state *s;

	if (task->flags & PF_KTHREAD) { /* a server in the kernel: it is nobody's */
		s = conn_state_of(sk);
		if (!s || !(s->flags & CONN_PENDING))
			return 0;
		s->nobody = 1;
		conn_tell(sk, s, CONN_TAKEN, sk->__sk_common.skc_state, bpf_ktime_get_ns());
		return 0;
	}
	/* Of MPTCP this is the whole, and its paths will ask it: conn_adopt(). */
	s = sk->sk_protocol == IPPROTO_MPTCP ? conn_state_make(sk) : conn_state_of(sk);
	if (!s || s->flags & CONN_OWNED)
		return 0;
	conn_used(s);
	conn_expect(s);
	if (sk->sk_protocol == IPPROTO_MPTCP)
		conn_accept_path(sk, s);
	else if (sk->sk_protocol == PROTO_TCP)
		conn_tell(sk, s, CONN_TAKEN, sk->__sk_common.skc_state, bpf_ktime_get_ns());
	return 0;
}

/*
 * Who accepts a connection. A function that began before weir has no end that is seen: of tasks
 * that wait in accept() already, the first connection is seen by a function within it alone:
 * security_sock_graft(sk, newsock), as the connection gets its file.
 */
SEC("?fentry/security_sock_graft") int conn_grafted(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6 ? conn_accept(sk) : 0;
}

/* Where that is not there: inet_accept(sock, newsock, ...). */
SEC("?fexit/inet_accept") int conn_accepted(u64 *ctx)
{
	struct socket *new = (struct socket *)ctx[1];
	struct sock *sk = new->sk;

	return sk ? conn_accept(sk) : 0;
}

#endif
