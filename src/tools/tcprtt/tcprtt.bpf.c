/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir tcprtt: what a connection's smoothed round-trip time is whenever a segment comes in. That is
 * in the name of whatever task runs there.
 */
#include "by.bpf.h"
#include "owner.bpf.h"
#include "tcprtt.h"

SEC(".rodata.tcprtt") const volatile struct tcprtt_conf conf;

#define RECENT_AT (2 << HIST_SUB) /* an octave's buckets, or the first two's */

/*
 * Where the times of a connection were counted: the next one mostly belongs there, too. Found by
 * the cookie, which no two sockets have; each processor has its own. A cookie of 0 is nobody's.
 */
struct recent {
	u64 cookie;
	u32 hash; /* of both ends: a socket may be connected anew */
	u32 turn; /* struct tally_side's */
	u32 shift;
	u32 at[RECENT_AT]; /* the places of slots, from 1, by a time >> shift; 0: not known */
	u32 pad;
};

/* The loader sets how many: RTT_RECENT for each processor. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct recent);
} recents SEC(".maps");

#define RECENT_BUSY (~0ull) /* a cookie that no socket has */

static __always_inline struct recent *recent_of(u64 cookie)
{
	u32 at = bpf_get_smp_processor_id() * RTT_RECENT;

	at += cookie & (RTT_RECENT - 1);
	return bpf_map_lookup_elem(&recents, &at);
}

/*
 * Counts a time where those of its connection were counted, if that is known. A program that
 * interrupts this one may put another connection here, so that whose it is is asked last.
 */
static __always_inline bool count_again(struct tcp_sock *tp, u32 us)
{
	struct sock *sk = (struct sock *)tp;
	u64 cookie = sk->__sk_common.skc_cookie.counter;
	volatile struct recent *r = (volatile struct recent *)recent_of(cookie);
	struct tally_slot *s;
	u32 hash, turn;
	u64 at = us;

	if (!r)
		return false;
	hash = r->hash;
	turn = r->turn;
	at >>= r->shift & 63;
	barrier_var(at);
	if (at >= RECENT_AT)
		return false;
	at = r->at[at] - 1;
	if (r->cookie != cookie || turn != tally_side.turn || hash != sk->__sk_common.skc_hash)
		return false;
	s = tally_slot(at);
	if (!s)
		return false;
	by_add(s, us, 1);
	return true;
}

/* bucket: of hist_slot() */
static __noinline int recent_keep(struct sock *sk, struct tally_slot *s, u32 bucket, u32 turn)
{
	u64 cookie = bpf_get_socket_cookie(sk), before;
	u32 shift = bucket < RECENT_AT ? 0 : (bucket >> HIST_SUB) - 1;
	u32 at = bucket < RECENT_AT ? bucket : (bucket & ((1 << HIST_SUB) - 1)) + (1 << HIST_SUB);
	struct tally_slot *first = tally_slot(0);
	struct recent *r = recent_of(cookie);
	u32 hash = sk->__sk_common.skc_hash;

	if (!r || !first || turn != *(volatile u32 *)&tally_side.turn)
		return 0;
	before = r->cookie;
	if (before == RECENT_BUSY ||
	    __sync_val_compare_and_swap(&r->cookie, before, RECENT_BUSY) != before)
		return 0;
	if (before != cookie || r->hash != hash || r->turn != turn || r->shift != shift) {
		r->hash = hash;
		r->turn = turn;
		r->shift = shift;
		__builtin_memset(r->at, 0, sizeof(r->at));
	}
	barrier_var(at);
	if (at < RECENT_AT)
		r->at[at] = s - first + 1;
	barrier();
	*(volatile u64 *)&r->cookie = cookie;
	return 0;
}

static __noinline int count_first(struct sock *sk, u32 us)
{
	struct tally_key key = {.what = by_conf.by};
	u32 turn = *(volatile u32 *)&tally_side.turn;
	struct tally_slot *s;
	u64 cookie = sk->__sk_common.skc_cookie.counter;
	struct sock_id id;

	if (filter.have & FILTER_OWNER && owner_is_refused(cookie))
		return 0;
	if (filter.have & FILTER_NETNS && sk->__sk_common.skc_net.net->ns.inum != filter.netns)
		return 0;
	if (filter.have & FILTER_SOCK || by_ends_wanted()) {
		if (!conn_look(&id, (u64)sk) || !conn_matches(&id))
			return 0;
		by_ends(&key, &id);
	}
	if (by_conf.by & (BY_TASK | BY_CONNECTION) || filter.have & FILTER_OWNER) {
		struct owner *o = owner_of((u64)sk, cookie);

		if (!o)
			owner_missing((u64)sk);
		if (filter.have & FILTER_OWNER && !(o && o->passes)) {
			if (o)
				owner_refuse(cookie);
			else
				count_lost(LOST_OWNER);
			return 0;
		}
		if (o && by_conf.by & (BY_TASK | BY_CONNECTION)) {
			key.pid = o->who.pid;
			__builtin_memcpy(key.comm, o->who.comm, sizeof(key.comm));
		}
	}
	if (by_conf.by & BY_CONNECTION)
		key.id = cookie;
	s = by_count(&key, us, 1);
	if (s && conf.quick)
		recent_keep(sk, s, key.bucket - 1, turn);
	return 0;
}

SEC("?tp_btf") int on_segment(u64 *ctx)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock((struct sock *)ctx[0]);
	u32 us;

	if (!tp)
		return 0;
	us = tp->srtt_us >> 3;
	if (!us || (conf.quick && count_again(tp, us)))
		return 0;
	if (filter.have & FILTER_SLOWER && us * 1000ull < filter.slower_ns)
		return 0;
	return count_first((struct sock *)tp, us);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
