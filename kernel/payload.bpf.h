/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The bytes that the running system call has sent or received: read from user memory, where its
 * arguments say they are. Sends have been taken from there, and receives put there, a moment ago.
 * So no program is needed at system calls, and the kernel's msghdr, whose iterator has moved on and
 * whose layout changes, is not looked at. Without a system call (io_uring) nothing is found.
 */
#ifndef WEIR_PAYLOAD_BPF_H
#define WEIR_PAYLOAD_BPF_H

#include "ways.bpf.h"
#include "payload.h"

SEC(".rodata.payload") const volatile struct payload_conf payload_conf;

#define PF_IO_WORKER 0x00000010 /* include/linux/sched.h; 5.12 */
#define PF_KTHREAD   0x00200000

#define PAYLOAD_IOVS        8
#define PAYLOAD_TAIL        5
#define PAYLOAD_MMSG_STRIDE 64 /* sizeof(struct mmsghdr) */

/* Room for bytes: twice the most, for what is appended is at most as long again, as the verifier
 * sees it. */
#define PAYLOAD_ROOM (2 * PAYLOAD_MOST)

struct payload_iov {
	u64 base, len;
};

struct payload_msg {
	u64 name;
	u32 namelen, pad;
	u64 iov, iovlen;
};

/* Where a record is made: its bytes follow it. The rest is where reading stands, in memory: the
 * verifier would follow each value of it through every turn. */
struct piece_slot {
	struct piece_rec r;
	u8 bytes[PAYLOAD_ROOM];
	struct payload_iov iov[PAYLOAD_IOVS];
	u64 tail; /* its first bytes: of r.tail */
	u64 iovs, count, moved, full;
	u32 have, want;
	u32 index; /* of PAYLOAD_MMSG, set by the caller */
	u32 pad;
};

/* The last bytes of what was gathered, and of n more at at: moved up to make room for these. */
static __always_inline void payload_end(u64 *tail, u64 at, u64 n)
{
	u32 part = n;
	u64 last = 0;

	if (n >= PAYLOAD_TAIL) {
		bpf_probe_read_user(tail, PAYLOAD_TAIL, (void *)(at + n - PAYLOAD_TAIL));
		return;
	}
	barrier_var(part);
	if (!part || part >= PAYLOAD_TAIL)
		return;
	bpf_probe_read_user(&last, part, (void *)at);
	*tail = *tail >> 8 * part | last << 8 * (PAYLOAD_TAIL - part);
}

/* The iovec i; false when there is no more to be done. Not static, as others here and in http: the
 * verifier then looks at it once, not from each place that it is called from. */
__noinline bool payload_next(struct piece_slot *p, u32 i)
{
	struct payload_iov v;
	u32 part, off;

	if (!p)
		return false;
	off = p->have;
	barrier_var(i);
	if (i >= PAYLOAD_IOVS || i >= p->count || !p->moved)
		return false;
	v = p->iov[i];
	if (v.len > p->moved)
		v.len = p->moved;
	p->moved -= v.len;
	if (p->full > p->want)
		payload_end(&p->tail, v.base, v.len);
	part = off < p->want ? p->want - off : 0;
	if (part > v.len)
		part = v.len;
	barrier_var(part);
	if (!part || part > PAYLOAD_MOST)
		return !part;
	barrier_var(off);
	if (off > PAYLOAD_MOST || bpf_probe_read_user(p->bytes + off, part, (void *)v.base))
		return false;
	p->have = off + part;
	return true;
}

/* All iovecs are read at once: what a read of user memory costs does not depend on its length. */
static __noinline u32 payload_gather(struct piece_slot *p)
{
	u64 n = p->count < PAYLOAD_IOVS ? p->count : PAYLOAD_IOVS;

	n *= sizeof(struct payload_iov);
	barrier_var(n);
	if (n > sizeof(p->iov) || bpf_probe_read_user(p->iov, n, (void *)p->iovs))
		return 0;
	for (u32 i = 0; i < PAYLOAD_IOVS && payload_next(p, i); i++)
		;
	if (p->moved)
		p->tail = 0;
	return p->have;
}

/* Fills args with those of the running call; returns where they have its bytes. */
static __always_inline u32 payload_call(struct task_struct *task, u64 *args)
{
	struct pt_regs *regs = task_regs();
	u64 nr = regs_nr(regs);

	if (task->flags & (PF_KTHREAD | PF_IO_WORKER) || task_compat(task) || nr >= CALL_NR_MAX)
		return PAYLOAD_NONE;
	regs_args(args, regs);
	return payload_conf.shapes[nr];
}

/* As payload_read(), of bytes that lie at at. */
static __always_inline u32 payload_from(struct piece_slot *p, u64 at, u64 moved, u32 want)
{
	if (want > moved)
		want = moved;
	if (moved > want)
		payload_end(&p->tail, at, moved);
	barrier_var(want);
	if (want > PAYLOAD_MOST || bpf_probe_read_user(p->bytes, want, (void *)at))
		return 0;
	p->have = want;
	return want;
}

/* The first of moved bytes, at most want of them, and where those are not all, the last; returns
 * how many the first are, which p->have has, too: a value that the verifier knows nothing of. */
__noinline u32 payload_read(struct piece_slot *p, u64 moved, u32 want)
{
	struct payload_msg msg = {};
	u64 args[6] = {};
	u32 shape = payload_call(bpf_get_current_task_btf(), args);

	if (!p)
		return 0;
	p->tail = 0;
	p->have = 0;
	if (want > moved)
		want = moved;
	if (shape == PAYLOAD_NONE)
		return 0;
	if (shape == PAYLOAD_BUF)
		return payload_from(p, args[1], moved, want);
	msg.iov = args[1];
	msg.iovlen = args[2];
	if (shape == PAYLOAD_MMSG)
		args[1] += p->index * PAYLOAD_MMSG_STRIDE;
	if (shape != PAYLOAD_IOV && bpf_probe_read_user(&msg, sizeof(msg), (void *)args[1]))
		return 0;
	p->iovs = msg.iov;
	p->count = msg.iovlen;
	p->moved = p->full = moved;
	p->want = want;
	return payload_gather(p);
}

#endif
