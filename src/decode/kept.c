/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Lines of a tracepoint, by all that they tell. */
#include <stdlib.h>
#include "kept.h"

#define KEPT_LINES 8
#define KEPT_WORDS 64  /* of 8 bytes, of a record's sections */
#define KEPT_TEXT  640 /* of a line, and of what is copied at once behind it */
#define DIGITS     16  /* of a pointer that is told apart: all that the kernel's have */
#define DULL       64  /* lines without one that had been there: it is not worth the search */
#define DULL_AGAIN 32

struct line {
	u32 words, len;
	u64 key[KEPT_WORDS];
	u16 digits[KEPT_POINTERS];
	char text[KEPT_TEXT];
};

struct kept {
	struct kept_pointer pointers[KEPT_POINTERS];
	u32 npointers;
	u32 misses, skipped;
	/* of the record that was asked for last; words 0: it cannot be kept */
	u32 words, nvalues;
	u64 values[KEPT_POINTERS];
	struct line *line;
	u64 key[KEPT_WORDS];
	struct line lines[KEPT_LINES];
};

struct kept *kept_make(const struct kept_pointer *pointers, u32 n)
{
	struct kept *k = n <= KEPT_POINTERS ? calloc(1, sizeof(*k)) : NULL;

	for (u32 i = 0; k && i < n; i++) {
		if (pointers[i].at & 7) {
			free(k);
			return NULL;
		}
		k->pointers[k->npointers++] = pointers[i];
	}
	return k;
}

/* Eight hexadecimal digits. */
static inline void put_eight(char *to, u32 n)
{
	u64 x = n, letters;

	x = (x << 16 | x) & 0x0000ffff0000ffff;
	x = (x << 8 | x) & 0x00ff00ff00ff00ff;
	x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
	letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
	x = __builtin_bswap64(x + 0x3030303030303030 + letters * ('a' - '0' - 10));
	memcpy(to, &x, sizeof(x));
}

static inline void put_digits(char *to, u64 n)
{
	put_eight(to, n >> 32);
	put_eight(to + 8, n);
}

/* The record without its pointers. */
static bool make_key(struct kept *k, const struct rec *r, const struct sect *raw, u64 how)
{
	const u8 *first = (const u8 *)r + r->fixed;
	u32 n = r->len - r->fixed, base = 1 + ((const u8 *)(raw + 1) - first) / 8;
	u64 *fields = k->key + base;

	k->words = k->nvalues = 0;
	if (n & 7 || n / 8 >= KEPT_WORDS || raw->len < 8)
		return false;
	k->key[0] = how;
	memcpy(k->key + 1, first, n);
	fields[0] = 0; /* what all records have in common is not told */
	for (u32 i = 0; i < k->npointers; i++) {
		u64 *p = fields + k->pointers[i].at / 8;

		if (!k->pointers[i].printed) {
			*p = 0;
		} else if (*p >> (4 * DIGITS - 4)) {
			k->values[k->nvalues++] = *p;
			*p = ~0ULL;
		}
	}
	k->words = 1 + n / 8;
	return true;
}

static struct line *find_line(struct kept *k)
{
	u64 h = 0;

	for (u32 i = 0; i < k->words; i++)
		h += k->key[i];
	h *= 0x9e3779b97f4a7c15;
	return &k->lines[h >> 61];
}
_Static_assert(KEPT_LINES == 8, "three bits tell them apart");

bool kept_tell(struct kept *k, struct buf *b, const struct rec *r, const struct sect *raw, u64 how)
{
	char *start = b->at;
	struct line *l;

	k->words = 0;
	if (k->misses >= DULL && ++k->skipped % DULL_AGAIN)
		return false;
	if (!make_key(k, r, raw, how))
		return false;
	k->line = l = find_line(k);
	if (l->words != k->words || memcmp(l->key, k->key, 8 * k->words) ||
	    !buf_has(b, KEPT_TEXT)) {
		k->misses++;
		return false;
	}
	k->misses = 0;
	buf_blocks(b, l->text, l->len);
	for (u32 i = 0; i < k->nvalues; i++)
		put_digits(start + l->digits[i], k->values[i]);
	return true;
}

/* Where in the text that number's digits are, once and no more; 0: nowhere, or twice. */
static u32 find_digits(const char *text, u32 len, u64 value)
{
	char want[2 + DIGITS] = "0x";
	const char *found, *again;

	put_digits(want + 2, value);
	found = memmem(text, len, want, sizeof(want));
	if (!found)
		return 0;
	again = found + 1;
	if (memmem(again, text + len - again, want, sizeof(want)))
		return 0;
	return found + 2 - text;
}

void kept_keep(struct kept *k, const struct buf *b, size_t start)
{
	u32 len = buf_len(b) - start;
	struct line *l = k->line;

	if (!k->words || len > KEPT_TEXT)
		return;
	l->words = 0;
	for (u32 i = 0; i < k->nvalues; i++) {
		l->digits[i] = find_digits(b->base + start, len, k->values[i]);
		if (!l->digits[i])
			return;
	}
	memcpy(l->text, b->base + start, len);
	memcpy(l->key, k->key, 8 * k->words);
	l->len = len;
	l->words = k->words;
}
