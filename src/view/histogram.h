/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A record's histogram (SECT_BUCKETS, include/hist.h): drawn for people, told exactly for programs.
 */
#ifndef WEIR_HISTOGRAM_H
#define WEIR_HISTOGRAM_H

#include "hist.h"
#include "verbs.h"

struct histogram {
	const struct tally_bucket *buckets; /* in the record; ascending */
	u32 n;
	u32 slots; /* linear: how many there may be, the last of them open; 0: log-linear */
	u64 step;  /* linear: width of a bucket */
};

/* A record's histogram; empty when it has none. Buckets that cannot be are left out. */
struct histogram histogram_of(const struct rec *r);
struct histogram histogram_linear(const struct rec *r, u64 step, u32 slots);

/* Least value of a bucket, and the least above it; 0: it has no upper bound. */
u64 histogram_low(const struct histogram *h, u32 bucket);
u64 histogram_high(const struct histogram *h, u32 bucket);

/*
 * Lines of at most 80 columns, as bpftrace draws hist() and lhist(): buckets of log-linear ones are
 * put together to powers of two. From the first to the last that is not empty.
 */
void histogram_draw(struct buf *b, const struct histogram *h);
/* An ARRAY of the buckets that are not empty, each a STRUCT: low, high (the least value above; none
 * in the last, open one), count. */
void histogram_tell(struct verbs *v, const struct histogram *h);
/*
 * The value below which permille/1000 of the counted values lie, at most max: percentile() of a
 * log-linear one (at most 6.25 % off), the middle of the bucket of a linear one.
 */
u64 histogram_percentile(const struct histogram *h, u32 permille, u64 max);

#endif
