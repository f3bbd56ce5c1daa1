/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir soaccept: an accept, when its call ends, and since when its connection was there. A
 * connection of TCP comes as a new socket, made in a softirq from the listening one: its time is
 * remembered until it is accepted, or gone.
 */
#include "ways.bpf.h"
#include "conn.bpf.h"
#include "probe.bpf.h"
#include "uring.bpf.h"
#include "soaccept.h"

/* When the sockets that wait in accept queues came there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAITING_MAX);
	__type(key, u64);
	__type(value, u64);
} waiting SEC(".maps");

/* How many they are: where none waits, a socket that closes costs a look at this. */
SEC(".data.soaccept") s64 nwaiting;

#define PATH_MAX 108

struct accept_slot {
	struct accept_rec r;
	struct sect path; /* of a listening Unix socket */
	u8 bytes[(PATH_MAX + 7) & ~7];
};

/* Where a record is made, of each program its own: the kernel does not run one while it runs on the
 * CPU. Not in the ring, where what is discarded takes its place until the reader comes by. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, u32);
	__type(value, struct accept_slot);
} made SEC(".maps");

static __always_inline struct accept_slot *slot_of(u32 program)
{
	return bpf_map_lookup_elem(&made, &program);
}

/* When it came; forgotten then. 0: unknown. */
static __always_inline u64 forget(u64 sk)
{
	u64 *at = bpf_map_lookup_elem(&waiting, &sk), ts;

	if (!at)
		return 0;
	ts = *at;
	if (!bpf_map_delete_elem(&waiting, &sk))
		__sync_fetch_and_add(&nwaiting, -1);
	return ts;
}

SEC("?tp_btf") int on_state(u64 *ctx)
{
	u64 sk = ctx[0], now;
	u32 old = ctx[1], state = ctx[2];
	int err;

	/* LISTEN is what the new socket is a copy of. MPTCP's are made with the handshake done. */
	if (old == TCP_LISTEN && (state == TCP_SYN_RECV || state == TCP_ESTABLISHED)) {
		now = bpf_ktime_get_ns();
		err = map_add(&waiting, &sk, &now);
		if (!err)
			__sync_fetch_and_add(&nwaiting, 1);
		else if (err == -EEXIST) /* one that went unseen was at this address */
			bpf_map_update_elem(&waiting, &sk, &now, BPF_ANY);
		else
			count_lost(LOST_MAP);
	} else if (state == TCP_CLOSE && nwaiting) {
		forget(sk);
	}
	return 0;
}

#define IPPROTO_MPTCP 262

/* A socket of MPTCP has another of TCP within: it has the queue, and came with the connection. 0:
 * this is none. */
static __always_inline u64 subflow(struct sock *sk)
{
	if (!bpf_core_type_exists(struct mptcp_sock) ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_MPTCP)
		return 0;
	return (u64)BPF_CORE_READ((struct mptcp_sock *)sk, first);
}

static __always_inline u64 waited_since(u64 sk)
{
	u64 first = subflow((struct sock *)sk), ts = nwaiting ? forget(sk) : 0, came;

	came = first && nwaiting ? forget(first) : 0;
	return came ?: ts;
}

/* The listening socket's queue, and a Unix socket's path as a section. */
static __noinline int look_at_queue(struct accept_slot *slot, u64 listener)
{
	struct sock *sk = (struct sock *)listener;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	u64 first = family == AF_UNIX ? 0 : subflow(sk);
	struct unix_address *addr;
	u32 n;

	if (first)
		sk = (struct sock *)first;
	slot->r.flags = ACCEPT_QUEUE;
	slot->r.limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	if (family != AF_UNIX) {
		slot->r.queue = BPF_CORE_READ(sk, sk_ack_backlog);
		return 0;
	}
	slot->r.queue = BPF_CORE_READ(sk, sk_receive_queue.qlen);
	if (!bpf_core_type_exists(struct unix_sock))
		return 0;
	addr = BPF_CORE_READ((struct unix_sock *)sk, addr);
	n = addr ? BPF_CORE_READ(addr, len) - 2 : 0; /* sun_path follows the family */
	if (!n || n > PATH_MAX ||
	    bpf_probe_read_kernel(slot->bytes, n,
				  (void *)addr + bpf_core_field_offset(addr->name) + 2))
		return 0;
	slot->path = (struct sect){.kind = SECT_LPATH, .len = n, .full = n};
	slot->r.s.h.len += sizeof(slot->path) + SECT_NEXT(n);
	return n;
}

static __always_inline bool result_matches(s64 ret, u64 wait)
{
	if (filter.have & FILTER_FAILED && ret >= 0)
		return false;
	return !(filter.have & FILTER_SLOWER) || (wait != DUR_UNKNOWN && wait >= filter.slower_ns);
}

/* listener and sk: struct sock; sk is 0 when there is no connection. */
static __always_inline void tell(struct accept_slot *slot, struct task_struct *task, u64 listener,
				 u64 sk, s64 ret, u32 via)
{
	struct accept_rec *r = &slot->r;
	u64 since = sk ? waited_since(sk) : 0, len;

	r->s.h = (struct rec){.len = sizeof(*r),
			      .type = REC_ACCEPT,
			      .fixed = sizeof(*r),
			      .ts = bpf_ktime_get_ns()};
	r->s.dur = since ? r->s.h.ts - since : DUR_UNKNOWN;
	r->s.ret = ret;
	r->queue = r->limit = r->flags = 0;
	r->via = via;
	if (!result_matches(ret, r->s.dur) || !conn_matches(&r->s.sock))
		return;
	who_fill(&r->s.who, task);
	if (listener && look_at_queue(slot, listener))
		r->via = via;
	len = r->s.h.len;
	if (len > sizeof(*slot))
		len = sizeof(*slot);
	barrier_var(len);
	if (bpf_ringbuf_output(&ring, slot, len, ring_flags()))
		count_lost(LOST_RING);
}

static __always_inline int on_accept(u32 call, struct pt_regs *regs, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct accept_slot *slot;
	u64 args[6], listening, listener, sk = 0;

	if (!task_matches(task))
		return 0;
	slot = slot_of(call == CALL_accept4);
	if (!slot)
		return 0;
	regs_args(args, (struct pt_regs *)bpf_task_pt_regs(task));
	listening = (u64)file_of_fd(task, args[0]);
	if (ret >= 0) {
		listener = conn_sk(listening);
		sk = conn_of_file(&slot->r.s.sock, (u64)file_of_fd(task, ret));
	} else {
		listener = conn_of_file(&slot->r.s.sock, listening);
	}
	tell(slot, task, listener, sk, ret, VIA_CALL);
	return 0;
}

#define ACCEPTS(X) X(accept, accept, ) X(accept4, accept4, )
CALL_EXIT_WAYS_OF(ACCEPTS, on_accept)

static __always_inline int by_uring(u64 listening, u64 file, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct accept_slot *slot;
	u64 listener, sk = 0;

	if (!task_matches(task))
		return 0;
	slot = slot_of(2);
	if (!slot)
		return 0;
	if (file) {
		listener = conn_sk(listening);
		sk = conn_of_file(&slot->r.s.sock, file);
	} else {
		listener = conn_of_file(&slot->r.s.sock, listening);
	}
	tell(slot, task, listener, sk, ret, VIA_IO_URING);
	return 0;
}

URING_ACCEPT_WAYS(by_uring)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
