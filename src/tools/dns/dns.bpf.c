/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir dns: what is sent and received on sockets of which either end has a port of DNS. A socket
 * that is not connected names its peer with each send, and is known from then on.
 */
#include "door.bpf.h"
#include "payload.bpf.h"
#include "conn.bpf.h"
#include "dns_tool.h"
#include "probe.bpf.h"
#include "sk.bpf.h"

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

SEC(".rodata.dns") const volatile struct dns_conf dns_conf;

/* Of a socket that speaks DNS; the kernel frees it with the socket. */
struct known {
	u64 cookie;
	u64 batch; /* of sendmmsg and recvmmsg: the call's memory, and which message is next */
	u64 index[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct known);
} socks SEC(".maps");

/* Where records are made, for each program a place of its own: see http.bpf.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct piece_slot);
} slots SEC(".maps");

static __always_inline bool is_dns(u16 port)
{
	for (u32 i = 0; i < DNS_PORTS; i++)
		if (port && dns_conf.ports[i] == port)
			return true;
	return false;
}

/* The peer that a send names. */
static __always_inline void sent_to(struct peer *peer, const u64 *args, u32 shape)
{
	u64 at = shape == PAYLOAD_BUF ? args[4] : 0;

	if (shape >= PAYLOAD_MSG)
		bpf_probe_read_user(&at, sizeof(at), (void *)args[1]);
	peer_read(peer, at);
}

static __always_inline struct known *known_of(struct sock *sk, bool dns)
{
	struct known *k = bpf_sk_storage_get(&socks, sk, 0, 0);

	if (k || !dns)
		return k;
	k = sk_value(&socks, sk);
	if (k)
		k->cookie = bpf_get_socket_cookie(sk);
	else
		count_lost(LOST_MAP);
	return k;
}

/* Which message of a call that has several this is: they come one after the other. */
static __always_inline u32 message_of(struct known *k, u32 door, const u64 *args)
{
	u64 index;

	if (k->batch != args[1] || k->index[door & 1] >= args[2])
		k->index[door & 1] = 0;
	k->batch = args[1];
	index = k->index[door & 1]++;
	return index & 1023; /* UIO_MAXIOV */
}

static __noinline int tell(struct piece_slot *s, u64 sk, u32 have)
{
	struct piece_rec *r = &s->r;
	struct task_struct *task = bpf_get_current_task_btf();
	u64 len = sizeof(*r) + have;

	r->h = (struct rec){
		.len = len, .type = REC_PIECE, .fixed = sizeof(*r), .ts = bpf_ktime_get_ns()};
	r->have = have;
	who_fill(&r->who, task);
	barrier_var(len);
	if (len > sizeof(*s))
		return 0;
	if (bpf_ringbuf_output(&ring, s, len, ring_flags()))
		count_lost(LOST_RING);
	return 0;
}

static __always_inline int on_door(const u32 door, struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 place = door, shape, tgid = task->tgid;
	struct peer peer = {};
	struct piece_slot *s;
	struct known *k;
	u64 args[6] = {};
	u16 family, protocol;
	bool dns;

	if (!probe_watched_of(door, task, tgid) || !sk || ret <= 0)
		return 0;
	family = sk->__sk_common.skc_family;
	protocol = sk->sk_protocol;
	if ((family != AF_INET && family != AF_INET6) ||
	    (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP))
		return 0;
	shape = payload_call(task, args);
	dns = is_dns(sk->__sk_common.skc_num) || is_dns(bpf_ntohs(sk->__sk_common.skc_dport));
	if (door == DOOR_SENDMSG && !sk->__sk_common.skc_dport) {
		sent_to(&peer, args, shape);
		dns = dns || is_dns(peer.port);
	}
	k = known_of(sk, dns);
	s = bpf_map_lookup_elem(&slots, &place);
	if (!k || !s || !conn_look(&s->r.sock, (u64)sk))
		return 0;
	if (filter.have & FILTER_SOCK && !sock_matches(&s->r.sock, &peer))
		return 0;
	if (peer.family) {
		u64 *raddr = (u64 *)s->r.sock.raddr;

		__builtin_memcpy(raddr, peer.addr, 16);
		if (family == AF_INET6 && peer.family == AF_INET) { /* the kernel maps it */
			raddr[1] = raddr[0] << 32 | bpf_htonl(0xffff);
			raddr[0] = 0;
		}
		s->r.sock.rport = peer.port;
		s->r.sock.flags |= SOCK_ID_PEER;
	}
	s->index = shape == PAYLOAD_MMSG ? message_of(k, door, args) : 0;
	s->r.conn = k->cookie;
	s->r.size = ret;
	s->r.flags = door == DOOR_SENDMSG ? PIECE_SENT : 0;
	return tell(s, (u64)sk, payload_read(s, ret, PAYLOAD_MOST));
}

DOOR_SOCK_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
