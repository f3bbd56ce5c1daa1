/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir sormem: how much a receive leaves in the socket's buffer, against its limit; and the sockets
 * where that is close, or where something was dropped because there was no room.
 */
#include "conn.bpf.h"
#include "hist.h"
#include "door.h"
#include "probe.bpf.h"
#include "ring.bpf.h"
#include "sk.bpf.h"
#include "sormem.h"
#include "tally.bpf.h"

SEC(".rodata.sormem") const volatile struct sormem_conf conf;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOCKETS_MAX);
	__type(key, struct rmem_id);
	__type(value, struct rmem_sock);
} sockets SEC(".maps");

#define SOCK_RCVBUF_LOCK 2 /* include/net/sock.h */
#define ENOMEM           12
#define SK_MEM_RECV      1

static __always_inline void count_in(struct tally_key *key, const u32 words, u32 what, u32 bucket,
				     u64 v)
{
	struct tally_slot *s;

	key->what = what;
	key->bucket = bucket + 1;
	s = tally_whole(key, words);
	if (!s)
		return;
	s->n[N_COUNT]++;
	s->n[N_SUM] += v;
	if (v > s->n[N_LARGEST])
		s->n[N_LARGEST] = v;
}

static __always_inline void count_all(struct tally_key *key, const u32 words, u64 has, u64 limit)
{
	u64 fill = limit ? has * 100 / limit : 0;

	count_in(key, words, WHAT_ALLOCATED, hist_slot(has), has);
	count_in(key, words, WHAT_LIMIT, hist_slot(limit), limit);
	count_in(key, words, WHAT_FILL, hist_linear(fill, FILL_STEP, FILL_SLOTS), fill);
}

static __always_inline u64 allocated(struct sock *sk)
{
	int n = BPF_CORE_READ(sk, sk_backlog.rmem_alloc.counter);

	return n > 0 ? n : 0;
}

static __always_inline void look(struct rmem_sock *s, struct sock *sk)
{
	if (conn_look(&s->sock, (u64)sk))
		return;
	s->sock.flags = SOCK_ID_VALID;
	s->sock.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	sock_kind(&s->sock.type, &s->sock.protocol, (u64)sk);
}

/* The user half looks who has it open, while it is; where the ring is full, it will not. */
static __always_inline void hint(const struct rmem_id *id)
{
	struct hint_rec r = {.h = {.len = sizeof(r), .type = REC_HINT, .fixed = sizeof(r)},
			     .a = id->sk,
			     .b = id->ino};

	r.h.ts = bpf_ktime_get_ns();
	bpf_ringbuf_output(&ring, &r, sizeof(r), ring_flags());
}

/* The entry of a socket, made where there is none. NULL: no room, which is counted. */
static __noinline struct rmem_sock *entry(u64 at)
{
	struct sock *sk = (struct sock *)at;
	struct rmem_id id = {.sk = at};
	struct rmem_sock *s, fresh = {};
	int err;

	id.ino = BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
	s = bpf_map_lookup_elem(&sockets, &id);
	if (!s) {
		look(&fresh, sk);
		fresh.sock.ino = id.ino;
		err = map_add(&sockets, &id, &fresh);
		if (!err)
			hint(&id);
		else if (err != -EEXIST) /* another CPU was faster */
			count_lost(LOST_MAP);
		s = bpf_map_lookup_elem(&sockets, &id);
	}
	if (s) {
		u64 has = allocated(sk);

		s->limit = BPF_CORE_READ(sk, sk_rcvbuf);
		s->locked = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_RCVBUF_LOCK;
		if (has > s->most)
			s->most = has;
	}
	return s;
}

static __always_inline bool sock_wanted(u64 sk)
{
	struct sock_id id;

	return !(filter.have & FILTER_SOCK) || (conn_look(&id, sk) && conn_matches(&id));
}

/* A receive has ended, in the context of the task that received. */
static __always_inline int on_receive(struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tally_key key = {};
	u64 at = (u64)sk, has, limit;
	struct rmem_sock *s;

	if (!probe_watched(DOOR_RECVMSG, task) || ret < 0 || !sk || !sock_wanted(at))
		return 0;
	has = allocated(sk);
	limit = sk->sk_rcvbuf;
	if (conf.by == BY_PROCESS) {
		key.pid = task_tgid(task);
		task_process(key.comm, task);
		count_all(&key, TALLY_WORDS(bucket), has, limit);
	} else if (conf.by == BY_PROTOCOL) {
		sk_kind(&key, sk);
		key.type = 0;
		count_all(&key, TALLY_WORDS(port), has, limit);
	} else {
		count_all(&key, 1, has, limit);
	}
	if (has * 100 < limit * conf.near)
		return 0;
	s = entry(at);
	if (!s)
		return 0;
	__sync_fetch_and_add(&s->near, 1);
	who_fill(&s->who, task);
	return 0;
}

/* Two of the ways of kernel/door.bpf.h: a kretprobe has no socket. */
SEC("?tp_btf") int door_recv_tp(u64 *ctx)
{
	return on_receive((struct sock *)ctx[0], (s32)ctx[1]);
}

SEC("?fexit") int door_recv_fexit(u64 *ctx)
{
	return on_receive(((struct socket *)ctx[0])->sk, (s32)ctx[3]);
}

/* The others run where a packet arrives, in the name of any task. */
static __always_inline int on_drop(u64 sk, bool all)
{
	struct rmem_sock *s = sock_wanted(sk) ? entry(sk) : NULL;

	if (s)
		__sync_fetch_and_add(all ? &s->exceeded : &s->full, 1);
	return 0;
}

SEC("?tp_btf") int on_full(u64 *ctx)
{
	return on_drop(ctx[0], false);
}

SEC("?tp_btf") int on_exceeded(u64 *ctx)
{
	return (s32)ctx[3] == SK_MEM_RECV ? on_drop(ctx[0], true) : 0;
}

/* udp_fail_queue_rcv_skb(rc, sk), and an skb since 6.10. Not of this buffer: ENOBUFS, for which
 * on_exceeded() is there. */
static __always_inline int udp_fail(u64 *ctx)
{
	return (s32)ctx[0] == -ENOMEM ? on_drop(ctx[1], false) : 0;
}

SEC("?tp_btf") int on_udp_fail(u64 *ctx)
{
	return udp_fail(ctx);
}

SEC("?tp_btf") int on_udp_fail_old(u64 *ctx)
{
	return udp_fail(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
