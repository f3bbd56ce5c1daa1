/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: a socket system call, entry and exit joined, into one record. */
#include "call.bpf.h"
#include "sock.bpf.h"
#include "trace.h"

SEC(".rodata.trace") const volatile struct trace_conf conf;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CALL_MAX);
	__type(key, u32);
	__type(value, struct tally);
} tally SEC(".maps");

/* An argument by its index; 0 for NO. The barrier hides the table of calls, or clang finds the
 * check that the verifier wants unnecessary. */
static __always_inline u64 arg(const struct call_state *st, u32 n)
{
	if (!__builtin_constant_p(n))
		barrier_var(n);
	return n < 6 ? st->rec.args[n] : 0;
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

/* Before recvmsg and recvmmsg write over it. */
static __always_inline void enter_messages(struct call_state *st, const u32 flags)
{
	u64 at = st->rec.args[1], n = st->rec.args[2];

	if (!at)
		return;
	if (bpf_probe_read_user(&st->inlen, sizeof(st->inlen), (void *)NAMELEN_AT(at)))
		st->unread = 1;
	if (!(flags & CALL_MMSG) || !(flags & CALL_OUT))
		return;
	for (u32 i = 0; i < STATE_INLENS && i < n; i++)
		bpf_probe_read_user(&st->inlens[i], sizeof(u32),
				    (void *)NAMELEN_AT(at + i * sizeof(struct user_mmsghdr)));
	at = st->rec.args[4];
	if (at && bpf_probe_read_user(st->time, sizeof(st->time), (void *)at))
		st->unread = 1;
}

static __always_inline void enter_offsets(struct call_state *st, const u32 call)
{
	u64 first = arg(st, DESC(call)->buf), second = call == CALL_splice ? st->rec.args[3] : 0;

	if (first && bpf_probe_read_user(&st->time[0], sizeof(s64), (void *)first))
		st->unread |= 1;
	if (second && bpf_probe_read_user(&st->time[1], sizeof(s64), (void *)second))
		st->unread |= 2;
}

static __always_inline int trace_enter(u32 call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct call_desc *d = DESC(call);
	struct call_state *st = call_enter(call, task);

	if (!st || (conf.summary && !(d->flags & CALL_EARLY)))
		return 0;
	if (!(d->flags &
	      (CALL_ADDR_OUT | CALL_OPT | CALL_MSG | CALL_MMSG | CALL_EARLY | CALL_OFFSET)))
		return 0;
	regs_args(st->rec.args, (struct pt_regs *)bpf_task_pt_regs(task));
	st->unread = 0;
	if (d->flags & (CALL_ADDR_OUT | CALL_OPT)) {
		u64 at = arg(st, d->flags & CALL_OPT ? d->len : d->addrlen);

		if (d->flags & CALL_OPT && !(d->flags & CALL_OUT))
			return 0;
		if (at && bpf_probe_read_user(&st->inlen, sizeof(st->inlen), (void *)at))
			st->unread = 1;
	} else if (d->flags & (CALL_MSG | CALL_MMSG)) {
		enter_messages(st, d->flags);
	} else if (d->flags & CALL_OFFSET) {
		enter_offsets(st, call);
	} else {
		st->rec.sock.flags = sock_look(&st->rec.sock, st->rec.args[0], st->cache);
	}
	return 0;
}

static __always_inline void exit_tally(struct call_state *st, const u32 call, u64 dur)
{
	u32 key = call;
	struct tally *t = bpf_map_lookup_elem(&tally, &key);

	if (!t)
		return;
	t->calls++;
	t->total_ns += dur;
	if (dur > t->max_ns)
		t->max_ns = dur;
	t->hist[hist_slot(dur)]++;
	if (st->rec.ret < 0)
		t->errors++;
	else if (DESC(call)->buf != NO && !(DESC(call)->flags & (CALL_OPT | CALL_PAIR | CALL_MMSG)))
		t->bytes += st->rec.ret;
}

static __always_inline u16 swap16(u16 v)
{
	return bpf_ntohs(v);
}

/* The address a filter looks at: the call's sockaddr, in or out. */
static __always_inline void exit_peer(struct call_state *st, const u32 call, struct peer *peer)
{
	u8 sa[28] = {};
	u64 at = arg(st, DESC(call)->addr);

	if (DESC(call)->cls == CALL_VECTOR && DESC(call)->flags & (CALL_MSG | CALL_MMSG))
		bpf_probe_read_user(&at, sizeof(at), (void *)st->rec.args[1]);
	if (!at || bpf_probe_read_user(sa, 16, (void *)at))
		return;
	peer->family = *(u16 *)sa;
	if (peer->family == AF_INET) {
		*(u32 *)peer->addr = *(u32 *)(sa + 4);
	} else if (peer->family == AF_INET6 && !bpf_probe_read_user(sa, 28, (void *)at)) {
		__builtin_memcpy(peer->addr, sa + 8, 16);
	} else {
		peer->family = 0;
		return;
	}
	peer->port = swap16(*(u16 *)(sa + 2));
}

/*
 * Joins exit to entry, looks at the descriptor, applies the filters that need the result. The
 * task's state, or NULL when there is nothing to send.
 */
static __always_inline struct call_state *exit_begin(u32 call, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_state *st = call_exit(call, task);
	const struct call_desc *d = DESC(call);
	u64 dur;

	if (!st)
		return NULL;
	if (filter.have & FILTER_FAILED && ret >= 0)
		goto out;
	dur = bpf_ktime_get_ns() - st->rec.h.ts;
	st->rec.dur = dur;
	if (filter.have & FILTER_SLOWER && dur < filter.slower_ns)
		goto out;
	st->rec.ret = ret;
	regs_args(st->rec.args, (struct pt_regs *)bpf_task_pt_regs(task));
	if (!(d->flags & CALL_EARLY)) {
		st->rec.sock.flags = 0;
		if ((conf.sockets || d->flags & CALL_SOCKETS) && d->fd != NO)
			st->rec.sock.flags = sock_look(&st->rec.sock, arg(st, d->fd), st->cache);
		if (!st->rec.sock.flags && d->flags & CALL_FD2)
			st->rec.sock.flags =
				sock_look(&st->rec.sock, st->rec.args[call == CALL_splice ? 2 : 1],
					  st->cache);
	}
	if (d->flags & CALL_SOCKETS && !(st->rec.sock.flags & SOCK_ID_VALID))
		goto out;
	if (filter.have & FILTER_SOCK) {
		struct peer peer = {};

		exit_peer(st, call, &peer);
		if (!sock_matches(&st->rec.sock, &peer))
			goto out;
	}
	if (conf.summary) {
		exit_tally(st, call, dur);
		goto out;
	}
	return st;
out:
	state_free(st);
	return NULL;
}

/* The record's fixed part. */
static __always_inline void exit_head(struct call_rec *r, struct call_state *st)
{
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
	who_fill(&r->who, bpf_get_current_task_btf());
	r->sock = st->rec.sock;
}

/*
 * Sections are appended at r->h.len. The position is kept in ring memory, of which the verifier
 * knows nothing: so each append checks it anew, and the paths before it need not be told apart.
 */
#define HEAD(kind, arg, full) ((u64)(kind) | (u64)((arg)&7) << 8 | (u64)(u32)(full) << 32)
/* strace shows a string only when one byte more than it shows can be read, too. */
#define SNAP (conf.snap ? conf.snap + 1 : 0)

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
		if ((s64)full >
		    st->rec.ret) /* with MSG_TRUNC the result is more than the buffer holds */
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

		if (sock_look((struct sock_id *)(s + 1), st->rec.ret, st->cache)) {
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

#define SMALL_SNAP 40 /* bytes of payload that the common case has room for */

/* Is all there is to read a payload, and an IP address at most? */
static __always_inline bool is_small(struct call_state *st, const u32 call)
{
	u32 flags = DESC(call)->flags;

	if (SNAP > SMALL_SNAP || flags & (CALL_OPT | CALL_NEWFD | CALL_OFFSET | CALL_PAIR) ||
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
	u64 buf[SMALL_SNAP / 8] = {};

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
		if ((s64)n > st->rec.ret) /* with MSG_TRUNC it is more than the buffer holds */
			n = st->rec.ret;
	} else if (call == CALL_sethostname || call == CALL_setdomainname) {
		n = (u32)n; /* an int, and a size_t in the others */
	}
	return small_user(r, at, HEAD(SECT_DATA, DESC(call)->buf, saturated(n)), n, SNAP,
			  SMALL_SNAP / 8, from);
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
	(sizeof(struct call_rec) + 4 * sizeof(struct sect) + SECT_NEXT(SMALL_SNAP) +               \
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

static __always_inline void exit_slot(struct call_state *st, const u32 call, const u32 slot,
				      const u32 snap)
{
	struct call_rec *r = bpf_ringbuf_reserve(&ring, slot, 0);

	if (!r) {
		count_lost(LOST_RING);
		return;
	}
	exit_head(r, st);
	if (DESC(call)->flags & CALL_OPT)
		put_option(r, slot, st, call);
	else if (DESC(call)->flags & CALL_OFFSET)
		put_offsets(r, slot, st, call);
	else if (DESC(call)->buf != NO)
		put_payload(r, slot, st, call, snap);
	if (DESC(call)->addr != NO)
		put_address(r, slot, st, call, TRACE_ADDR_MAX);
	exit_send(r, st, call, slot);
}

static __always_inline void exit_simple(struct call_state *st, const u32 call)
{
	if (is_small(st, call))
		exit_small(st, call);
	else if ((call == CALL_sendto || call == CALL_recvfrom) && is_netlink(st, call))
		exit_slot(st, call, conf.slot_netlink, TRACE_NETLINK_MAX);
	else
		exit_slot(st, call, conf.slot_any, SNAP);
}

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
	if (m.hdr.name && (s32)m.hdr.namelen > 0)
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

	if (!st->rec.args[4] || st->unread || pos > LIMIT(slot, sizeof(st->time)))
		return;
	*(u64 *)s = HEAD(SECT_TIME, 4, 0) | sizeof(st->time) << 16;
	((s64 *)(s + 1))[0] = st->time[0];
	((s64 *)(s + 1))[1] = st->time[1];
	r->h.len = pos + sizeof(*s) + sizeof(st->time);
	r->unread |= put_user(r, ROOM(slot, 16), HEAD(SECT_TIME_OUT, 4, 0), 16, st->rec.args[4]);
}

/* msg_namelen of the first messages as it was before the call: a section each, arg is the index. */
static __always_inline void put_inlens(struct call_rec *r, const u32 slot, struct call_state *st)
{
	for (u32 i = 0; i < STATE_INLENS && (s64)i < st->rec.ret; i++)
		put_head(r, LIMIT(slot, 0), SECT_INLEN | i << 8 | (u64)st->inlens[i] << 32);
}

static __always_inline void exit_vector_end(struct call_rec *r, struct call_state *st,
					    const u32 call, const u32 slot)
{
	if (st->walk.full)
		put_head(r, LIMIT(slot, 0), HEAD(SECT_MORE, 1, 0));
	if (call == CALL_recvmmsg) {
		put_inlens(r, slot, st);
		put_time(r, slot, st, call);
	}
	exit_send(r, st, call, slot);
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

static __always_inline void exit_vector(struct call_state *st, const u32 call)
{
	struct step step = {.st = st};
	struct call_rec *r;

	if (walk_begin(st, call)) {
		r = bpf_ringbuf_reserve(&ring, conf.slot_small, 0);
		if (!r)
			goto full;
		exit_head(r, st);
		step.r = r;
		bpf_loop(TRACE_STEPS_MAX, walk_small, &step, 0);
		exit_vector_end(r, st, call, conf.slot_small);
		return;
	}
	r = bpf_ringbuf_reserve(&ring, conf.slot_big, 0);
	if (!r)
		goto full;
	exit_head(r, st);
	step.r = r;
	bpf_loop(TRACE_STEPS_MAX, walk_big, &step, 0);
	exit_vector_end(r, st, call, conf.slot_big);
	return;
full:
	count_lost(LOST_RING);
}

static __always_inline int trace_exit(u32 call, s64 ret)
{
	struct call_state *st = exit_begin(call, ret);

	if (!st)
		return 0;
	if (DESC(call)->cls == CALL_VECTOR)
		exit_vector(st, call);
	else
		exit_simple(st, call);
	state_free(st);
	return 0;
}

CALL_WAYS(trace_enter, trace_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
