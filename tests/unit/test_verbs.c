/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The verbs: strace's notation (literals that strace 6.1 printed) and JSON, from one telling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "out.h"

/* Two listeners, one story. */
static struct buf texts, jsons;

static struct verbs listeners[2] = {{.ops = &verbs_text, .b = &texts, .notes = true},
				    {.ops = &verbs_json, .b = &jsons}};

#define TOLD(verb, ...)                                                                            \
	do {                                                                                       \
		for (int l_ = 0; l_ < 2; l_++)                                                     \
			listeners[l_].ops->verb(&listeners[l_], ##__VA_ARGS__);                    \
	} while (0)

static void heard(const char *text, const char *json)
{
	buf_chr(&texts, 0);
	buf_chr(&jsons, 0);
	assert_string_equal(texts.base, text);
	assert_string_equal(jsons.base, json);
	buf_clear(&texts);
	buf_clear(&jsons);
	assert_int_equal(listeners[0].depth | listeners[1].depth, 0);
}

static const struct name af_rows[] = {{0, "AF_UNSPEC"}, {1, "AF_UNIX"}, {2, "AF_INET"}};
static const struct name msg_rows[] = {{1, "MSG_OOB"}, {2, "MSG_PEEK"}, {0x40, "MSG_DONTWAIT"}};
static const struct names af = {af_rows, 3, "AF_???", NULL}, msg = {msg_rows, 3, "MSG_???", NULL},
			  silent = {msg_rows, 3, NULL, NULL};

/* strace 6.1: connect(3, {sa_family=AF_INET, sin_port=htons(80),
 * sin_addr=inet_addr("127.0.0.1")}, 16) */
static void verbs_boxes(void **unused)
{
	static const u8 home[4] = {127, 0, 0, 1}, home6[16] = {[15] = 1};

	(void)unused;
	TOLD(open, BOX_ARGS);
	TOLD(field, "fd");
	TOLD(sint, 3);
	TOLD(note, "<TCP>");
	TOLD(field, "addr");
	TOLD(open, BOX_STRUCT);
	TOLD(field, "sa_family");
	TOLD(name, &af, 2);
	TOLD(field, "sin_port");
	TOLD(wrapped, "htons", 80);
	TOLD(field, "sin_addr");
	TOLD(in4, home);
	TOLD(close);
	TOLD(field, "addrlen");
	TOLD(uint, 16);
	TOLD(close);
	heard("(3<TCP>, {sa_family=AF_INET, sin_port=htons(80), "
	      "sin_addr=inet_addr(\"127.0.0.1\")}, 16)",
	      "{\"fd\":3,\"addr\":{\"sa_family\":\"AF_INET\",\"sin_port\":80,"
	      "\"sin_addr\":\"127.0.0.1\"},\"addrlen\":16}");
	TOLD(open, BOX_STRUCT);
	TOLD(field, "sin6_flowinfo");
	TOLD(wrapped, "htonl", 0);
	TOLD(in6, "sin6_addr", home6);
	TOLD(field, "iov");
	TOLD(open, BOX_ARRAY);
	TOLD(item);
	TOLD(open, BOX_STRUCT);
	TOLD(close);
	TOLD(item);
	TOLD(ptr, 0);
	TOLD(close);
	TOLD(more);
	TOLD(close);
	heard("{sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", &sin6_addr), iov=[{}, NULL], "
	      "...}",
	      "{\"sin6_flowinfo\":0,\"sin6_addr\":\"::1\",\"iov\":[{},null]}");
	TOLD(open, BOX_ARRAY);
	TOLD(close);
	heard("[]", "[]");
	TOLD(open, BOX_ARRAY);
	TOLD(item);
	TOLD(sint, -1);
	TOLD(item);
	TOLD(sint, 2);
	TOLD(more);
	TOLD(close);
	heard("[-1, 2, ...]", "[-1,2,\"...\"]");
	TOLD(open, BOX_STRUCT);
	TOLD(in6, "a", home6);
	TOLD(in6, "b", home6);
	TOLD(close);
	heard("{inet_pton(AF_INET6, \"::1\", &a), inet_pton(AF_INET6, \"::1\", &b)}",
	      "{\"a\":\"::1\",\"b\":\"::1\"}");
}

/* Names that are longer than a block, and shorter by one. */
static void verbs_long_names(void **unused)
{
	static const struct name rows[] = {{1, "SIXTEEN_LETTERS_"}, {2, "FIFTEEN_LETTERS"}};
	const struct names names = {rows, 2, "X_???", NULL};

	(void)unused;
	TOLD(open, BOX_STRUCT);
	TOLD(field, "sixteen_letters_");
	TOLD(name, &names, 1);
	TOLD(field, "fifteen_letters");
	TOLD(name, &names, 2);
	TOLD(field, "a_name_of_thirty_two_characters_");
	TOLD(flags, &names, 7);
	TOLD(close);
	heard("{sixteen_letters_=SIXTEEN_LETTERS_, fifteen_letters=FIFTEEN_LETTERS, "
	      "a_name_of_thirty_two_characters_=SIXTEEN_LETTERS_|FIFTEEN_LETTERS|0x4}",
	      "{\"sixteen_letters_\":\"SIXTEEN_LETTERS_\",\"fifteen_letters\":\"FIFTEEN_LETTERS\","
	      "\"a_name_of_thirty_two_characters_\":\"SIXTEEN_LETTERS_|FIFTEEN_LETTERS|0x4\"}");
}

static void verbs_values(void **unused)
{
	(void)unused;
	TOLD(hex, 0x1f);
	heard("0x1f", "31");
	TOLD(ptr, 0x7ffd12345678);
	heard("0x7ffd12345678", "\"0x7ffd12345678\"");
	TOLD(name, &af, 0);
	heard("AF_UNSPEC", "\"AF_UNSPEC\"");
	TOLD(name, &af, 0x63);
	heard("0x63 /* AF_??? */", "99");
	TOLD(name, &silent, 0x63);
	heard("0x63", "99");
	TOLD(flags, &msg, 0);
	heard("0", "\"0\"");
	TOLD(flags, &af, 0);
	heard("AF_UNSPEC", "\"AF_UNSPEC\"");
	TOLD(flags, &msg, 3);
	heard("MSG_OOB|MSG_PEEK", "\"MSG_OOB|MSG_PEEK\"");
	TOLD(flags, &msg, 0xc1);
	heard("MSG_OOB|MSG_DONTWAIT|0x80", "\"MSG_OOB|MSG_DONTWAIT|0x80\"");
	TOLD(flags, &msg, 0x80);
	heard("0x80 /* MSG_??? */", "\"0x80\"");
	TOLD(flags, &silent, 0x80000000);
	heard("0x80000000", "\"0x80000000\"");
	TOLD(word, "?");
	heard("?", "\"?\"");
	TOLD(bytes, "abc\0\xe9", 5, true);
	heard("\"abc\\0\\351\"...", "\"abc\\u0000\xc3\xa9\"");
	TOLD(length, 128, 16);
	heard("[128 => 16]", "{\"in\":128,\"out\":16}");
	TOLD(length, 16, 16);
	heard("[16]", "{\"in\":16,\"out\":16}");
	TOLD(sint, INT64_MIN);
	heard("-9223372036854775808", "-9223372036854775808");
	TOLD(more);
	heard("...", "");
}

/* More boxes than are kept: nothing breaks, and every one of them closes. */
static void verbs_depth(void **unused)
{
	(void)unused;
	for (int i = 0; i < 101; i++)
		TOLD(open, BOX_ARRAY);
	for (int i = 0; i < 101; i++)
		TOLD(close);
	buf_chr(&texts, 0);
	assert_int_equal(strlen(texts.base), 202);
	buf_clear(&texts);
	buf_clear(&jsons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_boxes),
		cmocka_unit_test(verbs_values),
		cmocka_unit_test(verbs_long_names),
		cmocka_unit_test(verbs_depth),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_free(&texts);
	buf_free(&jsons);
	return failed;
}
