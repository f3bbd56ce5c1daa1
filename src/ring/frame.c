/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdbool.h>
#include <string.h>
#include "frame.h"

/*
 * A checksum for damage, not for malice: two lanes of Fletcher's sums over 64-bit words, so that
 * bytes changed, swapped or moved are noticed. size: of the frame, n with FRAME_ bits.
 */
static inline u64 sum_mix(u64 h, u64 sum)
{
	h = (h ^ sum) * 0xff51afd7ed558ccd;
	return h ^ h >> 29;
}

static inline __attribute__((always_inline)) u32 sum_of(const void *p, u32 n, u32 size)
{
	u64 a = 0x9e3779b97f4a7c15 ^ size, b = size, as = 0, bs = 0, h, w[2] = {0, 0};
	const u64 *at = p;

	for (; n >= 16; n -= 16, at += 2) {
		as += a += at[0];
		bs += b += at[1];
	}
	if (n == 8) { /* records are of words, but for names */
		a += at[0];
	} else if (n) {
		memcpy(w, at, n);
		a += w[0];
		b += w[1];
	}
	/* each in turn through a multiplication: no two changes cancel each other by their highest
	 * bit */
	h = sum_mix(sum_mix(sum_mix(sum_mix(size, a), b), as + a), bs + b);
	return h ^ h >> 32;
}

u32 frame_sum(const void *p, u32 n, u32 size)
{
	return sum_of(p, n, size);
}

/* Where a record would be kept: with the last one that it is likely to be like. */
static inline u32 place_of(const struct rec *r)
{
	const struct call_rec *c = (const struct call_rec *)r;
	const struct conn_rec *conn = (const struct conn_rec *)r;

	/* a connection's, with what was said of another one, from the same side */
	if (r->type == REC_CONN && r->fixed >= sizeof(*conn))
		return REC_MAX + 2 * (conn->event & 15) + !!(conn->flags & CONN_ACTIVE);
	if (r->type != REC_CALL)
		return r->type;
	/* a thread's calls, by descriptor */
	return KEPT_PLACES / 2 +
	       ((c->who.tid + 8 * c->call + 3 * (u32)c->args[0]) & (KEPT_PLACES / 2 - 1));
}
_Static_assert(REC_MAX + 2 * 16 <= KEPT_PLACES / 2, "place_of()");

static inline bool may_be_kept(const struct rec *r)
{
	return r->len % sizeof(u64) == 0 && r->len >= 4 * sizeof(u64) &&
	       r->len <= KEPT_WORDS * sizeof(u64);
}

typedef u64 lanes __attribute__((vector_size(16)));
typedef u64 anywhere __attribute__((vector_size(16), aligned(8)));

static inline bool none(lanes d)
{
	return !(d[0] | d[1]);
}

/* In what eight words differ. kept: lanes where they are aligned, which is four instructions less.
 */
#define DIFFER8(a, kept)                                                                           \
	(((a)[0] ^ (kept)[0]) | ((a)[1] ^ (kept)[1]) | ((a)[2] ^ (kept)[2]) | ((a)[3] ^ (kept)[3]))
#define DIFFER16(a, kept) (DIFFER8(a, kept) | DIFFER8((a) + 4, (kept) + 4))

/* Puts sum and size before n bytes of contents; returns the frame's end. */
static inline __attribute__((always_inline)) void *finish(u32 *head, u32 n, u32 size)
{
	head[0] = sum_of(head + 2, n, size);
	head[1] = size;
	return (u8 *)(head + 2) + SECT_NEXT(n);
}

/* Where the next words are written, and the mask of those that were. */
struct words {
	u64 *out, mask;
};

static inline void write_word(struct words *w, const u64 *from, u64 *kept, u32 i)
{
	if (from[i] != kept[i]) {
		w->mask |= 1ull << i;
		*w->out++ = kept[i] = from[i];
	}
}

/* Words that are not as those kept, behind their mask and the times; from the fourth to the i-th
 * all are. */
static __attribute__((noinline)) void *write_words(u32 *head, u64 *kept, const u64 *from, u32 i,
						   u32 n, u32 place)
{
	u64 *to = (u64 *)(head + 2);
	struct words w = {to + 3, *to};

	write_word(&w, from, kept, 3);
	for (; i + 8 <= n; i += 8)
		if (!none(DIFFER8((const anywhere *)(from + i), (const lanes *)(kept + i))))
			for (u32 k = i; k < i + 8; k++)
				write_word(&w, from, kept, k);
	for (; i < n; i++)
		write_word(&w, from, kept, i);
	*to = w.mask;
	n = (u8 *)w.out - (u8 *)to;
	return finish(head, n, n | place << 22 | FRAME_SHORT);
}

/*
 * The words in which r differs from what is kept, and their mask before them; the first word of
 * both is the same, and the next two are times, which never are. Of a call's these are mostly all.
 */
static inline void *write_short(u32 *head, u64 *kept, const struct rec *r, u32 place)
{
	const u64 *from = (const u64 *)r;
	u64 *to = (u64 *)(head + 2);
	u32 n = r->len / sizeof(u64), i = 4, size = 3 * sizeof(u64);

	to[0] = 3 << 1;
	to[1] = kept[1] = from[1];
	to[2] = kept[2] = from[2];
	if (r->type == REC_CALL && from[3] == kept[3])
		while (i + 16 <= n &&
		       none(DIFFER16((const anywhere *)(from + i), (const lanes *)(kept + i))))
			i += 16;
	/* the last ones with some of those before */
	if (i > 4 && i + 16 > n &&
	    none(DIFFER16((const anywhere *)(from + n - 16), (const anywhere *)(kept + n - 16))))
		return finish(head, size, size | place << 22 | FRAME_SHORT);
	return write_words(head, kept, from, i, n, place);
}

static __attribute__((noinline)) void *write_whole(struct kept *k, u32 *head, const struct rec *r,
						   u32 place)
{
	u32 size = r->len;

	if (may_be_kept(r))
		memcpy(k->words[place], r, size);
	else
		place = 0;
	memcpy(head + 2, r, size);
	memset((u8 *)(head + 2) + size, 0, SECT_NEXT(size) - size);
	return finish(head, size, size | place << 22);
}

void *frame_write(struct kept *k, void *at, const struct rec *r)
{
	u32 place = place_of(r);
	u64 *kept = k->words[place];

	return kept[0] == *(const u64 *)r ? write_short(at, kept, r, place)
					  : write_whole(k, at, r, place);
}

/* Puts a short frame's record together at its place; NULL when no writer could have meant it. */
static const struct rec *complete(struct kept *k, const u8 *p, u32 size)
{
	u64 *kept = k->words[FRAME_PLACE(size)], mask;
	const u8 *end = p + FRAME_SIZE(size);
	u32 words = ((const struct rec *)kept)->len / sizeof(u64);

	if (!FRAME_PLACE(size) || !words || FRAME_SIZE(size) < sizeof(mask))
		return NULL;
	memcpy(&mask, p, sizeof(mask));
	if (mask & 1 || (words < KEPT_WORDS && mask >> words) ||
	    FRAME_SIZE(size) != sizeof(mask) * (1 + (u32)__builtin_popcountll(mask)))
		return NULL;
	for (p += sizeof(mask); p < end; p += sizeof(u64), mask &= mask - 1)
		memcpy(&kept[__builtin_ctzll(mask)], p, sizeof(u64));
	return (const struct rec *)kept;
}

/* Keeps a whole frame's record for the short ones that follow. */
static void keep(struct kept *k, const struct rec *r, u32 place)
{
	u64 *kept = k->words[place];

	if (place)
		kept[0] = 0;
	if (place && may_be_kept(r))
		memcpy(kept, r, r->len);
}

const struct rec *frame_read(struct kept *k, const u8 *p, u32 size)
{
	const struct rec *r = (const struct rec *)p;

	if (size & FRAME_SHORT)
		return complete(k, p, size);
	if (FRAME_SIZE(size) < sizeof(*r) || r->len != FRAME_SIZE(size) || r->fixed > r->len ||
	    r->fixed < sizeof(*r))
		return NULL;
	keep(k, r, FRAME_PLACE(size));
	return r;
}
