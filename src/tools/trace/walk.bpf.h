/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Calls with messages and iovecs: the walk over them, and their record. */
#ifndef WEIR_TRACE_WALK_H
#define WEIR_TRACE_WALK_H

#include "sections.bpf.h"

/* Kept free for what comes after the walk: SECT_MORE, the times, put_socks(). */
#define WALK_TAIL 680

static __always_inline u64 iovs_shown(u64 at, u64 n) /* the reader knows iovlen, and so of more */
{
	return !at ? 0 : n < TRACE_IOV_MAX ? n : TRACE_IOV_MAX;
}

/* Control data of a message: more where there is room, and few messages need it. */
#define CTL_MAX(slot) ((slot) == conf.slot_small ? TRACE_CTL_MAX : TRACE_CTL_BIG)

static __always_inline void walk_message(struct call_rec *r, struct call_state *st, const u32 slot)
{
	struct user_mmsghdr m = {};
	struct walk *w = &st->walk;
	u32 pos = r->h.len;
	u64 at = w->msg;
	bool vector = w->stride == sizeof(m);
	struct sect *s;

	w->msg += w->stride;
	w->msgs--;
	w->iovs = 0;
	if (bpf_probe_read_user(&m, vector ? sizeof(m) : sizeof(m.hdr), (void *)at)) {
		r->unread |= 1 << 1;
		w->msgs = 0;
		return;
	}
	if (vector)
		w->left = m.len;
	if (pos > LIMIT(slot - WALK_TAIL, sizeof(m.hdr))) {
		w->full = 1;
		return;
	}
	s = (void *)r + pos;
	*(u64 *)s = (vector ? HEAD(SECT_MMSG, 1, m.len) : HEAD(SECT_MSGHDR, 1, st->inlen)) |
		    sizeof(m.hdr) << 16;
	*(struct user_msghdr *)(s + 1) = m.hdr;
	r->h.len = pos + sizeof(*s) + sizeof(m.hdr);
	if (m.hdr.name && (s32)m.hdr.namelen > 0 && w->control)
		r->unread |= put_user(r, ROOM(slot - WALK_TAIL, TRACE_ADDR_MAX),
				      HEAD(SECT_ADDR, 1, m.hdr.namelen), m.hdr.namelen, m.hdr.name);
	if (m.hdr.control && m.hdr.controllen && w->control)
		r->unread |= put_user(r, ROOM(slot - WALK_TAIL, CTL_MAX(slot)),
				      HEAD(SECT_CONTROL, 1, m.hdr.controllen), m.hdr.controllen,
				      m.hdr.control);
	w->iov = m.hdr.iov;
	w->iovs = iovs_shown(m.hdr.iov, m.hdr.iovlen);
}

/* Netlink messages behind the iovec at the record's end; 0 when there is no room for them. */
static __noinline u32 put_messages(struct call_rec *r, u64 limit, u64 n)
{
	u32 pos = r->h.len;
	struct sect *s = (void *)r + pos;
	struct user_iov *iov = (void *)(s + 1);
	u64 rest;

	if (pos > limit)
		return 0;
	rest = PAGE - (iov->base & (PAGE - 1));
	if (n > TRACE_NETLINK_MAX)
		n = TRACE_NETLINK_MAX;
	barrier_var(n);
	if (bpf_probe_read_user(iov + 1, n, (void *)iov->base)) {
		r->unread |= 1 << 1;
		n = rest < n ? rest : 0;
		barrier_var(n);
		if (n > TRACE_NETLINK_MAX || bpf_probe_read_user(iov + 1, n, (void *)iov->base))
			n = 0;
	}
	s->len = sizeof(*iov) + n;
	r->h.len = pos + sizeof(*s) + sizeof(*iov) + SECT_NEXT((u32)n);
	return 1;
}

static __always_inline void walk_iov(struct call_rec *r, struct call_state *st, const u32 slot)
{
	struct walk *w = &st->walk;
	u32 pos = r->h.len;
	struct user_iov *iov;
	struct sect *s;
	u64 n;

	w->iovs--;
	if (pos > LIMIT(slot - WALK_TAIL, sizeof(*iov) + SNAP)) {
		w->full = 1;
		return;
	}
	s = (void *)r + pos;
	iov = (void *)(s + 1);
	if (bpf_probe_read_user(iov, sizeof(*iov), (void *)w->iov)) {
		r->unread |= 1 << 1;
		w->iovs = 0;
		return;
	}
	w->iov += sizeof(*iov);
	n = iov->len;
	if (w->out && n > w->left)
		n = w->left;
	w->left -= n;
	*(u64 *)s = HEAD(SECT_IOV, 1, saturated(n));
	if (slot == conf.slot_big && w->netlink && n > SNAP &&
	    put_messages(r, LIMIT(slot - WALK_TAIL, sizeof(*iov) + TRACE_NETLINK_MAX), n))
		return;
	if (n > SNAP)
		n = SNAP;
	barrier_var(n);
	if (n && bpf_probe_read_user(iov + 1, n, (void *)iov->base)) {
		n = 0;
		r->unread |= 1 << 1;
	}
	s->len = sizeof(*iov) + n;
	r->h.len = pos + sizeof(*s) + sizeof(*iov) + SECT_NEXT((u32)n);
}

/* What bpf_loop hands to its steps. */
struct step {
	struct call_rec *r;
	struct call_state *st;
};

/* The next iovec, or else the next message. 1 ends the walk. */
static __always_inline long walk_step(struct step *step, const u32 slot)
{
	struct call_state *st = step->st;

	if (st->walk.full || (!st->walk.iovs && !st->walk.msgs))
		return 1;
	if (st->walk.iovs)
		walk_iov(step->r, st, slot);
	else
		walk_message(step->r, st, slot);
	return 0;
}

static long walk_small(u32 i, struct step *step)
{
	return walk_step(step, conf.slot_small);
}

static long walk_big(u32 i, struct step *step)
{
	return walk_step(step, conf.slot_big);
}

static __always_inline void put_time(struct call_rec *r, const u32 slot, struct call_state *st,
				     const u32 call)
{
	u32 pos = r->h.len;
	struct sect *s = (void *)r + pos;

	if (!st->rec.args[4] || pos > LIMIT(slot, sizeof(st->time)))
		return;
	if (st->unread & 2) {
		r->unread |= 1 << 4;
		return;
	}
	*(u64 *)s = HEAD(SECT_TIME, 4, 0) | sizeof(st->time) << 16;
	((s64 *)(s + 1))[0] = st->time[0];
	((s64 *)(s + 1))[1] = st->time[1];
	r->h.len = pos + sizeof(*s) + sizeof(st->time);
	r->unread |= put_user(r, ROOM(slot, 16), HEAD(SECT_TIME_OUT, 4, 0), 16, st->rec.args[4]);
}

/* msg_namelen of the first messages as it was before recvmmsg, which never takes the small slot: a
 * section each, arg is the index. */
static long put_inlen(u32 i, struct step *step)
{
	if (i >= STATE_INLENS || (s64)i >= step->st->rec.ret)
		return 1;
	put_head(step->r, LIMIT(conf.slot_big, 0),
		 SECT_INLEN | i << 8 | (u64)step->st->inlens[i] << 32);
	return 0;
}

/* Sets the walk up from the arguments; true when the small slot will do. */
static __always_inline bool walk_begin(struct call_state *st, const u32 call)
{
	u32 flags = DESC(call)->flags;
	struct walk *w = &st->walk;
	struct user_msghdr hdr = {};

	w->msgs = w->iovs = 0;
	w->full = 0;
	w->out = flags & CALL_OUT;
	w->left = st->rec.ret > 0 ? st->rec.ret : 0;
	w->control = !(flags & CALL_OUT) || st->rec.ret >= 0;
	w->netlink = is_netlink(st, call);
	if (flags & CALL_IOV) {
		w->iov = st->rec.args[1];
		w->iovs = iovs_shown(st->rec.args[1], st->rec.args[2]);
		return st->rec.args[2] <= 2;
	}
	w->msg = st->rec.args[1];
	if (flags & CALL_MMSG) {
		w->stride = sizeof(struct user_mmsghdr);
		/* received: as many as the result says; sent: all, also those that were not taken
		 */
		w->msgs = !(flags & CALL_OUT) ? (u32)st->rec.args[2]
			  : st->rec.ret > 0   ? st->rec.ret
					      : 0;
		return false;
	}
	w->stride = sizeof(hdr);
	w->msgs = st->rec.args[1] ? 1 : 0;
	bpf_probe_read_user(&hdr, sizeof(hdr), (void *)st->rec.args[1]);
	return hdr.iovlen <= 2 && hdr.controllen <= TRACE_CTL_MAX && !w->netlink;
}

/* The record of a call of which walk_begin() said what slot it takes, and so what step. */
static __always_inline void exit_vector(struct call_state *st, const u32 call, const u32 slot,
					long (*walk)(u32, struct step *))
{
	struct step step = {.st = st};
	struct call_rec *r = bpf_ringbuf_reserve(&ring, slot, 0);

	if (!r) {
		count_lost(LOST_RING);
		return;
	}
	exit_head(r, st);
	step.r = r;
	bpf_loop(TRACE_STEPS_MAX, walk, &step, 0);
	if (call == CALL_recvmmsg && slot == conf.slot_big) {
		bpf_loop(STATE_INLENS, put_inlen, &step, 0);
		put_time(r, slot, st, call);
	}
	if (st->walk.full)
		put_head(r, LIMIT(slot, 0), HEAD(SECT_MORE, 1, 0));
	exit_send(r, st, call, slot);
}

#endif
