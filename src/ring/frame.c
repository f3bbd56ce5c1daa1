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

static inline lanes differ(const u64 *a, const u64 *kept)
{
	lanes x;

	memcpy(&x, a, sizeof(x));
	return x ^ *(const lanes *)kept;
}

static inline bool same4(const u64 *a, const u64 *kept)
{
	lanes d = differ(a, kept) | differ(a + 2, kept + 2);

	return !(d[0] | d[1]);
}

static inline bool same8(const u64 *a, const u64 *kept)
{
	lanes d = differ(a, kept) | differ(a + 2, kept + 2) | differ(a + 4, kept + 4) |
		  differ(a + 6, kept + 6);

	return !(d[0] | d[1]);
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

/*
 * The words in which r differs from what is kept, and their mask before them; the first word of
 * both is the same, and the next two are times, which never are. Returns where they end.
 */
static inline u64 *write_words(u64 *to, u64 *kept, const struct rec *r)
{
	const u64 *from = (const u64 *)r;
	struct words w = {to + 3, 3 << 1};
	u32 n = r->len / sizeof(u64), i;

	to[1] = kept[1] = from[1];
	to[2] = kept[2] = from[2];
	write_word(&w, from, kept, 3);
	for (i = 4; i + 8 <= n; i += 8)
		if (!same8(from + i, kept + i))
			for (u32 k = i; k < i + 8; k++)
				write_word(&w, from, kept, k);
	if (i + 4 <= n && same4(from + i, kept + i))
		i += 4;
	for (; i < n; i++)
		write_word(&w, from, kept, i);
	*to = w.mask;
	return w.out;
}

/* A whole record. Returns the frame's size. */
static __attribute__((noinline)) u32 write_whole(struct kept *k, u64 *to, const struct rec *r,
						 u32 place)
{
	u32 size = r->len;

	if (may_be_kept(r))
		memcpy(k->words[place], r, size);
	else
		place = 0;
	memcpy(to, r, size);
	memset((u8 *)to + size, 0, SECT_NEXT(size) - size);
	return size | place << 22;
}

void *frame_write(struct kept *k, void *at, const struct rec *r)
{
	u32 *head = at, place = place_of(r), size, n;
	u64 *kept = k->words[place], *to = (u64 *)(head + 2);

	if (kept[0] == *(const u64 *)r) {
		n = (u8 *)write_words(to, kept, r) - (u8 *)to;
		size = n | place << 22 | FRAME_SHORT;
	} else {
		size = write_whole(k, to, r, place);
		n = FRAME_SIZE(size);
	}
	head[0] = sum_of(to, n, size);
	head[1] = size;
	return (u8 *)to + SECT_NEXT(n);
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
