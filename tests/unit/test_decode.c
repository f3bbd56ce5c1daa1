/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Decoders of arguments and results. Texts are those that strace 6.1 printed for the same bytes. */
#include <errno.h>
#include <sys/socket.h>
#include "telling.h"

#define LO        "if_nametoindex(\"lo\")"
#define LOCALHOST "\x02\0\0\x50\x7f\0\0\1\0\0\0\0\0\0\0\0"
#define IP4       "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}"
#define IP4_JSON  "{\"sa_family\":\"AF_INET\",\"sin_port\":80,\"sin_addr\":\"127.0.0.1\"}"
#define LINK6     "\x0a\0\x01\xbb\0\1\x23\x45\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\0\0\0"
#define PACKET    "\x11\0\0\3\1\0\0\0\1\0\4\6\1\2\3\4\5\6\7\10"

static const struct address {
	const char *bytes;
	u32 n;
	const char *text, *json;
} addresses[] = {
	{B("\1\0/run/x\0"), "{sa_family=AF_UNIX, sun_path=\"/run/x\"}",
	 "{\"sa_family\":\"AF_UNIX\",\"sun_path\":\"/run/x\"}"},
	{B("\1\0/run/x"), "{sa_family=AF_UNIX, sun_path=\"/run/x\"}",
	 "{\"sa_family\":\"AF_UNIX\",\"sun_path\":\"/run/x\"}"}, /* unterminated */
	{B("\1\0\0abc"), "{sa_family=AF_UNIX, sun_path=@\"abc\"}",
	 "{\"sa_family\":\"AF_UNIX\",\"sun_path\":\"\\u0000abc\"}"},
	{B("\1\0\0a\0b"), "{sa_family=AF_UNIX, sun_path=@\"a\\0b\"}",
	 "{\"sa_family\":\"AF_UNIX\",\"sun_path\":\"\\u0000a\\u0000b\"}"},
	{B("\1\0\0"), "{sa_family=AF_UNIX, sun_path=@\"\"}", NULL},
	{B("\1\0"), "{sa_family=AF_UNIX}", "{\"sa_family\":\"AF_UNIX\"}"},
	{B("\1\0a\"\\\n\33\xff\0zz"), "{sa_family=AF_UNIX, sun_path=\"a\\\"\\\\\\n\\33\\377\"}",
	 "{\"sa_family\":\"AF_UNIX\",\"sun_path\":\"a\\\"\\\\\\n\\u001b\xc3\xbf\"}"},
	{B(LOCALHOST), IP4, IP4_JSON},
	{LOCALHOST, 15, "{sa_family=AF_INET, sa_data=\"\\0P\\177\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\"}",
	 NULL},
	{LOCALHOST, 4, "{sa_family=AF_INET, sa_data=\"\\0P\"}",
	 "{\"sa_family\":\"AF_INET\",\"sa_data\":\"\\u0000P\"}"},
	{LOCALHOST, 3, "{sa_family=AF_INET, sa_data=\"\\0\"}", NULL},
	{LOCALHOST, 2, "{sa_family=AF_INET}", "{\"sa_family\":\"AF_INET\"}"},
	{LINK6, 28,
	 "{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(74565), "
	 "inet_pton(AF_INET6, \"fe80::1\", &sin6_addr), sin6_scope_id=" LO "}",
	 "{\"sa_family\":\"AF_INET6\",\"sin6_port\":443,\"sin6_flowinfo\":74565,"
	 "\"sin6_addr\":\"fe80::1\",\"sin6_scope_id\":1}"},
	{LINK6, 26,
	 "{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(74565), "
	 "inet_pton(AF_INET6, \"fe80::1\", &sin6_addr), sin6_scope_id=" LO "}",
	 NULL},
	{LINK6, 24,
	 "{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(74565), "
	 "inet_pton(AF_INET6, \"fe80::1\", &sin6_addr)}",
	 NULL},
	{LINK6, 23,
	 "{sa_family=AF_INET6, "
	 "sa_data=\"\\1\\273\\0\\1#E\\376\\200\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\"}",
	 NULL},
	{LINK6, 2, "{sa_family=AF_INET6}", NULL},
	{B("\x0a\0\x01\xbb\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x09\0\0\0"),
	 "{sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(7), "
	 "inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=9}",
	 NULL},
	{B("\x10\0\0\0\xff\xff\xff\xff\0\0\0\0"),
	 "{sa_family=AF_NETLINK, nl_pid=-1, nl_groups=00000000}",
	 "{\"sa_family\":\"AF_NETLINK\",\"nl_pid\":-1,\"nl_groups\":0}"},
	{B("\x10\0\5\0\7\0\0\0\x11\0\0\0"),
	 "{sa_family=AF_NETLINK, nl_pad=0x5, nl_pid=7, nl_groups=0x000011}",
	 "{\"sa_family\":\"AF_NETLINK\",\"nl_pad\":5,\"nl_pid\":7,\"nl_groups\":17}"},
	{B("\x10\0\0\0\1\0\0\0\1\0\0\x80"),
	 "{sa_family=AF_NETLINK, nl_pid=1, nl_groups=0x80000001}", NULL},
	{"\x10\0\0\0\xff\xff\xff\xff\0\0\0\0", 11,
	 "{sa_family=AF_NETLINK, sa_data=\"\\0\\0\\377\\377\\377\\377\\0\\0\\0\"}", NULL},
	{PACKET, 20,
	 "{sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL), sll_ifindex=" LO
	 ", sll_hatype=ARPHRD_ETHER, sll_pkttype=PACKET_OUTGOING, sll_halen=6, "
	 "sll_addr=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6]}",
	 "{\"sa_family\":\"AF_PACKET\",\"sll_protocol\":\"ETH_P_ALL\",\"sll_ifindex\":1,"
	 "\"sll_hatype\":\"ARPHRD_ETHER\",\"sll_pkttype\":\"PACKET_OUTGOING\",\"sll_halen\":6,"
	 "\"sll_addr\":[1,2,3,4,5,6]}"},
	{PACKET, 19,
	 "{sa_family=AF_PACKET, "
	 "sa_data=\"\\0\\3\\1\\0\\0\\0\\1\\0\\4\\6\\1\\2\\3\\4\\5\\6\\7\"}",
	 NULL},
	{B("\x11\0\x12\x34\0\0\0\0\xe7\3\x09\0\0\0\0\0\0\0\0\0"),
	 "{sa_family=AF_PACKET, sll_protocol=htons(0x1234 /* ETH_P_??? */), sll_ifindex=0, "
	 "sll_hatype=0x3e7 /* ARPHRD_??? */, sll_pkttype=0x9 /* PACKET_??? */, sll_halen=0}",
	 NULL},
	{B("\x11\0\0\3\1\0\0\0\1\0\4\x09\1\2\3\4\5\6\7\10"), /* a length that lies */
	 "{sa_family=AF_PACKET, sll_protocol=htons(ETH_P_ALL), sll_ifindex=" LO
	 ", sll_hatype=ARPHRD_ETHER, sll_pkttype=PACKET_OUTGOING, sll_halen=9, "
	 "sll_addr=[0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, ...]}",
	 NULL},
	{B("\x28\0\0\0\0\4\0\0\2\0\0\0\0\0\0\0"),
	 "{sa_family=AF_VSOCK, svm_cid=VMADDR_CID_HOST, svm_port=0x400, svm_flags=0}",
	 "{\"sa_family\":\"AF_VSOCK\",\"svm_cid\":\"VMADDR_CID_HOST\",\"svm_port\":1024,"
	 "\"svm_flags\":\"0\"}"},
	{B("\x28\0\1\0\xff\xff\xff\xff\xff\xff\xff\xff\1\1\2\3"),
	 "{sa_family=AF_VSOCK, svm_reserved1=0x1, svm_cid=VMADDR_CID_ANY, "
	 "svm_port=VMADDR_PORT_ANY, svm_flags=VMADDR_FLAG_TO_HOST, svm_zero=\"\\x01\\x02\\x03\"}",
	 NULL},
	{"\x28\0\0\0\0\4\0\0\2\0\0\0\0\0\0", 15,
	 "{sa_family=AF_VSOCK, sa_data=\"\\0\\0\\0\\4\\0\\0\\2\\0\\0\\0\\0\\0\\0\"}", NULL},
	{B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	 "{sa_family=AF_UNSPEC, sa_data=\"\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\"}", NULL},
	{B("\0\0"), "{sa_family=AF_UNSPEC}", NULL},
	{B("\x63\0ab\0\xff"), "{sa_family=0x63 /* AF_??? */, sa_data=\"ab\\0\\377\"}",
	 "{\"sa_family\":99,\"sa_data\":\"ab\\u0000\xc3\xbf\"}"},
	{B("\1"), "0x7f00", "\"0x7f00\""}, /* not even a family */
};

static void decode_addresses(void **unused)
{
	char text[600], json[600];

	(void)unused;
	for (u32 i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		const struct address *a = &addresses[i];

		begin(CALL_connect, -EBADF, 3, 0x7f00, a->n, 0, 0, 0);
		add(SECT_ADDR, 1, a->n, a->bytes, a->n);
		snprintf(text, sizeof(text), "(3, %s, %u)", a->text, a->n);
		snprintf(json, sizeof(json), "{\"sockfd\":3,\"addr\":%s,\"addrlen\":%u}",
			 a->json ? a->json : "", a->n);
		args_are(text, NULL, a->json ? json : NULL);
	}
}

/* 108 bytes of a path are all that there can be, and none of them need be 0. */
static void decode_longest_path(void **unused)
{
	char bytes[128] = {1}, want[256] = "(3, {sa_family=AF_UNIX, sun_path=\"";

	(void)unused;
	memset(bytes + 2, 'x', 126);
	memset(want + strlen(want), 'x', 108);
	strcat(want, "\"}, 110)");
	begin(CALL_bind, 0, 3, 0x7f00, 110, 0, 0, 0);
	add(SECT_ADDR, 1, 110, bytes, 110);
	args_are(want, NULL, NULL);
}

static const struct value {
	u32 level, name;
	const char *bytes;
	u32 n;
	const char *bare, *text, *json; /* without what is around them; NULL as in args_are() */
} sets[] =
	{
		{1, 2, B("\1\0\0\0"), "SOL_SOCKET, SO_REUSEADDR, [1]", NULL,
		 "\"level\":\"SOL_SOCKET\",\"optname\":\"SO_REUSEADDR\",\"optval\":[1]"},
		{1, 2, B("\1\2"), "SOL_SOCKET, SO_REUSEADDR, 0x7f00", NULL, NULL},
		{1, 13, B("\1\0\0\0\5\0\0\0"), "SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}",
		 NULL,
		 "\"level\":\"SOL_SOCKET\",\"optname\":\"SO_LINGER\",\"optval\":{\"l_onoff\":1,\"l_"
		 "linger\":5}"},
		{1, 13, B("\1\0\0\0"), "SOL_SOCKET, SO_LINGER, 0x7f00", NULL, NULL},
		{1, 25, B("lo\0"), "SOL_SOCKET, SO_BINDTODEVICE, \"lo\\0\"",
		 "SOL_SOCKET, SO_BINDTODEVICE, \"lo\"",
		 "\"level\":\"SOL_SOCKET\",\"optname\":\"SO_BINDTODEVICE\",\"optval\":\"lo\""},
		{1, 20, B("\1\0\0\0\0\0\0\0\x20\xa1\7\0\0\0\0\0"),
		 "SOL_SOCKET, SO_RCVTIMEO_OLD, \"\\1\\0\\0\\0\\0\\0\\0\\0 "
		 "\\241\\7\\0\\0\\0\\0\\0\"",
		 "SOL_SOCKET, SO_RCVTIMEO_OLD, {tv_sec=1, tv_usec=500000}", NULL},
		{1, 4, B("\x6f\0\0\0"), "SOL_SOCKET, SO_ERROR, [111]", NULL, NULL},
		{1, 26, B("\4\0\0\0\0\0\0\0\0\0\0\x20\0\0\0\0"),
		 "SOL_SOCKET, SO_ATTACH_FILTER, {len=4, filter=0x20000000}", NULL, NULL},
		{1, 9999, B("\3\0\0\0"), "SOL_SOCKET, 0x270f /* SO_??? */, [3]", NULL,
		 "\"level\":\"SOL_SOCKET\",\"optname\":9999,\"optval\":[3]"},
		{1, 74, B("\1\0\0\0"), "SOL_SOCKET, SO_TXREHASH, [SOCK_TXREHASH_ENABLED]", NULL,
		 NULL},
		{1, 74, B("\7\0\0\0"), "SOL_SOCKET, SO_TXREHASH, [7 /* SOCK_TXREHASH_??? */]", NULL,
		 NULL},
		{0, 35, B("\xe0\0\0\1\x7f\0\0\1"),
		 "SOL_IP, IP_ADD_MEMBERSHIP, {imr_multiaddr=inet_addr(\"224.0.0.1\"), "
		 "imr_interface=inet_addr(\"127.0.0.1\")}",
		 NULL,
		 "\"level\":\"SOL_IP\",\"optname\":\"IP_ADD_MEMBERSHIP\",\"optval\":"
		 "{\"imr_multiaddr\":\"224.0.0.1\",\"imr_interface\":\"127.0.0.1\"}"},
		{0, 35, B("\xe0\0\0\1\x7f"), "SOL_IP, IP_ADD_MEMBERSHIP, 0x7f00", NULL, NULL},
		{0, 1, B("\x10"), "SOL_IP, IP_TOS, \"\\20\"", NULL, NULL},
		{41, 20, B("\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\5\1\0\0\0"),
		 "SOL_IPV6, IPV6_ADD_MEMBERSHIP, {inet_pton(AF_INET6, \"ff02::5\", "
		 "&ipv6mr_multiaddr), "
		 "ipv6mr_interface=" LO "}",
		 NULL, NULL},
		{6, 13, B("cubic"), "SOL_TCP, TCP_CONGESTION, \"cubic\"", NULL, NULL},
		{263, 1, B("\1\0\0\0\0\0\6\0\1\2\3\4\5\6\0\0"),
		 "SOL_PACKET, PACKET_ADD_MEMBERSHIP, {mr_ifindex=" LO
		 ", mr_type=PACKET_MR_MULTICAST, mr_alen=6, mr_address=01:02:03:04:05:06}",
		 NULL, NULL},
		{263, 5, B("\0\x10\0\0\1\0\0\0\0\x08\0\0\2\0\0\0"),
		 "SOL_PACKET, PACKET_RX_RING, {tp_block_size=4096, tp_block_nr=1, "
		 "tp_frame_size=2048, "
		 "tp_frame_nr=2}",
		 NULL, NULL},
		{270, 1, B("\7\0\0\0"), "SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, [7]", NULL, NULL},
		{270, 3, B("\1"), "SOL_NETLINK, NETLINK_PKTINFO, 0x7f00", NULL, NULL},
		{255, 1, B("\xfe\xff\xff\xff"), "SOL_RAW, ICMP_FILTER, ~[ICMP_ECHOREPLY]", NULL,
		 NULL},
		{1234, 5, B("\1\0\0\0"), "0x4d2 /* SOL_?? */, 5, [1]", NULL,
		 "\"level\":1234,\"optname\":5,\"optval\":[1]"},
		{284, 1, B("\1\0\0\0"), "0x11c /* SOL_?? */, 1, [1]", "SOL_MPTCP, MPTCP_INFO, [1]",
		 NULL},
},
  gets[] = {
	  {1, 3, B("\2\0\0\0"), "SOL_SOCKET, SO_TYPE, [2]", NULL, NULL},
	  {1, 4, B("\x6f\0\0\0"), "SOL_SOCKET, SO_ERROR, [ECONNREFUSED]", NULL, NULL},
	  {1, 4, B("\0\0\0\0"), "SOL_SOCKET, SO_ERROR, [0]", NULL, NULL},
	  {1, 13, B("\1\0\0\0\5\0\0\0"), "SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}", NULL,
	   NULL},
	  {1, 17, B("\5\0\0\0\0\0\0\0\7\0\0\0"), "SOL_SOCKET, SO_PEERCRED, {pid=5, uid=0, gid=7}",
	   NULL,
	   "\"level\":\"SOL_SOCKET\",\"optname\":\"SO_PEERCRED\",\"optval\":"
	   "{\"pid\":5,\"uid\":0,\"gid\":7}"},
	  {1, 17, B(""), "SOL_SOCKET, SO_PEERCRED, 0x7f00", NULL, NULL},
	  {263, 6, B("\4\0\0\0\1\0\0\0"),
	   "SOL_PACKET, PACKET_STATISTICS, {tp_packets=4, tp_drops=1}", NULL, NULL},
	  {270, 9, B("\1\0\0\0\2\0\0\0"), "SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, [1, 2]", NULL,
	   NULL},
};

static void decode_option_values(void **unused)
{
	char bare[400], text[400], json[400];

	(void)unused;
	for (u32 i = 0; i < sizeof(sets) / sizeof(*sets) + sizeof(gets) / sizeof(*gets); i++) {
		bool set = i < sizeof(sets) / sizeof(*sets);
		const struct value *o = set ? &sets[i] : &gets[i - sizeof(sets) / sizeof(*sets)];

		if (set) {
			begin(CALL_setsockopt, 0, 3, o->level, o->name, 0x7f00, o->n, 0);
		} else {
			begin(CALL_getsockopt, 0, 3, o->level, o->name, 0x7f00, 0x7fff, 0);
			add(SECT_INLEN, 4, o->n, NULL, 0);
			add(SECT_OUTLEN, 4, o->n, NULL, 0);
		}
		if (o->n)
			add(SECT_DATA, 3, o->n, o->bytes, o->n);
		snprintf(bare, sizeof(bare), set ? "(3, %s, %u)" : "(3, %s, [%u])", o->bare, o->n);
		snprintf(text, sizeof(text), set ? "(3, %s, %u)" : "(3, %s, [%u])",
			 o->text ? o->text : o->bare, o->n);
		snprintf(json, sizeof(json),
			 set ? "{\"sockfd\":3,%s,\"optlen\":%u}"
			     : "{\"sockfd\":3,%s,\"optlen\":{\"in\":%u,\"out\":%u}}",
			 o->json ? o->json : "", o->n, o->n);
		args_are(bare, text, o->json ? json : NULL);
	}
}

static void decode_lengths(void **unused)
{
	(void)unused;
	begin(CALL_accept, 4, 3, 0x7f00, 0x7fff, 0, 0, 0);
	add(SECT_INLEN, 2, 128, NULL, 0);
	add(SECT_OUTLEN, 2, 16, NULL, 0);
	add(SECT_ADDR, 1, 16, B(LOCALHOST));
	args_are("(3, " IP4 ", [128 => 16])", NULL,
		 "{\"sockfd\":3,\"addr\":" IP4_JSON ",\"addrlen\":{\"in\":128,\"out\":16}}");
	begin(CALL_getsockname, -ENOBUFS, 3, 0x7f00, 0x7fff, 0, 0, 0);
	add(SECT_INLEN, 2, 128, NULL, 0);
	add(SECT_OUTLEN, 2, 77, NULL, 0); /* of a call that failed it means nothing */
	args_are("(3, 0x7f00, [128])", NULL,
		 "{\"sockfd\":3,\"addr\":\"0x7f00\",\"addrlen\":{\"in\":128,\"out\":128}}");
	begin(CALL_getpeername, 0, 3, 0, 0x7fff, 0, 0, 0);
	add(SECT_INLEN, 2, 128, NULL, 0);
	args_are("(3, NULL, 0x7fff)", NULL, "{\"sockfd\":3,\"addr\":null,\"addrlen\":\"0x7fff\"}");
}

static void decode_words(void **unused)
{
	(void)unused;
	begin(CALL_socket, 3, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 6, 0, 0, 0);
	args_are("(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP)", NULL,
		 "{\"domain\":\"AF_INET\",\"type\":\"SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK\","
		 "\"protocol\":\"IPPROTO_TCP\"}");
	begin(CALL_socket, -EINVAL, 99, 0xf, 7, 0, 0, 0);
	args_are("(0x63 /* AF_??? */, 0xf /* SOCK_??? */, 7)", NULL, NULL);
	begin(CALL_sendto, 0, 3, 0, 0, 0x4040, 0, 0);
	args_are("(3, NULL, 0, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0)", NULL,
		 "{\"sockfd\":3,\"buf\":null,\"len\":0,\"flags\":\"MSG_DONTWAIT|MSG_NOSIGNAL\","
		 "\"dest_addr\":null,\"addrlen\":0}");
	begin(CALL_sendto, 0, 3, 0, 0, 0x00800000, 0, -1);
	args_are("(3, NULL, 0, 0x800000 /* MSG_??? */, NULL, -1)", NULL, NULL);
	begin(CALL_shutdown, 0, 3, 2, 0, 0, 0, 0);
	args_are("(3, SHUT_RDWR)", NULL, "{\"sockfd\":3,\"how\":\"SHUT_RDWR\"}");
	begin(CALL_shutdown, 0, -1, 7, 0, 0, 0, 0);
	args_are("(-1, 0x7 /* SHUT_??? */)", NULL, "{\"sockfd\":-1,\"how\":7}");
}

static void decode_payload(void **unused)
{
	(void)unused;
	begin(CALL_sendto, 5, 3, 0x7f00, 5, 0, 0, 0);
	add(SECT_DATA, 1, 5, B("a\0\n\xff\""));
	args_are("(3, \"a\\0\\n\\377\\\"\", 5, 0, NULL, 0)", NULL,
		 "{\"sockfd\":3,\"buf\":\"a\\u0000\\n\xc3\xbf\\\"\",\"len\":5,\"flags\":\"0\","
		 "\"dest_addr\":null,\"addrlen\":0}");
	begin(CALL_recvfrom, 40, 3, 0x7f00, 64, 0, 0, 0);
	add(SECT_DATA, 1, 40, B("123456789012345678901234567890123"));
	args_are("(3, \"12345678901234567890123456789012\"..., 64, 0, NULL, NULL)", NULL, NULL);
	begin(CALL_recvfrom, -EAGAIN, 3, 0x7f00, 64, 0, 0, 0);
	args_are("(3, 0x7f00, 64, 0, NULL, NULL)", NULL, NULL);
	begin(CALL_sendto, -EFAULT, 3, 0x7f00, 64, 0, 0, 0);
	making.r.unread = 1 << 1;
	args_are("(3, 0x7f00, 64, 0, NULL, 0)", NULL, NULL);
}

static void tell_result(struct verbs *v, const struct call_rec *r)
{
	decode_result(v, r);
}

static void result_is(u16 call, s64 ret, const char *want)
{
	begin(call, ret, 3, 0, 0, 0, 0, 0);
	is("result", heard_by(&verbs_text, false, tell_result), want);
}

static void decode_results(void **unused)
{
	static const u64 left[2] = {0, 999};
	struct sock_id tcp = {
		.family = AF_INET, .type = SOCK_STREAM, .protocol = 6, .flags = SOCK_ID_VALID};

	(void)unused;
	result_is(CALL_connect, 0, "= 0");
	result_is(CALL_sendto, 1 << 20, "= 1048576");
	result_is(CALL_connect, -ECONNREFUSED, "= -1 ECONNREFUSED (Connection refused)");
	result_is(CALL_recvfrom, -512, "= ? ERESTARTSYS (To be restarted if SA_RESTART is set)");
	result_is(CALL_recvfrom, -516, "= ? ERESTART_RESTARTBLOCK (Interrupted by signal)");
	result_is(CALL_connect, -524, "= -1 ENOTSUPP (Unknown error 524)");
	result_is(CALL_connect, -4095, "= -1 (errno 4095)");
	result_is(CALL_connect, -4096, "= -4096"); /* no error number is that large */
	result_is(CALL_recvmmsg, 0, "= 0 (Timeout)");
	begin(CALL_recvmmsg, 2, 3, 0x7f00, 2, 0, 0x7fff, 0);
	add_words(SECT_TIME_OUT, 4, 0, left, 2);
	is("left", heard_by(&verbs_text, false, tell_result), "= 2 (left {tv_sec=0, tv_nsec=999})");
	begin(CALL_accept, 4, 3, 0, 0, 0, 0, 0);
	add(SECT_RSOCK, 0, 0, &tcp, sizeof(tcp));
	is("bare", heard_by(&verbs_text, false, tell_result), "= 4");
	is("accepted", heard_by(&verbs_text, true, tell_result), "= 4<TCP>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_addresses),     cmocka_unit_test(decode_longest_path),
		cmocka_unit_test(decode_option_values), cmocka_unit_test(decode_lengths),
		cmocka_unit_test(decode_words),         cmocka_unit_test(decode_payload),
		cmocka_unit_test(decode_results),
	};

	netdev_learn(0, 1, "lo", 2); /* this machine's devices are not asked for */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
