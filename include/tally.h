/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Counts by key: what the kernel half writes (kernel/tally.bpf.h) and the user half reads from the
 * same memory (src/core/tallies.c).
 *
 * A table each for every CPU, so that nothing is shared between them, and twice: while one half is
 * read and cleared, events go into the other. A table is slots with open addressing, in memory of
 * our own: a key is found in some 30 instructions, and none of them calls the kernel.
 */
#ifndef WEIR_TALLY_H
#define WEIR_TALLY_H

#include "record.h"

/* 128 bytes: two cache lines. All 0: free. */
struct tally_slot {
	struct tally_key key;
	u64 n[TALLY_COUNTS];
};

/* Slots of a table by default, a power of two; and how many are looked at before it counts as full.
 */
#define TALLY_BITS   12
#define TALLY_SLOTS  (1 << TALLY_BITS)
#define TALLY_PROBES 16

/*
 * The slot after a table's last is for what found no room; its key.id counts the slots in use, so
 * that an empty table is known at once.
 */
#define TALLY_STRIDE(slots) ((slots) + 1)

struct tally_conf {
	u32 slots; /* of a table */
	u32 shift; /* from a 64-bit hash to a slot: 64 - log2(slots) */
};

/* Together, as the address of a variable is an instruction more. */
struct tally_side {
	union {
		struct {
			u32 offset; /* where events go now: 0 or TALLY_STRIDE(slots) behind the
				     * CPU's first slot */
			u32 turn;   /* how often that changed: in one, a key keeps its slot */
		};
		u64 both;
	};
	u32 cpu;       /* slots from a CPU's tables to the next one's: 2 * TALLY_STRIDE(slots) */
	u32 everybody; /* what happens is to be counted, whoever does it (tallies_attach()) */
};

#endif
