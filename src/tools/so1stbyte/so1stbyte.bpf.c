/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir so1stbyte: from a connection's beginning until a program receives the first byte of it:
 * where it connected, from its first packet on; where it accepts, from the end of the handshake on.
 */
#include "spread.bpf.h"
#include "so1stbyte.h"

/* A connection without a byte: since when, and which side this is. */
struct begun {
	u64 ts;
	u64 kind; /* enum so1stbyte_kind */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WAITING_MAX);
	__type(key, u64);
	__type(value, struct begun);
} waiting SEC(".maps");

SEC(".data.so1stbyte") s64 nwaiting; /* with none, a receive costs a look at this */

static __always_inline int begin(u64 sk, u32 kind)
{
	struct begun b = {bpf_ktime_get_ns(), kind};
	int err = map_add(&waiting, &sk, &b);

	if (!err)
		__sync_fetch_and_add(&nwaiting, 1);
	else if (err == -EEXIST) /* one that went unseen was at this address */
		bpf_map_update_elem(&waiting, &sk, &b, BPF_ANY);
	else
		count_lost(LOST_MAP);
	return 0;
}

static __always_inline bool forget(u64 sk)
{
	if (bpf_map_delete_elem(&waiting, &sk))
		return false;
	__sync_fetch_and_add(&nwaiting, -1);
	return true;
}

SEC("?tp_btf") int on_state(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	u32 old = ctx[1], state = ctx[2];

	if (state == TCP_SYN_SENT) {
		if (conn_of_program(sk))
			begin(ctx[0], KIND_CONNECT);
	} else if (old == TCP_LISTEN && state == TCP_SYN_RECV) {
		begin(ctx[0], KIND_ACCEPT);
	} else if (state == TCP_CLOSE && nwaiting) {
		forget(ctx[0]);
	}
	return 0;
}

static __always_inline bool wanted(struct task_struct *task, const struct sock_id *id, u64 ns)
{
	return task_matches(task) && !(filter.have & FILTER_SLOWER && ns < filter.slower_ns) &&
	       conn_matches(id);
}

/* tcp_rcv_space_adjust(sk): data of TCP was copied to a program, whatever call wanted it. */
SEC("?tp_btf") int on_receive(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sock *sk = (struct sock *)ctx[0];
	struct tally_key key = {};
	struct begun *at, b;
	u64 addr = ctx[0], ns;
	struct sock_id id;

	if (!nwaiting)
		return 0;
	at = bpf_map_lookup_elem(&waiting, &addr);
	/* splice() comes here with nothing, too */
	if (!at || !BPF_CORE_READ((struct tcp_sock *)sk, bytes_received))
		return 0;
	b = *at;
	if (!forget(addr))
		return 0;
	ns = bpf_ktime_get_ns() - b.ts;
	if (!conn_look(&id, addr) || !wanted(task, &id, ns))
		return 0;
	if (spread_conf.by == BY_DESTINATION)
		spread_end(&key, &id, b.kind == KIND_CONNECT);
	else if (sk->sk_lock.owned) /* else a softirq reads for the kernel (TLS, BPF), for whom? */
		spread_task(ctx, &key, task);
	spread_add(&key, b.kind != KIND_CONNECT, ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
