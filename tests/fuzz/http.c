/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Connections of HTTP in pieces, as the kernel half tells of them and worse: bytes left out, told
 * twice, cut anywhere. */
#include <stdlib.h>
#include <string.h>
#include "tools/http/order.h"

static u64 told;

static void done(const struct transaction *t)
{
	static const u32 most[HTTP_TEXTS] = {METHOD_MOST, HOST_MOST, PATH_MOST};

	for (u32 i = 0; i < HTTP_TEXTS; i++)
		if (t->texts[i].room != most[i])
			abort();
	if (t->r.status && t->r.flags & HTTP_UNANSWERED && t->answered)
		abort();
	if (t->r.s.h.ts + t->r.s.dur > 1ull << 40)
		abort(); /* time went backwards */
	told++;
}

/* A piece: a byte of flags, one of bytes left out before it, one of bytes not seen, two of bytes
 * that follow, and whether it is a brief one. */
static size_t piece(struct conn *c, u32 *seq, u64 now, const u8 *p, size_t n)
{
	u32 flags = p[0] & (PIECE_SENT | PIECE_END), have = p[3] | (p[4] & 15) << 8;
	bool brief = p[4] & 16;
	u32 fixed = brief ? PIECE_BRIEF : sizeof(struct piece_rec);
	struct piece_rec *r;

	if (have > n - 5)
		have = n - 5;
	r = calloc(1, fixed + have); /* of just that size: what lies behind is found */
	r->h = (struct rec){.len = fixed + have, .fixed = fixed, .ts = now};
	if (!brief)
		r->who.pid = 1;
	r->flags = flags | (p[0] & 4 ? PIECE_FRAMES : 0);
	r->seq = seq[flags & PIECE_SENT] + (p[0] & 8 ? (p[0] & 16 ? -p[1] : p[1] * 256) : 0);
	r->size = have + p[2] * (p[0] & 32 ? 4096 : 1);
	r->have = p[0] & 64 ? have + 100 : have; /* a lie */
	memcpy((u8 *)r + fixed, p + 5, have);
	if (have >= 5)
		memcpy(r->tail, p + 5 + have - 5, 5);
	seq[flags & PIECE_SENT] = r->seq + r->size;
	if (p[0] & 128 && !brief)
		order_piece(c, r);
	else
		conn_piece(c, r);
	if (p[0] & 128 && p[2] & 1)
		order_passed(c, p[2] >> 1 & 1, seq[p[2] >> 1 & 1]);
	free(r);
	return 5 + have;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 seq[2] = {1, 0xfffffff0};
	struct conn c;
	u64 now = 1;

	http_done = done;
	conn_begin(&c, 1);
	for (size_t at = 0; at + 5 < size; now++)
		at += piece(&c, seq, now, data + at, size - at);
	conn_end(&c, now);
	if (c.first || c.waiting)
		abort();
	return 0;
}
