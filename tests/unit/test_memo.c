/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What was told before: the right text or none, whatever keys come, and never more memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "memo.h"

#define MANY 10007 /* a prime, and many times as many as are kept */

static struct memo memo;
static struct buf b;

/* A text that only this key has; length and bytes depend on all of it. */
static void tell(u32 what, const u64 *key, u32 words)
{
	buf_u64(&b, what);
	for (u32 i = 0; i < words; i++) {
		buf_chr(&b, ' ');
		buf_u64(&b, key[i]);
	}
}

static void keep(u32 what, const u64 *key, u32 words)
{
	size_t start = buf_len(&b);

	tell(what, key, words);
	memo_keep(&memo, &b, start, what, key, words);
	buf_clear(&b);
}

/* Whether a text is kept; it must be that of the key. */
static bool kept(u32 what, const u64 *key, u32 words)
{
	char got[MEMO_TEXT + 1] = "";
	size_t n;

	buf_clear(&b);
	if (!memo_tell(&memo, &b, what, key, words))
		return false;
	n = buf_len(&b);
	assert_in_range(n, 1, MEMO_TEXT);
	memcpy(got, b.base, n);
	buf_clear(&b);
	tell(what, key, words);
	assert_int_equal(buf_len(&b), n);
	assert_memory_equal(b.base, got, n);
	buf_clear(&b);
	return true;
}

static void start_anew(void)
{
	memo_forget(&memo);
	buf_clear(&b);
	buf_room(&b, 4096);
}

/* Every bit of a key counts, and so do its length and what it is of. */
static void exact(void **unused)
{
	u64 key[MEMO_WORDS] = {2, 3, 5, 7, 11, 13, 17, 19};

	(void)unused;
	for (u32 words = 1; words <= MEMO_WORDS; words++) {
		start_anew();
		assert_false(kept(MEMO_NOTE, key, words));
		keep(MEMO_NOTE, key, words);
		assert_true(kept(MEMO_NOTE, key, words));
		assert_false(kept(MEMO_SOCKET, key, words));
		if (words < MEMO_WORDS)
			assert_false(kept(MEMO_NOTE, key, words + 1));
		if (words > 1)
			assert_false(kept(MEMO_NOTE, key, words - 1));
		for (u32 bit = 0; bit < 64 * words; bit++) {
			key[bit / 64] ^= 1ull << bit % 64;
			assert_false(kept(MEMO_NOTE, key, words));
			key[bit / 64] ^= 1ull << bit % 64;
		}
		assert_true(kept(MEMO_NOTE, key, words));
		memo_forget(&memo);
		assert_false(kept(MEMO_NOTE, key, words));
	}
}

/* Of a few keys that come again and again, nearly all are found, in spite of their order. */
static void found(void **unused)
{
	u32 hits = 0;

	(void)unused;
	start_anew();
	for (u64 i = 0; i < MANY; i++) {
		u64 key[5] = {i % 13, 0, i % 13 << 32, 1, i % 13 << 56};

		if (kept(MEMO_CELLS, key, 5))
			hits++;
		else
			keep(MEMO_CELLS, key, 5);
	}
	assert_in_range(hits, MANY - 101, MANY - 13);
}

/* Two whose place is the same, told in turn, do not take each other's text. */
static void in_turn(void **unused)
{
	u64 first = 1;

	(void)unused;
	for (u64 other = 2; first < 7 && other < MANY; other++) {
		if (memo_place(MEMO_NOTE, &other, 1) != memo_place(MEMO_NOTE, &first, 1))
			continue;
		start_anew();
		keep(MEMO_NOTE, &first, 1);
		keep(MEMO_NOTE, &other, 1);
		for (u32 i = 0; i < 7; i++) {
			assert_true(kept(MEMO_NOTE, &first, 1));
			assert_true(kept(MEMO_NOTE, &other, 1));
		}
		first++;
	}
	assert_int_equal(first, 7);
}

/* Keys that never come again, and keys whose words cancel each other out: all share one place. */
static void hostile(void **unused)
{
	(void)unused;
	start_anew();
	for (u64 i = 1; i < MANY; i++) {
		u64 key[7] = {i, i, 0, i * i, i * i, 0, 0}, other[2] = {i, ~i};

		assert_false(kept(MEMO_NOTE, key, 7));
		keep(MEMO_NOTE, key, 7);
		assert_true(kept(MEMO_NOTE, key, 7));
		assert_false(kept(MEMO_ADDR, other, 2));
		keep(MEMO_ADDR, other, 2);
		assert_true(kept(MEMO_ADDR, other, 2));
	}
}

/* What is too long is not kept, and takes no other's place. */
static void too_long(void **unused)
{
	static const u64 key[MEMO_WORDS + 1] = {23};

	(void)unused;
	start_anew();
	keep(MEMO_NOTE, key, MEMO_WORDS + 1);
	assert_false(memo_tell(&memo, &b, MEMO_NOTE, key, MEMO_WORDS + 1));
	keep(MEMO_NOTE, key, 0);
	assert_false(memo_tell(&memo, &b, MEMO_NOTE, key, 0));
	keep(MEMO_NOTE, key, 1);
	for (u32 i = 0; i <= MEMO_TEXT; i++)
		buf_chr(&b, 'x');
	memo_keep(&memo, &b, 0, MEMO_SOCKET, key, 1);
	buf_clear(&b);
	assert_false(memo_tell(&memo, &b, MEMO_SOCKET, key, 1));
	assert_true(kept(MEMO_NOTE, key, 1));
	for (u32 i = 0; i < MEMO_TEXT; i++)
		buf_chr(&b, 'y');
	memo_keep(&memo, &b, 0, MEMO_SOCKET, key, 1);
	buf_clear(&b);
	assert_true(memo_tell(&memo, &b, MEMO_SOCKET, key, 1));
	assert_int_equal(buf_len(&b), MEMO_TEXT);
	for (u32 i = 0; i < MEMO_TEXT; i++)
		assert_int_equal(b.base[i], 'y');
}

/* Without room nothing is written: who asks writes it by himself, and makes room. */
static void no_room(void **unused)
{
	static const u64 key[1] = {29};
	struct buf small = {0};

	(void)unused;
	start_anew();
	keep(MEMO_NOTE, key, 1);
	assert_false(memo_tell(&memo, &small, MEMO_NOTE, key, 1));
	for (u32 used = 0; used < 1009; used++) {
		buf_chr(&small, '.');
		if (memo_tell(&memo, &small, MEMO_NOTE, key,
			      1)) /* memory is exact: ASan would see */
			small.at = small.base + used + 1;
	}
	buf_free(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact),   cmocka_unit_test(found),    cmocka_unit_test(in_turn),
		cmocka_unit_test(hostile), cmocka_unit_test(too_long), cmocka_unit_test(no_room),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&b);
	return failed;
}
