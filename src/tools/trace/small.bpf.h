/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The record of a common call: payload, and an IP address at most. */
#ifndef WEIR_TRACE_SMALL_H
#define WEIR_TRACE_SMALL_H

#include "sections.bpf.h"

/* Is all there is to read a payload, and an IP address at most? */
static __always_inline bool is_small(struct call_state *st, const u32 call)
{
	u32 flags = DESC(call)->flags;

	if (!conf.small || flags & (CALL_OPT | CALL_NEWFD | CALL_OFFSET | CALL_PAIR) ||
	    st->rec.sock.family == AF_UNIX || st->rec.sock.family == AF_NETLINK)
		return false;
	if (!arg(st, DESC(call)->addr))
		return true;
	return flags & CALL_ADDR_OUT ? st->inlen <= TRACE_INET_MAX
				     : arg(st, DESC(call)->addrlen) <= TRACE_INET_MAX;
}

/*
 * The common case, payload and an IP address at most, is written straight into the ring: where a
 * section begins is a register of this program, and its room is there for the most that it may be.
 * User memory goes by way of the stack: of any other place the kernel first finds out whether it
 * may be written to (__check_object_size, mm/usercopy.c), for 100 instructions.
 * Returns the section's end, or its begin when there is none.
 */
static __always_inline void *small_user(struct call_rec *r, u64 *at, u64 head, u64 n, const u32 max,
					const u32 words, u64 from)
{
	u64 buf[TRACE_SNAP_SMALL / 8] = {};

	barrier_var(n); /* the bounds that follow are those of this very register */
	if (n > max)
		n = max;
	barrier_var(n);
	if (bpf_probe_read_user(buf, n, (void *)from)) {
		r->unread |= 1 << (head >> 8 & 7);
		return at;
	}
	at[0] = head | n << 16;
	for (u32 i = 0; i < words; i++)
		at[i + 1] = buf[i];
	return (void *)at + sizeof(struct sect) + ((n + 7) & 0xf8);
}

/* The same of an address of IPv4, as most are: nothing is to be found out, and little copied. */
static __always_inline void *small_ipv4(struct call_rec *r, u64 *at, u64 head, u64 from)
{
	u64 buf[TRACE_IPV4 / 8];

	if (bpf_probe_read_user(buf, sizeof(buf), (void *)from)) {
		r->unread |= 1 << (head >> 8 & 7);
		return at;
	}
	at[0] = head | TRACE_IPV4 << 16;
	at[1] = buf[0];
	at[2] = buf[1];
	return at + 3;
}

static __always_inline void *small_payload(struct call_rec *r, const struct call_rec *known,
					   void *at, const u32 call)
{
	u64 from = arg_of(known, DESC(call)->buf), n = arg_of(known, DESC(call)->len);

	if (!from || !SNAP)
		return at;
	if (DESC(call)->flags & CALL_OUT) {
		if (known->ret < 0)
			return at;
		if (n > (u64)known->ret) /* with MSG_TRUNC it is more than the buffer holds */
			n = known->ret;
	} else if (call == CALL_sethostname || call == CALL_setdomainname) {
		n = (u32)n; /* an int, and a size_t in the others */
	}
	return small_user(r, at, HEAD(SECT_DATA, DESC(call)->buf, saturated(n)), n, SNAP,
			  TRACE_SNAP_SMALL / 8, from);
}

static __always_inline void *small_address(struct call_rec *r, const struct call_rec *known,
					   struct call_state *st, void *at, const u32 call)
{
	u32 n = DESC(call)->addr, len = DESC(call)->addrlen;
	u64 from = arg_of(known, n);
	u32 full = arg_of(known, len), have = full;

	if (!from)
		return at;
	if (DESC(call)->flags & CALL_ADDR_OUT) {
		u64 *s = at;

		if (!arg_of(known, len))
			return at;
		if (st->unread ||
		    bpf_probe_read_user(&full, sizeof(full), (void *)arg_of(known, len))) {
			r->unread |= 1 << len;
			return at;
		}
		s[0] = HEAD(SECT_INLEN, len, st->inlen);
		s[1] = HEAD(SECT_OUTLEN, len, full);
		at += 2 * sizeof(struct sect);
		have = full < st->inlen ? full : st->inlen;
		if (known->ret < 0)
			return at;
	}
	if ((s32)have <= 0)
		return at;
	if (have == TRACE_IPV4)
		return small_ipv4(r, at, HEAD(SECT_ADDR, n, full), from);
	return small_user(r, at, HEAD(SECT_ADDR, n, full), have, TRACE_INET_MAX, 4, from);
}

/* Room for the head, the payload, two lengths and an address. */
#define SMALL_SLOT                                                                                 \
	(sizeof(struct call_rec) + 4 * sizeof(struct sect) + SECT_NEXT(TRACE_SNAP_SMALL) +         \
	 SECT_NEXT(TRACE_INET_MAX))

/* What a call's arguments point to, and the record is sent. known: where they are. */
static __always_inline void small_rest(struct call_rec *r, const struct call_rec *known,
				       struct call_state *st, const u32 call)
{
	void *at = r + 1;

	if (DESC(call)->buf != NO)
		at = small_payload(r, known, at, call);
	if (DESC(call)->addr != NO)
		at = small_address(r, known, st, at, call);
	r->h.len = at - (void *)r;
	if (r->unread)
		count_lost(LOST_UNREAD);
	ring_submit(r);
}

static __always_inline void exit_small(struct call_state *st, const u32 call)
{
	struct call_rec *r = bpf_ringbuf_reserve(&ring, SMALL_SLOT, 0);

	if (!r) {
		count_lost(LOST_RING);
		return;
	}
	exit_head(r, st);
	small_rest(r, &st->rec, st, call);
}

/*
 * sendto and recvfrom, of which nothing more is asked than to be told, and of sockets as most are:
 * their records are made in the ring from the start. What is read before there is one:
 */
struct straight {
	s64 ret;
	u64 dur, fd;
	u64 len; /* of the address that is passed in */
};

/* The argument that is one, or none. */
#define IN_LENGTH(call) (DESC(call)->flags & CALL_ADDR_OUT ? NO : DESC(call)->addrlen)

static __always_inline void straight_send(struct call_state *st, struct task_struct *task,
					  const u32 call, struct straight *known,
					  struct pt_regs *regs, const struct sock_cache *c,
					  const u8 *skc)
{
	struct call_rec *r = bpf_ringbuf_reserve(&ring, SMALL_SLOT, 0);

	if (!r) {
		count_lost(LOST_RING);
		return;
	}
	r->h.type = REC_CALL;
	r->h.fixed = sizeof(*r);
	r->h.ts = st->rec.h.ts;
	r->dur = known->dur;
	r->ret = known->ret;
	for (u32 i = 0; i < 6; i++) /* each that is not read again saves 7 instructions */
		r->args[i] = i == DESC(call)->fd    ? known->fd
			     : i == IN_LENGTH(call) ? known->len
						    : regs_arg(regs, i);
	r->call = call;
	r->unread = 0;
	r->snap = conf.snap;
	who_known(&r->who, task, st->rec.who.pid, st->owner, conf.who);
	sock_first(&r->sock, c, skc);
	sock_inet(&r->sock, skc, (struct sock *)c->sk);
	small_rest(r, r, st, call);
}

#endif
