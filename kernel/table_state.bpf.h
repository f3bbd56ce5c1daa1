/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the connection table knows of a socket, and where it is kept. */
#ifndef WEIR_TABLE_STATE_BPF_H
#define WEIR_TABLE_STATE_BPF_H

#include "conn.bpf.h"
#include "sk.bpf.h"

struct conn_state {
	u64 sk;         /* of conns_fast: whose it is, 0: free */
	u64 cookie;     /* of that socket; 0: it had none yet */
	u64 opened;     /* 0: before */
	u64 seen;       /* first; opened, or when it was found */
	u64 connect_ns; /* CONNECT_UNKNOWN */
	u64 ended;      /* told when the socket is destroyed: nobody knew whose it is */
	u64 tx, rx;     /* as told of the last interval */
	struct who who, user;
	u32 flags; /* enum conn_flag */
	s32 err;   /* of the end */
	u8 passes; /* the filters that ask who */
	u8 told;   /* 1: that it is there, 2: its end */
	u8 last;   /* state before the end */
	u8 based;  /* tx and rx are known */
	u8 fits;   /* the filters that look at the socket */
	u8 kept;   /* counted in conn_kept.begun, and its end not yet */
	u8 nobody; /* the kernel itself has accepted it */
	u8 event;  /* that is told of it now */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct conn_state);
} conns SEC(".maps");

/*
 * The same of connections that began under weir's eyes, in a table found by the socket's address,
 * from the first SYN until it is destroyed. Storage of a socket's own is two allocations and their
 * freeing, 3000 instructions of which short connections would pay all; a hash takes 130 each time
 * it is asked. What finds no room in its places here has storage of its own. 6 MiB.
 */
#define CONN_FAST   32768
#define CONN_SHIFT  (32 - 15) /* of the bits of a hash */
#define CONN_PLACES 4
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CONN_FAST);
	__type(key, u32);
	__type(value, struct conn_state);
} conns_fast SEC(".maps");

/* Where a socket's places begin. The lower half of an address, moved, is a number to the verifier.
 */
static __always_inline u32 conn_hash(u64 sk)
{
	u32 half;

	asm("%0 = %1" : "=w"(half) : "w"((u32)sk));
	return half * 0x9e3779b1 >> CONN_SHIFT;
}

static __always_inline struct conn_state *conn_place(u32 at)
{
	at &= CONN_FAST - 1;
	return bpf_map_lookup_elem(&conns_fast, &at);
}

/* Of several sockets at one address, one after the other, each has a cookie of its own. */
static __always_inline bool conn_is(const struct conn_state *s, u64 sk, u64 cookie)
{
	return s->sk == sk && (s->cookie == cookie || !s->cookie);
}

/* What is not static here, the verifier looks at once, and not from each place that calls it. */
#define CONN_NOWHERE (~0u)

/* In a place that is not the first. */
__noinline u32 conn_elsewhere(u64 sk, u64 cookie)
{
	u32 at = conn_hash(sk);

	for (u32 i = 1; i < CONN_PLACES; i++) {
		struct conn_state *s = conn_place(at + i);

		if (s && conn_is(s, sk, cookie))
			return at + i;
	}
	return CONN_NOWHERE;
}

static __always_inline struct conn_state *conn_at(u32 at)
{
	return at == CONN_NOWHERE ? NULL : conn_place(at);
}

/* Of an address that is a number. */
static __always_inline struct conn_state *conn_find(u64 sk, u64 cookie)
{
	struct conn_state *s = conn_place(conn_hash(sk));

	return s && conn_is(s, sk, cookie) ? s : conn_at(conn_elsewhere(sk, cookie));
}

static __always_inline struct conn_state *conn_state_of(struct sock *sk)
{
	u64 cookie = sk->__sk_common.skc_cookie.counter;
	struct conn_state *s = conn_place(conn_hash((u64)sk));

	if (s && conn_is(s, (u64)sk, cookie))
		return s;
	return conn_at(conn_elsewhere(number_of(sk), cookie))
		       ?: bpf_sk_storage_get(&conns, sk, 0, 0);
}

/* Of a socket that has none. NULL only without memory, which is counted. */
static __always_inline struct conn_state *conn_state_add(struct sock *sk)
{
	struct conn_state *s = sk_value(&conns, sk);

	if (!s)
		count_lost(LOST_MAP);
	return s;
}

static __always_inline struct conn_state *conn_state_make(struct sock *sk)
{
	return conn_state_of(sk) ?: conn_state_add(sk);
}

/* Was its end to be told, and was not? No program saw it then: the kernel had run none. */
static __always_inline bool conn_is_left(const struct conn_state *s)
{
	return s->told != 2 && s->flags & (CONN_ACTIVE | CONN_PASSIVE) && s->fits &&
	       (!(filter.have & FILTER_OWNER) || (s->flags & CONN_OWNED && s->passes));
}

/* Of a connection that begins: what is in it is of what was at this address. */
__noinline u32 conn_claim(u64 sk)
{
	u32 at = conn_hash(sk);

	for (u32 i = 0; i < CONN_PLACES; i++) {
		struct conn_state *s = conn_place(at + i);

		if (!s)
			break;
		if (s->sk == sk && conn_is_left(s))
			count_lost(LOST_MISSED);
		if (s->sk == sk || (!s->sk && !__sync_val_compare_and_swap(&s->sk, 0, sk)))
			return at + i;
	}
	return CONN_NOWHERE;
}

static __always_inline struct conn_state *conn_state_fresh(struct sock *sk)
{
	return conn_at(conn_claim(number_of(sk))) ?: conn_state_add(sk);
}

/* The socket goes; what is in its storage does so by itself. */
static __always_inline void conn_state_free(struct conn_state *s)
{
	if (s && s->sk)
		s->sk = 0;
}

#endif
