/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Texts that were made before, by the bytes that they were made of: a task, a socket or an address
 * stands in many rows. A memo is exact, since all bytes of the key are compared, and never grows:
 * a text takes the place of another one. Two share two places, so that two that are told in turn
 * do not take each other's.
 */
#ifndef WEIR_MEMO_H
#define WEIR_MEMO_H

#include "buf.h"

#define MEMO_WORDS 20  /* of 8 bytes, of the longest key */
#define MEMO_TEXT  288 /* of the longest text; what is longer is made each time */
#define MEMO_BITS  10
#define MEMO_SLOTS (1 << MEMO_BITS)

/* What a text is of: one key may have several. */
enum memo_what {
	MEMO_ADDR,   /* a sockaddr */
	MEMO_NOTE,   /* behind a descriptor */
	MEMO_SOCKET, /* a member of its own */
	MEMO_SOCK,   /* that a probe is about */
	MEMO_PACKET,
	MEMO_ENDS,  /* addresses and ports of a packet */
	MEMO_CELLS, /* columns of a row; those of another part of the row: MEMO_CELLS + its place */
	MEMO_TAIL = 1 << 11, /* a call's last arguments: + 2 * the call, + 1 with its result */
	MEMO_HIT = 1 << 12,  /* a function's arguments; + the number of the probe */
	MEMO_HEAD = 1 << 20, /* a call up to its payload; + what it is */
};

struct memo_slot {
	u32 kind; /* memo_kind(): 0 before the first */
	u32 len;
	u64 key[MEMO_WORDS];
	char text[MEMO_TEXT];
};

/* Begins as zeros. */
struct memo {
	struct memo_slot slots[MEMO_SLOTS];
	u32 turn; /* which of two places is taken when both are */
};

static inline u32 memo_kind(u32 what, u32 words)
{
	return what << 8 | words;
}

static inline u64 memo_word(const void *key, u32 i)
{
	u64 w;

	memcpy(&w, (const char *)key + 8 * i, 8);
	return w;
}

/*
 * The place of a key, by its first words: they tell tasks and sockets from each other, and keys
 * that share a place cost time only. Loops over lengths that the compiler knows are written out.
 */
static inline __attribute__((always_inline)) u32 memo_place(u32 what, const void *key, u32 words)
{
	u64 h = memo_word(key, 0) ^ what;

#pragma GCC unroll 4
	for (u32 i = 1; i < 4 && i < words; i++)
		h ^= memo_word(key, i);
	h *= 0x9e3779b97f4a7c15; /* the highest bits are made of all */
	return h >> (64 - MEMO_BITS);
}

static inline __attribute__((always_inline)) bool memo_same(const u64 *kept, const void *key,
							    u32 words)
{
	if (__builtin_constant_p(words)) {
#pragma GCC unroll 8
		for (u32 i = 0; i < words; i++)
			if (kept[i] != memo_word(key, i))
				return false;
	} else {
		for (u32 i = 0; i < words; i++)
			if (kept[i] != memo_word(key, i))
				return false;
	}
	return true;
}

/* The text of that key in the other one of its two places, or NULL. */
const struct memo_slot *memo_other(const struct memo *m, const struct memo_slot *s, u32 kind,
				   const void *key, u32 words);

/* Writes the text that was kept for a key of so many words of 8 bytes, one at least; false when
 * there is none, or no room. */
static inline __attribute__((always_inline)) bool memo_tell(const struct memo *m, struct buf *b,
							    u32 what, const void *key, u32 words)
{
	const struct memo_slot *s = &m->slots[memo_place(what, key, words)];

	if (s->kind != memo_kind(what, words) || !memo_same(s->key, key, words))
		s = memo_other(m, s, memo_kind(what, words), key, words);
	if (!s || !buf_has(b, MEMO_TEXT))
		return false;
	buf_blocks(b, s->text, s->len);
	return true;
}

/* Keeps what was written to b since start, where it and the key are short enough. */
void memo_keep(struct memo *m, const struct buf *b, size_t start, u32 what, const void *key,
	       u32 words);
/* Forgets all. */
void memo_forget(struct memo *m);

#endif
