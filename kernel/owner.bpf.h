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

#include "notice.bpf.h"
#include "packet.bpf.h"
#include "ring.bpf.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

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

/*
 * Cookies of sockets whose owner is not one that is asked for: what most hits are about under such
 * a filter, and this is found faster. No two sockets have the same (92acdc58ab11, 5.10).
 */
#define REFUSED 4096
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REFUSED);
	__type(key, u32);
	__type(value, u64);
} owner_refused SEC(".maps");

static __always_inline u64 *refused_slot(u64 cookie)
{
	u32 slot = cookie & (REFUSED - 1);

	return bpf_map_lookup_elem(&owner_refused, &slot);
}

static __always_inline bool owner_is_refused(u64 cookie)
{
	u64 *slot = refused_slot(cookie);

	return slot && cookie && *slot == cookie;
}

static __always_inline void owner_refuse(u64 cookie)
{
	u64 *slot = refused_slot(cookie);

	if (slot)
		*slot = cookie;
}

/* It has another owner now. */
static __always_inline void owner_changed(u64 cookie)
{
	u64 *slot = filter.have & FILTER_OWNER ? refused_slot(cookie) : NULL;

	if (slot && *slot == cookie)
		*slot = 0;
}

static __always_inline u64 owner_ino(u64 sk)
{
	return BPF_CORE_READ((struct sock *)sk, sk_socket, file, f_inode, i_ino);
}

static __always_inline struct owner *owner_of(u64 sk, u64 cookie)
{
	struct owner *o = bpf_map_lookup_elem(&owners, &sk);

	if (!o)
		return NULL;
	if (o->cookie)
		return o->cookie == cookie ? o : NULL;
	return o->ino && o->ino == owner_ino(sk) ? o : NULL; /* it had no cookie then */
}

static __noinline struct owner *owner_find(u64 sk, const struct hit_sock *s)
{
	return owner_of(sk, s->cookie);
}

/* How often anything was noted: what was found before may be old. */
SEC(".data.owners_noted") u64 owners_noted;

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
	owner_changed(o.cookie);
	return bpf_map_update_elem(&owners, &sk, &o, BPF_ANY);
}

/* Is to be at this socket, in a task's context, to use it? Of IP's it is; a Unix socket's peer
 * looks at it, too. */
static __always_inline bool owner_by_use(u64 sk, const struct hit_sock *s)
{
	return sk && (s->id.family == AF_INET || s->id.family == AF_INET6) &&
	       s->id.state != TCP_TIME_WAIT && s->id.state != TCP_NEW_SYN_RECV;
}

/*
 * Where a socket is made, accepted, connected or used, in its task's context. Functions where they
 * can be had; else those of its state and of its traffic, which see it a little later. sk is a type
 * that the verifier knows: so the kernel gives it a cookie here, if it has none.
 */
static __always_inline int owner_keep(struct sock *sk, const bool fresh)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 key = (u64)sk, cookie;
	struct owner o = {}, *old;

	if (!sk || task->tgid == filter.self || task->flags & PF_KTHREAD)
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	old = bpf_map_lookup_elem(&owners, &key);
	if (old && !fresh && (old->cookie == cookie || (!old->cookie && old->ino)))
		return 0;
	o.cookie = cookie;
	o.passes = owner_passes(task);
	who_read(&o.who, task);
	bpf_map_update_elem(&owners, &key, &o, BPF_ANY);
	owners_noted++;
	owner_changed(cookie);
	return 0;
}

/* The same, and its addresses where they are wanted (kernel/ends.bpf.h). */
static __always_inline int owner_note(struct sock *sk, const bool fresh)
{
	int err = owner_keep(sk, fresh);

#ifdef OWNER_ENDS
	ends_note((u64)sk);
#endif
	return err;
}

SEC("?fexit/sock_init_data") int owner_made(u64 *ctx)
{
	return ctx[0] ? owner_note((struct sock *)ctx[1], true)
		      : 0; /* else a socket of the kernel's */
}

SEC("?fexit/inet_accept") int owner_accepted(u64 *ctx)
{
	struct socket *new = (struct socket *)ctx[1];

	return owner_note(new->sk, true);
}

#define TCP_SYN_SENT 2 /* include/net/tcp_states.h, ABI */
#define TCP_LISTEN   10

SEC("?tp_btf/inet_sock_set_state") int owner_state(u64 *ctx)
{
	int state = ctx[2];

	return state == TCP_SYN_SENT || state == TCP_LISTEN
		       ? owner_note((struct sock *)ctx[0], false)
		       : 0;
}

SEC("?tp_btf/sock_send_length") int owner_sends(u64 *ctx)
{
	return owner_note((struct sock *)ctx[0], false);
}

SEC("?tp_btf/sock_recv_length") int owner_receives(u64 *ctx)
{
	return owner_note((struct sock *)ctx[0], false);
}

#ifdef OWNER_ENDS
/* udp_lib_get_port(sk, snum, hash2_nulladdr): UDP's bind, in the task's context. */
SEC("?fexit/udp_lib_get_port") int owner_bound(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];

	bpf_get_socket_cookie(sk);
	ends_note((u64)sk);
	return 0;
}

/* Connections, wherever their handshake ends. */
SEC("?tp_btf/inet_sock_set_state") int owner_joined(u64 *ctx)
{
	u32 state = ctx[2];

	if (state == 1 /* ESTABLISHED */ || state == TCP_LISTEN)
		ends_note(ctx[0]);
	return 0;
}
#endif

/* Sockets that are there already: read through when the others are attached, and when the user half
 * asks for it. Of several tasks that have it open the first counts. */
SEC("?iter/task_file") int owner_scan(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file; /* loaded once: the verifier forgets that it is not NULL */
	struct owner o = {}, *old;
	struct socket *sock;
	struct sock *sk;
	u64 key;

	if (!task || !file || task->tgid == filter.self)
		return 0;
	sock = bpf_sock_from_file(file);
	sk = sock ? sock->sk : NULL;
	if (!sk)
		return 0;
	key = (u64)sk;
	o.cookie = bpf_get_socket_cookie(sk);
#ifdef OWNER_ENDS
	ends_note(key);
#endif
	old = bpf_map_lookup_elem(&owners, &key);
	if (old && old->cookie == o.cookie)
		return 0;
	o.passes = task_fits(task) && (!(filter.have & FILTER_CGROUP) || in_cgroup(task));
	who_read(&o.who, task);
	bpf_map_update_elem(&owners, &key, &o, BPF_ANY);
	owners_noted++;
	return 0;
}

/*
 * A program's socket of which nobody is known: it was made unseen. The user half looks through all
 * descriptors then, at most once a second (owners_inner() in src/core/owners.h).
 */
SEC(".data.owner_looked") u64 owner_looked; /* when that was asked for last */

static __always_inline void owner_missing(u64 sk)
{
	struct hint_rec r = {.h = {.len = sizeof(r), .type = REC_HINT, .fixed = sizeof(r)}};
	u64 now = bpf_ktime_get_ns();

	if (now - owner_looked < 1000000000 || !BPF_CORE_READ((struct sock *)sk, sk_socket, file))
		return;
	owner_looked = r.h.ts = now;
	bpf_ringbuf_output(&ring, &r, sizeof(r), BPF_RB_FORCE_WAKEUP);
}

#endif
