/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The byte writers against libc: printf for numbers, inet_ntop for addresses; strings against
 * what strace 6.1 printed for the same bytes.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "buf.h"
#include "names.h"

#define MANY 10007 /* a prime */

static struct buf b;

/* The text written so far, NUL-terminated; the next writer starts anew. */
static const char *taken(void)
{
	buf_chr(&b, 0);
	buf_clear(&b);
	return b.base;
}

#define assert_buf(want) assert_string_equal(taken(), want)

/* xorshift: the same numbers in every run */
static u64 state = 0x9e3779b97f4a7c15;

static u64 any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void number(u64 v)
{
	char want[32];

	snprintf(want, sizeof(want), "%" PRIu64, v);
	buf_u64(&b, v);
	assert_buf(want);
	snprintf(want, sizeof(want), "%" PRId64, (s64)v);
	buf_s64(&b, v);
	assert_buf(want);
	snprintf(want, sizeof(want), "%#" PRIx64, v);
	buf_hex(&b, v);
	assert_buf(want);
	snprintf(want, sizeof(want), "%020" PRIu64, v);
	for (unsigned width = 0; width <= 20; width++) {
		buf_digits(&b, v, width);
		assert_buf(want + 20 - width);
	}
}

static void numbers(void **unused)
{
	u64 power = 1;

	(void)unused;
	for (u64 v = 0; v < MANY; v++)
		number(v);
	for (int i = 0; i < 20; i++, power *= 10) {
		number(power - 1);
		number(power);
		number(power + 1);
	}
	for (int i = 0; i < 64; i++) {
		number(1ull << i);
		number((1ull << i) - 1);
		number(-(1ull << i));
	}
	for (int i = 0; i < MANY; i++)
		number(any() >> (any() & 63));
}

static void seconds(void **unused)
{
	char want[48];

	(void)unused;
	buf_seconds(&b, 53000000, 6);
	assert_buf("0.053000");
	buf_seconds(&b, 999999999, 3);
	assert_buf("0.999");
	buf_seconds(&b, 2999999999, 0);
	assert_buf("2");
	for (int i = 0; i < MANY; i++) {
		u64 ns = any() >> (any() & 63);

		for (unsigned digits = 1; digits < 10; digits++) {
			snprintf(want, sizeof(want), "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
				 ns % 1000000000);
			want[strlen(want) - 9 + digits] = 0;
			buf_seconds(&b, ns, digits);
			assert_buf(want);
		}
	}
}

static void address(const void *bytes)
{
	char want[INET6_ADDRSTRLEN];

	buf_ip6(&b, bytes);
	assert_buf(inet_ntop(AF_INET6, bytes, want, sizeof(want)));
	buf_ip4(&b, bytes);
	assert_buf(inet_ntop(AF_INET, bytes, want, sizeof(want)));
}

static void addresses(void **unused)
{
	static const char *const known[] = {"::",
					    "::1",
					    "::2:0",
					    "::1:2",
					    "::1.2.3.4",
					    "::ffff:1.2.3.4",
					    "::ffff:0:0",
					    "::fffe:1.2.3.4",
					    "::ffff:0:1.2.3.4",
					    "1::",
					    "1::1",
					    "2001:db8::1:0:0:1",
					    "2001:db8:0:0:1::",
					    "2001:db8:0:1:1:1:1:1",
					    "fe80::a00:27ff:fe4e:66a1",
					    "0:1:2:3:4:5:6:7",
					    "1:2:3:4:5:6:7:0",
					    "0:0:1::",
					    "64:ff9b::192.0.2.33"};
	u16 groups[8];

	(void)unused;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		assert_int_equal(inet_pton(AF_INET6, known[i], groups), 1);
		address(groups);
	}
	for (int i = 0; i < MANY; i++) {
		u64 zero = any(), narrow = any();

		for (int g = 0; g < 8; g++) { /* many groups are 0, many have few digits */
			groups[g] = zero >> g & 1 ? 0 : any();
			groups[g] = htons(groups[g] >> 4 * (narrow >> 2 * g & 3));
		}
		address(groups);
		memset(groups, 0, 10);
		groups[5] = zero & 256 ? 0xffff : 0;
		address(groups);
	}
}

#define BYTES(literal) (const u8 *)(literal), sizeof(literal) - 1
#define TEXT(literal)  (literal), sizeof(literal) - 1

/* What strace 6.1 -e trace=write printed between the quotes. */
static void c_strings(void **unused)
{
	(void)unused;
	buf_c_escaped(&b, BYTES("\0"));
	assert_buf("\\0");
	buf_c_escaped(&b, BYTES("\0"
				"0"));
	assert_buf("\\0000");
	buf_c_escaped(&b, BYTES("\0"
				"7"));
	assert_buf("\\0007");
	buf_c_escaped(&b, BYTES("\0"
				"8"));
	assert_buf("\\08");
	buf_c_escaped(&b, BYTES("\10a"));
	assert_buf("\\10a");
	buf_c_escaped(&b, BYTES("\a\b\t\n\v\f\r\033[31m\"\\"));
	assert_buf("\\7\\10\\t\\n\\v\\f\\r\\33[31m\\\"\\\\");
	buf_c_escaped(&b, BYTES("\x7f\x80\xff"
				"7"));
	assert_buf("\\177\\200\\3777");
	buf_c_escaped(&b, BYTES("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"));
	assert_buf("GET / HTTP/1.1\\r\\nHost: \\303\\251\\r\\n\\r\\n");
	buf_c_escaped(&b, NULL, 0);
	assert_buf("");
	buf_c_quoted(&b,
		     BYTES("\0"
			   "0"),
		     false);
	assert_buf("\"\\0000\"");
	buf_c_quoted(&b, BYTES("\n"), true);
	assert_buf("\"\\n\"...");
	buf_c_quoted(&b, NULL, 0, true);
	assert_buf("\"\"...");
}

/* Runs of zeros, with and without a digit after them, which takes two more zeros. */
static void zeros(void **unused)
{
	char bytes[64] = {0}, want[512];

	(void)unused;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		char *c = want;

		for (size_t i = 0; i < n; i++)
			c += sprintf(c, "\\0");
		*c = 0;
		buf_c_escaped(&b, (u8 *)bytes, n);
		assert_buf(want);
		bytes[n] = '7';
		strcpy(c, n ? "007" : "7");
		buf_c_escaped(&b, (u8 *)bytes, n + 1);
		assert_buf(want);
		bytes[n] = '8';
		strcpy(c, "8");
		buf_c_escaped(&b, (u8 *)bytes, n + 1);
		assert_buf(want);
		c = want + sprintf(want, "\"");
		for (size_t i = 0; i < n; i++)
			c += sprintf(c, "\\u0000");
		strcpy(c, "8\"");
		buf_json_bytes(&b, (u8 *)bytes, n + 1);
		assert_buf(want);
		bytes[n] = 0;
	}
}

/* Any bytes come back when the C notation is read as C reads it, and they are printable. */
static void c_strings_read_back(void **unused)
{
	u8 bytes[64], back[64];

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		size_t n = any() % 64, at = 0;
		u8 zeros = i & 1 ? 15 : 0; /* of 16 bytes, in every other string */

		for (size_t k = 0; k < n; k++)
			bytes[k] = any() % 16 < zeros ? 0 : any() & 3 ? 32 + any() % 40 : any();
		buf_c_escaped(&b, bytes, n);
		for (const char *s = taken(); *s; at++) {
			assert_in_range(*s, 32, 126);
			if (*s != '\\') {
				assert_int_not_equal(*s, '"');
				back[at] = *s++;
			} else if (s[1] >= '0' && s[1] <= '7') {
				char digits[4] = {0};

				strncpy(digits, s + 1,
					strspn(s + 1, "01234567") > 3 ? 3
								      : strspn(s + 1, "01234567"));
				back[at] = strtoul(digits, NULL, 8);
				s += 1 + strlen(digits);
			} else {
				const char *from = "tnvfr\"\\", *to = "\t\n\v\f\r\"\\";

				assert_non_null(strchr(from, s[1]));
				back[at] = to[strchr(from, s[1]) - from];
				s += 2;
			}
		}
		assert_int_equal(at, n);
		assert_memory_equal(back, bytes, n);
	}
}

static void json_bytes(void **unused)
{
	(void)unused;
	buf_json_bytes(&b, BYTES("a\"b\\c/\b\t\n\v\f\r\0\033\x7f"));
	assert_buf("\"a\\\"b\\\\c/\\b\\t\\n\\u000b\\f\\r\\u0000\\u001b\\u007f\"");
	buf_json_bytes(&b, BYTES("\x80\x9f\xa0\xbf\xc0\xff"));
	assert_buf("\"\\u0080\\u009f\xc2\xa0\xc2\xbf\xc3\x80\xc3\xbf\"");
}

static void json_utf8(void **unused)
{
	(void)unused;
	buf_json_utf8(&b, TEXT("k\xc3\xb6ln \xed\x95\x9c \xf0\x9f\x90\xa7 \"\\\n\033"));
	assert_buf("k\xc3\xb6ln \xed\x95\x9c \xf0\x9f\x90\xa7 \\\"\\\\\\n\\u001b");
	buf_json_utf8(&b, TEXT("\xc2\x9b\xd8\x9c\xe2\x80\x8e\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8"));
	assert_buf("\\u009b\\u061c\\u200e\\u202e\\u2066\\u2028");
	/* lone continuation, overlong, surrogate, beyond the last, cut short */
	buf_json_utf8(&b, TEXT("\x80"));
	assert_buf("\xef\xbf\xbd");
	buf_json_utf8(&b, TEXT("\xc0\xaf|\xe0\x80\xaf"));
	assert_buf("\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	buf_json_utf8(&b, TEXT("\xed\xa0\x80"));
	assert_buf("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	buf_json_utf8(&b, TEXT("\xf4\x90\x80\x80"));
	assert_buf("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	buf_json_utf8(&b, TEXT("ab\xe2\x82"));
	assert_buf("ab\xef\xbf\xbd\xef\xbf\xbd");
}

static void safe(const char *text, size_t n, const char *want, size_t columns)
{
	assert_int_equal(buf_safe_utf8(&b, text, n), columns);
	assert_buf(want);
}

static void safe_utf8(void **unused)
{
	(void)unused;
	safe(TEXT("curl"), "curl", 4);
	safe(TEXT("say \"hi\" now, eight and more"), "say \"hi\" now, eight and more", 28);
	safe(TEXT("k\xc3\xb6ln"), "k\xc3\xb6ln", 4);
	safe(TEXT("\xf0\x9f\x90\xa7"), "\xf0\x9f\x90\xa7", 1);
	safe(TEXT("\033[2J\033]0;x\a"), "\\x1b[2J\\x1b]0;x\\x07", 19);
	safe(TEXT("a\\b\x7f\n"), "a\\\\b\\x7f\\x0a", 12);
	safe(TEXT("\xc2\x9b"
		  "31m"),
	     "\\xc2\\x9b31m", 11);
	safe(TEXT("\x9b"
		  "31m"),
	     "\\x9b31m", 7);
	safe(TEXT("\xe2\x80\xae"
		  "gpj"),
	     "\\xe2\\x80\\xaegpj", 15);
	safe(TEXT("\xe2\x81\xa9\xe2\x80\x8f\xe2\x80\xa9\xd8\x9c"),
	     "\\xe2\\x81\\xa9\\xe2\\x80\\x8f\\xe2\\x80\\xa9\\xd8\\x9c", 44);
	safe(TEXT("\xe2\x80\x90\xe2\x81\xaa"), "\xe2\x80\x90\xe2\x81\xaa", 2);
	safe(TEXT("\xc0\x80\xed\xa0\x80\xf5\x80"), "\\xc0\\x80\\xed\\xa0\\x80\\xf5\\x80", 28);
	safe(TEXT("\xe2\x82"), "\\xe2\\x82", 8);
	safe(NULL, 0, "", 0);
}

/* Every place of every byte, so that no length of a plain run hides one. */
static void nothing_hidden(void **unused)
{
	char text[24];

	(void)unused;
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = c;
			buf_safe_utf8(&b, text, sizeof(text));
			for (const char *s = taken(); *s; s++)
				assert_in_range((u8)*s, 32, 126);
			buf_c_escaped(&b, (u8 *)text, sizeof(text));
			for (const char *s = taken(); *s; s++)
				assert_in_range((u8)*s, 32, 126);
			buf_json_bytes(&b, (u8 *)text, sizeof(text));
			for (const char *s = taken(); *s; s++)
				assert_true((u8)*s > 31 && *s != 127);
			buf_json_utf8(&b, text, sizeof(text));
			for (const char *s = taken(); *s; s++)
				assert_true((u8)*s > 31 && *s != 127);
		}
}

/* Strings of every length up to the last byte that may be read. */
static void page_ends(void **unused)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = page + 4095;

	(void)unused;
	assert_true(page != MAP_FAILED);
	memset(page, 'x', 4095);
	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	for (size_t n = 0; n < 50; n++) {
		buf_str(&b, end - n);
		assert_int_equal(buf_len(&b), n);
		assert_buf(end - n);
		buf_c_escaped(&b, (u8 *)end - n, n);
		assert_buf(end - n);
		assert_int_equal(buf_safe_utf8(&b, end - n, n), n);
		assert_buf(end - n);
	}
	munmap(page, 8192);
}

static void growing(void **unused)
{
	struct buf g = {0};

	(void)unused;
	for (u32 i = 0; i < MANY; i++)
		buf_mem(&g, &i, sizeof(i));
	assert_int_equal(buf_len(&g), MANY * sizeof(u32));
	for (u32 i = 0; i < MANY; i++)
		assert_memory_equal(g.base + i * sizeof(i), &i, sizeof(i));
	buf_free(&g);
	assert_null(g.base);
}

/* Every writer where the room runs out, at every distance: memory is exact, so ASan would see. */
static void no_room(void **unused)
{
	static const u8 address[16] = {[15] = 1};

	(void)unused;
	for (size_t used = 0; used < 300; used++) {
		struct buf g = {0};

		for (size_t i = 0; i < used; i++)
			buf_chr(&g, '.');
		buf_u64(&g, ~0ull);
		buf_s64(&g, INT64_MIN);
		buf_hex(&g, ~0ull);
		buf_digits(&g, 7, 90);
		buf_seconds(&g, ~0ull, 9);
		buf_ip4(&g, address);
		buf_ip6(&g, address);
		buf_str(&g, taken());
		buf_c_escaped(&g, address, sizeof(address));
		buf_c_quoted(&g, address, sizeof(address), true);
		buf_json_bytes(&g, address, sizeof(address));
		buf_json_utf8(&g, (const char *)address, sizeof(address));
		buf_safe_utf8(&g, (const char *)address, sizeof(address));
		assert_int_equal(buf_len(&g), used + 20 + 20 + 18 + 90 + 21 + 7 + 3 + 2 * 16 +
						      2 * 6 * 16 + 2 + 4 * 16 + 2 * 16 + 5);
		buf_free(&g);
	}
}

static void table(void **unused)
{
	static const struct name dense[] = {{1, "A"}, {2, "B"}, {3, "C"}};
	static const struct name sparse[] = {{0, "NONE"},  {1, "ONE"},   {1, "ALSO"},
					     {7, "SEVEN"}, {64, "MANY"}, {~0ull, "ALL"}};
	const struct names d = {dense, 3, "D_???", NULL}, s = {sparse, 6, NULL, NULL},
			   none = {NULL, 0, NULL, NULL};

	(void)unused;
	assert_string_equal(name_of(&d, 1), "A");
	assert_string_equal(name_of(&d, 3), "C");
	assert_null(name_of(&d, 0));
	assert_null(name_of(&d, 4));
	assert_null(name_of(&none, 0));
	assert_string_equal(name_of(&s, 0), "NONE");
	assert_string_equal(name_of(&s, 1), "ONE");
	assert_string_equal(name_of(&s, 7), "SEVEN");
	assert_string_equal(name_of(&s, 64), "MANY");
	assert_string_equal(name_of(&s, ~0ull), "ALL");
	assert_null(name_of(&s, 2));
	assert_null(name_of(&s, 65));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(seconds),
		cmocka_unit_test(addresses),
		cmocka_unit_test(c_strings),
		cmocka_unit_test(c_strings_read_back),
		cmocka_unit_test(zeros),
		cmocka_unit_test(json_bytes),
		cmocka_unit_test(json_utf8),
		cmocka_unit_test(safe_utf8),
		cmocka_unit_test(nothing_hidden),
		cmocka_unit_test(growing),
		cmocka_unit_test(no_room),
		cmocka_unit_test(page_ends),
		cmocka_unit_test(table),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&b);
	return failed;
}
