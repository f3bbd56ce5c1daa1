/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Most messages: of a connection that is known to speak HTTP/1, in one place of the caller's, and
 * of a task that was told. They are read from there into the record, and no function is called that
 * need not be: on processors whose returns are guarded that takes as long as all else here. Comes
 * with http.bpf.c.
 */
#ifndef WEIR_HTTP_QUICK_BPF_H
#define WEIR_HTTP_QUICK_BPF_H

/* Where the running call has the bytes that it moved, 0: nowhere. False: in several places. */
static __always_inline bool one_place(struct task_struct *task, u32 moved, u64 *at)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 nr = regs_nr(regs), arg = regs_arg(regs, 1);
	u32 shape = nr < CALL_NR_MAX ? payload_conf.shapes[nr] : PAYLOAD_NONE;
	struct payload_iov v = {};

	*at = 0;
	if (shape == PAYLOAD_NONE)
		return true;
	if (shape > PAYLOAD_IOV || task->flags & (PF_KTHREAD | PF_IO_WORKER) || task_compat(task))
		return false;
	*at = arg;
	if (shape == PAYLOAD_BUF)
		return true;
	if (bpf_probe_read_user(&v, sizeof(v), (void *)arg) || v.len < moved)
		return false;
	*at = v.base;
	return true;
}

/* As begins(), of the first n bytes. */
static __always_inline u32 first_word(const u8 *bytes, u32 n)
{
	if (!n)
		return OTHER;
	for (u32 i = 0; n >= START_MOST && i < START_MOST; i++) {
		u8 c = bytes[i];

		if ((c < 'A' || c > 'Z') && (c != '-' || !i))
			return (c == ' ' && i >= 3) || (c == '/' && i == 4) ? HTTP : OTHER;
	}
	return MAYBE;
}

/* What begins a message: is it one that needs no more than its bytes to be told? */
static __always_inline bool is_plain(const struct known *k, const u8 *bytes, u64 now)
{
	if (*(u32 *)bytes == H2_PRI || *(u32 *)(bytes + 8) == H2_101)
		return false;
	return (k->told && is_response(bytes)) || was_told(k, bpf_get_current_task_btf(), now);
}

/* Tells a message; false: it is none of those. */
static __noinline bool quick(struct slot *s, struct known *k, struct sock *sk, const u32 dir,
			     u32 moved)
{
	u32 want = wanted(k, moved, dir), n = moved < want ? moved : want, have, word;
	u64 at, now;
	struct piece_rec *r;
	u8 *bytes;

	if (!one_place(bpf_get_current_task_btf(), moved, &at))
		return false;
	n = at ? n : 0;
	now = bpf_ktime_get_ns();
	barrier_var(n);
	if (n > PAYLOAD_MOST)
		return false;
	r = (struct piece_rec *)lane_reserve((PIECE_BRIEF + n + 7) & ~7u);
	if (!r)
		return false;
	bytes = (u8 *)r + PIECE_BRIEF;
	have = n && !bpf_probe_read_user(bytes, n, (void *)at) ? n : 0;
	s->p.tail = 0;
	if (have && moved > n)
		payload_end(&s->p, at, moved);
	word = first_word(bytes, have);
	if (word == MAYBE ||
	    (word == HTTP && ((n < moved && n < PAYLOAD_MOST) || !is_plain(k, bytes, now)))) {
		lane_commit(r, (struct rec){.len = PIECE_BRIEF + n}); /* of no type: nothing */
		return false;
	}
	k->since[dir] = moved + (word == HTTP ? 0 : k->since[dir]);
	r->h.ts = now;
	r->conn = k->cookie;
	r->seq = place_of(sk, dir) - moved;
	r->size = moved;
	r->have = have;
	r->flags = dir == DIR_SENT ? PIECE_SENT : 0;
	*(u64 *)r->tail = s->p.tail;
	lane_commit(r,
		    (struct rec){.len = PIECE_BRIEF + n, .type = REC_PIECE, .fixed = PIECE_BRIEF});
	lane_wake();
	return true;
}

#endif
