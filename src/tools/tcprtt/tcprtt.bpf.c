/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir tcprtt: what a connection's smoothed round-trip time is whenever a segment comes in. That is
 * in the name of whatever task runs there.
 */
#include "by.bpf.h"
#include "owner.bpf.h"

SEC("?tp_btf") int on_segment(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct tally_key key = {.what = by_conf.by};
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
	if (filter.have & FILTER_SOCK || by_ends_wanted()) {
		if (!conn_look(&id, (u64)sk) || !conn_matches(&id))
			return 0;
		by_ends(&key, &id);
	}
	cookie = sk->__sk_common.skc_cookie.counter;
	if (by_conf.by & (BY_TASK | BY_CONNECTION) || filter.have & FILTER_OWNER) {
		struct owner *o = owner_of((u64)sk, cookie);

		if (!o)
			owner_missing((u64)sk);
		if (filter.have & FILTER_OWNER) {
			if (!o)
				count_lost(LOST_OWNER);
			if (!o || !o->passes)
				return 0;
		}
		if (o && by_conf.by & (BY_TASK | BY_CONNECTION)) {
			key.pid = o->who.pid;
			__builtin_memcpy(key.comm, o->who.comm, sizeof(key.comm));
		}
	}
	if (by_conf.by & BY_CONNECTION)
		key.id = cookie;
	by_count(&key, us, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
