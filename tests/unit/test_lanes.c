/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Lanes, written here as the kernel half does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "lanes.h"

#define SIZE   LANE_LEAST
#define STRIDE (LANE_HEAD + SIZE + LANE_REC)

static struct lanes lanes;
static u64 seen[4096], sizes;
static u32 nseen;

static struct lane *lane(u32 i)
{
	return (struct lane *)(lanes.at + i * lanes.stride);
}

static void setup(void)
{
	int fd = memfd_create("lanes", 0);

	assert_int_equal(ftruncate(fd, LANES * STRIDE + 4096), 0);
	assert_int_equal(lanes_open(&lanes, fd, LANES, STRIDE), 0);
	close(fd);
	nseen = 0;
	sizes = 0;
}

/* Its place; what it says follows with write_first(). */
static u8 *begin(u32 i, u64 ts, u32 len)
{
	struct lane *l = lane(i);
	u8 *to = l->data + (l->produced & (SIZE - 1));

	for (u32 n = 0; n < ((len + 7) & ~7u); n++)
		assert_int_equal(to[n], 0); /* as the reader has to leave it */
	l->produced += (len + 7) & ~7u;
	memset(to + 16, 0xee, len - 16);
	memcpy(to + 8, &ts, 8);
	return to;
}

static void write_first(u8 *to, u32 len)
{
	memcpy(to, &(struct rec){.len = len, .type = REC_PIECE, .fixed = 16}, 8);
}

static void put(u32 i, u64 ts, u32 len)
{
	write_first(begin(i, ts, len), len);
}

static void each(void *ctx, const struct rec *r)
{
	(void)ctx;
	for (u32 n = 16; n < r->len; n++)
		assert_int_equal(((const u8 *)r)[n], 0xee);
	seen[nseen++ % 4096] = r->ts;
	sizes += r->len;
}

static u64 drain(void)
{
	u64 read = 0;

	nseen = 0;
	lanes_drain(&lanes, each, NULL, &read);
	assert_int_equal(read, nseen);
	return read;
}

static void test_order(void **state)
{
	(void)state;
	setup();
	put(0, 10, 48);
	put(1, 5, 300);
	put(1, 7, 17);
	put(0, 20, 48);
	put(1, 15, 48);
	assert_int_equal(drain(), 5);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(seen[i], ((u64[]){5, 7, 10, 15, 20})[i]);
	assert_false(lanes_behind(&lanes));
	assert_int_equal(drain(), 0);
	lanes_close(&lanes);
}

/* One that is begun holds back what is behind it, and is waited for. */
static void test_begun(void **state)
{
	u8 *to;

	(void)state;
	setup();
	put(0, 1, 48);
	to = begin(0, 2, 48);
	put(0, 3, 48);
	put(1, 4, 48);
	assert_int_equal(drain(), 2);
	assert_true(lanes_behind(&lanes));
	write_first(to, 48);
	assert_int_equal(drain(), 2);
	assert_int_equal(seen[0], 2);
	assert_int_equal(seen[1], 3);
	assert_false(lanes_behind(&lanes));
	lanes_close(&lanes);
}

/* What was begun after the drain has its turn with the next: others may have to come before it. */
static void test_later(void **state)
{
	struct timespec ts;

	(void)state;
	setup();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	put(0, 1, 48);
	put(0, (ts.tv_sec + 1000) * 1000000000ull, 48);
	assert_int_equal(drain(), 1);
	assert_true(lanes_behind(&lanes));
	lanes_close(&lanes);
}

/* A place that was taken and not needed: it has no time, either. */
static void test_nothing(void **state)
{
	u8 *to;

	(void)state;
	setup();
	put(0, 1, 48);
	to = begin(0, 0, 100);
	memcpy(to, &(struct rec){.len = 100}, 8);
	put(0, 3, 48);
	put(1, 2, 48);
	assert_int_equal(drain(), 3);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(seen[i], i + 1);
	assert_false(lanes_behind(&lanes));
	lanes_close(&lanes);
}

/* Many times round, with lengths that fit nowhere. */
static void test_round(void **state)
{
	u64 ts = 0, want = 0, had = 0;

	(void)state;
	setup();
	for (u32 turn = 0; turn < 500; turn++) {
		struct lane *l = lane(turn & 1);

		for (u32 len = 48 + turn % 13; l->produced + len + 8 - l->consumed <= SIZE;
		     len += 401) {
			put(turn & 1, ++ts, len);
			want += len;
			if (len > 7000)
				break;
		}
		had = ts - drain();
		for (u32 i = 0; i < nseen; i++)
			assert_int_equal(seen[i], had + i + 1);
	}
	assert_int_equal(sizes, want);
	lanes_close(&lanes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order), cmocka_unit_test(test_begun),
		cmocka_unit_test(test_later), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
