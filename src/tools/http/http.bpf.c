/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir http: the first bytes of what is sent and received on TCP connections that speak HTTP. A
 * connection does once a message begins as a request or a response would; that is but a cheap look,
 * the parser in the user half decides. Sockets of other kinds cost nothing where TCP's functions
 * can be had.
 */
#include "door.bpf.h"
#include "payload.bpf.h"
#include "conn.bpf.h"
#include "http.h"
#include "lane.bpf.h"
#include "probe.bpf.h"
#include "sk.bpf.h"

#define IPPROTO_TCP 6

#define TELL_AGAIN 1000000000 /* ns after which who it is is told once more */

enum speaks { UNKNOWN, MAYBE, HTTP, OTHER, H2 };
enum take { TAKE_NOT, TAKE_START, TAKE_MORE, TAKE_H2 };

SEC(".rodata.http") const volatile struct http_conf http_conf;

/* Where in HTTP/2 a direction stands (h2.bpf.h). */
struct h2_dir {
	u32 left;    /* payload of the frame that is to come; 0: a head comes */
	u8 nhead;    /* bytes of the head that were seen */
	bool keep;   /* the payload is told */
	u8 head[18]; /* 9, and as many again, as the verifier sees it */
};

/* What is known of a socket; the kernel frees it with the socket. */
struct known {
	u64 cookie;
	u64 told;     /* when who and what it is was told, 0: never */
	u64 comm[2];  /* of that task */
	u32 tid;      /* likewise */
	u16 speaks;   /* enum speaks */
	u8 tried;     /* messages that did not begin like HTTP */
	u32 token;    /* MAYBE: letters of the first word that were seen */
	u32 since[2]; /* bytes received and sent since a head may have begun */
	struct h2_dir h2[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct known);
} socks SEC(".maps");

/* Where records are made: a place for each program, which the kernel does not run anew while it
 * runs on this CPU. What is found out stands here, too: the verifier follows no values in memory.
 */
struct slot {
	struct piece_slot p;
	u32 token;       /* letters of the first word that were seen */
	u32 is;          /* enum speaks */
	u64 base, chunk; /* of HTTP/2: the rest of a buffer of the message */
	u32 walked;      /* bytes since something was told */
	u32 brief;       /* who and what it is was told before */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4); /* two of TCP, two of TLS */
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

/*
 * Do its bytes begin like a message: capital letters (a method, and '-' within), then a space or
 * what follows HTTP? MAYBE when they end before that is decided. 0, whatever it finds.
 */
__noinline int begins(struct slot *s)
{
	u32 n;

	if (!s)
		return 0;
	n = s->p.have;
	s->is = MAYBE;
	for (u32 i = 0; i < TOKEN_MOST; i++) {
		u8 c = s->p.bytes[i];

		if (i >= n)
			return 0;
		if ((c >= 'A' && c <= 'Z') || (c == '-' && s->token)) {
			s->token++;
			continue;
		}
		s->is = (c == ' ' && s->token >= 3) || (c == '/' && s->token == 4) ? HTTP : OTHER;
		return 0;
	}
	s->is = OTHER;
	return 0;
}

/* What the socket speaks, now that a message was seen. */
static __noinline int learn_of(struct known *k, struct slot *s, u32 dir)
{
	s->token = k->speaks == MAYBE ? k->token : 0;
	begins(s);
	k->token = s->token;
	if (s->is == OTHER || k->token > TOKEN_MOST) {
		k->speaks = ++k->tried < TRIES_MOST ? UNKNOWN : OTHER;
		return k->speaks;
	}
	if (k->speaks == UNKNOWN)
		k->since[dir & 1] = 0;
	k->speaks = s->is;
	return k->speaks;
}

/* What the socket is; of one that the filters leave out, no more than that is looked at. */
static __noinline int look(struct sock_id *id, struct sock *sk)
{
	sk_look(id, sk);
	id->flags = SOCK_ID_VALID | SOCK_ID_BOUND | SOCK_ID_PEER;
	id->state = sk->__sk_common.skc_state;
	id->type = SOCK_STREAM;
	id->protocol = IPPROTO_TCP;
	return id->family;
}

static __noinline struct known *known_new(struct sock *sk)
{
	struct known *k = sk_value(&socks, sk);
	struct sock_id id = {};

	if (!k) {
		count_lost(LOST_MAP);
		return NULL;
	}
	k->cookie = bpf_get_socket_cookie(sk);
	if (filter.have & FILTER_SOCK && look(&id, sk) && !conn_matches(&id))
		k->speaks = OTHER;
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

/* Was it told that the connection is this task's? With what is lost that is, too, and the user half
 * forgets connections: so it is told now and then. */
static __always_inline bool was_told(const struct known *k, struct task_struct *task, u64 now)
{
	const u64 *comm = (const u64 *)task->comm;

	return k->told && now - k->told < TELL_AGAIN && k->tid == task->pid &&
	       k->comm[0] == comm[0] && k->comm[1] == comm[1];
}

static __always_inline void now_told(struct known *k, struct task_struct *task, u64 now)
{
	const u64 *comm = (const u64 *)task->comm;

	k->told = now;
	k->tid = task->pid;
	k->comm[0] = comm[0];
	k->comm[1] = comm[1];
}

/* The head of a brief record is made where that of a whole one ends: the bytes follow either. */
static __always_inline int tell(struct slot *s, struct known *k)
{
	struct piece_rec *r = &s->p.r, *brief = (void *)s->p.bytes - PIECE_BRIEF;
	u32 fixed = s->brief ? PIECE_BRIEF : sizeof(*r), have = s->p.have;
	int err;

	r->h.len = fixed + have;
	r->h.type = REC_PIECE;
	r->h.fixed = fixed;
	r->have = have;
	*(u64 *)r->tail = s->p.tail;
	if (s->brief) {
		__builtin_memcpy(brief, r, PIECE_BRIEF);
		err = lane_output(&brief->h, PIECE_BRIEF + have, PIECE_BRIEF + PAYLOAD_ROOM);
	} else {
		err = lane_output(&r->h, sizeof(*r) + have, sizeof(*r) + PAYLOAD_ROOM);
	}
	if (err) {
		k->told = 0;
		count_lost(LOST_RING);
	}
	return 0;
}

/* Nothing follows, in one direction or in both. */
static __always_inline int tell_end(u64 conn, u32 flags)
{
	struct piece_rec r = {.h = {.len = PIECE_BRIEF,
				    .type = REC_PIECE,
				    .fixed = PIECE_BRIEF,
				    .ts = bpf_ktime_get_ns()},
			      .conn = conn,
			      .flags = flags};

	if (lane_output(&r.h, PIECE_BRIEF, PIECE_BRIEF))
		count_lost(LOST_RING);
	return 0;
}

/* Where in the stream the next byte is that is sent, or received by the program. */
static __always_inline u32 place_of(const struct tcp_sock *tp, const u32 dir)
{
	if (!tp)
		return 0;
	return dir == DIR_SENT ? tp->write_seq : tp->copied_seq;
}

/* The bytes of a message: where they lie, or 0: where the running call says. */
static __noinline int read_bytes(struct slot *s, u64 at, u64 moved, u32 want)
{
	if (!at)
		return payload_read(&s->p, moved, want);
	s->p.tail = 0;
	s->p.have = 0;
	return payload_from(&s->p, at, moved, want);
}

#include "h2.bpf.h"

/* Of what begins a message. */
static __always_inline bool is_response(const u8 *bytes)
{
	return bytes[4] == '/' && bytes[3] == 'P'; /* "HTTP/", not "GET /" */
}

/* Reads a message of a connection that speaks HTTP/1. */
static __always_inline u32 follow(struct slot *s, struct known *k, u32 dir, u64 moved, u64 at)
{
	u32 want = wanted(k, moved, dir), *since = &k->since[dir];
	bool start;

	read_bytes(s, at, moved, want);
	s->token = 0;
	begins(s);
	start = s->is == HTTP;
	if (start) {
		*since = 0;
		if (want < PAYLOAD_MOST)
			read_bytes(s, at, moved, PAYLOAD_MOST);
		if (h2_begins(s, k, dir))
			return TAKE_H2;
	}
	*since += moved;
	s->p.r.conn = k->cookie;
	s->p.r.size = moved;
	/* A response is on what the request was: who and what that is, is known. */
	return start && !(k->told && is_response(s->p.bytes)) ? TAKE_START : TAKE_MORE;
}

/* Reads a message of a connection: is it to be told, and as the start of one? */
__noinline int take(struct slot *s, struct known *k, u32 dir, u64 moved, u64 at)
{
	if (!s || !k)
		return TAKE_NOT;
	dir &= 1;
	if (k->speaks == H2)
		return TAKE_H2;
	if (k->speaks == HTTP)
		return follow(s, k, dir, moved, at);
	read_bytes(s, at, moved, PAYLOAD_MOST);
	learn_of(k, s, dir);
	if (k->speaks == UNKNOWN && h2_looks_so(s)) {
		k->speaks = H2;
		return TAKE_H2;
	}
	if (k->speaks != HTTP && k->speaks != MAYBE)
		return TAKE_NOT;
	if (k->speaks == HTTP && h2_begins(s, k, dir))
		return TAKE_H2;
	k->since[dir] += moved;
	s->p.r.conn = k->cookie;
	s->p.r.size = moved;
	return k->told && is_response(s->p.bytes) ? TAKE_MORE : TAKE_START;
}

#include "tls.bpf.h"
#include "quick.bpf.h"

static __always_inline int on_bytes(struct sock *sk, const u32 dir, s64 ret)
{
	u32 place = dir, how;
	struct task_struct *task;
	struct tcp_sock *tp;
	struct slot *s;
	struct known *k;
	u64 now;

	if (ret < 0 || (dir == DIR_SENT && !ret))
		return 0;
	task = bpf_get_current_task_btf();
	if (!task_matches(task))
		return 0;
	if (http_conf.tls && tls_beneath(sk))
		return 0;
	k = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!k)
		k = known_new(sk);
	if (!k || k->speaks == OTHER || (!ret && k->speaks != HTTP && k->speaks != H2))
		return 0;
	tp = http_conf.cast ? sk_tcp(sk) : bpf_skc_to_tcp_sock(sk);
	if (ret && k->speaks == HTTP && quick(k, task, tp, dir, ret))
		return 0;
	s = bpf_map_lookup_elem(&slots, &place);
	if (!s)
		return 0;
	how = take(s, k, dir, ret, 0);
	if (how == TAKE_NOT)
		return 0;
	now = bpf_ktime_get_ns();
	s->p.r.h.ts = now;
	s->p.r.flags = (dir == DIR_SENT ? PIECE_SENT : 0) | (ret ? 0 : PIECE_END);
	s->p.r.seq = place_of(tp, dir) - ret;
	s->brief = how == TAKE_MORE || was_told(k, task, now);
	if (!s->brief && look(&s->p.r.sock, sk)) {
		who_fill(&s->p.r.who, task);
		now_told(k, task, now);
	}
	return how == TAKE_H2 ? h2_message(s, k, dir, ret, 0) : tell(s, k);
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
	return door_looks(ctx[3]) ? 0 : on_bytes((struct sock *)ctx[0], DIR_RECEIVED, (s32)ctx[5]);
}

SEC("?fexit") int tcp_received4(u64 *ctx) /* without addr_len */
{
	return door_looks(ctx[3]) ? 0 : on_bytes((struct sock *)ctx[0], DIR_RECEIVED, (s32)ctx[4]);
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

	return !door_looks(ctx[2]) && is_tcp(sk) ? on_bytes(sk, DIR_RECEIVED, (s32)ctx[1]) : 0;
}

#define TCP_FIN_WAIT1 4 /* include/net/tcp_states.h, ABI */
#define TCP_LAST_ACK  9

/* The end of what is sent, and of the connection. */
SEC("?tp_btf") int on_state(u64 *ctx)
{
	u32 state = ctx[2];
	struct known *k;

	if (state != TCP_FIN_WAIT1 && state != TCP_LAST_ACK && state != TCP_CLOSE)
		return 0;
	k = bpf_sk_storage_get(&socks, (struct sock *)ctx[0], 0, 0);
	if (!k || (k->speaks != HTTP && k->speaks != H2))
		return 0;
	return tell_end(k->cookie, state == TCP_CLOSE ? PIECE_CLOSED : PIECE_SENT | PIECE_END);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
