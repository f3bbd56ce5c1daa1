/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Lines of calls of which parts are remembered: none says what another one said. Each differs from
 * the first in one thing; they come in an order and in its reverse, so that each comes after each.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "telling.h"

#define OTHER   "\x02\0\x1f\x90\x7f\0\0\1\0\0\0\0\0\0\0\0"
#define THIRD   "\x02\0\x1f\x91\x7f\0\0\1\0\0\0\0\0\0\0\0"
#define SIX     "\x0a\0\x1f\x90\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0"
#define ADDRESS "{sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr(\"127.0.0.1\")}"

static const struct line {
	u16 call, port;
	s64 ret;
	u64 args[6];
	const char *payload, *address;
	u32 address_len, in, out;
	const char *want;
} lines[] = {
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5},
	 "hallo",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hallo\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 11,
	 5,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:11>, \"hello\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {4, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(4<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {4099, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(4099<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {~0ull << 32 | 3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 3,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = 3"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 1 << 20},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 1048576, 0, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 -EAGAIN,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = -1 EAGAIN (Resource temporarily "
	 "unavailable)"},
	{CALL_sendto,
	 7,
	 -EPIPE,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 0) = -1 EPIPE (Broken pipe)"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5, MSG_MORE},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, MSG_MORE, NULL, 0) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5, 0, 0, 16},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, NULL, 16) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5, 0, 32, 16},
	 "hello",
	 OTHER,
	 16,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, " ADDRESS ", 16) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5, 0, 32, 16},
	 "hello",
	 THIRD,
	 16,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, {sa_family=AF_INET, sin_port=htons(8081), "
	 "sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 5"},
	{CALL_sendto,
	 7,
	 5,
	 {3, 16, 5, 0, 32, 28},
	 "hello",
	 SIX,
	 28,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, {sa_family=AF_INET6, sin6_port=htons(8080), "
	 "sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 28) "
	 "= 5"},
	{CALL_sendto,
	 7,
	 -EFAULT,
	 {3, 16, 5, 0, 32, 16},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "sendto(3<UDP:127.0.0.1:7>, \"hello\", 5, 0, 0x20, 16) = -1 EFAULT (Bad address)"},
	{CALL_recvfrom,
	 7,
	 5,
	 {3, 16, 64},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"hello\", 64, 0, NULL, NULL) = 5"},
	{CALL_recvfrom,
	 7,
	 0,
	 {3, 16, 64},
	 "",
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"\", 64, 0, NULL, NULL) = 0"},
	{CALL_recvfrom,
	 7,
	 -EAGAIN,
	 {3, 16, 64},
	 NULL,
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, 0x10, 64, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily "
	 "unavailable)"},
	{CALL_recvfrom,
	 7,
	 -512,
	 {3, 16, 64},
	 NULL,
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, 0x10, 64, 0, NULL, NULL) = ? ERESTARTSYS (To be restarted "
	 "if "
	 "SA_RESTART is set)"},
	{CALL_recvfrom,
	 7,
	 5,
	 {3, 16, 64, 0, 32, 48},
	 "hello",
	 OTHER,
	 16,
	 16,
	 16,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"hello\", 64, 0, " ADDRESS ", [16]) = 5"},
	{CALL_recvfrom,
	 7,
	 5,
	 {3, 16, 64, 0, 32, 48},
	 "hello",
	 OTHER,
	 16,
	 28,
	 16,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"hello\", 64, 0, " ADDRESS ", [28 => 16]) = 5"},
	{CALL_recvfrom,
	 7,
	 5,
	 {3, 16, 64, 0, 0, 48},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"hello\", 64, 0, NULL, 0x30) = 5"},
	{CALL_recvfrom,
	 7,
	 5,
	 {3, 16, 64, 0, 0, 49},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "recvfrom(3<UDP:127.0.0.1:7>, \"hello\", 64, 0, NULL, 0x31) = 5"},
	{CALL_write,
	 7,
	 5,
	 {3, 16, 5},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "write(3<UDP:127.0.0.1:7>, \"hello\", 5) = 5"},
	{CALL_read,
	 7,
	 5,
	 {3, 16, 64},
	 "hello",
	 NULL,
	 0,
	 0,
	 0,
	 "read(3<UDP:127.0.0.1:7>, \"hello\", 64) = 5"},
	{CALL_read,
	 7,
	 -EIO,
	 {3, 16, 64},
	 NULL,
	 NULL,
	 0,
	 0,
	 0,
	 "read(3<UDP:127.0.0.1:7>, 0x10, 64) = -1 EIO (Input/output error)"},
	{CALL_shutdown,
	 7,
	 0,
	 {3, 1},
	 NULL,
	 NULL,
	 0,
	 0,
	 0,
	 "shutdown(3<UDP:127.0.0.1:7>, SHUT_WR) = 0"},
};
#define LINES (sizeof(lines) / sizeof(*lines))

static void make(const struct line *l)
{
	const u64 *a = l->args;

	begin(l->call, l->ret, a[0], a[1], a[2], a[3], a[4], a[5]);
	making.r.sock = (struct sock_id){AF_INET,          SOCK_DGRAM,
					 IPPROTO_UDP,      .flags = SOCK_ID_VALID | SOCK_ID_BOUND,
					 .lport = l->port, .laddr = {127, 0, 0, 1}};
	if (l->payload)
		add(SECT_DATA, 1, strlen(l->payload), l->payload, strlen(l->payload));
	if (l->in) {
		add(SECT_INLEN, 5, l->in, NULL, 0);
		add(SECT_OUTLEN, 5, l->out, NULL, 0);
	}
	if (l->address)
		add(SECT_ADDR, 4, l->address_len, l->address, l->address_len);
}

static const char *const names[CALL_MAX] = {[CALL_sendto] = "sendto",
					    [CALL_recvfrom] = "recvfrom",
					    [CALL_read] = "read",
					    [CALL_write] = "write",
					    [CALL_shutdown] = "shutdown"};

static void line_is(struct verbs *v, const struct line *l)
{
	struct call_rec *r;

	make(l);
	r = exact();
	buf_clear(v->b);
	decode_line(v, names[l->call], r);
	buf_chr(v->b, 0);
	assert_int_equal(v->depth, 0);
	assert_string_equal(v->b->base, l->want);
	free(r);
}

/* What test_decode.c compares with strace's words is told without a memo. */
static void args_are_those(struct verbs *v, const struct line *l)
{
	struct call_rec *r;
	char *want;

	make(l);
	r = exact();
	want = heard_by(v->ops, v->notes, decode_args);
	buf_clear(v->b);
	decode_args(v, r);
	buf_chr(v->b, 0);
	assert_int_equal(v->depth, 0);
	assert_string_equal(v->b->base, want);
	free(want);
	free(r);
}

static void in_any_order(const struct verbs_ops *ops, bool notes,
			 void is(struct verbs *v, const struct line *l))
{
	static struct memo memo;
	struct buf b = {0};
	struct verbs v = {.ops = ops, .b = &b, .memo = &memo, .notes = notes};

	memo_forget(&memo);
	buf_room(&b, 1 << 16);
	for (u32 i = 0; i < LINES; i++)
		for (u32 j = 0; j < LINES; j++) {
			is(&v, &lines[i]);
			is(&v, &lines[j]);
			is(&v, &lines[j]);
		}
	buf_free(&b);
}

static void lines_in_any_order(void **unused)
{
	(void)unused;
	in_any_order(&verbs_text, true, line_is);
}

static void args_in_any_order(void **unused)
{
	(void)unused;
	in_any_order(&verbs_json, false, args_are_those);
	in_any_order(&verbs_text, true, args_are_those);
	in_any_order(&verbs_text, false, args_are_those);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lines_in_any_order),
					   cmocka_unit_test(args_in_any_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
