/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The histograms both halves share. Log-linear, 8 slots an octave, so a value is known to within
 * 12.5 % of itself; below 16 exact. Linear, for values that have a limit: slots of one width.
 */
#ifndef WEIR_HIST_H
#define WEIR_HIST_H

#include "record.h"

#define HIST_SUB   3
#define HIST_TOP   40 /* 2^40 ns = 18 minutes; longer ones fall into the last slot */
#define HIST_SLOTS (((HIST_TOP - HIST_SUB + 1) << HIST_SUB) + (1 << HIST_SUB))

/* Index of the highest bit set; v is not 0. Compared, not looped: the verifier is happier. */
static inline __attribute__((always_inline)) u32 hist_log2(u64 v)
{
	u32 r = 0;

	if (v >> 32) {
		v >>= 32;
		r += 32;
	}
	if (v >> 16) {
		v >>= 16;
		r += 16;
	}
	if (v >> 8) {
		v >>= 8;
		r += 8;
	}
	if (v >> 4) {
		v >>= 4;
		r += 4;
	}
	if (v >> 2) {
		v >>= 2;
		r += 2;
	}
	return r + (v >> 1);
}

/* Slot of a value, always < HIST_SLOTS. */
static inline __attribute__((always_inline)) u32 hist_slot(u64 v)
{
	u32 e, slot;

	if (v < (2 << HIST_SUB))
		return v;
	e = hist_log2(v);
	slot = ((e - HIST_SUB) << HIST_SUB) + (v >> (e - HIST_SUB));
	return slot < HIST_SLOTS ? slot : HIST_SLOTS - 1;
}

/* The least value that falls into slot: the inverse of hist_slot(). */
static inline __attribute__((always_inline)) u64 hist_low(u32 slot)
{
	u32 e;

	if (slot < (2 << HIST_SUB))
		return slot;
	e = slot >> HIST_SUB;
	return (u64)((slot & ((1 << HIST_SUB) - 1)) + (1 << HIST_SUB)) << (e - 1);
}

/* Slot of a value where each is step wide; the last of slots has all above, too. */
static inline __attribute__((always_inline)) u32 hist_linear(u64 v, u64 step, u32 slots)
{
	u64 slot = v / step;

	return slot < slots ? slot : slots - 1;
}

#endif
