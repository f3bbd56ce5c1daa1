/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Most messages: of a connection that is known to speak HTTP/1, in few places of the caller's, and
 * of a task that was told. They are read from there into the record, and no function is called that
 * need not be: on processors whose returns are guarded that takes as long as all else here. Comes
 * with http.bpf.c.
 */
#ifndef WEIR_HTTP_QUICK_BPF_H
#define WEIR_HTTP_QUICK_BPF_H

#define QUICK_IOVS 4

/* How many places the running call has the bytes in that it moved, 0: none; where the first is, the
 * others are in s->p.iov. -1: it is not that simple. */
static __always_inline int places(struct slot *s, struct task_struct *task, u32 moved, u64 *first)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 nr = regs_nr(regs), at = regs_arg(regs, 1), count = regs_arg(regs, 2);
	u32 shape = nr < CALL_NR_MAX ? payload_conf.shapes[nr] : PAYLOAD_NONE;

	*first = at;
	if (shape == PAYLOAD_NONE)
		return 0;
	if (shape > PAYLOAD_IOV || task->flags & (PF_KTHREAD | PF_IO_WORKER) || task_compat(task))
		return -1;
	if (shape == PAYLOAD_BUF)
		return 1;
	barrier_var(count);
	if (!count || count > QUICK_IOVS ||
	    bpf_probe_read_user(s->p.iov, count * sizeof(struct payload_iov), (void *)at))
		return -1;
	s->p.count = count;
	*first = s->p.iov[0].base;
	return s->p.iov[0].len >= moved ? 1 : 2;
}

/* Reads n bytes from there; false: they cannot be read. */
static __always_inline bool gather(u8 *to, const struct slot *s, u32 n)
{
	u32 off = 0;

	for (u32 i = 0; i < QUICK_IOVS && off < n; i++) {
		u64 part = s->p.iov[i].len;

		if (i >= s->p.count)
			return false;
		if (part > n - off)
			part = n - off;
		barrier_var(off);
		barrier_var(part);
		if (off > PAYLOAD_MOST || part > PAYLOAD_MOST ||
		    bpf_probe_read_user(to + off, part, (void *)s->p.iov[i].base))
			return false;
		off += part;
	}
	return off == n;
}

#define FOUR_GET  0x20544547 /* "GET " */
#define FOUR_HTTP 0x50545448

/* As begins(), of the first n bytes; most are one of two. */
static __always_inline u32 first_word(const u8 *bytes, u32 n)
{
	u32 four = *(const u32 *)bytes;

	if (!n)
		return OTHER;
	if (n >= START_MOST && (four == FOUR_GET || (four == FOUR_HTTP && bytes[4] == '/')))
		return HTTP;
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

/* Tells a message that begins there in the stream; false: it is none of those. */
__noinline bool quick(struct slot *s, struct known *k, u32 seq, u32 dir, u32 moved)
{
	u32 want, n, have, word;
	struct piece_rec *r;
	u64 now, at;
	u8 *bytes;
	int in;

	if (!s || !k)
		return false;
	dir &= 1;
	want = wanted(k, moved, dir);
	n = moved < want ? moved : want;
	in = places(s, bpf_get_current_task_btf(), moved, &at);
	if (in < 0 || (in > 1 && n < moved))
		return false;
	n = in ? n : 0;
	now = bpf_ktime_get_ns();
	barrier_var(n);
	if (n > PAYLOAD_MOST)
		return false;
	r = (struct piece_rec *)lane_reserve((PIECE_BRIEF + n + 7) & ~7u);
	if (!r)
		return false;
	bytes = (u8 *)r + PIECE_BRIEF;
	have = n;
	if (n && (in > 1 ? !gather(bytes, s, n) : bpf_probe_read_user(bytes, n, (void *)at)))
		have = 0;
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
	r->seq = seq;
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
