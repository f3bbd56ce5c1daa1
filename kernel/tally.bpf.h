/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Counts by key (include/tally.h). A program fills a key, finds its slot and adds to the slot's
 * numbers:
 *
 *	TALLY_KEY(key, port);
 *	struct tally_slot *s;
 *
 *	key->pid = ...
 *	s = TALLY_FIND(key, port);
 *	if (!s) {
 *		s = TALLY_SEARCH(key, port);
 *		if (!s)
 *			return 0;
 *		if (!s->key.comm[0])
 *			task_process(s->key.comm, task);
 *	}
 *	s->n[0]++;
 *
 * No atomics: a table is one CPU's, and the kernel does not run a program while it runs on the same
 * CPU (it counts that as missed). Where two programs of which one may interrupt the other add to
 *the same number, they use tally_add().
 */
#ifndef WEIR_TALLY_BPF_H
#define WEIR_TALLY_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include "tally.h"

SEC(".rodata.tally") const volatile struct tally_conf tally_conf;
SEC(".data.tally") struct tally_side tally_side;

/* The loader sets how many: two sides for each CPU, TALLY_STRIDE() each. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct tally_slot);
} tallies SEC(".maps");

/* How many words of 8 bytes a key is compared by whose last member is this one. */
#define TALLY_WORDS(member)                                                                        \
	((__builtin_offsetof(struct tally_key, member) + sizeof(((struct tally_key *)0)->member) + \
	  7) /                                                                                     \
	 8)

typedef u64 __attribute__((may_alias)) tally_word;

/* A key, all 0, that has no members behind the one that is named: each would be a store more. */
#define TALLY_KEY(name, last)                                                                      \
	tally_word name##_words[TALLY_WORDS(last)] = {};                                           \
	struct tally_key *name = (struct tally_key *)name##_words

/* The first word of a key, in one store: pid and what, no bucket. Little-endian. */
static __always_inline u64 tally_first(u32 pid, u16 what)
{
	return pid | (u64)what << 32;
}

/* The slot of a key, compared up to its member last, where it is in its first place; else NULL. */
#define TALLY_FIND(name, last) tally_find(name##_words, TALLY_WORDS(last))
/*
 * The same when that was NULL: wherever it is, or a new one, in which the members behind last are
 * 0, or that of what finds no room. NULL never happens, but the verifier wants it tested.
 */
#define TALLY_SEARCH(name, last) tally_search(name##_words, TALLY_WORDS(last))

#define TALLY_BUSY 1 /* a first word that no key has: what is not 0 */

static __always_inline struct tally_slot *tally_slot(u32 at)
{
	return bpf_map_lookup_elem(&tallies, &at);
}

/* Where the table begins that this CPU writes to now. */
static __always_inline u32 tally_base(void)
{
	return bpf_get_smp_processor_id() * tally_side.cpu + tally_side.offset;
}

static __always_inline bool tally_same(const tally_word *a, const tally_word *b, const u32 words)
{
	for (u32 i = 0; i < words; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* Counts a slot that is now used; last, the key's first word makes it valid. */
static __always_inline void tally_used(struct tally_slot *s, u64 first, u32 base)
{
	struct tally_slot *other = tally_slot(base + tally_conf.slots);

	if (other)
		__sync_fetch_and_add(&other->key.id, 1);
	barrier();
	*(volatile tally_word *)s = first;
}

/* The place of a key in a table. Multiplication carries upwards: the highest bits depend on all. */
static __always_inline u32 tally_place(const tally_word *key, const u32 words)
{
	u64 hash = 0;

	for (u32 i = 0; i < words; i++)
		hash = (hash ^ key[i]) * 0x9e3779b97f4a7c15ULL;
	/* A shift by a constant is one instruction, and the default's is known to the verifier. */
	return tally_conf.shift == 64 - TALLY_BITS ? hash >> (64 - TALLY_BITS)
						   : hash >> (tally_conf.shift & 63);
}

static __always_inline struct tally_slot *tally_find(const tally_word *key, const u32 words)
{
	struct tally_slot *s = tally_slot(tally_base() + tally_place(key, words));

	return s && tally_same((tally_word *)s, key, words) ? s : NULL;
}

static __always_inline u32 tally_look(const tally_word *key, const u32 words)
{
	u32 base = tally_base(), at = tally_place(key, words);

	for (u32 i = 0; i < TALLY_PROBES; i++) {
		u32 place = base + ((at + i) & (tally_conf.slots - 1));
		struct tally_slot *s = tally_slot(place);
		tally_word *to = (tally_word *)s;

		if (!s || (*to && tally_same(to, key, words)))
			return place;
		/* What interrupts us here takes another place: the user half adds both up. */
		if (*to || __sync_val_compare_and_swap(to, 0, TALLY_BUSY))
			continue;
		for (u32 w = 1; w < words; w++)
			to[w] = key[w];
		tally_used(s, *key, base);
		return place;
	}
	return base + tally_conf.slots;
}

/* A function for each number of words: of one that is an argument the verifier may lose track.
 * Global, so that it looks at each once; they tell the slot's place. */
#define TALLY_SEARCH_OF(n)                                                                         \
	struct tally_key_##n {                                                                     \
		tally_word words[n];                                                               \
	};                                                                                         \
	__noinline u32 tally_search_##n(const struct tally_key_##n *key)                           \
	{                                                                                          \
		return key ? tally_look(key->words, n) : 0;                                        \
	}
TALLY_SEARCH_OF(1)
TALLY_SEARCH_OF(2)
TALLY_SEARCH_OF(3)
TALLY_SEARCH_OF(5)

static __always_inline struct tally_slot *tally_search(const tally_word *key, const u32 words)
{
	const void *k = key;

	_Static_assert(TALLY_WORDS(addr) == 5, "no function for that many words");
	return tally_slot(words == 1   ? tally_search_1(k)
			  : words == 2 ? tally_search_2(k)
			  : words == 3 ? tally_search_3(k)
				       : tally_search_5(k));
}

/* Both at once, for a key that is filled whole: its comm goes with it. */
static __always_inline struct tally_slot *tally_whole(const struct tally_key *key, const u32 words)
{
	const tally_word *k = (const tally_word *)key;
	struct tally_slot *s = tally_find(k, words);

	if (s)
		return s;
	s = tally_search(k, words);
	if (s && !s->key.comm[0]) {
		((tally_word *)s->key.comm)[0] = ((const tally_word *)key->comm)[0];
		((tally_word *)s->key.comm)[1] = ((const tally_word *)key->comm)[1];
	}
	return s;
}

/* The first use of a slot whose place is known: rare, so it is not in the way of the others. */
static __noinline int tally_begin(u32 what)
{
	u32 base = tally_base();
	struct tally_slot *s = tally_slot(base + what);

	if (s && !*(tally_word *)s)
		tally_used(s, tally_first(0, what), base);
	return 0;
}

/* The slot of a key that is a small number, what, and nothing else: it is known where. */
static __always_inline struct tally_slot *tally_at(u16 what)
{
	struct tally_slot *s = tally_slot(tally_base() + what);

	if (s && !*(tally_word *)s)
		tally_begin(what);
	return s;
}

/* One more of the ith number of that slot, below TALLY_COUNTS. The first one makes it used. */
static __always_inline void tally_one(u16 what, u32 i)
{
	struct tally_slot *s = tally_slot(tally_base() + what);

	if (s && !s->n[i]++)
		tally_begin(what);
}

static __always_inline void tally_add(u64 *n, u64 by)
{
	__sync_fetch_and_add(n, by);
}

#endif
