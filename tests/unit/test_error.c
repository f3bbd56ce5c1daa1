/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The sentence that main speaks, and remarks, with what others chose in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#undef fail /* cmocka has a macro of that name */
#include "error.h"

static void errors(void **unused)
{
	(void)unused;
	assert_string_equal(error_text(), "");
	assert_int_equal(fail("no %s", "room"), FAIL);
	assert_int_equal(usage("%s: go away", error_text()), USAGE);
	assert_string_equal(error_text(), "no room: go away");
}

static void remarks(void **unused)
{
	int ends[2], kept = dup(2);
	char got[256];
	ssize_t n;

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], 2);
	note("%s is gone\ntwo", "\033[2J\xc2\x9b");
	dup2(kept, 2);
	n = read(ends[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = 0;
	assert_string_equal(got, "weir: \\x1b[2J\\xc2\\x9b is gone\\x0atwo\n");
	close(ends[0]);
	close(ends[1]);
	close(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(remarks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
