/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir soconnect: a connect, when its call ends; and, where the call did not wait for it, the end
 * of the handshake. That one comes in a softirq, on behalf of whatever task runs there: who asked
 * for the connection is remembered with the socket, from the call on. What io_uring connects is
 * told in the same way, or, where there was no handshake, when the request is done.
 */
#include "call.bpf.h"
#include "conn.bpf.h"
#include "soconnect.h"
#include "uring.bpf.h"

SEC(".rodata.soconnect") const volatile struct soconnect_conf conf;

/* How many connections are pending: with none, a change of state costs a look at this. */
SEC(".data.soconnect") u64 npending;

/* By struct sock; the value is the record that will be sent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PENDING_MAX);
	__type(key, u64);
	__type(value, struct connect_rec);
} pending SEC(".maps");

/*
 * Sockets whose handshake a request of io_uring began: that tells of them. The value means nothing.
 * An entry is taken out when the request is done; where that is never told, others push it out.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PENDING_MAX);
	__type(key, u64);
	__type(value, u8);
} begun SEC(".maps");

#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262

#define EINTR       4
#define EINPROGRESS 115
#define ERESTARTSYS 512 /* include/linux/errno.h: a signal, seen before it becomes EINTR */

/* The record is made where the call's state is: a map's key and value must be a map's memory or the
 * stack's, in Linux 6.1. */
_Static_assert(sizeof(struct connect_rec) <= sizeof(struct call_rec), "it replaces st->rec");
_Static_assert(__builtin_offsetof(struct connect_rec, s.h) ==
		       __builtin_offsetof(struct call_rec, h),
	       "the time of entry stays");

static __always_inline int connect_enter(u32 call)
{
	(void)call_enter(call, bpf_get_current_task_btf());
	return 0;
}

/* The address that the call names, as the remote half. */
static __noinline bool asked_for(struct sock_id *id, u64 at)
{
	u8 sa[28] __attribute__((aligned(8))) = {};
	u64 *laddr = (u64 *)id->laddr, *raddr = (u64 *)id->raddr;

	if (!at || bpf_probe_read_user(sa, 16, (void *)at))
		return false;
	if (id->family !=
	    *(u16 *)sa) /* the call failed for that: its own address is of another family */
		laddr[0] = laddr[1] = 0;
	id->family = *(u16 *)sa;
	if (id->family == AF_INET) {
		raddr[0] = *(u32 *)(sa + 4);
		raddr[1] = 0;
	} else if (id->family == AF_INET6) {
		if (bpf_probe_read_user(sa, 28, (void *)at))
			return false;
		raddr[0] = *(u64 *)(sa + 8);
		raddr[1] = *(u64 *)(sa + 16);
	} else {
		return false;
	}
	id->rport = bpf_ntohs(*(u16 *)(sa + 2));
	id->flags |= SOCK_ID_PEER;
	return true;
}

/*
 * What was connected to what, by a call that names addr. Where it succeeded, or goes on, the socket
 * tells; else it has forgotten, or has another peer, and only the call knows. False: this is no
 * connect on IP.
 */
static __always_inline bool ends(struct sock_id *id, u64 sk, u64 addr, s64 ret)
{
	if (sk) {
		if (!conn_look(id, sk))
			return false;
		if (id->flags & SOCK_ID_PEER &&
		    (!ret || ret == -EINPROGRESS || ret == -EINTR || ret == -ERESTARTSYS))
			return true;
	} else {
		__builtin_memset(id, 0, sizeof(*id));
	}
	return asked_for(id, addr);
}

static __always_inline bool result_matches(s64 ret, u64 dur)
{
	if (filter.have & FILTER_FAILED && (ret >= 0 || ret == -EINPROGRESS))
		return false;
	return !(filter.have & FILTER_SLOWER) || (dur != DUR_UNKNOWN && dur >= filter.slower_ns);
}

static __always_inline void send(struct connect_rec *r)
{
	if (bpf_ringbuf_output(&ring, r, sizeof(*r), ring_flags()))
		count_lost(LOST_RING);
}

/* Whoever removes the entry tells the end: the state's change, or the call that came just after it.
 */
static __noinline int finish(u64 sk, s64 ret)
{
	struct connect_rec *p = bpf_map_lookup_elem(&pending, &sk), r;
	u64 now = bpf_ktime_get_ns();

	if (!p)
		return 0;
	r = *p;
	if (bpf_map_delete_elem(&pending, &sk))
		return 0;
	__sync_fetch_and_add(&npending, -1);
	r.s.ret = ret;
	r.s.dur = now - r.s.h.ts;
	if (r.via != VIA_CALL) /* it had no port of its own when it began */
		conn_look(&r.s.sock, sk);
	if (result_matches(ret, r.s.dur) && conn_matches(&r.s.sock))
		send(&r);
	return 0;
}

/* What became of a socket that is in the handshake no more. An error that nobody set: the program
 * gave up. */
static __always_inline s64 outcome(u64 sk, u32 state)
{
	s32 err = 0;

	if (state == TCP_ESTABLISHED)
		return 0;
	bpf_core_read(&err, sizeof(err), &((struct sock *)sk)->sk_err);
	return err ? -(s64)err : -CONNECT_GIVEN_UP;
}

static __always_inline bool in_handshake(u32 state)
{
	return state == TCP_SYN_SENT || state == TCP_SYN_RECV; /* both sides at once: the latter */
}

/* Remembers a connection; the record must be in the memory of a map. */
static __always_inline bool remember(u64 sk, struct connect_rec *r)
{
	int err;

	r->stage = CONNECT_FINAL;
	err = map_add(&pending, &sk, r);
	if (!err)
		__sync_fetch_and_add(&npending, 1);
	else if (err != -EEXIST) /* a further call on it */
		count_lost(LOST_MAP);
	return !err;
}

/* The call ended before the handshake, which may meanwhile have done so, unseen. Of protocols whose
 * states mean these things. */
static __always_inline void follow_up(u64 sk, struct connect_rec *r)
{
	u8 state = 0;

	if ((r->s.sock.protocol != IPPROTO_TCP && r->s.sock.protocol != IPPROTO_MPTCP) ||
	    !remember(sk, r))
		return;
	bpf_core_read(&state, sizeof(state), &((struct sock *)sk)->__sk_common.skc_state);
	if (!in_handshake(state))
		finish(sk, outcome(sk, state));
}

static __always_inline int connect_exit(u32 call, struct pt_regs *regs, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_state *st = call_exit(call, task);
	struct connect_rec *r;
	u64 args[6], sk;

	if (!st)
		return 0;
	r = (struct connect_rec *)&st->rec;
	regs_args(args, (struct pt_regs *)bpf_task_pt_regs(task));
	sk = conn_sk((u64)file_of_fd(task, args[0]));
	if (!ends(&r->s.sock, sk, args[1], ret) || !conn_matches(&r->s.sock))
		goto out;
	r->s.dur = bpf_ktime_get_ns() - r->s.h.ts;
	r->s.ret = ret;
	r->s.h.len = r->s.h.fixed = sizeof(*r);
	r->s.h.type = REC_CONNECT;
	r->stage = CONNECT_CALL;
	r->via = VIA_CALL;
	r->pad = 0;
	who_fill(&r->s.who, task);
	if (result_matches(ret, r->s.dur))
		send(r);
	if (conf.final && sk && (ret == -EINPROGRESS || ret == -EINTR || ret == -ERESTARTSYS))
		follow_up(sk, r);
out:
	state_free(st);
	return 0;
}

#define CONNECTS(X) X(connect, connect, )
CALL_WAYS_OF(CONNECTS, connect_enter, connect_exit)

/* What makes a connection where no connect(2) is underway. */
static __always_inline u32 via(struct task_struct *task)
{
	u64 nr = regs_nr((struct pt_regs *)bpf_task_pt_regs(task));

	if (task->flags & PF_IO_WORKER)
		return VIA_IO_URING;
	if (task->flags & PF_KTHREAD)
		return VIA_KERNEL;
	if (task_compat(task))
		return VIA_COMPAT;
	if (nr == conf.nrs[0])
		return VIA_IO_URING;
	if (nr == conf.nrs[1] || nr == conf.nrs[2] || nr == conf.nrs[3])
		return VIA_SEND;
	if (call_of(nr) == CALL_connect)
		return VIA_CALL;
	return task->io_uring ? VIA_IO_URING : VIA_OTHER;
}

/* Not for a call that tells itself: a function of its own, for the record that it clears. */
static __noinline int begin_other(u64 sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct connect_rec r = {};
	u8 one = 1;

	r.via = via(task);
	if (r.via == VIA_CALL) /* it began before weir did */
		return 0;
	r.s.h.ts = bpf_ktime_get_ns();
	r.s.h.len = r.s.h.fixed = sizeof(r);
	r.s.h.type = REC_CONNECT;
	who_fill(&r.s.who, task);
	conn_look(&r.s.sock, sk);
	if (r.via == VIA_IO_URING)
		map_add(&begun, &sk, &one);
	return remember(sk, &r);
}

/* In the context of the task that connects: CLOSE to SYN_SENT. */
static __always_inline int begin(u64 sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_state *st = state_find(task->pid);

	if ((st && st->rec.call == CALL_connect) || !task_matches(task))
		return 0;
	return begin_other(sk);
}

/* A request of io_uring is done, and no handshake tells of it. When it began, nobody saw. */
static __noinline int uring_done(u64 file, u64 addr, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct connect_rec r = {};
	u64 sk = conn_sk(file);

	if (!task_matches(task) || (sk && !bpf_map_delete_elem(&begun, &sk)) ||
	    !ends(&r.s.sock, sk, addr, ret) || !conn_matches(&r.s.sock) ||
	    !result_matches(ret, DUR_UNKNOWN))
		return 0;
	r.s.h.ts = bpf_ktime_get_ns();
	r.s.h.len = r.s.h.fixed = sizeof(r);
	r.s.h.type = REC_CONNECT;
	r.s.dur = DUR_UNKNOWN;
	r.s.ret = ret;
	r.via = VIA_IO_URING;
	who_fill(&r.s.who, task);
	send(&r);
	return 0;
}

URING_CONNECT_WAYS(uring_done)

SEC("?tp_btf") int on_state(u64 *ctx)
{
	u32 old = ctx[1], state = ctx[2];

	if (state == TCP_SYN_SENT)
		return begin(ctx[0]);
	if (!npending || !in_handshake(old) || in_handshake(state))
		return 0;
	return finish(ctx[0], outcome(ctx[0], state));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
