/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a socket's ends are, a column each: in text nothing where there is none, in JSON null. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "decode.h"
#include "out.h"

/* All columns of both ends, between blanks. */
static void told(const struct sock_id *id, const char *text, const char *json)
{
	const char *want[] = {text, json};
	struct verbs listeners[2] = {{.ops = &verbs_text}, {.ops = &verbs_json}};

	for (int l = 0; l < 2; l++) {
		struct buf b = {0};
		struct verbs *v = &listeners[l];

		v->b = &b;
		decode_family(v, id);
		buf_chr(&b, ' ');
		decode_protocol(v, id);
		for (int remote = 0; remote < 2; remote++) {
			buf_chr(&b, ' ');
			decode_addr(v, id, remote);
			buf_chr(&b, ' ');
			decode_port(v, id, remote);
		}
		buf_chr(&b, 0);
		assert_string_equal(b.base, want[l]);
		buf_free(&b);
	}
}

static void inet(void **unused)
{
	struct sock_id id = {.family = AF_INET,
			     .protocol = 6,
			     .flags = SOCK_ID_VALID | SOCK_ID_PEER | SOCK_ID_BOUND,
			     .lport = 40009,
			     .rport = 53,
			     .laddr = {127, 0, 0, 1},
			     .raddr = {10, 53, 0, 2}};

	(void)unused;
	told(&id, "AF_INET IPPROTO_TCP 127.0.0.1 40009 10.53.0.2 53",
	     "\"AF_INET\" \"IPPROTO_TCP\" \"127.0.0.1\" 40009 \"10.53.0.2\" 53");
	id.flags = SOCK_ID_VALID | SOCK_ID_BOUND;
	told(&id, "AF_INET IPPROTO_TCP 127.0.0.1 40009  ",
	     "\"AF_INET\" \"IPPROTO_TCP\" \"127.0.0.1\" 40009 null null");
	id.flags = SOCK_ID_PEER; /* no socket, but an address in the call */
	told(&id, "AF_INET    10.53.0.2 53", "\"AF_INET\" null null null \"10.53.0.2\" 53");
}

static void inet6(void **unused)
{
	struct sock_id id = {.family = AF_INET6,
			     .protocol = 262,
			     .flags = SOCK_ID_VALID | SOCK_ID_PEER,
			     .rport = 7,
			     .raddr = {[10] = 0xff, 0xff, 10, 53, 0, 2}};

	(void)unused;
	told(&id, "AF_INET6 IPPROTO_MPTCP   ::ffff:10.53.0.2 7",
	     "\"AF_INET6\" \"IPPROTO_MPTCP\" null null \"::ffff:10.53.0.2\" 7");
}

static void others(void **unused)
{
	struct sock_id vsock = {.family = AF_VSOCK,
				.flags = SOCK_ID_VALID | SOCK_ID_BOUND | SOCK_ID_PEER,
				.lcid = 3,
				.rcid = 2,
				.lvport = 4294967291,
				.rvport = 1024},
		       local = {.family = AF_UNIX, .flags = SOCK_ID_VALID | SOCK_ID_PEER},
		       none = {0}, unknown = {.family = 211, .flags = SOCK_ID_VALID};

	(void)unused;
	told(&vsock, "AF_VSOCK  3 4294967291 2 1024",
	     "\"AF_VSOCK\" null \"3\" 4294967291 \"2\" 1024");
	told(&local, "AF_UNIX     ", "\"AF_UNIX\" null null null null null");
	told(&none, "     ", "null null null null null null");
	told(&unknown, "211     ", "211 null null null null null");
}

static void outcome(void **unused)
{
	static const struct name rows[] = {{0, "Success"}, {ECONNREFUSED, "Connect refused"}};
	static const struct names words = {rows, 2, "", NULL};
	static const struct {
		s64 ret;
		const char *text;
	} all[] = {{0, "Success"},
		   {7, "Success"},
		   {-ECONNREFUSED, "Connect refused"},
		   {-EPIPE, "EPIPE"},
		   {-4097, "-4097"}};

	(void)unused;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct buf b = {0};
		struct verbs v = {.ops = &verbs_text, .b = &b};

		decode_outcome(&v, &words, all[i].ret);
		buf_chr(&b, 0);
		assert_string_equal(b.base, all[i].text);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inet),
		cmocka_unit_test(inet6),
		cmocka_unit_test(others),
		cmocka_unit_test(outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
