/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir soconnlat: from the first packet of a connection to the end of its handshake, whoever waits
 * for it, or nobody. The beginning is in the context of the task that connects, the end is not.
 */
#include "spread.bpf.h"
#include "soconnlat.h"

/* A connection that is being made: since when, and what it will be counted by. */
struct begun {
	u64 ts;
	struct tally_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PENDING_MAX);
	__type(key, u64);
	__type(value, struct begun);
} pending SEC(".maps");

SEC(".data.soconnlat") u64 npending; /* with none, a change of state costs a look at this */

static __always_inline int begin(u64 *ctx, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 at = (u64)sk;
	struct begun b = {};

	if (!task_matches(task) || !conn_of_program(sk))
		return 0;
	b.ts = bpf_ktime_get_ns();
	if (spread_conf.by == BY_DESTINATION) {
		struct sock_id id;

		if (conn_look(&id, at))
			spread_end(&b.key, &id, true);
	} else {
		spread_task(ctx, &b.key, task);
	}
	if (map_add(&pending, &at, &b))
		count_lost(LOST_MAP);
	else
		__sync_fetch_and_add(&npending, 1);
	return 0;
}

static __always_inline bool wanted(u64 sk, u32 kind, u64 ns)
{
	struct sock_id id;

	if ((filter.have & FILTER_FAILED && kind != KIND_FAILED) ||
	    (filter.have & FILTER_SLOWER && ns < filter.slower_ns))
		return false;
	return !(filter.have & FILTER_SOCK) || (conn_look(&id, sk) && conn_matches(&id));
}

static __always_inline int finish(u64 sk, u32 kind)
{
	struct begun *at = bpf_map_lookup_elem(&pending, &sk), b;
	u64 ns;

	if (!at)
		return 0;
	b = *at;
	ns = bpf_ktime_get_ns() - b.ts;
	if (bpf_map_delete_elem(&pending, &sk))
		return 0;
	__sync_fetch_and_add(&npending, -1);
	if (wanted(sk, kind, ns))
		spread_add(&b.key, kind, ns);
	return 0;
}

static __always_inline bool in_handshake(u32 state)
{
	return state == TCP_SYN_SENT || state == TCP_SYN_RECV; /* both sides at once: the latter */
}

SEC("?tp_btf") int on_state(u64 *ctx)
{
	u32 old = ctx[1], state = ctx[2];

	if (state == TCP_SYN_SENT)
		return begin(ctx, (struct sock *)ctx[0]);
	if (!npending || !in_handshake(old) || in_handshake(state))
		return 0;
	return finish(ctx[0], state == TCP_ESTABLISHED ? KIND_CONNECTED : KIND_FAILED);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
