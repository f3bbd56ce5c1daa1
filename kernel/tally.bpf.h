/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Counts by key (include/tally.h). A program fills a struct tally_key, finds its slot and adds to
 * the slot's numbers:
 *
 *	struct tally_slot *s = tally_find(&key, TALLY_WORDS(comm));
 *
 *	if (s)
 *		s->n[0]++;
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

#define TALLY_BUSY 1 /* a first word that no key has: what is not 0 */

static __always_inline struct tally_slot *tally_slot(u32 at)
{
	return bpf_map_lookup_elem(&tallies, &at);
}

/* Where the table begins that this CPU writes to now. */
static __always_inline u32 tally_base(void)
{
	return (bpf_get_smp_processor_id() * 2 + tally_side.side) * TALLY_STRIDE(tally_conf.slots);
}

static __always_inline bool tally_same(const u64 *a, const u64 *b, const u32 words)
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
	*(volatile u64 *)&s->key = first;
}

/* The slot of a key that is not in its first place: a new one, or that of what finds no room. */
static __noinline struct tally_slot *tally_search(const struct tally_key *key, u32 base, u32 at,
						  u32 words)
{
	const u64 *k = (const u64 *)key;

	for (u32 i = 0; i < TALLY_PROBES; i++) {
		struct tally_slot *s = tally_slot(base + ((at + i) & (tally_conf.slots - 1)));
		u64 *to = (u64 *)s;

		if (!s)
			return NULL;
		if (*to ? tally_same(to, k, words) : false)
			return s;
		/* What interrupts us here takes another place: the user half adds both up. */
		if (*to || __sync_val_compare_and_swap(to, 0, TALLY_BUSY))
			continue;
		for (u32 w = 1; w < words; w++)
			to[w] = k[w];
		tally_used(s, *k, base);
		return s;
	}
	return tally_slot(base + tally_conf.slots);
}

/*
 * The slot of a key, of which words words count (a constant: TALLY_WORDS()); that of what finds no
 * room where the table is full. NULL never happens, but the verifier wants it tested. Where the key
 * is new, the members behind these words are 0.
 */
static __always_inline struct tally_slot *tally_find(const struct tally_key *key, const u32 words)
{
	const u64 *k = (const u64 *)key;
	u32 base = tally_base(), at;
	struct tally_slot *s;
	u64 hash = 0;

	/* Multiplication carries upwards: the highest bits depend on all. */
	for (u32 i = 0; i < words; i++)
		hash = (hash ^ k[i]) * 0x9e3779b97f4a7c15ULL;
	at = hash >> (tally_conf.shift & 63);
	s = tally_slot(base + at);
	if (s && tally_same((const u64 *)s, k, words))
		return s;
	return tally_search(key, base, at, words);
}

/* The same for keys that are a small number, what, and nothing else: its slot is known. */
static __always_inline struct tally_slot *tally_at(u16 what)
{
	u32 base = tally_base();
	struct tally_slot *s = tally_slot(base + what);

	if (s && !*(u64 *)s)
		tally_used(s, (u64)what << 32, base); /* as struct tally_key has it */
	return s;
}

static __always_inline void tally_add(u64 *n, u64 by)
{
	__sync_fetch_and_add(n, by);
}

#endif
