/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir tcprtt: what a connection's smoothed round-trip time is whenever a segment comes in. That is
 * in the name of whatever task runs there.
 */
#include "conn.bpf.h"
#include "hist.h"
#include "owner.bpf.h"
#include "tally.bpf.h"
#include "tcprtt.h"

SEC(".rodata.tcprtt") const volatile struct tcprtt_conf conf;

static __always_inline void ends_of(struct tally_key *key, const struct sock_id *id)
{
	const u64 *addr = (const u64 *)id->raddr;

	if (conf.by & (RTT_REMOTE | RTT_CONNECTION)) {
		key->family = id->family;
		((u64 *)key->addr)[0] = addr[0];
		((u64 *)key->addr)[1] = addr[1];
		if (id->family == AF_INET6 && !addr[0] && (u32)addr[1] == bpf_htonl(0xffff)) {
			key->family = AF_INET; /* within IPv6 */
			((u64 *)key->addr)[0] = addr[1] >> 32;
			((u64 *)key->addr)[1] = 0;
		}
	}
	if (conf.by & (RTT_PORT | RTT_CONNECTION))
		key->port = id->rport;
	if (conf.by & (RTT_LOCAL | RTT_CONNECTION))
		key->type = id->lport;
}

static __always_inline void count_in(struct tally_key *key, const u32 words, u32 us)
{
	struct tally_slot *s = tally_whole(key, words);

	if (!s)
		return;
	s->n[SPREAD_COUNT]++;
	s->n[SPREAD_SUM] += us;
	if (us > s->n[SPREAD_MAX])
		s->n[SPREAD_MAX] = us;
}

SEC("?tp_btf") int on_segment(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct tally_key key = {.what = conf.by};
	struct sock_id id;
	u64 cookie;
	u32 us;

	if (!tp)
		return 0;
	us = tp->srtt_us >> 3;
	if (!us || (filter.have & FILTER_SLOWER && us * 1000ull < filter.slower_ns))
		return 0;
	if (filter.have & FILTER_NETNS && sk->__sk_common.skc_net.net->ns.inum != filter.netns)
		return 0;
	if (filter.have & FILTER_SOCK || conf.by & ~(RTT_PROCESS | RTT_ALL)) {
		if (!conn_look(&id, (u64)sk) || !conn_matches(&id))
			return 0;
		ends_of(&key, &id);
	}
	cookie = sk->__sk_common.skc_cookie.counter;
	if (conf.by & (RTT_PROCESS | RTT_CONNECTION) || filter.have & FILTER_OWNER) {
		struct owner *o = owner_of((u64)sk, cookie);

		if (!o)
			owner_missing((u64)sk);
		if (filter.have & FILTER_OWNER) {
			if (!o)
				count_lost(LOST_OWNER);
			if (!o || !o->passes)
				return 0;
		}
		if (o && conf.by & (RTT_PROCESS | RTT_CONNECTION)) {
			key.pid = o->who.pid;
			__builtin_memcpy(key.comm, o->who.comm, sizeof(key.comm));
		}
	}
	if (conf.by & RTT_CONNECTION)
		key.id = cookie;
	key.bucket = hist_slot(us) + 1;
	if (conf.by & (RTT_REMOTE | RTT_CONNECTION))
		count_in(&key, TALLY_WORDS(addr), us);
	else
		count_in(&key, TALLY_WORDS(port), us);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
