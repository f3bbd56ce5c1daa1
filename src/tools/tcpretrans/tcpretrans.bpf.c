/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir tcpretrans: what TCP sends again, in timers and where acknowledgments arrive: the task that
 * runs has nothing to do with it.
 */
#include "owner.bpf.h"
#include "ring.bpf.h"

#define TCP_SYN_RECV 3

/* include/net/tcp.h, include/net/inet_connection_sock.h of 6.1 to 6.18 */
#define TCP_CA_CWR           2
#define ICSK_TIME_LOSS_PROBE 5

/*
 * Made outside of the ring: what filters refuse takes no room there. A place for each program: a
 * timer may interrupt a task that sends again.
 */
enum { OF_RETRANSMIT, OF_SYNACK, PLACES };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, u32);
	__type(value, struct retrans_rec);
} made SEC(".maps");

static __always_inline struct retrans_rec *make(u64 sk, u32 place)
{
	struct peer none = {};
	struct retrans_rec *r;

	r = bpf_map_lookup_elem(&made, &place);
	if (!r || !hit_sock_look(&r->sock, sk))
		return NULL;
	if (filter.have & FILTER_SOCK && !sock_matches(&r->sock.id, &none))
		return NULL;
	r->netns = BPF_CORE_READ((struct sock *)sk, __sk_common.skc_net.net, ns.inum);
	return filter.have & FILTER_NETNS && r->netns != filter.netns ? NULL : r;
}

static __always_inline int send(struct retrans_rec *r, struct owner *o)
{
	if (filter.have & FILTER_OWNER) {
		if (!o)
			count_lost(LOST_OWNER);
		if (!o || !o->passes)
			return 0;
	}
	if (o)
		r->who = o->who;
	else
		__builtin_memset(&r->who, 0, sizeof(r->who));
	r->h = (struct rec){.len = sizeof(*r), .type = REC_RETRANS, .fixed = sizeof(*r)};
	r->h.ts = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, r, sizeof(*r), ring_flags()))
		count_lost(LOST_RING);
	return 0;
}

static __always_inline int on_retransmit(u64 sk, struct sk_buff *skb, s32 err)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct tcp_skb_cb *cb = (struct tcp_skb_cb *)&skb->cb;
	struct retrans_rec *r = make(sk, OF_RETRANSMIT);
	struct owner *o;
	u8 pending;

	if (!r)
		return 0;
	r->ca = BPF_CORE_READ_BITFIELD_PROBED(tp, inet_conn.icsk_ca_state);
	pending = BPF_CORE_READ(tp, inet_conn.icsk_pending);
	r->seq = BPF_CORE_READ(cb, seq);
	r->len = BPF_CORE_READ(skb, len);
	r->segs = BPF_CORE_READ(cb, tcp_gso_segs);
	r->attempt = BPF_CORE_READ(tp, inet_conn.icsk_retransmits);
	/*
	 * That timer is still noted while it runs (tcp_write_timer_handler()), and it runs in these
	 * states only (tcp_schedule_loss_probe()); what is sent again for an acknowledgment's sake
	 * is so in Recovery or Loss.
	 */
	if (r->sock.id.state == TCP_SYN_SENT)
		r->kind = RETRANS_SYN;
	else if (r->sock.id.state == TCP_SYN_RECV)
		r->kind = RETRANS_SYNACK;
	else if (pending == ICSK_TIME_LOSS_PROBE && r->ca <= TCP_CA_CWR)
		r->kind = RETRANS_PROBE;
	else
		r->kind = r->len ? RETRANS_DATA : RETRANS_FIN;
	r->err = err;
	r->pad = 0;
	r->retrans = BPF_CORE_READ(tp, total_retrans);
	r->sent = BPF_CORE_READ(tp, segs_out);
	r->rtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	r->cwnd = BPF_CORE_READ(tp, snd_cwnd);
	o = owner_find(sk, &r->sock);
	if (!o)
		owner_missing(sk);
	return send(r, o);
}

SEC("?tp_btf") int on_retransmit_3(u64 *ctx)
{
	return on_retransmit(ctx[0], (struct sk_buff *)ctx[1], ctx[2]);
}

SEC("?tp_btf") int on_retransmit_2(u64 *ctx)
{
	return on_retransmit(ctx[0], (struct sk_buff *)ctx[1], 0);
}

/* tcp_retransmit_synack(sk, req): the listening socket, and the connection that is to be. */
SEC("?tp_btf") int on_synack(u64 *ctx)
{
	struct request_sock *req = (struct request_sock *)ctx[1];
	struct retrans_rec *r = make((u64)req, OF_SYNACK);
	struct hit_sock listener = {};
	struct sock *sk = (struct sock *)ctx[0];

	if (!r)
		return 0;
	r->kind = RETRANS_SYNACK;
	r->ca = 0;
	r->attempt = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout) + 1;
	r->seq = r->len = r->retrans = r->sent = r->rtt_us = r->cwnd = 0;
	r->segs = 1;
	r->pad = 0;
	r->err = 0;
	bpf_core_read(&listener.cookie, sizeof(listener.cookie),
		      &sk->__sk_common.skc_cookie.counter);
	return send(r, owner_find((u64)sk, &listener));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
