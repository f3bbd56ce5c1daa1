/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "hist.h"
#include "percentile.h"
#include "sums.h"

#define PLACES (2 * SUMS_MOST) /* open addressing, half full at most */

static struct sum *sums;
static u32 n;
static u16 places[PLACES]; /* a row's index plus 1 */

/* By words: most are 0, as names are shorter than their room. */
static u32 place_of(const struct sum_key *key)
{
	u64 words[sizeof(*key) / sizeof(u64)], h = 0;

	memcpy(words, key, sizeof(words));
	for (u32 i = 0; i < sizeof(words) / sizeof(*words); i++)
		h = ((h << 5 | h >> 59) ^ words[i]) * 0x9e3779b97f4a7c15;
	return (h >> 32) % PLACES;
}
_Static_assert(sizeof(struct sum_key) % sizeof(u64) == 0, "place_of()");

/* The key's row; when there are too many, the last one is of all others. */
static struct sum *find(const struct sum_key *key)
{
	u32 at = place_of(key);

	for (; places[at]; at = (at + 1) % PLACES)
		if (!memcmp(&sums[places[at] - 1].key, key, sizeof(*key)))
			return &sums[places[at] - 1];
	if (n == SUMS_MOST)
		return &sums[SUMS_MOST - 1];
	if (!sums)
		sums = calloc(SUMS_MOST, sizeof(*sums));
	if (!sums || !(sums[n].hist = calloc(HIST_SLOTS, sizeof(u64))))
		return NULL;
	sums[n].key = *key;
	places[at] = ++n;
	if (n == SUMS_MOST)
		sums[n - 1].key =
			(struct sum_key){.comm = "(other)", .what = "(other)", .more = "(other)"};
	return &sums[n - 1];
}

void sums_add(const struct sum_key *key, u64 ts, u64 ns, bool failed, bool unanswered, u64 bytes)
{
	struct sum *s = find(key);

	if (!s)
		return;
	s->count++;
	s->failed += failed;
	s->unanswered += unanswered;
	s->bytes += bytes;
	if (s->h.ts < ts)
		s->h.ts = ts;
	if (ns == ~0ull)
		return;
	s->timed++;
	if (ns > s->max)
		s->max = ns;
	s->hist[hist_slot(ns)]++;
}

static int order(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

void sums_tell(void (*each)(void *ctx, const struct rec *r), void *ctx)
{
	if (!n)
		return;
	qsort(sums, n, sizeof(*sums), order);
	for (u32 i = 0; i < n; i++) {
		struct sum *s = &sums[i];

		s->h.len = sizeof(*s);
		s->p50 = percentile(s->hist, 500, s->max);
		s->p90 = percentile(s->hist, 900, s->max);
		s->p99 = percentile(s->hist, 990, s->max);
		each(ctx, &s->h);
		free(s->hist);
	}
	memset(sums, 0, n * sizeof(*sums));
	memset(places, 0, sizeof(places));
	n = 0;
}
