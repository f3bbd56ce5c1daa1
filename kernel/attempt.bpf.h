/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Connects and accepts, counted by what the socket is: of an accept, the accepted one. A tool says
 * which members of the key it wants, in ATTEMPT_WAYS().
 */
#ifndef WEIR_ATTEMPT_BPF_H
#define WEIR_ATTEMPT_BPF_H

#include "attempt.h"
#include "conn.bpf.h"
#include "follow.bpf.h"
#include "sk.bpf.h"
#include "sock.bpf.h"
#include "tally.bpf.h"
#include "uring.bpf.h"
#include "ways.bpf.h"

/* include/uapi/asm-generic/errno.h; include/linux/errno.h */
#define EAGAIN      11
#define EISCONN     106
#define ECANCELED   125
#define EALREADY    114
#define EINPROGRESS 115
#define ERESTARTSYS 512 /* to 516: a signal came, and the call may begin anew */
#define EINTR       4
#define AF_UNSPEC   0

/* What filters look at: too large for the stack. */
struct attempt_room {
	struct sock_id id;
	struct sock_caches caches;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct attempt_room);
} attempt_rooms SEC(".maps");

/* Both ends of the socket, and the address that a connect names. */
static __noinline bool attempt_matches(u64 fd, u64 addr)
{
	struct attempt_room *room;
	struct peer peer = {};
	u32 zero = 0;

	room = bpf_map_lookup_elem(&attempt_rooms, &zero);
	if (!room)
		return false;
	room->id.flags = sock_look(&room->id, fd, &room->caches);
	peer_read(&peer, addr);
	return sock_matches(&room->id, &peer);
}

/* The same of a struct sock, of IP. */
static __noinline bool attempt_matches_sk(u64 sk, u64 addr)
{
	struct attempt_room *room;
	struct peer peer = {};
	u32 zero = 0;

	room = bpf_map_lookup_elem(&attempt_rooms, &zero);
	if (!room || !conn_look(&room->id, sk))
		return false;
	peer_read(&peer, addr);
	return sock_matches(&room->id, &peer);
}

static __always_inline bool is_accept(u32 call)
{
	return call == CALL_accept || call == CALL_accept4;
}

static __always_inline enum attempt accept_of(s64 ret)
{
	if (ret == -EINTR || ret <= -ERESTARTSYS || ret == -EAGAIN || ret == -ECANCELED)
		return N_NO_ATTEMPTS;
	return ret >= 0 ? N_ACCEPTS : N_ACCEPT_ERRORS;
}

static __always_inline enum attempt connect_of(s64 ret, u64 addr)
{
	u16 family = ~0;

	if (ret == -EINTR || ret <= -ERESTARTSYS || ret == -EALREADY || ret == -EISCONN)
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
static __always_inline struct tally_slot *attempt_slot(struct task_struct *task, struct sock *sk,
						       const bool with_type)
{
	TALLY_KEY(key, port);
	struct tally_slot *s;

	key->pid = task_tgid(task);
	key->what = WHAT_ATTEMPT;
	if (sk)
		sk_kind_read(key, sk, with_type);
	s = TALLY_SEARCH(key, port);
	if (s && !s->key.comm[0]) {
		task_process(s->key.comm, task);
		if (with_type && sk)
			sk_name(s->key.name, sk);
	}
	return s;
}

static __always_inline int attempt_leave(const bool accept, struct pt_regs *regs, s64 ret,
					 const bool with_type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tally_slot *s;
	struct sock *sk;
	u64 args[6], fd;

	if (!task_matches(task))
		return 0;
	regs_args(args, regs);
	fd = accept && ret >= 0 ? ret : args[0];
	if (filter.have & FILTER_SOCK && !attempt_matches(fd, accept ? 0 : args[1]))
		return 0;
	sk = sk_of_fd(task, fd);
	if (!sk && fd != args[0]) /* closed by another thread already */
		sk = sk_of_fd(task, args[0]);
	s = attempt_slot(task, sk, with_type);
	if (s)
		s->n[accept ? accept_of(ret) : connect_of(ret, args[1])]++;
	return 0;
}

/* What io_uring did with the socket that file is; addr: what a connect names. */
static __always_inline struct tally_slot *attempt_uring(u64 file, u64 addr, const bool with_type)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = (struct sock *)conn_sk(file);

	if (!task_matches(task) ||
	    (filter.have & FILTER_SOCK && !attempt_matches_sk((u64)sk, addr)))
		return NULL;
	return attempt_slot(task, sk, with_type);
}

/*
 * Two functions: where one program serves all calls, which of them it is must not be asked again
 * behind the filters. Kept on the stack meanwhile in 4 bytes, it would be lost to the verifier
 * of 6.1 (which marks only fills of 8 as precise), and that takes out the branch which it believes
 * to be never taken.
 */
#define ATTEMPT_WAYS(with_type)                                                                    \
	static __noinline int leave_accept(struct pt_regs *regs, s64 ret)                          \
	{                                                                                          \
		return attempt_leave(true, regs, ret, with_type);                                  \
	}                                                                                          \
	static __noinline int leave_connect(struct pt_regs *regs, s64 ret)                         \
	{                                                                                          \
		return attempt_leave(false, regs, ret, with_type);                                 \
	}                                                                                          \
	static __always_inline int leave(u32 call, struct pt_regs *regs, s64 ret)                  \
	{                                                                                          \
		return is_accept(call) ? leave_accept(regs, ret) : leave_connect(regs, ret);       \
	}                                                                                          \
	static __always_inline int by_uring_connect(u64 file, u64 addr, s64 ret)                   \
	{                                                                                          \
		struct tally_slot *s = attempt_uring(file, addr, with_type);                       \
		if (s)                                                                             \
			s->n[connect_of(ret, addr)]++;                                             \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline int by_uring_accept(u64 listening, u64 file, s64 ret)               \
	{                                                                                          \
		struct tally_slot *s = attempt_uring(file ?: listening, 0, with_type);             \
		if (s)                                                                             \
			s->n[accept_of(ret)]++;                                                    \
		return 0;                                                                          \
	}                                                                                          \
	CALL_EXIT_WAYS(leave)                                                                      \
	URING_CONNECT_WAYS(by_uring_connect)                                                       \
	URING_ACCEPT_WAYS(by_uring_accept)

#endif
