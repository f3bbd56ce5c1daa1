/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Connects and accepts, counted by what the socket is: of an accept, the accepted one. A tool says
 * which members of the key it wants, in ATTEMPT_WAYS().
 */
#ifndef WEIR_ATTEMPT_BPF_H
#define WEIR_ATTEMPT_BPF_H

#include "attempt.h"
#include "follow.bpf.h"
#include "sk.bpf.h"
#include "sock.bpf.h"
#include "tally.bpf.h"
#include "ways.bpf.h"

/* include/uapi/asm-generic/errno.h; include/linux/errno.h */
#define EAGAIN      11
#define EISCONN     106
#define EALREADY    114
#define EINPROGRESS 115
#define ERESTARTSYS 512 /* to 516: a signal came, and the call may begin anew */
#define EINTR       4
#define AF_UNSPEC   0

/* What filters look at: too large for the stack. */
struct attempt_room {
	struct sock_id id;
	struct sock_cache caches[SOCK_CACHES];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct attempt_room);
} attempt_rooms SEC(".maps");

static __always_inline bool attempt_matches(u64 fd, u64 addr)
{
	struct attempt_room *room;
	struct peer peer = {};
	u32 zero = 0;

	if (!(filter.have & FILTER_SOCK))
		return true;
	room = bpf_map_lookup_elem(&attempt_rooms, &zero);
	if (!room)
		return false;
	room->id.flags = sock_look(&room->id, fd, room->caches);
	peer_read(&peer, addr);
	return sock_matches(&room->id, &peer);
}

static __always_inline bool is_accept(u32 call)
{
	return call == CALL_accept || call == CALL_accept4;
}

static __always_inline enum attempt attempt_of(u32 call, s64 ret, u64 addr)
{
	u16 family = ~0;

	if (ret == -EINTR || ret <= -ERESTARTSYS)
		return N_NO_ATTEMPTS;
	if (is_accept(call))
		return ret >= 0 ? N_ACCEPTS : ret == -EAGAIN ? N_NO_ATTEMPTS : N_ACCEPT_ERRORS;
	if (ret == -EALREADY || ret == -EISCONN)
		return N_NO_ATTEMPTS;
	if (!bpf_probe_read_user(&family, sizeof(family), (void *)addr) && family == AF_UNSPEC)
		return N_NO_ATTEMPTS;
	return !ret || ret == -EINPROGRESS ? N_CONNECTS : N_CONNECT_ERRORS;
}

/* The struct sock behind a descriptor, NULL when it is no socket. */
static __always_inline struct sock *sk_of_fd(struct task_struct *task, u64 fd)
{
	struct socket *sock = sock_of_fd(task, fd);

	return sock ? BPF_CORE_READ(sock, sk) : NULL;
}

/* with_type: count by type and protocol too, and keep the protocol's name. */
static __always_inline int attempt_leave(u32 call, struct pt_regs *regs, s64 ret,
					 const bool with_type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	TALLY_KEY(key, port);
	struct tally_slot *s;
	struct sock *sk;
	u64 args[6], fd;

	if (!task_matches(task))
		return 0;
	regs_args(args, regs);
	fd = is_accept(call) && ret >= 0 ? ret : args[0];
	if (!attempt_matches(fd, is_accept(call) ? 0 : args[1]))
		return 0;
	sk = sk_of_fd(task, fd);
	if (!sk && fd != args[0]) /* closed by another thread already */
		sk = sk_of_fd(task, args[0]);
	key->pid = task_tgid(task);
	key->what = WHAT_ATTEMPT;
	if (sk)
		sk_kind_read(key, sk, with_type);
	s = TALLY_SEARCH(key, port);
	if (!s)
		return 0;
	if (!s->key.comm[0]) {
		task_comm(s->key.comm, task->group_leader);
		if (with_type && sk)
			sk_name(s->key.name, sk);
	}
	s->n[attempt_of(call, ret, args[1])]++;
	return 0;
}

#define ATTEMPT_WAYS(with_type)                                                                    \
	static __always_inline int leave(u32 call, struct pt_regs *regs, s64 ret)                  \
	{                                                                                          \
		return attempt_leave(call, regs, ret, with_type);                                  \
	}                                                                                          \
	CALL_EXIT_WAYS(leave)

#endif
