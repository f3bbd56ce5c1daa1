/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir http: the first bytes of what is sent and received on TCP connections that speak HTTP. A
 * connection does once a message begins as a request or a response would; that is but a cheap look,
 * the parser in the user half decides. Sockets of other kinds cost nothing where TCP's functions
 * can be had.
 */
#include "payload.bpf.h"
#include "conn.bpf.h"
#include "http.h"
#include "probe.bpf.h"

#define IPPROTO_TCP 6
#define MSG_PEEK    2

enum speaks { UNKNOWN, MAYBE, HTTP, OTHER };

/* What is known of a socket; the kernel frees it with the socket. */
struct known {
	u64 cookie;
	u16 speaks;   /* enum speaks */
	u16 tried;    /* messages that did not begin like HTTP */
	u32 token;    /* MAYBE: letters of the first word that were seen */
	u32 since[2]; /* bytes received and sent since a head may have begun */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct known);
} socks SEC(".maps");

/* Where records are made: a place for each program, which the kernel does not run anew while it
 * runs on this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct piece_slot);
} slots SEC(".maps");

/*
 * Do n bytes begin like a message: capital letters (a method, and '-' within), then a space or what
 * follows HTTP? token: letters seen before. Returns MAYBE when they end before that is decided.
 */
static __noinline u32 begins(const u8 *bytes, u32 n, u32 *token)
{
	u32 have = *token;

	for (u32 i = 0; i < TOKEN_MOST; i++) {
		u8 c = bytes[i];

		if (i >= n) {
			*token = have;
			return MAYBE;
		}
		if ((c >= 'A' && c <= 'Z') || (c == '-' && have)) {
			if (++have > TOKEN_MOST)
				return OTHER;
			continue;
		}
		return (c == ' ' && have >= 3) || (c == '/' && have == 4) ? HTTP : OTHER;
	}
	return OTHER;
}

/* What the socket speaks, now that a message was seen. */
static __always_inline void learn_of(struct known *k, const u8 *bytes, u32 n, u32 dir)
{
	u32 token = k->speaks == MAYBE ? k->token : 0, is;

	is = begins(bytes, n, &token);
	k->token = token;
	if (is == HTTP || is == MAYBE) {
		if (k->speaks == UNKNOWN)
			k->since[dir] = 0;
		k->speaks = is;
		return;
	}
	k->speaks = ++k->tried < TRIES_MOST ? UNKNOWN : OTHER;
}

static __always_inline struct known *known_of(struct sock *sk)
{
	struct known *k = bpf_sk_storage_get(&socks, sk, 0, 0);

	if (k)
		return k;
	k = bpf_sk_storage_get(&socks, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (k)
		k->cookie = bpf_get_socket_cookie(sk);
	return k;
}

/* Short messages whole; of longer ones what may be a head, for a body a few bytes: the head of a
 * chunk is at their start, mostly. */
static __always_inline u32 wanted(const struct known *k, u32 size, u32 dir)
{
	if (size <= PAYLOAD_MOST || k->speaks != HTTP || k->since[dir] < PAYLOAD_MOST)
		return PAYLOAD_MOST;
	return BODY_MOST;
}

static __always_inline int tell(struct piece_slot *s, struct sock *sk, struct task_struct *task,
				struct known *k, u32 have, u32 flags)
{
	struct piece_rec *r = &s->r;
	u64 len;

	r->h.len = sizeof(*r) + have;
	r->h.type = REC_PIECE;
	r->h.fixed = sizeof(*r);
	r->h.ts = bpf_ktime_get_ns();
	r->conn = k->cookie;
	r->have = have;
	r->flags = flags;
	if (!conn_look(&r->sock, (u64)sk) || !conn_matches(&r->sock))
		return 0;
	who_fill(&r->who, task);
	len = sizeof(*r) + have;
	barrier_var(len);
	if (len > sizeof(*s))
		return 0;
	if (bpf_ringbuf_output(&ring, s, len, ring_flags()))
		count_lost(LOST_RING);
	return 0;
}

static __always_inline int on_bytes(struct sock *sk, const u32 dir, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct piece_slot *s;
	struct known *k;
	u32 have, want, at, place = dir, token = 0;

	if (ret < 0 || (dir == DIR_SENT && !ret) || !task_matches(task))
		return 0;
	k = known_of(sk);
	if (!k || k->speaks == OTHER || (!ret && k->speaks != HTTP))
		return 0;
	s = bpf_map_lookup_elem(&slots, &place);
	if (!s)
		return 0;
	want = wanted(k, ret, dir);
	have = payload_read(s, ret, want);
	if (k->speaks != HTTP) {
		learn_of(k, s->bytes, have, dir);
		if (k->speaks != HTTP && k->speaks != MAYBE)
			return 0;
	} else if (begins(s->bytes, have, &token) == HTTP) {
		k->since[dir] = 0;
		if (want < PAYLOAD_MOST)
			have = payload_read(s, ret, PAYLOAD_MOST);
	}
	k->since[dir] += ret;
	at = dir == DIR_SENT ? BPF_CORE_READ(tp, write_seq) : BPF_CORE_READ(tp, copied_seq);
	s->r.seq = at - ret;
	s->r.size = ret;
	return tell(s, sk, task, k, have,
		    (dir == DIR_SENT ? PIECE_SENT : 0) | (ret ? 0 : PIECE_END));
}

SEC("?fexit") int tcp_sent(u64 *ctx)
{
	return on_bytes((struct sock *)ctx[0], DIR_SENT, (s32)ctx[3]);
}

/* Until dc97391e6610 (6.5): sendfile, a page at a time. */
SEC("?fexit") int tcp_page(u64 *ctx)
{
	return on_bytes((struct sock *)ctx[0], DIR_SENT, (s32)ctx[5]);
}

SEC("?fexit") int tcp_received(u64 *ctx)
{
	return ctx[3] & MSG_PEEK ? 0 : on_bytes((struct sock *)ctx[0], DIR_RECEIVED, (s32)ctx[5]);
}

SEC("?fexit") int tcp_received4(u64 *ctx) /* without addr_len */
{
	return ctx[3] & MSG_PEEK ? 0 : on_bytes((struct sock *)ctx[0], DIR_RECEIVED, (s32)ctx[4]);
}

static __always_inline bool is_tcp(struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6);
}

/* Tracepoints see all sockets. */
SEC("?tp_btf") int sock_sent(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];

	return is_tcp(sk) ? on_bytes(sk, DIR_SENT, (s32)ctx[1]) : 0;
}

SEC("?tp_btf") int sock_received(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];

	return !(ctx[2] & MSG_PEEK) && is_tcp(sk) ? on_bytes(sk, DIR_RECEIVED, (s32)ctx[1]) : 0;
}

#define TCP_FIN_WAIT1 4 /* include/net/tcp_states.h, ABI */
#define TCP_LAST_ACK  9

/* The end of what is sent, and of the connection. */
SEC("?tp_btf") int on_state(u64 *ctx)
{
	u32 state = ctx[2];
	struct piece_rec *r;
	struct known *k;

	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	k = bpf_sk_storage_get(&socks, (struct sock *)ctx[0], 0, 0);
	if (!k || k->speaks != HTTP)
		return 0;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		count_lost(LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->h = (struct rec){.len = sizeof(*r),
			    .type = REC_PIECE,
			    .fixed = sizeof(*r),
			    .ts = bpf_ktime_get_ns()};
	r->conn = k->cookie;
	r->flags = state == TCP_CLOSE ? PIECE_CLOSED : PIECE_SENT | PIECE_END;
	ring_submit(r);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
