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

/* Where the running call has the bytes that it moved. */
struct places {
	u64 first;                          /* the first of them */
	u64 n;                              /* how many there are, 0: none */
	struct payload_iov iov[QUICK_IOVS]; /* of more than one */
};

/* False: it is not that simple. The kernel asks less of a copy to the stack than of another. */
static __always_inline bool places(struct places *p, struct task_struct *task, u32 moved)
{
	struct pt_regs *regs =
		http_conf.cast ? regs_walk(task) : (struct pt_regs *)bpf_task_pt_regs(task);
	u64 nr = regs_nr(regs), count;
	u32 shape = nr < CALL_NR_MAX ? payload_conf.shapes[nr] : PAYLOAD_NONE;

	p->n = shape != PAYLOAD_NONE;
	if (shape == PAYLOAD_NONE)
		return true;
	if (shape > PAYLOAD_IOV || task->flags & (PF_KTHREAD | PF_IO_WORKER) || task_compat(task))
		return false;
	p->first = regs_arg(regs, 1);
	if (shape == PAYLOAD_BUF)
		return true;
	count = regs_arg(regs, 2);
	barrier_var(count);
	__builtin_memset(p->iov, 0, sizeof(p->iov)); /* until 6.3 nobody reads what nobody wrote */
	if (!count || count > QUICK_IOVS ||
	    bpf_probe_read_user(p->iov, count * sizeof(*p->iov), (void *)p->first))
		return false;
	p->first = p->iov[0].base;
	if (p->iov[0].len < moved)
		p->n = count;
	return true;
}

/* Reads n bytes from there; false: they cannot be read. */
static __always_inline bool gather(u8 *to, const struct places *p, u32 n)
{
	u32 off = 0;

	for (u32 i = 0; i < QUICK_IOVS && off < n; i++) {
		u64 part = p->iov[i].len;

		if (i >= p->n)
			return false;
		if (part > n - off)
			part = n - off;
		barrier_var(off);
		barrier_var(part);
		if (off > PAYLOAD_MOST || part > PAYLOAD_MOST ||
		    bpf_probe_read_user(to + off, part, (void *)p->iov[i].base))
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
static __always_inline bool is_plain(const struct known *k, struct task_struct *task,
				     const u8 *bytes, u64 now)
{
	if (*(u32 *)bytes == H2_PRI || *(u32 *)(bytes + 8) == H2_101)
		return false;
	return (k->told && is_response(bytes)) || was_told(k, task, now);
}

/*
 * When the bytes that were just moved were: TCP looks at the clock before it transmits, so what is
 * transmitted already was so at that time, and no sooner than it was handed over. Otherwise now.
 */
static __always_inline u64 moved_at(const struct tcp_sock *tp, const u32 dir)
{
	if (dir == DIR_SENT && bpf_core_field_exists(tp->tcp_clock_cache) &&
	    tp->snd_nxt == tp->write_seq)
		return tp->tcp_clock_cache;
	return bpf_ktime_get_ns();
}

/* Tells a message that begins there in the stream; false: it is none of those. */
static __always_inline bool quick(struct known *k, struct task_struct *task, struct tcp_sock *tp,
				  const u32 dir, u32 moved)
{
	u32 want = wanted(k, moved, dir), n = moved < want ? moved : want, have, word;
	struct places in;
	struct piece_rec *r;
	u64 now, tail = 0;
	u8 *bytes;

	if (!tp || !places(&in, task, moved) || (in.n > 1 && n < moved))
		return false;
	n = in.n ? n : 0;
	now = moved_at(tp, dir);
	barrier_var(n);
	if (n > PAYLOAD_MOST)
		return false;
	r = (struct piece_rec *)lane_reserve((PIECE_BRIEF + n + 7) & ~7u);
	if (!r)
		return false;
	bytes = (u8 *)r + PIECE_BRIEF;
	have = n;
	if (n &&
	    (in.n > 1 ? !gather(bytes, &in, n) : bpf_probe_read_user(bytes, n, (void *)in.first)))
		have = 0;
	if (have && moved > n)
		payload_end(&tail, in.first, moved);
	word = first_word(bytes, have);
	if (word == MAYBE ||
	    (word == HTTP && ((n < moved && n < PAYLOAD_MOST) || !is_plain(k, task, bytes, now)))) {
		lane_commit(r, (struct rec){.len = PIECE_BRIEF + n}); /* of no type: nothing */
		return false;
	}
	k->since[dir] = moved + (word == HTTP ? 0 : k->since[dir]);
	r->h.ts = now;
	r->conn = k->cookie;
	r->seq = place_of(tp, dir) - moved;
	r->size = moved;
	r->have = have;
	r->flags = dir == DIR_SENT ? PIECE_SENT : 0;
	*(u64 *)r->tail = tail;
	lane_commit(r,
		    (struct rec){.len = PIECE_BRIEF + n, .type = REC_PIECE, .fixed = PIECE_BRIEF});
	lane_wake();
	return true;
}

#endif
