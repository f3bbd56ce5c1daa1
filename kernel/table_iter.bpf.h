/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The connection table's iterators: what was there before weir, and what there is now. Records go
 * to whoever reads the iterator, not through the ring: nothing is lost, and no more of them exist
 * at a time than fit its buffer.
 */
#ifndef WEIR_TABLE_ITER_BPF_H
#define WEIR_TABLE_ITER_BPF_H

#include "table_peers.bpf.h"

/* What is listed. */
SEC(".data.list") u32 conn_list; /* enum conn_event: CONN_IS, CONN_WAS, CONN_INTERVAL */

/* Where a record is made. An iterator is not interrupted by another on its CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct conn_rec);
} conn_made SEC(".maps");

/* Of each open descriptor: whose the socket is. Of several tasks that have it open the first
 * counts. */
SEC("?iter/task_file") int conn_scan(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct conn_state *s;
	struct socket *sock;
	struct sock *sk;
	u16 family;

	if (!task || !file || task->tgid == filter.self)
		return 0;
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : NULL;
	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	if (conn_told.peers)
		udp_cookie(sk);
	dropped_note(sk);
	if (sk->sk_protocol == PROTO_TCP && sk->__sk_common.skc_state == TCP_CLOSE)
		return 0; /* neither connected nor listening */
	s = conn_state_of(sk);
	if (s && s->flags & CONN_OWNED)
		return 0;
	if (!s) {
		s = conn_state_make(sk);
		if (!s)
			return 0;
		s->seen = bpf_ktime_get_ns();
		s->flags = CONN_BEFORE;
		s->connect_ns = CONNECT_UNKNOWN;
	}
	s->passes = task_fits(task) && (!(filter.have & FILTER_CGROUP) || in_cgroup(task));
	who_read(&s->who, task);
	s->flags |= CONN_OWNED;
	return 0;
}

/* TIME_WAIT and SYN_RECV: short structures that begin like a socket. */
static __always_inline void conn_fill_short(struct conn_rec *r, struct sock_common *c, u64 now)
{
	u64 *laddr = (u64 *)r->s.sock.laddr, *raddr = (u64 *)r->s.sock.raddr;
	struct sock_id *id = &r->s.sock;

	__builtin_memset(r, 0, sizeof(*r));
	r->s.h = (struct rec){.len = sizeof(*r), .type = REC_CONN, .fixed = sizeof(*r), .ts = now};
	r->connect_ns = CONNECT_UNKNOWN;
	r->flags = CONN_NO_QUEUES;
	id->family = c->skc_family;
	id->type = SOCK_STREAM;
	id->protocol = PROTO_TCP;
	id->state = c->skc_state;
	id->lport = c->skc_num;
	id->rport = bpf_ntohs(c->skc_dport);
	id->flags = SOCK_ID_VALID;
	conn_ports(id);
	if (id->family == AF_INET6) {
		bpf_core_read(laddr, 16, &c->skc_v6_rcv_saddr);
		bpf_core_read(raddr, 16, &c->skc_v6_daddr);
		if (conn_mapped(id->laddr)) {
			id->family = AF_INET;
			laddr[0] = laddr[1] >> 32;
			raddr[0] = raddr[1] >> 32;
			laddr[1] = raddr[1] = 0;
		}
	} else {
		laddr[0] = c->skc_rcv_saddr;
		raddr[0] = c->skc_daddr;
	}
	r->netns = c->skc_net.net->ns.inum;
	r->cookie = c->skc_cookie.counter;
}

static __always_inline bool conn_list_wants(const struct conn_rec *r)
{
	if (filter.have & FILTER_NETNS && r->netns != filter.netns)
		return false;
	return conn_matches(&r->s.sock);
}

static __always_inline int conn_put(struct bpf_iter_meta *meta, struct conn_rec *r)
{
	r->event = conn_list;
	return bpf_seq_write(meta->seq, r, sizeof(*r));
}

/*
 * A socket's bytes since it was listed last: of the interval. Those are noted only when the record
 * is written: where there was no room the iterator comes to this socket once more.
 */
static __always_inline void conn_put_interval(struct bpf_iter_meta *meta, struct conn_rec *r,
					      struct conn_state *s)
{
	u64 tx = r->c.tx, rx = r->c.rx;

	if (s->based) { /* else what it moved is older than weir */
		r->dtx = tx - s->tx;
		r->drx = rx - s->rx;
	}
	if (!conn_put(meta, r)) {
		s->tx = tx;
		s->rx = rx;
		s->based = 1;
	}
}

SEC("?iter/tcp") int conn_list_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *c = ctx->sk_common;
	u32 zero = 0;
	struct conn_rec *r = bpf_map_lookup_elem(&conn_made, &zero);
	struct conn_state *s;
	struct tcp_sock *tp;
	s32 err;

	if (!c || !r)
		return 0;
	tp = bpf_skc_to_tcp_sock(c);
	if (!tp) {
		if (conn_list != CONN_IS || filter.have & FILTER_OWNER)
			return 0;
		conn_fill_short(r, c, bpf_ktime_get_ns());
		if (conn_list_wants(r))
			conn_put(ctx->meta, r);
		return 0;
	}
	s = conn_list == CONN_IS ? conn_state_of((struct sock *)tp)
				 : conn_state_make((struct sock *)tp);
	if (s && !s->seen) { /* nobody has it open: not accepted yet, or closed by all */
		s->seen = bpf_ktime_get_ns();
		s->flags = CONN_BEFORE;
		s->connect_ns = CONNECT_UNKNOWN;
	}
	if (s)
		conn_adopt((struct sock *)tp, s);
	err = conn_error((struct sock *)tp, s);
	if (!conn_wanted(s) || !conn_fits((struct sock *)tp) ||
	    !conn_result_fits(s, err, bpf_ktime_get_ns()))
		return 0;
	if (conn_list == CONN_WAS && (!s || s->told))
		return 0;
	conn_fill(r, tp, s, ((struct sock *)tp)->__sk_common.skc_state, bpf_ktime_get_ns());
	conn_fill_counts(r, tp, ((struct sock *)tp)->__sk_common.skc_state);
	r->s.ret = err;
	if (conn_list == CONN_INTERVAL) {
		if (s && (!s->based || r->c.tx != s->tx || r->c.rx != s->rx))
			conn_put_interval(ctx->meta, r, s);
	} else if (!conn_put(ctx->meta, r) && s) {
		s->told |= 1;
	}
	return 0;
}

/* Of UDP the kernel has no counters but that of drops. */
SEC("?iter/udp") int conn_list_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *up = ctx->udp_sk;
	struct sock *sk = (struct sock *)up;
	u32 zero = 0;
	struct conn_rec *r = bpf_map_lookup_elem(&conn_made, &zero);
	struct conn_state *s;
	s32 unread, unsent, err;

	if (!up || !r)
		return 0;
	s = conn_state_of(sk);
	err = conn_error(sk, s);
	if (!conn_wanted(s) || !conn_fits(sk) || !conn_result_fits(s, err, bpf_ktime_get_ns()))
		return 0;
	__builtin_memset(&r->c, 0, sizeof(r->c));
	r->s.h = (struct rec){.len = sizeof(*r), .type = REC_CONN, .fixed = sizeof(*r)};
	r->s.h.ts = bpf_ktime_get_ns();
	conn_known(r, s);
	r->s.ret = err;
	conn_ends(&r->s.sock, sk);
	conn_ports(&r->s.sock);
	r->s.sock.type = SOCK_DGRAM;
	r->s.sock.protocol = sk->sk_protocol;
	r->s.sock.state = sk->__sk_common.skc_state;
	r->cookie = bpf_get_socket_cookie(up);
	r->netns = conn_netns(sk);
	r->drops = conn_drops(sk);
	dropped_fill(r);
	unread = sk->sk_backlog.rmem_alloc.counter - up->forward_deficit;
	unsent = sk->sk_wmem_alloc.refs.counter - 1;
	r->recv_queue = unread > 0 ? unread : 0;
	r->send_queue = unsent > 0 ? unsent : 0;
	r->recv_limit = sk->sk_rcvbuf;
	r->send_limit = sk->sk_sndbuf;
	if (conn_told.peers)
		udp_count_own(r);
	conn_put(ctx->meta, r);
	return 0;
}

/* Is a connection's socket no longer what it was? The tracepoint comes before the state changes. */
static __always_inline bool conn_is_gone(const struct conn_state *s)
{
	struct sock_common *c = (struct sock_common *)s->sk;
	u64 cookie;
	int refs;

	return bpf_core_read(&refs, sizeof(refs), &c->skc_refcnt.refs.counter) || !refs ||
	       bpf_core_read(&cookie, sizeof(cookie), &c->skc_cookie.counter) ||
	       (s->cookie && s->cookie != cookie) || BPF_CORE_READ(c, skc_state) == TCP_CLOSE;
}

/*
 * At the end of a run, of each place in conns_fast: connections whose end no program saw. Some
 * kernels run none in the name of some tasks, and count none as skipped. (Of the programs at the
 * end and when the socket goes, one may interrupt the other and itself be skipped, not both.)
 */
SEC("?iter/bpf_map_elem") int conn_left(struct bpf_iter__bpf_map_elem *ctx)
{
	struct conn_state *s = ctx->value;
	u64 sk, seen;
	bool waits;

	if (!s)
		return 0;
	sk = s->sk;
	seen = s->seen;
	if (!sk || !conn_is_left(s))
		return 0;
	waits = s->ended; /* for who closes it */
	if (!waits && !conn_is_gone(s))
		return 0;
	if (s->sk == sk && s->seen == seen && conn_is_left(s)) /* still the same */
		count_lost(waits ? LOST_OPEN : LOST_MISSED);
	return 0;
}

/* The same of those that have storage of their own, as far as they are there still: others are
 * found out by their number (conn_kept). */
SEC("?iter/bpf_sk_storage_map") int conn_left_kept(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct conn_state *s = ctx->value;
	struct sock *sk = ctx->sk;

	if (!s || !sk || !s->kept)
		return 0;
	__sync_fetch_and_add(&conn_kept.alive, 1);
	if (s->ended)
		count_lost(LOST_OPEN);
	else if (sk->__sk_common.skc_state == TCP_CLOSE)
		count_lost(LOST_MISSED);
	return 0;
}

#endif
