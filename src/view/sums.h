/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Transactions summed up by what they have in common: how many, how many failed, how long they
 * took. */
#ifndef WEIR_SUMS_H
#define WEIR_SUMS_H

#include <stdbool.h>
#include "record.h"

/* What a row is of; all of it is compared, so what is not used is 0. */
struct sum_key {
	u32 side, pid;
	char comm[16];
	char what[64], more[192]; /* zero-terminated */
};

struct sum {
	struct rec h; /* ts: the end of the last one */
	struct sum_key key;
	u64 count, failed, unanswered, bytes;
	u64 timed; /* of count: those that have a time; where none has, what follows says nothing */
	u64 p50, p90, p99, max; /* ns; within 6.25 % */
	u64 *hist;
};

#define SUMS_MOST 2048 /* rows; all others are one, whose names are "(other)" */

/* Counts one that began at ts. ns: ~0: it has no time. */
void sums_add(const struct sum_key *key, u64 ts, u64 ns, bool failed, bool unanswered, u64 bytes);
/* Gives each row, most first, and forgets them. */
void sums_tell(void (*each)(void *ctx, const struct rec *r), void *ctx);

#endif
