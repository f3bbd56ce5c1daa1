/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Counts by key, histograms and percentiles: against bpftrace's drawing and against counting by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "counts.h"
#include "histogram.h"
#include "out.h"
#include "percentile.h"

/* A record with a histogram, as counts_tell() makes it. */
static struct {
	struct tally_rec rec;
	struct sect sect;
	struct tally_bucket buckets[HIST_SLOTS];
} made;

static const struct rec *make(const struct tally_bucket *buckets, u32 n)
{
	u32 size = n * sizeof(*buckets);

	made.rec.h = (struct rec){.len = sizeof(made.rec) + sizeof(made.sect) + size,
				  .type = REC_TALLY,
				  .fixed = sizeof(made.rec)};
	made.sect = (struct sect){.kind = SECT_BUCKETS, .len = size, .full = size};
	memcpy(made.buckets, buckets, size);
	return &made.rec.h;
}

static void drawn(const struct histogram *h, const char *want)
{
	struct buf b = {0};

	histogram_draw(&b, h);
	buf_chr(&b, 0);
	assert_string_equal(b.base, want);
	buf_free(&b);
}

/* What bpftrace printed of these counts: BPF Performance Tools, socksize.bt, @read_bytes[java]. */
static void test_draws_as_bpftrace(void **state)
{
	static const struct {
		u64 low, count;
	} counts[] = {{0, 431},     {1, 4},       {2, 10},      {4, 542},     {8, 3445},
		      {16, 2635},   {32, 3497},   {64, 776},    {128, 916},   {256, 3123},
		      {512, 4199},  {1024, 2972}, {2048, 1863}, {4096, 2501}, {8192, 1422},
		      {16384, 148}, {32768, 29},  {65536, 6}};
	struct tally_bucket buckets[40] = {0};
	struct histogram h;
	u32 n = 0;

	(void)state;
	/* each octave in two buckets, which are drawn as one */
	for (u32 i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		u64 low = counts[i].low;

		buckets[n++] =
			(struct tally_bucket){hist_slot(low), 0, low > 1 ? 1 : counts[i].count};
		if (low > 1)
			buckets[n++] = (struct tally_bucket){hist_slot(2 * low - 1), 0,
							     counts[i].count - 1};
	}
	h = histogram_of(make(buckets, n));
	assert_int_equal(h.n, n);
	drawn(&h,
	      "[0]                  431 |@@@@@                                               |\n"
	      "[1]                    4 |                                                    |\n"
	      "[2, 4)                10 |                                                    |\n"
	      "[4, 8)               542 |@@@@@@                                              |\n"
	      "[8, 16)             3445 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@          |\n"
	      "[16, 32)            2635 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                    |\n"
	      "[32, 64)            3497 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@         |\n"
	      "[64, 128)            776 |@@@@@@@@@                                           |\n"
	      "[128, 256)           916 |@@@@@@@@@@@                                         |\n"
	      "[256, 512)          3123 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@              |\n"
	      "[512, 1K)           4199 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"
	      "[1K, 2K)            2972 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                |\n"
	      "[2K, 4K)            1863 |@@@@@@@@@@@@@@@@@@@@@@@                             |\n"
	      "[4K, 8K)            2501 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                      |\n"
	      "[8K, 16K)           1422 |@@@@@@@@@@@@@@@@@                                   |\n"
	      "[16K, 32K)           148 |@                                                   |\n"
	      "[32K, 64K)            29 |                                                    |\n"
	      "[64K, 128K)            6 |                                                    |\n");
}

static void test_draws_gaps_and_ends(void **state)
{
	struct tally_bucket gap[] = {{hist_slot(29), 0, 13}, {hist_slot(211), 0, 26}};
	struct tally_bucket open[] = {{hist_slot(~0ull), 0, 3}};
	struct tally_bucket linear[] = {{0, 0, 2}, {2, 0, 1}, {10, 0, 4}};
	struct histogram h = histogram_of(make(gap, 2));

	(void)state;
	drawn(&h,
	      "[16, 32)              13 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
	      "[32, 64)               0 |                                                    |\n"
	      "[64, 128)              0 |                                                    |\n"
	      "[128, 256)            26 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n");
	h = histogram_of(make(open, 1));
	drawn(&h,
	      "[1T, ...)              3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n");
	h = histogram_linear(make(linear, 3), 10, 11);
	drawn(&h,
	      "[0, 10)                2 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |\n"
	      "[10, 20)               0 |                                                    |\n"
	      "[20, 30)               1 |@@@@@@@@@@@@@                                       |\n"
	      "[30, 40)               0 |                                                    |\n"
	      "[40, 50)               0 |                                                    |\n"
	      "[50, 60)               0 |                                                    |\n"
	      "[60, 70)               0 |                                                    |\n"
	      "[70, 80)               0 |                                                    |\n"
	      "[80, 90)               0 |                                                    |\n"
	      "[90, 100)              0 |                                                    |\n"
	      "[100, ...)             4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n");
	assert_int_equal(hist_linear(99, 10, 11), 9);
	assert_int_equal(hist_linear(100, 10, 11), 10);
	assert_int_equal(hist_linear(~0ull, 10, 11), 10);
	h = histogram_of(make(open, 0));
	drawn(&h, "");
}

static void test_tells(void **state)
{
	struct tally_bucket buckets[] = {{0, 0, 5}, {hist_slot(29), 0, 13}, {HIST_SLOTS - 1, 0, 2}};
	struct histogram h = histogram_of(make(buckets, 3));
	struct buf b = {0};
	struct verbs v = {.ops = &verbs_json, .b = &b};

	(void)state;
	histogram_tell(&v, &h);
	buf_chr(&b, 0);
	/* 29 is within 1/8 of 28: [28, 30) */
	assert_string_equal(
		b.base, "[{\"low\":0,\"high\":1,\"count\":5},{\"low\":28,\"high\":30,\"count\":13},"
			"{\"low\":2061584302080,\"count\":2}]");
	buf_free(&b);
}

/* A recording may hold anything: what cannot be is left out, and nothing else is read. */
static void test_damaged(void **state)
{
	struct tally_bucket buckets[] = {{3, 0, 1}, {3, 0, 1}, {HIST_SLOTS, 0, 1}};
	const struct rec *r = make(buckets, 3);

	(void)state;
	assert_int_equal(histogram_of(r).n, 1);
	buckets[1].bucket = 4;
	assert_int_equal(histogram_of(make(buckets, 3)).n, 2);
	made.sect.len = 65535;
	assert_int_equal(histogram_of(r).n, 0);
	made.rec.h.len = sizeof(made.rec);
	assert_int_equal(histogram_of(r).n, 0);
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* The error that percentile.h promises, against the values themselves, sorted. */
static void test_percentiles(void **state)
{
	static u64 values[10007];
	u64 hist[HIST_SLOTS];

	(void)state;
	srand(7);
	for (u32 round = 0; round < 31; round++) {
		u32 n = 1 + rand() % 10007;

		memset(hist, 0, sizeof(hist));
		for (u32 i = 0; i < n; i++) {
			values[i] = ((u64)rand() << 20 ^ rand()) >> rand() % 50;
			values[i] &= (1ull << 40) - 1;
			hist[hist_slot(values[i])]++;
		}
		qsort(values, n, sizeof(*values), by_value);
		for (u32 permille = 1; permille <= 1000; permille += 37) {
			u64 want = values[((u64)n * permille + 999) / 1000 - 1];
			u64 got = percentile(hist, permille, values[n - 1]);
			u64 off = got > want ? got - want : want - got;

			assert_true(off * 16 <= want);
			assert_true(want >= 16 || got == want);
		}
	}
}

/* ---- counts ---- */

static const struct counts_shape shape = {.max = 1 << 1, .events = 1 << 0 | 1 << 2, .good = 1 << 0};

struct heard {
	u32 rows, others, buckets;
	u64 events, last, sums[TALLY_COUNTS];
	struct tally_key first;
};

static void hear(void *ctx, const struct rec *r)
{
	const struct tally_rec *t = (const void *)r;
	struct heard *h = ctx;

	assert_int_equal(r->type, REC_TALLY);
	assert_int_equal(r->fixed, sizeof(*t));
	assert_int_equal(t->key.bucket, 0);
	assert_int_equal(h->others, 0); /* is the last */
	h->others += t->flags & TALLY_OTHER ? 1 : 0;
	if (!h->rows++)
		h->first = t->key;
	else if (!h->others)
		assert_true(t->events <= h->last);
	h->last = t->events;
	h->events += t->events;
	h->buckets += histogram_of(r).n;
	for (u32 i = 0; i < TALLY_COUNTS; i++)
		h->sums[i] += t->n[i];
}

static struct heard tell(const struct counts *c, bool failed)
{
	struct tally_rec head = {.h.ts = 53, .interval_ns = 11};
	struct heard h = {0};

	assert_true(counts_tell(c, &head, failed, hear, &h));
	return h;
}

/* Tables as the kernel half fills them, of three processors, in two intervals. */
static void test_counts(void **state)
{
	struct tally_slot table[64 + 1];
	struct counts c, total;
	u64 sent = 0, failed = 0;
	struct heard h;

	(void)state;
	counts_open(&c, &shape, 1000);
	counts_open(&total, &shape, 1000);
	for (u32 interval = 0; interval < 2; interval++) {
		for (u32 cpu = 0; cpu < 3; cpu++) {
			memset(table, 0, sizeof(table));
			for (u32 i = 0; i < 17; i++) {
				table[i * 3].key.pid = i + interval;
				table[i * 3].key.what = 1;
				table[i * 3].n[0] = 7 + i;
				table[i * 3].n[1] = 100 * cpu + i;
				table[i * 3].n[2] = 2;
				sent += 9 + i;
				failed += 2;
			}
			table[64].key.id = 17;
			counts_take(&c, table, 64);
			for (u32 i = 0; i < sizeof(table) / 8; i++)
				assert_int_equal(((u64 *)table)[i], 0);
		}
		h = tell(&c, false);
		assert_int_equal(h.rows, 17);
		assert_int_equal(h.first.pid, 16 + interval);
		assert_int_equal(h.sums[1], 17 * 200 + 16 * 17 / 2); /* the largest of each */
		counts_merge(&total, &c);
		counts_clear(&c);
		assert_int_equal(tell(&c, false).rows, 0);
	}
	h = tell(&total, false);
	assert_int_equal(h.rows, 18);
	assert_int_equal(h.others, 0);
	assert_int_equal(h.events, sent);
	assert_int_equal(tell(&total, true).events, failed);
	counts_close(&c);
	counts_close(&total);
}

/* More keys than there is room for: the rest is in one row, and the sum is right. */
static void test_counts_full(void **state)
{
	struct tally_slot table[64 + 1];
	struct counts c;
	u64 one[TALLY_COUNTS] = {1};
	struct heard h;

	(void)state;
	counts_open(&c, &shape, 601);
	for (u32 i = 0; i < 5003; i++) {
		struct tally_key key = {.pid = i % 1009, .what = 1};

		counts_add(&c, &key, one);
	}
	memset(table, 0, sizeof(table));
	table[64].key.id = 64;
	table[64].n[0] = 13;
	counts_take(&c, table, 64);
	h = tell(&c, false);
	assert_int_equal(h.rows, 601 + 1);
	assert_int_equal(h.others, 1);
	assert_int_equal(h.events, 5003 + 13);
	counts_close(&c);
}

/* Keys that differ in their bucket are one row. */
static void test_counts_buckets(void **state)
{
	struct counts c;
	struct heard h;

	(void)state;
	counts_open(&c, &shape, 1000);
	for (u32 i = 0; i < 211; i++) {
		struct tally_key key = {.pid = i % 3, .what = 1, .bucket = 1 + hist_slot(i)};
		u64 n[TALLY_COUNTS] = {1, i};

		counts_add(&c, &key, n);
	}
	h = tell(&c, false);
	assert_int_equal(h.rows, 3);
	assert_int_equal(h.events, 211);
	assert_int_equal(h.sums[1], 210 + 209 + 208);
	assert_true(h.buckets >= 3 * (16 / 3 + 8 * 3));
	counts_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draws_as_bpftrace),
		cmocka_unit_test(test_draws_gaps_and_ends),
		cmocka_unit_test(test_tells),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_full),
		cmocka_unit_test(test_counts_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
