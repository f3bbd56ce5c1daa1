/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A call's record, section by section: what its arguments point to. The calls of any shape are
 * appended to here (exit_slot() in trace.bpf.c, and walk.bpf.h); small.bpf.h has the common shape.
 */
#ifndef WEIR_TRACE_SECTIONS_H
#define WEIR_TRACE_SECTIONS_H

#include "call.bpf.h"
#include "sock.bpf.h"
#include "trace.h"

SEC(".rodata.trace") const volatile struct trace_conf conf;

/* An argument by its index; 0 for NO. The barrier hides the table of calls, or clang finds the
 * check that the verifier wants unnecessary. */
static __always_inline u64 arg_of(const struct call_rec *r, u32 n)
{
	if (!__builtin_constant_p(n))
		barrier_var(n);
	return n < 6 ? r->args[n] : 0;
}

static __always_inline u64 arg(const struct call_state *st, u32 n)
{
	return arg_of(&st->rec, n);
}

#define PAGE 4096 /* or more: memory is there or not in whole pages */

/* User memory's layout: struct iovec, msghdr and mmsghdr of 64-bit programs. */
struct user_iov {
	u64 base, len;
};
struct user_msghdr {
	u64 name;
	u32 namelen, pad;
	u64 iov, iovlen, control, controllen;
	u32 flags, pad2;
};
struct user_mmsghdr {
	struct user_msghdr hdr;
	u32 len, pad;
};

/* What a message's name may be long: it follows the pointer msg_name. */
#define NAMELEN_AT(msg) ((msg) + 8)

/* The record's fixed part. */
static __always_inline void exit_head(struct call_rec *r, struct call_state *st)
{
	struct task_struct *task = bpf_get_current_task_btf();

	r->h.type = REC_CALL;
	r->h.len = sizeof(*r);
	r->h.fixed = sizeof(*r);
	r->h.ts = st->rec.h.ts;
	r->dur = st->rec.dur;
	r->ret = st->rec.ret;
	__builtin_memcpy(r->args, st->rec.args, sizeof(r->args));
	r->call = st->rec.call;
	r->unread = 0;
	r->snap = conf.snap;
	who_known(&r->who, task, st->rec.who.pid, st->owner, conf.who);
	r->sock = st->rec.sock;
}

/*
 * Sections are appended at r->h.len. The position is kept in ring memory, of which the verifier
 * knows nothing: so each append checks it anew, and the paths before it need not be told apart.
 */
#define HEAD(kind, arg, full) ((u64)(kind) | (u64)((arg)&7) << 8 | (u64)(u32)(full) << 32)
#define SNAP                  (conf.snap_read)

/* What does not fit a section's 32 bits is told as their most: there was more than is shown. */
static __always_inline u32 saturated(u64 n)
{
	return n >> 32 ? ~0u : n;
}

/* Messages to and from the kernel are told, not shown as bytes: strace reads them whole. */
static __always_inline bool is_netlink(struct call_state *st, const u32 call)
{
	return st->rec.sock.family == AF_NETLINK && !(DESC(call)->flags & CALL_SOCKETS) &&
	       st->rec.sock.flags & SOCK_ID_VALID && conf.snap;
}

#define LIMIT(slot, max) ((slot) - sizeof(struct sect) - (max))
#define ROOM(slot, max)  (LIMIT(slot, max) << 32 | (max)) /* two constants in one argument */

/*
 * Appends the first of n bytes of user memory, as many as the max of ROOM. Returns the bit of the
 * argument when they could not be read: what could not be read is no section.
 */
static __noinline u32 put_user(struct call_rec *r, u64 room, u64 head, u64 n, u64 from)
{
	u64 max = (u32)room;
	u32 pos = r->h.len;
	struct sect *s;

	if (pos > room >> 32)
		return 0;
	s = (void *)r + pos;
	if (n > max)
		n = max;
	barrier_var(n);
	if (n && bpf_probe_read_user(s + 1, n, (void *)from))
		return 1 << (head >> 8 & 7);
	*(u64 *)s = head | n << 16;
	r->h.len = pos + sizeof(*s) + SECT_NEXT((u32)n);
	return 0;
}

/* A section that is all head. */
static __always_inline void put_head(struct call_rec *r, u64 limit, u64 head)
{
	u32 pos = r->h.len;

	/* Each check is one of its own register, or clang joins it with the one before and the
	 * verifier of 6.1 follows a path on which both cannot be. */
	barrier_var(pos);
	if (pos > limit)
		return;
	*(u64 *)((void *)r + pos) = head;
	r->h.len = pos + sizeof(struct sect);
}

/* A value-result length, before and after; 0 and the argument's bit in r->unread when unreadable.
 */
static __always_inline u32 put_lengths(struct call_rec *r, const u32 slot, struct call_state *st,
				       u8 n)
{
	u32 pos, out = 0;

	if (st->unread || bpf_probe_read_user(&out, sizeof(out), (void *)arg(st, n))) {
		r->unread |= 1 << (n & 7);
		return 0;
	}
	pos = r->h.len;
	barrier_var(pos); /* the bounds that follow are those of this very register */
	if (pos <= LIMIT(slot, sizeof(struct sect))) {
		u64 *s = (void *)r + pos;

		s[0] = HEAD(SECT_INLEN, n, st->inlen);
		s[1] = HEAD(SECT_OUTLEN, n, out);
		r->h.len = pos + 2 * sizeof(struct sect);
	}
	return out;
}

static __always_inline void put_option(struct call_rec *r, const u32 slot, struct call_state *st,
				       const u32 call)
{
	u32 full = st->rec.args[4];

	if (DESC(call)->flags & CALL_OUT) {
		if (!st->rec.args[4])
			return;
		full = put_lengths(r, slot, st, 4);
		if (st->rec.ret < 0)
			return;
	}
	if (!st->rec.args[3] || !full)
		return;
	if (!put_user(r, ROOM(slot, TRACE_OPT_MAX), HEAD(SECT_DATA, 3, full), full,
		      st->rec.args[3]))
		return;
	/* the length may promise more than there is: an int and a name are read all the same */
	if (!put_user(r, ROOM(slot, 33), HEAD(SECT_DATA, 3, full), full, st->rec.args[3]))
		return;
	r->unread |= put_user(r, ROOM(slot, 4), HEAD(SECT_DATA, 3, full), full, st->rec.args[3]);
}

/* One offset: before the call and, of sendfile, after it. */
static __always_inline void put_offset(struct call_rec *r, const u32 slot, struct call_state *st,
				       u32 n, u64 in, const bool out)
{
	u32 pos = r->h.len;
	u64 at = arg(st, n);
	u64 *s;

	barrier_var(pos);
	s = (void *)r + pos;
	if (!at || pos > LIMIT(slot, 2 * sizeof(u64)))
		return;
	s[0] = HEAD(SECT_INTS, n, 16) | 16 << 16;
	s[1] = s[2] = in;
	if (out)
		bpf_probe_read_user(&s[2], sizeof(u64), (void *)at);
	r->h.len = pos + sizeof(struct sect) + 16;
}

static __always_inline void put_offsets(struct call_rec *r, const u32 slot, struct call_state *st,
					const u32 call)
{
	if (!(st->unread & 1))
		put_offset(r, slot, st, DESC(call)->buf, st->time[0], call == CALL_sendfile);
	if (call == CALL_splice && !(st->unread & 2))
		put_offset(r, slot, st, 3, st->time[1], false);
	if (st->unread & 1)
		r->unread |= 1 << DESC(call)->buf;
	if (st->unread & 2)
		r->unread |= 1 << 3;
}

/* Netlink messages: when not all of them can be read, then what lies in their first page. */
static __always_inline u32 put_netlink(struct call_rec *r, u64 room, u64 head, u64 n, u64 from)
{
	u64 rest = PAGE - (from & (PAGE - 1));
	u32 unread = put_user(r, room, head, n, from);

	if (unread && rest < n)
		put_user(r, room, head, rest, from);
	return unread;
}

/* Payload: what was sent, or what arrived. */
static __always_inline void put_payload(struct call_rec *r, const u32 slot, struct call_state *st,
					const u32 call, const u32 max)
{
	u32 flags = DESC(call)->flags, n = DESC(call)->buf;
	u64 from = arg(st, n), full = arg(st, DESC(call)->len);

	if (!from || !max)
		return;
	if (call == CALL_sethostname || call == CALL_setdomainname)
		full = (u32)full; /* their length is an int, a size_t in the others */
	if (flags & CALL_PAIR) {
		if (!st->rec.ret)
			r->unread |= put_user(r, ROOM(slot, 8), HEAD(SECT_INTS, n, 8), 8, from);
		return;
	}
	if (flags & CALL_OUT) {
		if (st->rec.ret < 0)
			return;
		/* with MSG_TRUNC the result is more than the buffer holds; and the kernel takes any
		 * size_t for a length */
		if (full > (u64)st->rec.ret)
			full = st->rec.ret;
	}
	if (slot == conf.slot_netlink)
		r->unread |= put_netlink(r, ROOM(slot, max), HEAD(SECT_DATA, n, saturated(full)),
					 full, from);
	else
		r->unread |= put_user(r, ROOM(slot, max), HEAD(SECT_DATA, n, saturated(full)), full,
				      from);
}

static __always_inline void put_address(struct call_rec *r, const u32 slot, struct call_state *st,
					const u32 call, const u32 max)
{
	u32 flags = DESC(call)->flags, n = DESC(call)->addr, at = DESC(call)->addrlen;
	u64 from = arg(st, n);
	u32 full = arg(st, at), len = full;

	if (!from)
		return;
	if (flags & CALL_ADDR_OUT) {
		if (!arg(st, at))
			return;
		full = put_lengths(r, slot, st, at);
		if (st->rec.ret < 0)
			return;
		len = full < st->inlen ? full : st->inlen;
	}
	if ((s32)len > 0)
		r->unread |= put_user(r, ROOM(slot, max), HEAD(SECT_ADDR, n, full), len, from);
}

/* The path of a Unix socket; sun_path follows the family, at 2. */
static __noinline u32 put_path(struct call_rec *r, u64 limit, u8 kind, struct sock *sk)
{
	struct unix_address *addr = BPF_CORE_READ((struct unix_sock *)sk, addr);
	u32 pos = r->h.len, n;
	struct sect *s;
	s32 len = 0;

	if (!addr || pos > limit)
		return 0;
	bpf_core_read(&len, sizeof(len), &addr->len);
	n = (u32)len - 2;
	if (!n || n > 108)
		return 0;
	s = (void *)r + pos;
	if (bpf_probe_read_kernel(s + 1, n, (void *)addr + bpf_core_field_offset(addr->name) + 2))
		return 0;
	*(u64 *)s = HEAD(kind, 0, n) | (u64)n << 16;
	r->h.len = pos + sizeof(*s) + SECT_NEXT(n);
	return n;
}

/* Names that do not fit struct sock_id: a Unix socket's paths, and the returned descriptor. Returns
 * whether there were any. */
static __noinline u32 put_socks(struct call_rec *r, u64 slot, struct call_state *st, const u32 call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct socket *sock = NULL;
	u32 pos, n = 0;

	if (bpf_core_type_exists(struct unix_sock) && st->rec.sock.flags & SOCK_ID_VALID &&
	    st->rec.sock.family == AF_UNIX && DESC(call)->fd != NO)
		sock = sock_of_fd(task, arg(st, DESC(call)->fd));
	if (sock) {
		struct sock *sk = BPF_CORE_READ(sock, sk);
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

		n = put_path(r, LIMIT(slot, 108), SECT_LPATH, sk);
		if (peer)
			n += put_path(r, LIMIT(slot, 108), SECT_RPATH, peer);
	}
	pos = r->h.len;
	if (DESC(call)->flags & CALL_NEWFD && st->rec.ret >= 0 &&
	    pos <= LIMIT(slot, sizeof(struct sock_id))) {
		struct sect *s = (void *)r + pos;

		if (sock_look((struct sock_id *)(s + 1), st->rec.ret, &st->caches)) {
			*(u64 *)s = HEAD(SECT_RSOCK, 0, 0) | sizeof(struct sock_id) << 16;
			r->h.len = pos + sizeof(*s) + sizeof(struct sock_id);
			n++;
		}
	}
	return n;
}

static __always_inline void exit_send(struct call_rec *r, struct call_state *st, const u32 call,
				      const u32 slot)
{
	if (conf.sockets && (DESC(call)->flags & CALL_NEWFD || st->rec.sock.family == AF_UNIX) &&
	    put_socks(r, slot, st, call))
		r->h.fixed = sizeof(*r);
	if (r->unread)
		count_lost(LOST_UNREAD);
	ring_submit(r);
}

#endif
