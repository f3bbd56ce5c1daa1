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

static __always_inline void *small_payload(struct call_rec *r, struct call_state *st, void *at,
					   const u32 call)
{
	u64 from = arg(st, DESC(call)->buf), n = arg(st, DESC(call)->len);

	if (!from || !SNAP)
		return at;
	if (DESC(call)->flags & CALL_OUT) {
		if (st->rec.ret < 0)
			return at;
		if (n > (u64)st->rec.ret) /* with MSG_TRUNC it is more than the buffer holds */
			n = st->rec.ret;
	} else if (call == CALL_sethostname || call == CALL_setdomainname) {
		n = (u32)n; /* an int, and a size_t in the others */
	}
	return small_user(r, at, HEAD(SECT_DATA, DESC(call)->buf, saturated(n)), n, SNAP,
			  TRACE_SNAP_SMALL / 8, from);
}

static __always_inline void *small_address(struct call_rec *r, struct call_state *st, void *at,
					   const u32 call)
{
	u32 n = DESC(call)->addr, len = DESC(call)->addrlen;
	u64 from = arg(st, n);
	u32 full = arg(st, len), have = full;

	if (!from)
		return at;
	if (DESC(call)->flags & CALL_ADDR_OUT) {
		u64 *s = at;

		if (!arg(st, len))
			return at;
		if (st->unread || bpf_probe_read_user(&full, sizeof(full), (void *)arg(st, len))) {
			r->unread |= 1 << len;
			return at;
		}
		s[0] = HEAD(SECT_INLEN, len, st->inlen);
		s[1] = HEAD(SECT_OUTLEN, len, full);
		at += 2 * sizeof(struct sect);
		have = full < st->inlen ? full : st->inlen;
		if (st->rec.ret < 0)
			return at;
	}
	if ((s32)have <= 0)
		return at;
	return small_user(r, at, HEAD(SECT_ADDR, n, full), have, TRACE_INET_MAX, 4, from);
}

/* Room for the head, the payload, two lengths and an address. */
#define SMALL_SLOT                                                                                 \
	(sizeof(struct call_rec) + 4 * sizeof(struct sect) + SECT_NEXT(TRACE_SNAP_SMALL) +         \
	 SECT_NEXT(TRACE_INET_MAX))

static __always_inline void exit_small(struct call_state *st, const u32 call)
{
	struct call_rec *r = bpf_ringbuf_reserve(&ring, SMALL_SLOT, 0);
	void *at;

	if (!r) {
		count_lost(LOST_RING);
		return;
	}
	exit_head(r, st);
	at = r + 1;
	if (DESC(call)->buf != NO)
		at = small_payload(r, st, at, call);
	if (DESC(call)->addr != NO)
		at = small_address(r, st, at, call);
	r->h.len = at - (void *)r;
	if (r->unread)
		count_lost(LOST_UNREAD);
	ring_submit(r);
}

#endif
