/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the catalog reads out of the kernel's texts, and how it compares them with its rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "catalog/inside.h"
#include "suggest.h"
#include "wrap.h"

static struct kernel_symbol symbol(const char *text, bool *taken)
{
	static char line[128];
	struct kernel_symbol s = {0};

	snprintf(line, sizeof(line), "%s", text);
	*taken = parse_symbol(line, &s);
	return s;
}

static void symbols(void **unused)
{
	bool taken;
	struct kernel_symbol s = symbol("ffffffff8197fc70 t dev_queue_xmit", &taken);

	(void)unused;
	assert_true(taken);
	assert_true(s.address == 0xffffffff8197fc70);
	assert_string_equal(s.name, "dev_queue_xmit");
	assert_int_equal(s.type, 't');
	assert_null(s.module);
	s = symbol("0000000000000000 T br_handle_frame\t[bridge]", &taken);
	assert_true(taken && !s.address);
	assert_string_equal(s.name, "br_handle_frame");
	assert_string_equal(s.module, "bridge");
	symbol("ffffffff82000000 D init_net", &taken);
	assert_false(taken);
	symbol("ffffffffc0012345 t bpf_prog_6deef7357e7b4530\t[bpf]", &taken);
	assert_false(taken);
	symbol("ffffffffc0012345 t ftrace_trampoline\t[__builtin__ftrace]", &taken);
	assert_false(taken);
	symbol("ffffffffc0012345 t", &taken);
	assert_false(taken);
	symbol("ffffffffc0012345", &taken);
	assert_false(taken);
	symbol("", &taken);
	assert_false(taken);
}

static void field_is(const char *text, const char *type, const char *name, u32 offset, u32 size,
		     bool is_signed)
{
	struct kernel_field f = {0};
	char line[160];

	snprintf(line, sizeof(line), "%s", text);
	assert_true(parse_field(line, &f));
	assert_string_equal(f.type, type);
	assert_string_equal(f.name, name);
	assert_int_equal(f.offset, offset);
	assert_int_equal(f.size, size);
	assert_int_equal(f.is_signed, is_signed);
	free((char *)f.name);
}

static void fields(void **unused)
{
	static const char *const wrong[] = {"",
					    "\tfield:",
					    "\tfield:int x",
					    "\tfield:int x;",
					    "\tfield:int x;\toffset:8;",
					    "\tfield:x;\toffset:8;\tsize:4;",
					    "\tfield:int;\toffset:8;\tsize:4;",
					    "\tfield:;\toffset:8;\tsize:4;",
					    "\tfield:int []];\toffset:8;\tsize:4;"};

	(void)unused;
	field_is("\tfield:unsigned int len;\toffset:16;\tsize:4;\tsigned:0;", "unsigned int", "len",
		 16, 4, false);
	field_is("\tfield:void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;", "void *", "skbaddr", 8,
		 8, false);
	field_is("\tfield:int rc;\toffset:20;\tsize:4;\tsigned:1;", "int", "rc", 20, 4, true);
	field_is("\tfield:__u8 saddr_v6[16];\toffset:44;\tsize:16;\tsigned:0;", "__u8[16]",
		 "saddr_v6", 44, 16, false);
	field_is("\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;",
		 "__data_loc char[]", "name", 24, 4, false);
	field_is("\tfield:long sysctl_mem[3];\toffset:40;\tsize:24;\tsigned:1;", "long[3]",
		 "sysctl_mem", 40, 24, true);
	for (u32 i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct kernel_field f = {0};
		char line[160];

		snprintf(line, sizeof(line), "%s", wrong[i]);
		assert_false(parse_field(line, &f));
	}
}

static bool alike(const char *a, const char *b, bool with_result)
{
	struct buf x = {0}, y = {0};
	bool same;

	signature(&x, a, with_result);
	signature(&y, b, with_result);
	same = !strcmp(x.base, y.base);
	buf_free(&x);
	buf_free(&y);
	return same;
}

/* Names and const do not matter, types and their number do. */
static void signatures(void **unused)
{
	(void)unused;
	assert_true(alike("struct sk_buff *skb, int rc, unsigned int len",
			  "struct sk_buff *, int, unsigned int", false));
	assert_true(alike("const struct sock *sk, const enum sk_rst_reason reason",
			  "struct sock *, enum sk_rst_reason", false));
	assert_true(alike("int (struct sock *sk, long int timeout)", "int (struct sock *a, long b)",
			  true));
	assert_true(alike("struct sock *(struct sock *sk, int *err)",
			  "struct sock *(struct sock *, int *)", true));
	assert_true(alike("u32 act", "u32", false));
	assert_true(alike("unsigned long *hist", "unsigned long int *", false));
	assert_true(alike("", "", false));
	assert_false(alike("struct sk_buff *skb, int rc", "struct sk_buff *skb", false));
	assert_false(alike("struct sk_buff *skb", "struct sk_buff **skb", false));
	assert_false(alike("struct sk_buff *skb", "struct sock *skb", false));
	assert_false(alike("u32 act", "u64 act", false));
	assert_false(alike("unsigned int n", "int n", false));
	assert_false(alike("enum sk_rst_reason r", "enum skb_drop_reason r", false));
	assert_false(alike("int (struct sock *sk)", "void (struct sock *sk)", true));
	assert_false(alike("int (struct sock *sk)", "int *(struct sock *sk)", true));
}

/* Every row is whole, and what it points to exists. */
static void rows(void **unused)
{
	(void)unused;
	assert_true(catalog_nrows > 100);
	for (const struct row *r = catalog_rows; r < catalog_rows + catalog_nrows; r++) {
		const char *const *lists[] = {r->near, r->instead};

		assert_ptr_equal(row_find(r->sort, r->group, r->name), r);
		assert_non_null(row_text(r, TEXT_SHORT, LANG_EN));
		assert_non_null(row_text(r, TEXT_WHAT, LANG_EN));
		for (u32 t = 0; t < TEXT_MAX; t++)
			assert_int_equal(!row_text(r, t, LANG_EN), !row_text(r, t, LANG_KO));
		assert_true(r->sort != SORT_CALL || r->prototype);
		assert_true(r->sort == SORT_CALL || r->sort == SORT_NAME || r->args);
		assert_true(r->sort != SORT_TRACEPOINT || r->fields);
		assert_true(r->sort != SORT_NAME || r->instead);
		for (u32 k = 0; k < 2; k++)
			for (const char *const *n = lists[k]; n && *n; n++) {
				const char *colon = strchr(*n, ':');
				bool known = row_find(SORT_CALL, NULL, *n) ||
					     row_find(SORT_FUNCTION, NULL, *n) ||
					     (colon && row_find(SORT_TRACEPOINT, NULL, colon + 1));

				/* tcp_drop_reason, sk_skb_reason_drop: of some kernels only */
				if (!known && !strstr(*n, "reason"))
					fail_msg("%s points to %s, which has no row", r->name, *n);
			}
		for (const struct variant *v = r->args; v && v->text; v++)
			assert_true(!v[1].text || v->since > v[1].since);
		for (const struct variant *v = r->fields; v && v->text; v++)
			assert_true(!v[1].text || v->since > v[1].since);
	}
}

static const char *cut_to(const char *text, u32 n)
{
	static struct buf b;

	buf_clear(&b);
	cut(&b, text, n);
	buf_chr(&b, 0);
	return b.base;
}

/* A Korean letter takes two columns. */
static void columns(void **unused)
{
	(void)unused;
	assert_int_equal(text_columns("abc", 3), 3);
	assert_int_equal(text_columns("", 0), 0);
	assert_int_equal(text_columns("패킷 3", strlen("패킷 3")), 6);
	assert_int_equal(text_columns("é…", strlen("é…")), 2);
	assert_int_equal(text_columns("\xea\xb0", 2),
			 2); /* cut off: two bytes, whatever they are */
	assert_string_equal(cut_to("abcdef", 6), "abcdef");
	assert_string_equal(cut_to("abcdefg", 6), "abc...");
	assert_string_equal(cut_to("가나다라", 8), "가나다라");
	assert_string_equal(cut_to("가나다라", 7), "가나...");
	assert_string_equal(cut_to("가나다라", 6), "가...");
}

static void suggestions(void **unused)
{
	static const char *const words[] = {"tcp_connect", "__cgroup_bpf_run_filter_sock_addr",
					    "connect", NULL};

	(void)unused;
	assert_string_equal(suggest("tcp_conect", words), "tcp_connect");
	assert_string_equal(suggest("__cgroup_bpf_run_filter_sock_adr", words), words[1]);
	assert_null(suggest("something else", words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols), cmocka_unit_test(fields),  cmocka_unit_test(signatures),
		cmocka_unit_test(rows),    cmocka_unit_test(columns), cmocka_unit_test(suggestions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
