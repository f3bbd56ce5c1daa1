/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir latency: where the time of TCP's messages goes. A message is what one send call took; it is
 * followed by the sequence number behind its last byte. Who sends and who reads is seen where they
 * do it, in their own context: what happens in a softirq asks nobody.
 */
#include "sent.bpf.h"
#include "arrived.bpf.h"

/* tcp_sendmsg(sk, msg, size) */
SEC("?fentry") int send_entry(u64 *ctx)
{
	return sent_begin((struct sock *)ctx[0], true);
}

/* tcp_sendmsg_locked(sk, msg, skb, size_goal), since Linux 6.16: before each piece of a message. */
SEC("?tp_btf") int send_entry_tp(u64 *ctx)
{
	return sent_begin((struct sock *)ctx[0], false);
}

SEC("?fexit") int send_exit(u64 *ctx)
{
	return sent_end((struct sock *)ctx[0], (s32)ctx[3]);
}

/* sock_send_length(sk, ret, flags), of any protocol */
SEC("?tp_btf") int send_exit_tp(u64 *ctx)
{
	return sent_end((struct sock *)ctx[0], (s32)ctx[1]);
}

/* net_dev_queue(skb): before the queue of a device. */
SEC("?tp_btf") int on_queue(u64 *ctx)
{
	return sent_moves((struct sk_buff *)ctx[0], false);
}

/* net_dev_start_xmit(skb, dev): behind it. */
SEC("?tp_btf") int on_xmit(u64 *ctx)
{
	return sent_moves((struct sk_buff *)ctx[0], true);
}

static __always_inline int segment_comes(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct segment s;

	if (!tp || !segment_look(&s, skb))
		return 0;
	sent_acked(sk, tp, s.ack);
	if (s.end != s.seq)
		arrived_add(sk, tp, &s);
	return 0;
}

/* tcp_probe(sk, skb): a segment comes in, before it is worked on, in TCP_ESTABLISHED. */
SEC("?tp_btf") int on_segment(u64 *ctx)
{
	return segment_comes((struct sock *)ctx[0], (struct sk_buff *)ctx[1]);
}

/* tcp_rcv_state_process(sk, skb): the same in all other states. */
SEC("?fentry") int on_segment_half(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	u8 state = sk->__sk_common.skc_state;

	if (state == TCP_LISTEN || state == TCP_SYN_SENT)
		return 0;
	return segment_comes(sk, (struct sk_buff *)ctx[1]);
}

/* tcp_rcv_space_adjust(sk): data was copied to a program, whatever call wanted it. */
SEC("?tp_btf") int on_read(u64 *ctx)
{
	return arrived_read((struct sock *)ctx[0]);
}

#define TCP_FIN_WAIT2 5

/* What was acknowledged while no tcp_probe() told is seen here; what was not never will be. */
SEC("?tp_btf") int on_state(u64 *ctx)
{
	u32 state = ctx[2];

	if (state == TCP_CLOSE || state == TCP_FIN_WAIT2)
		sent_over((struct sock *)ctx[0], state == TCP_CLOSE);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
