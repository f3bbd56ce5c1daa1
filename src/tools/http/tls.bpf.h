/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What OpenSSL encrypts and has decrypted: probes at SSL_read, SSL_write and their _ex kin, which
 * have the same meaning since OpenSSL 1.0 and 1.1.1. Which socket it goes to is learnt where TCP is
 * reached from within such a call. Comes with http.bpf.c.
 */
#ifndef WEIR_HTTP_TLS_BPF_H
#define WEIR_HTTP_TLS_BPF_H

#if defined(__TARGET_ARCH_x86)
#define tls_arg(ctx, x86, arm) ((ctx)->x86)
#define tls_ret(ctx)           ((ctx)->ax)
#elif defined(__TARGET_ARCH_arm64)
#define tls_arg(ctx, x86, arm) ((ctx)->regs[arm])
#define tls_ret(ctx)           ((ctx)->regs[0])
#endif

#define TLS_MOST 16384 /* connections; the one that was quiet longest makes room */

/* A call that runs. */
struct tls_call {
	u64 ssl, buf;
	u64 moved; /* where an _ex function puts how many bytes it moved; 0: the result says */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

struct tls_conn {
	struct known k;
	u32 seq[2];
	struct sock_id sock;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TLS_MOST);
	__type(key, u64);
	__type(value, struct tls_conn);
} tls_conns SEC(".maps");

/* Numbers of TLS are told from sockets' cookies by their highest bit. */
static __always_inline u64 tls_id(u64 ssl)
{
	return (ssl ^ (bpf_get_current_pid_tgid() >> 32 << 40)) | 1ull << 63;
}

static __noinline struct tls_conn *tls_conn(u64 ssl)
{
	u64 id = tls_id(ssl);
	struct tls_conn *c = bpf_map_lookup_elem(&tls_conns, &id);
	struct tls_conn fresh = {.k = {.cookie = id}};

	if (c)
		return c;
	map_add(&tls_conns, &id, &fresh);
	return bpf_map_lookup_elem(&tls_conns, &id);
}

/* In TCP: does OpenSSL of this task send and receive it? Then it knows the socket now. */
static __noinline bool tls_beneath(struct sock *sk)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &id);
	struct tls_conn *c = call ? tls_conn(call->ssl) : NULL;

	if (c && !c->sock.flags)
		look(&c->sock, sk);
	return call;
}

static __always_inline int tls_enter(struct pt_regs *ctx, bool ex)
{
	u64 id = bpf_get_current_pid_tgid();
	struct tls_call call = {.ssl = tls_arg(ctx, di, 0),
				.buf = tls_arg(ctx, si, 1),
				.moved = ex ? tls_arg(ctx, cx, 3) : 0};

	if (task_matches(bpf_get_current_task_btf()))
		bpf_map_update_elem(&tls_calls, &id, &call, BPF_ANY);
	return 0;
}

static __always_inline int tls_leave(struct pt_regs *ctx, const u32 dir)
{
	u64 id = bpf_get_current_pid_tgid(), moved;
	struct tls_call *at = bpf_map_lookup_elem(&tls_calls, &id), call;
	s32 ret = tls_ret(ctx);
	u32 place = 2 + dir, how;
	struct tls_conn *c;
	struct slot *s;

	if (!at)
		return 0;
	call = *at;
	bpf_map_delete_elem(&tls_calls, &id);
	moved = ret;
	if (ret <= 0 ||
	    (call.moved && bpf_probe_read_user(&moved, sizeof(moved), (void *)call.moved)))
		return 0;
	c = tls_conn(call.ssl);
	s = bpf_map_lookup_elem(&slots, &place);
	if (!c || !s || !moved || moved >> 31 || c->k.speaks == OTHER)
		return 0;
	if (!conn_matches(&c->sock))
		return 0;
	how = take(s, &c->k, dir, moved, call.buf);
	if (how == TAKE_NOT)
		return 0;
	s->p.r.flags = (dir == DIR_SENT ? PIECE_SENT : 0) | PIECE_TLS;
	s->p.r.seq = c->seq[dir];
	c->seq[dir] += moved;
	s->p.r.h.ts = bpf_ktime_get_ns();
	s->p.r.sock = c->sock;
	s->brief = 0;
	who_fill(&s->p.r.who, bpf_get_current_task_btf());
	return how == TAKE_H2 ? h2_message(s, &c->k, dir, moved, call.buf) : tell(s, &c->k);
}

SEC("?kprobe") int tls_enter_plain(struct pt_regs *ctx)
{
	return tls_enter(ctx, false);
}

SEC("?kprobe") int tls_enter_ex(struct pt_regs *ctx)
{
	return tls_enter(ctx, true);
}

SEC("?kretprobe") int tls_read(struct pt_regs *ctx)
{
	return tls_leave(ctx, DIR_RECEIVED);
}

SEC("?kretprobe") int tls_write(struct pt_regs *ctx)
{
	return tls_leave(ctx, DIR_SENT);
}

/* SSL_free(ssl): its address may be another's next. */
SEC("?kprobe") int tls_free(struct pt_regs *ctx)
{
	u64 id = tls_id(tls_arg(ctx, di, 0));
	struct tls_conn *c = bpf_map_lookup_elem(&tls_conns, &id);

	if (!c)
		return 0;
	if (c->k.speaks == HTTP || c->k.speaks == H2)
		tell_end(id, PIECE_CLOSED);
	bpf_map_delete_elem(&tls_conns, &id);
	return 0;
}

#endif
