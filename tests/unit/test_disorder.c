/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Pieces of two CPUs whose times are not in the ring's order: nothing takes less than no time. And
 * pieces that were lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "tools/dns/pending.h"
#include "tools/http/http.h"
#include "tools/http/stream.h"

static u32 told;

static void http_is(const struct transaction *t)
{
	assert_int_equal(t->r.status, 200);
	assert_int_equal(t->r.first_ns, 0);
	assert_int_equal(t->r.s.dur, 0);
	told++;
}

static void dns_is(const struct dns_rec *r, const char *name, const u8 *p, u32 n)
{
	(void)p, (void)n;
	assert_string_equal(name, "a");
	assert_int_equal(r->flags, 0);
	assert_int_equal(r->s.dur, 0);
	told++;
}

static struct piece_rec *piece(u64 ts, u16 flags, u8 protocol, const void *p, u32 n)
{
	static struct {
		struct piece_rec r;
		u8 bytes[256];
	} made;

	made.r = (struct piece_rec){
		.h = {.len = sizeof(made.r) + n, .fixed = sizeof(made.r), .ts = ts},
		.sock.protocol = protocol,
		.conn = 1,
		.size = n,
		.have = n,
		.flags = flags};
	memcpy(made.bytes, p, n);
	return &made.r;
}

static void test_http(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct conn c;

	(void)state;
	http_done = http_is;
	told = 0;
	conn_begin(&c, 1);
	conn_piece(&c, piece(102, PIECE_SENT, 6, request, sizeof(request) - 1));
	conn_piece(&c, piece(100, 0, 6, response, sizeof(response) - 1));
	assert_int_equal(told, 1);
	conn_end(&c, 99);
}

static void http_unsure(const struct transaction *t)
{
	assert_int_equal(t->r.flags, told++ ? HTTP_UNSURE : 0);
}

/* A response and the next request are lost with all between: the next response is another's. */
static void test_lost(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\n\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct piece_rec *p;
	struct conn c;

	(void)state;
	http_done = http_unsure;
	told = 0;
	conn_begin(&c, 1);
	for (u32 turn = 0; turn < 2; turn++) {
		p = piece(102, 0, 6, request, sizeof(request) - 1);
		p->seq = turn * (sizeof(request) - 1);
		conn_piece(&c, p);
		p = piece(103, PIECE_SENT, 6, response, sizeof(response) - 1);
		p->seq = 2 * turn * (sizeof(response) - 1);
		conn_piece(&c, p);
	}
	assert_int_equal(told, 2);
	conn_end(&c, 104);
}

static void test_dns(void **state)
{
	u8 message[] = {0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};

	(void)state;
	dns_done = dns_is;
	told = 0;
	pending_piece(piece(102, PIECE_SENT, 17, message, sizeof(message)));
	message[2] |= 0x80;
	pending_piece(piece(100, 0, 17, message, sizeof(message)));
	assert_int_equal(told, 1);
	pending_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
