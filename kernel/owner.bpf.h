/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Whose is a socket? The task that created, connected or accepted it, or used it first: noted in
 * that task's context, since most of what a socket does happens in somebody else's. This is the one
 * place where "who" is answered.
 *
 * The key is the address of struct sock, which the kernel gives to other sockets later: so what was
 * noted counts only while the socket still has the same cookie, or the same inode when it has none.
 */
#ifndef WEIR_OWNER_BPF_H
#define WEIR_OWNER_BPF_H

#include "packet.bpf.h"
#include "task.bpf.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/* The filters that ask who; the network namespace is the socket's own. */
#define FILTER_OWNER (FILTER_TASK & ~FILTER_NETNS)

struct owner {
	struct who who;
	u64 cookie;
	u64 ino;    /* when cookie is 0 */
	u32 passes; /* the filters that ask who */
	u32 pad;
};

/* LRU: a machine with more sockets forgets those that were quiet longest, and they show "-". */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct owner);
} owners SEC(".maps");

static __always_inline u64 owner_ino(u64 sk)
{
	return BPF_CORE_READ((struct sock *)sk, sk_socket, file, f_inode, i_ino);
}

static __noinline struct owner *owner_find(u64 sk, const struct hit_sock *s)
{
	struct owner *o = bpf_map_lookup_elem(&owners, &sk);

	if (!o || o->cookie != s->cookie)
		return NULL;
	return s->cookie || (o->ino && o->ino == owner_ino(sk)) ? o : NULL;
}

static __always_inline bool owner_passes(struct task_struct *task)
{
	return !(filter.have & FILTER_OWNER) || task_passes(task);
}

static __noinline int owner_set(u64 sk, const struct hit_sock *s, const struct who *who,
				bool passes)
{
	struct owner o = {.who = *who, .cookie = s->cookie, .passes = passes};

	if (!o.cookie)
		o.ino = owner_ino(sk);
	if (!o.cookie && !o.ino)
		return 0;
	return bpf_map_update_elem(&owners, &sk, &o, BPF_ANY);
}

/* Is to be at this socket, in a task's context, to use it? Of IP's it is; a Unix socket's peer
 * looks at it, too. */
static __always_inline bool owner_by_use(u64 sk, const struct hit_sock *s)
{
	return sk && (s->id.family == AF_INET || s->id.family == AF_INET6) &&
	       s->id.state != TCP_TIME_WAIT && s->id.state != TCP_NEW_SYN_RECV;
}

#endif
