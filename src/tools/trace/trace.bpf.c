/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: a socket system call, entry and exit joined, into one record. */
#include "call.bpf.h"
#include "sock.bpf.h"
#include "sections.bpf.h"
#include "small.bpf.h"
#include "walk.bpf.h"
#include "trace.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CALL_MAX);
	__type(key, u32);
	__type(value, struct tally);
} tally SEC(".maps");

/* Before recvmsg and recvmmsg write over it. */
static __always_inline void enter_messages(struct call_state *st, const u32 flags)
{
	u64 at = st->rec.args[1], n = st->rec.args[2], time = st->rec.args[4];
	const bool received = flags & CALL_MMSG && flags & CALL_OUT;

	if (received && time && bpf_probe_read_user(st->time, sizeof(st->time), (void *)time))
		st->unread |= 2;
	if (!at)
		return;
	if (bpf_probe_read_user(&st->inlen, sizeof(st->inlen), (void *)NAMELEN_AT(at)))
		st->unread |= 1;
	for (u32 i = 0; received && i < STATE_INLENS && i < n; i++)
		bpf_probe_read_user(&st->inlens[i], sizeof(u32),
				    (void *)NAMELEN_AT(at + i * sizeof(struct user_mmsghdr)));
}

static __always_inline void enter_offsets(struct call_state *st, const u32 call)
{
	u64 first = arg(st, DESC(call)->buf), second = call == CALL_splice ? st->rec.args[3] : 0;

	if (first && bpf_probe_read_user(&st->time[0], sizeof(s64), (void *)first))
		st->unread |= 1;
	if (second && bpf_probe_read_user(&st->time[1], sizeof(s64), (void *)second))
		st->unread |= 2;
}

/* A value-result length, of which the pointer is argument n. */
static __always_inline void enter_length(struct call_state *st, struct pt_regs *regs, const u32 n)
{
	u64 at;

	st->unread = 0;
	if (__builtin_constant_p(n)) { /* each that is read here is 7 instructions on Linux 6.1 */
		at = regs_arg(regs, n);
	} else {
		regs_args(st->rec.args, regs);
		at = arg(st, n);
	}
	if (at && bpf_probe_read_user(&st->inlen, sizeof(st->inlen), (void *)at))
		st->unread = 1;
}

static __always_inline int trace_enter(u32 call)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct call_desc *d = DESC(call);
	struct call_state *st = call_enter(call, task);
	struct pt_regs *regs;

	if (!st || (conf.summary && !(d->flags & CALL_EARLY)))
		return 0;
	if (!(d->flags &
	      (CALL_ADDR_OUT | CALL_OPT | CALL_MSG | CALL_MMSG | CALL_EARLY | CALL_OFFSET)))
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (d->flags & CALL_ADDR_OUT) {
		enter_length(st, regs, d->addrlen);
		return 0;
	}
	if (d->flags & CALL_OPT) {
		if (d->flags & CALL_OUT)
			enter_length(st, regs, d->len);
		return 0;
	}
	regs_args(st->rec.args, regs);
	st->unread = 0;
	if (d->flags & (CALL_MSG | CALL_MMSG)) {
		enter_messages(st, d->flags);
	} else if (d->flags & CALL_OFFSET) {
		enter_offsets(st, call);
	} else {
		st->rec.sock.flags = sock_look(&st->rec.sock, st->rec.args[0], &st->caches);
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

/* The address a filter looks at: the call's sockaddr, in or out. One that the kernel did not write
 * is what was there before, and nobody's. */
static __always_inline void exit_peer(struct call_state *st, const u32 call, struct peer *peer)
{
	const u32 flags = DESC(call)->flags;
	const bool out = flags & (CALL_OUT | CALL_ADDR_OUT);
	u64 at = arg(st, DESC(call)->addr);
	u32 len = 0;

	if (out && st->rec.ret < 0)
		return;
	if (DESC(call)->cls == CALL_VECTOR && flags & (CALL_MSG | CALL_MMSG)) {
		bpf_probe_read_user(&at, sizeof(at), (void *)st->rec.args[1]);
		if (out)
			bpf_probe_read_user(&len, sizeof(len), (void *)NAMELEN_AT(st->rec.args[1]));
	} else if (out) {
		bpf_probe_read_user(&len, sizeof(len), (void *)arg(st, DESC(call)->addrlen));
	}
	if (!out || len)
		peer_read(peer, at);
}

/* The call's socket: in the program itself, which saves 30 instructions, where that is of one call
 * and has no other to look at. */
static __always_inline u32 exit_look(struct call_state *st, const u32 call)
{
	const struct call_desc *d = DESC(call);

	if (__builtin_constant_p(call) && !(d->flags & (CALL_FD2 | CALL_NEWFD)))
		return sock_look_here(&st->rec.sock, bpf_get_current_task_btf(), arg(st, d->fd),
				      st->caches.at);
	return sock_look(&st->rec.sock, arg(st, d->fd), &st->caches);
}

/* Takes the result, the duration and the arguments; false when a filter wants none of them. */
static __always_inline bool exit_takes(struct call_state *st, const u32 call, struct pt_regs *regs,
				       s64 ret)
{
	const u32 have = filter.have;

	if (have & FILTER_FAILED && ret >= 0)
		return false;
	st->rec.dur = bpf_ktime_get_ns() - st->rec.h.ts;
	if (have & FILTER_SLOWER && st->rec.dur < filter.slower_ns)
		return false;
	st->rec.ret = ret;
	if (!conf.summary || have & FILTER_SOCK || DESC(call)->flags & CALL_SOCKETS)
		regs_args(st->rec.args, regs);
	return true;
}

/* Looks at the descriptor, and applies the filters that need it. True when the call is to be sent.
 */
static __always_inline bool exit_passes(struct call_state *st, const u32 call)
{
	const struct call_desc *d = DESC(call);

	if (!(d->flags & CALL_EARLY)) {
		st->rec.sock.flags = 0;
		if ((conf.sockets || d->flags & CALL_SOCKETS) && d->fd != NO)
			st->rec.sock.flags = exit_look(st, call);
		if (!st->rec.sock.flags && d->flags & CALL_FD2)
			st->rec.sock.flags =
				sock_look(&st->rec.sock, st->rec.args[call == CALL_splice ? 2 : 1],
					  &st->caches);
	}
	if (d->flags & CALL_SOCKETS && !(st->rec.sock.flags & SOCK_ID_VALID))
		return false;
	if (filter.have & FILTER_SOCK) {
		struct peer peer = {};

		exit_peer(st, call, &peer);
		if (!sock_matches(&st->rec.sock, &peer))
			return false;
	}
	if (conf.summary)
		exit_tally(st, call, st->rec.dur);
	return !conf.summary;
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
	if (DESC(call)->flags & conf.flags & CALL_OPT)
		put_option(r, slot, st, call);
	else if (DESC(call)->flags & conf.flags & CALL_OFFSET)
		put_offsets(r, slot, st, call);
	else if (DESC(call)->buf != NO)
		put_payload(r, slot, st, call, snap);
	if (DESC(call)->addr != NO)
		put_address(r, slot, st, call, TRACE_ADDR_MAX);
	exit_send(r, st, call, slot);
}

/* An address's length is as small.bpf.h wants it. */
static __always_inline bool length_fits(const struct call_state *st, const struct straight *known,
					struct pt_regs *regs, const u32 call)
{
	u64 len = DESC(call)->flags & CALL_ADDR_OUT ? st->inlen : known->len;

	return len <= TRACE_INET_MAX || !regs_arg(regs, DESC(call)->addr);
}

static __noinline u32 sock_tell_far(struct sock_id *id, struct sock_cache *c, const u8 *skc,
				    struct file *file)
{
	return sock_tell(id, c, skc, file);
}

/* Sends the record; false when that is left to the rest, with all that exit_passes() finds out. */
static __always_inline bool exit_straight(struct call_state *st, const u32 call,
					  struct pt_regs *regs, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u8 skc[SKC_BYTES] __attribute__((aligned(8)));
	struct sock_cache *c;
	struct straight known = {.ret = ret};
	struct file *file;

	known.dur = bpf_ktime_get_ns() - st->rec.h.ts;
	known.fd = regs_arg(regs, DESC(call)->fd);
	if (IN_LENGTH(call) != NO)
		known.len = regs_arg(regs, IN_LENGTH(call));
	c = sock_read(task, known.fd, ret >= 0, st->caches.at, skc, &file);
	if (c && sock_is_plain(c, skc) && length_fits(st, &known, regs, call)) {
		straight_send(st, task, call, &known, regs, c, skc);
		return true;
	}
	st->rec.dur = known.dur;
	st->rec.ret = ret;
	regs_args(st->rec.args, regs);
	st->rec.sock.flags = c ? sock_tell_far(&st->rec.sock, c, skc, file) : 0;
	return false;
}

/*
 * What a program of one call has in line, with that call's code alone, are global functions where
 * one program serves all: the verifier looks at each of them once, not again on each path through
 * what was before it.
 */
#define PART(name, put, ...)                                                                       \
	__noinline int any_##name(struct call_state *st, u32 call)                                 \
	{                                                                                          \
		if (st)                                                                            \
			put(st, call, ##__VA_ARGS__);                                              \
		return 0;                                                                          \
	}                                                                                          \
	static __always_inline void part_##name(struct call_state *st, const u32 call,             \
						const bool in_line)                                \
	{                                                                                          \
		if (in_line)                                                                       \
			put(st, call, ##__VA_ARGS__);                                              \
		else                                                                               \
			any_##name(st, call);                                                      \
	}
PART(small, exit_small)
PART(slot, exit_slot, conf.slot_any, SNAP)
PART(netlink, exit_slot, conf.slot_netlink, TRACE_NETLINK_MAX)
PART(vector, exit_vector, conf.slot_small, walk_small)
PART(vector_big, exit_vector, conf.slot_big, walk_big)

#define PART_STRAIGHT(name)                                                                        \
	__noinline int any_##name(struct call_state *st, s64 ret)                                  \
	{                                                                                          \
		return st && exit_straight(st, CALL_##name, task_regs(), ret);                     \
	}                                                                                          \
	static __always_inline bool part_##name(struct call_state *st, struct pt_regs *regs,       \
						s64 ret, const bool in_line)                       \
	{                                                                                          \
		return in_line ? exit_straight(st, CALL_##name, regs, ret) : any_##name(st, ret);  \
	}
PART_STRAIGHT(sendto)
PART_STRAIGHT(recvfrom)

__noinline int any_passes(struct call_state *st, u32 call)
{
	return st && exit_passes(st, call);
}

/* Is there a record to send, and has it not been sent? */
static __always_inline bool exit_begin(struct call_state *st, const u32 call, struct pt_regs *regs,
				       s64 ret, const bool in_line)
{
	if (call == CALL_sendto && conf.straight)
		return !part_sendto(st, regs, ret, in_line);
	if (call == CALL_recvfrom && conf.straight)
		return !part_recvfrom(st, regs, ret, in_line);
	return exit_takes(st, call, regs, ret) &&
	       (in_line ? exit_passes(st, call) : any_passes(st, call));
}

static __always_inline int exit_all(const u32 call, struct pt_regs *regs, s64 ret,
				    const bool in_line)
{
	struct call_state *st = call_exit(call, bpf_get_current_task_btf());

	if (!st)
		return 0;
	if (!exit_begin(st, call, regs, ret, in_line))
		;
	else if (DESC(call)->cls == CALL_VECTOR && conf.vectors && walk_begin(st, call))
		part_vector(st, call, in_line);
	else if (DESC(call)->cls == CALL_VECTOR && conf.vectors)
		part_vector_big(st, call, in_line);
	else if (is_small(st, call))
		part_small(st, call, in_line);
	else if ((call == CALL_sendto || call == CALL_recvfrom) && is_netlink(st, call))
		part_netlink(st, call, in_line);
	else
		part_slot(st, call, in_line);
	state_free(st);
	return 0;
}

static __always_inline int trace_exit(u32 call, struct pt_regs *regs, s64 ret)
{
	if (__builtin_constant_p(call))
		return exit_all(call, regs, ret, true);
	return exit_all(call, regs, ret, false);
}

CALL_WAYS(trace_enter, trace_exit)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
