/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * How many packets the kernel dropped of each socket of the table, and why: wherever that was, not
 * only what the socket itself counts. A socket of which nothing was dropped takes no place, and
 * nobody is asked to free one: it is free when its socket is gone.
 */
#ifndef WEIR_TABLE_DROPS_BPF_H
#define WEIR_TABLE_DROPS_BPF_H

#include "drop.bpf.h"
#include "conn.h"

SEC(".rodata.conns") const volatile struct conn_told conn_told;

struct dropped {
	struct end end; /* the socket; cookie 0: free */
	u32 n;
	u32 reason; /* of the last */
};
#define DROPPED_PLACES 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* DROPPED where they are watched */
	__type(key, u32);
	__type(value, struct dropped);
} conns_dropped SEC(".maps");

/* Cookies are numbers one after the other: two that are near each other never meet. */
static __always_inline struct dropped *dropped_at(u64 cookie, u32 i)
{
	u32 at = (cookie + i) & (DROPPED - 1);

	return bpf_map_lookup_elem(&conns_dropped, &at);
}

static __noinline struct dropped *dropped_find(u64 cookie)
{
	for (u32 i = 0; i < DROPPED_PLACES; i++) {
		struct dropped *p = dropped_at(cookie, i);

		if (p && p->end.cookie == cookie)
			return p;
	}
	return NULL;
}

#define DROPPED_BUSY (~0ull)

static __noinline struct dropped *dropped_claim(u64 sk, u64 cookie)
{
	for (u32 i = 0; i < DROPPED_PLACES; i++) {
		struct dropped *p = dropped_at(cookie, i);
		u64 old = p ? p->end.cookie : DROPPED_BUSY;

		if (!p || old == DROPPED_BUSY || (old && end_alive(&p->end)) ||
		    __sync_val_compare_and_swap(&p->end.cookie, old, DROPPED_BUSY) != old)
			continue;
		p->end.sk = sk;
		p->n = p->reason = 0;
		barrier();
		*(volatile u64 *)&p->end.cookie = cookie;
		return p;
	}
	count_lost(LOST_MAP);
	return NULL;
}

static __always_inline int on_drop(struct drop *d)
{
	struct sock *sk = (struct sock *)d->sk;
	struct hit_sock sock = {};
	struct packet_id packet;
	struct dropped *p;

	if (sk)
		bpf_core_read(&sock.cookie, sizeof(sock.cookie),
			      &sk->__sk_common.skc_cookie.counter);
	else
		drop_look(d, &packet, &sock);
	if (!d->sk || !sock.cookie)
		return 0;
	p = dropped_find(sock.cookie) ?: dropped_claim(d->sk, sock.cookie);
	if (!p)
		return 0;
	__sync_fetch_and_add(&p->n, 1);
	p->reason = d->reason;
	return 0;
}

/* What was dropped of the socket that has r's cookie. */
static __always_inline void dropped_fill(struct conn_rec *r)
{
	struct dropped *p;

	r->dropped = r->drop_reason = 0;
	if (!conn_told.dropped)
		return;
	r->flags |= CONN_DROPS;
	p = dropped_find(r->cookie);
	if (!p)
		return;
	r->dropped = p->n;
	r->drop_reason = p->reason;
}

#endif
