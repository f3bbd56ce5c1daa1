/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Decoders of control messages. Texts are strace 6.1's for the same bytes, but for IPv6's, which it
 * does not know. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "telling.h"

#define AT  0x10000000ull
#define LO  "if_nametoindex(\"lo\")"
#define IP4 "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}"

static struct {
	u8 bytes[1024];
	u32 n;
} made;

/* A control message whose length says len. */
static void put_as(u64 len, u32 level, u32 type, const void *data, u32 n)
{
	u8 *p = made.bytes + made.n;

	memcpy(p, &len, 8);
	memcpy(p + 8, &level, 4);
	memcpy(p + 12, &type, 4);
	memcpy(p + 16, data, n);
	memset(p + 16 + n, 0, -n & 7);
	made.n += 16 + n + (-n & 7);
}

static void put(u32 level, u32 type, const void *data, u32 n)
{
	put_as(16 + n, level, type, data, n);
}

static void words(u32 level, u32 type, u32 n, ...)
{
	u32 room[64];
	va_list list;

	va_start(list, n);
	for (u32 i = 0; i < n; i++)
		room[i] = va_arg(list, u32);
	va_end(list);
	put(level, type, room, 4 * n);
}

static void stamp(u32 type, u32 count)
{
	static const u64 times[] = {1, 2, 3, 4, 5, 6};

	put(SOL_SOCKET, type, times, 8 * count);
}

/* here: bytes of full that were recorded */
static void cut_are(u32 here, u32 full, const char *bare, const char *text, const char *json)
{
#define WANT "(3, {msg_name=NULL, msg_namelen=0, msg_iov=NULL, msg_iovlen=0, msg_control"
	const u64 head[7] = {0, 0, 0, 0, AT, full, 0};
	char want[2][3000], want_json[1200];

	begin(CALL_sendmsg, 0, 3, 0x7f00, 0, 0, 0, 0);
	add_words(SECT_MSGHDR, 1, 0, head, 7);
	if (here)
		add(SECT_CONTROL, 1, full, made.bytes, here);
	made.n = 0;
	snprintf(want[0], sizeof(want[0]), WANT "=%s, msg_controllen=%u, msg_flags=0}, 0)", bare,
		 full);
	snprintf(want[1], sizeof(want[1]), WANT "=%s, msg_controllen=%u, msg_flags=0}, 0)",
		 text ? text : bare, full);
	snprintf(want_json, sizeof(want_json),
		 "{\"sockfd\":3,\"msg\":{\"msg_name\":null,\"msg_namelen\":0,\"msg_iov\":null,"
		 "\"msg_iovlen\":0,\"msg_control\":%s,\"msg_controllen\":%u,\"msg_flags\":\"0\"},"
		 "\"flags\":\"0\"}",
		 json ? json : "", full);
	args_are(want[0], want[1], json ? want_json : NULL);
}

static void are(const char *bare, const char *json)
{
	cut_are(made.n, made.n, bare, NULL, json);
}

static void control_of_sockets(void **unused)
{
	u32 fds[40];

	(void)unused;
	words(SOL_SOCKET, SCM_RIGHTS, 2, 3, 4);
	are("[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[3, 4]}]",
	    "[{\"cmsg_len\":24,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SCM_RIGHTS\","
	    "\"cmsg_data\":[3,4]}]");
	words(SOL_SOCKET, SCM_RIGHTS, 1, -1);
	words(SOL_SOCKET, SCM_RIGHTS, 1, 4);
	are("[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[-1]}, "
	    "{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[4]}]",
	    NULL);
	for (u32 i = 0; i < 40; i++)
		fds[i] = i;
	put(SOL_SOCKET, SCM_RIGHTS, fds, sizeof(fds));
	are("[{cmsg_len=176, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[0, 1, 2, 3, "
	    "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, "
	    "27, 28, 29, 30, 31, ...]}]",
	    NULL);
	words(SOL_SOCKET, SCM_CREDENTIALS, 3, 7, 1000, -1);
	are("[{cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, "
	    "cmsg_data={pid=7, uid=1000, gid=-1}}]",
	    "[{\"cmsg_len\":28,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SCM_CREDENTIALS\","
	    "\"cmsg_data\":{\"pid\":7,\"uid\":1000,\"gid\":-1}}]");
	words(SOL_SOCKET, SCM_CREDENTIALS, 1, 7);
	are("[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS}]", NULL);
	put(SOL_SOCKET, 3, B("label"));
	are("[{cmsg_len=21, cmsg_level=SOL_SOCKET, cmsg_type=SCM_SECURITY, cmsg_data=\"label\"}]",
	    NULL);
	put(SOL_SOCKET, 99, B("abcd"));
	are("[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=0x63 /* SCM_??? */}]",
	    "[{\"cmsg_len\":20,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":99}]");
	put(999, 1, B(""));
	are("[{cmsg_len=16, cmsg_level=0x3e7 /* SOL_??? */, cmsg_type=0x1}]",
	    "[{\"cmsg_len\":16,\"cmsg_level\":999,\"cmsg_type\":1}]");
	put(IPPROTO_TCP, 1, B(""));
	are("[{cmsg_len=16, cmsg_level=SOL_TCP, cmsg_type=0x1}]", NULL);
}

static void control_stamps(void **unused)
{
	(void)unused;
	stamp(29, 2);
	are("[{cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMP_OLD, "
	    "cmsg_data={tv_sec=1, tv_usec=2}}]",
	    "[{\"cmsg_len\":32,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SO_TIMESTAMP_OLD\","
	    "\"cmsg_data\":{\"tv_sec\":1,\"tv_usec\":2}}]");
	stamp(35, 2);
	are("[{cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMPNS_OLD, "
	    "cmsg_data={tv_sec=1, tv_nsec=2}}]",
	    NULL);
	stamp(37, 6);
	are("[{cmsg_len=64, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMPING_OLD, "
	    "cmsg_data=[{tv_sec=1, tv_nsec=2}, {tv_sec=3, tv_nsec=4}, {tv_sec=5, tv_nsec=6}]}]",
	    NULL);
	put(SOL_SOCKET, 35, B("abc"));
	are("[{cmsg_len=19, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMPNS_OLD, cmsg_data=???}]",
	    "[{\"cmsg_len\":19,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SO_TIMESTAMPNS_OLD\","
	    "\"cmsg_data\":\"???\"}]");
}

static void control_of_ip(void **unused)
{
	(void)unused;
	put(SOL_IP, IP_PKTINFO, B("\1\0\0\0\x0a\0\0\1\x0a\0\0\2"));
	are("[{cmsg_len=28, cmsg_level=SOL_IP, cmsg_type=IP_PKTINFO, cmsg_data={ipi_ifindex=" LO
	    ", ipi_spec_dst=inet_addr(\"10.0.0.1\"), ipi_addr=inet_addr(\"10.0.0.2\")}}]",
	    "[{\"cmsg_len\":28,\"cmsg_level\":\"SOL_IP\",\"cmsg_type\":\"IP_PKTINFO\","
	    "\"cmsg_data\":{\"ipi_ifindex\":1,\"ipi_spec_dst\":\"10.0.0.1\","
	    "\"ipi_addr\":\"10.0.0.2\"}}]");
	words(SOL_IP, IP_TTL, 1, 64);
	are("[{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=IP_TTL, cmsg_data=[64]}]", NULL);
	put(SOL_IP, IP_TOS, B("\x10"));
	are("[{cmsg_len=17, cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=[0x10]}]", NULL);
	put(SOL_IP, IP_RETOPTS, B("\1\2\3"));
	are("[{cmsg_len=19, cmsg_level=SOL_IP, cmsg_type=IP_RETOPTS, cmsg_data=[0x1, 0x2, 0x3]}]",
	    NULL);
	put(SOL_IP, IP_RECVERR,
	    B("\x6f\0\0\0\2\3\3\0\0\0\0\0\0\0\0\0\2\0\0\0\x7f\0\0\1\0\0\0\0\0\0\0\0"));
	are("[{cmsg_len=48, cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=111, "
	    "ee_origin=2, ee_type=3, ee_code=3, ee_info=0, ee_data=0, offender={sa_family=AF_INET, "
	    "sin_port=htons(0), sin_addr=inet_addr(\"127.0.0.1\")}}}]",
	    NULL);
	put(SOL_IP, 20, B("\2\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"));
	are("[{cmsg_len=32, cmsg_level=SOL_IP, cmsg_type=IP_ORIGDSTADDR, cmsg_data=" IP4 "}]",
	    NULL);
	put(SOL_IP, 99, B("abcd"));
	are("[{cmsg_len=20, cmsg_level=SOL_IP, cmsg_type=0x63 /* IP_??? */}]", NULL);
}

/* More than strace tells, where it may be more. */
static void control_of_ipv6(void **unused)
{
	(void)unused;
	put(SOL_IPV6, IPV6_PKTINFO, B("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\0\0\0"));
	cut_are(made.n, made.n, "[{cmsg_len=36, cmsg_level=SOL_IPV6, cmsg_type=0x32}]",
		"[{cmsg_len=36, cmsg_level=SOL_IPV6, cmsg_type=IPV6_PKTINFO, cmsg_data={"
		"inet_pton(AF_INET6, \"fe80::1\", &ipi6_addr), ipi6_ifindex=" LO "}}]",
		"[{\"cmsg_len\":36,\"cmsg_level\":\"SOL_IPV6\",\"cmsg_type\":\"IPV6_PKTINFO\","
		"\"cmsg_data\":{\"ipi6_addr\":\"fe80::1\",\"ipi6_ifindex\":1}}]");
	words(SOL_IPV6, IPV6_HOPLIMIT, 1, 64);
	cut_are(made.n, made.n, "[{cmsg_len=20, cmsg_level=SOL_IPV6, cmsg_type=0x34}]",
		"[{cmsg_len=20, cmsg_level=SOL_IPV6, cmsg_type=IPV6_HOPLIMIT, cmsg_data=[64]}]",
		NULL);
	put(SOL_IPV6, IPV6_PKTINFO, B("\1\2"));
	cut_are(made.n, made.n, "[{cmsg_len=18, cmsg_level=SOL_IPV6, cmsg_type=0x32}]",
		"[{cmsg_len=18, cmsg_level=SOL_IPV6, cmsg_type=IPV6_PKTINFO, "
		"cmsg_data=[0x1, 0x2]}]",
		NULL);
}

#define RIGHTS ", cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS"

static void control_lengths_lie(void **unused)
{
	static const u32 three = 3;
	static const u64 short_ones[] = {0, 1, 8, 15};
	char want[200];

	(void)unused;
	for (u32 i = 0; i < 4; i++) {
		put_as(short_ones[i], SOL_SOCKET, SCM_RIGHTS, &three, 4);
		snprintf(want, sizeof(want), "[{cmsg_len=%u" RIGHTS "}, ... /* 0x10000010 */]",
			 (u32)short_ones[i]);
		are(want, NULL);
	}
	put_as(17, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	are("[{cmsg_len=17" RIGHTS "}]", NULL);
	put_as(1ull << 63, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	are("[{cmsg_len=9223372036854775808" RIGHTS ", cmsg_data=[3, 0]}]", NULL);
	put_as(~0ull, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	are("[{cmsg_len=18446744073709551615" RIGHTS ", cmsg_data=[3, 0]}]", NULL);
	put_as(20, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	cut_are(20, 20, "[{cmsg_len=20" RIGHTS ", cmsg_data=[3]}]", NULL, NULL);
	put_as(20, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	cut_are(15, 15, "0x10000000", NULL, "\"0x10000000\"");
	put_as(20, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	cut_are(27, 27, "[{cmsg_len=20" RIGHTS ", cmsg_data=[3]}, ... /* 0x10000018 */]", NULL,
		NULL);
	put_as(20, SOL_SOCKET, SCM_RIGHTS, &three, 4);
	put_as(0, 0, 0, "", 0);
	cut_are(40, 40,
		"[{cmsg_len=20" RIGHTS
		", cmsg_data=[3]}, {cmsg_len=0, cmsg_level=SOL_IP, cmsg_type=0 /* IP_??? */}]",
		NULL, NULL);
}

/* Not all was recorded. */
static void control_is_cut(void **unused)
{
	(void)unused;
	words(SOL_SOCKET, SCM_RIGHTS, 1, 3);
	words(SOL_SOCKET, SCM_RIGHTS, 1, 4);
	cut_are(24, 48, "[{cmsg_len=20" RIGHTS ", cmsg_data=[3]}, ...]", NULL,
		"[{\"cmsg_len\":20,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SCM_RIGHTS\","
		"\"cmsg_data\":[3]},\"...\"]");
	words(SOL_SOCKET, SCM_RIGHTS, 1, 3);
	words(SOL_SOCKET, SCM_RIGHTS, 1, 4);
	cut_are(39, 48, "[{cmsg_len=20" RIGHTS ", cmsg_data=[3]}, ...]", NULL, NULL);
	words(SOL_SOCKET, SCM_RIGHTS, 3, 3, 4, 5);
	cut_are(24, 32, "[{cmsg_len=28" RIGHTS ", cmsg_data=[3, 4, ...]}]", NULL, NULL);
	words(SOL_SOCKET, SCM_CREDENTIALS, 3, 7, 8, 9); /* not half of them */
	cut_are(24, 32,
		"[{cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data=...}]",
		NULL,
		"[{\"cmsg_len\":28,\"cmsg_level\":\"SOL_SOCKET\",\"cmsg_type\":\"SCM_CREDENTIALS\","
		"\"cmsg_data\":\"...\"}]");
	stamp(35, 2);
	cut_are(16, 32,
		"[{cmsg_len=32, cmsg_level=SOL_SOCKET, cmsg_type=SO_TIMESTAMPNS_OLD, "
		"cmsg_data=...}]",
		NULL, NULL);
	put(SOL_IP, IP_RETOPTS, B("\1\2\3\4\5\6\7\10"));
	cut_are(20, 24,
		"[{cmsg_len=24, cmsg_level=SOL_IP, cmsg_type=IP_RETOPTS, "
		"cmsg_data=[0x1, 0x2, 0x3, 0x4, ...]}]",
		NULL, NULL);
	put(SOL_SOCKET, 3, B("label"));
	cut_are(19, 24,
		"[{cmsg_len=21, cmsg_level=SOL_SOCKET, cmsg_type=SCM_SECURITY, "
		"cmsg_data=\"lab\"...}]",
		NULL, NULL);
	cut_are(0, 32, "0x10000000", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_of_sockets),  cmocka_unit_test(control_stamps),
		cmocka_unit_test(control_of_ip),       cmocka_unit_test(control_of_ipv6),
		cmocka_unit_test(control_lengths_lie), cmocka_unit_test(control_is_cut),
	};

	netdev_learn(0, 1, "lo", 2); /* this machine's devices are not asked for */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
