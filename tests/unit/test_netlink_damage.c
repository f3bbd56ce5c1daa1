/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink messages that are damaged, cut or too long. Texts are strace 6.1's for the same bytes,
 * where it can have them: it has no records. */
#include "netlink_told.h"

static void netlink_lengths_lie(void **unused)
{
#define NEWLINK(len, attrs) "[" TEXT(len, "RTM_NEWLINK", "0") ", " IFINFO_TEXT ", " attrs "]"
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_ROUTE, B("abc"),
		 "\"\\x61\\x62\\x63\"",
		 "[\"abc\"]"},
		{NETLINK_ROUTE, B(MSG("\5", "\x12\0", "\1\0") "\0"),
		 TEXT(5, "RTM_GETLINK", "NLM_F_REQUEST"),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\0", "\x12\0", "\1\0") "\0"),
		 TEXT(0, "RTM_GETLINK", "NLM_F_REQUEST"),
		 "[" JSON(0, "\"RTM_GETLINK\"", "NLM_F_REQUEST") "}]"},
		{NETLINK_ROUTE, B("\xff\xff\xff\xff\x12\0\1\0\1\0\0\0\0\0\0\0\0"),
		 "[" TEXT(4294967295, "RTM_GETLINK", "NLM_F_REQUEST") ", {ifi_family=AF_UNSPEC, "
		 "...}]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x14", "\x12\0", "\1\0") "\0\0\0\0" "ab"),
		 "[[" TEXT(20, "RTM_GETLINK", "NLM_F_REQUEST") ", {ifi_family=AF_UNSPEC, ...}], "
		 "\"\\x61\\x62\"]",
		 "[" JSON(20, "\"RTM_GETLINK\"", "NLM_F_REQUEST") ","
		 "\"payload\":{\"ifi_family\":\"AF_UNSPEC\"}},\"ab\"]"},
		{NETLINK_ROUTE, B(MSG("\x28", "\x10\0", "\0\0") IFINFO "\3\0\3\0lo\0\0"),
		 NEWLINK(40, "{nla_len=3, nla_type=IFLA_IFNAME}"),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x28", "\x10\0", "\0\0") IFINFO "\0\0\3\0lo\0\0"),
		 NEWLINK(40, "{nla_len=0, nla_type=IFLA_IFNAME}"),
		 "[" JSON(40, "\"RTM_NEWLINK\"", "0") ",\"payload\":" IFINFO_JSON ","
		 "\"attrs\":[{\"nla_len\":0,\"nla_type\":\"IFLA_IFNAME\"}]}]"},
		{NETLINK_ROUTE, B(MSG("\x28", "\x10\0", "\0\0") IFINFO "\xff\xff\3\0lo\0\0"),
		 NEWLINK(40, "[{nla_len=65535, nla_type=IFLA_IFNAME}, \"lo\\0\"]"),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x22", "\x10\0", "\0\0") IFINFO "ab"),
		 NEWLINK(34, "\"\\x61\\x62\""),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x28", "\x10\0", "\0\0") IFINFO "\6\0\4\0ab\0\0"),
		 NEWLINK(40, "[{nla_len=6, nla_type=IFLA_MTU}, \"\\x61\\x62\"]"),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x18", "\x10\0", "\0\0") "\0\0\4\3\1\0\0\0"),
		 "[" TEXT(24, "RTM_NEWLINK", "0") ", {ifi_family=AF_UNSPEC, ...}]",
		 NULL},
		/* strace does not come back from this one */
		{NETLINK_ROUTE, B(MSG("\x28", "\x18\0", "\0\0") RTMSG "\x0c\0\x09\0"
		   "\0\0\0\4\1\0\0\0"),
		 "[" TEXT(40, "RTM_NEWROUTE", "0") ", " RTMSG_TEXT ", [{nla_len=12, "
		 "nla_type=RTA_MULTIPATH}, [{rtnh_len=0, rtnh_flags=0, rtnh_hops=4, rtnh_ifindex="
		 LO "}]]]",
		 NULL},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

/* Lists of more than is shown (-s), strings too. */
static void netlink_many(void **unused)
{
	char bytes[1000], text[3000], *to = text;
	static const char head[] = MSG("\x30", "\x10\0", "\0\0") IFINFO,
			  mtu[] = "\x08\0\4\0\0\0\0\0",
			  label[] = MSG("\x40", "\x10\0", "\0\0") IFINFO
			  "\x20\0\3\0"
			  "1234567890123456789012345678";
	struct sent m = {NETLINK_ROUTE, bytes, 32 + 34 * 8, text, NULL};

	(void)unused;
	memcpy(bytes, head, 32);
	bytes[0] = 32 + 34 * 8 - 256;
	bytes[1] = 1;
	to += sprintf(to, "[" TEXT(304, "RTM_NEWLINK", "0") ", " IFINFO_TEXT ", [");
	for (u32 i = 0; i < 34; i++) {
		memcpy(bytes + 32 + 8 * i, mtu, 8);
		bytes[32 + 8 * i + 4] = i;
		if (i < 32)
			to += sprintf(to, "[{nla_len=8, nla_type=IFLA_MTU}, %u], ", i);
	}
	strcpy(to, "...]]");
	is_told(&m, m.n);
	memcpy(bytes, label, 64);
	m.n = 64;
	snprintf(text, sizeof(text),
		 "[" TEXT(64, "RTM_NEWLINK", "0") ", " IFINFO_TEXT
						  ", [{nla_len=32, nla_type=IFLA_IFNAME}, "
						  "\"1234567890123456789012345678\"...]]");
	is_told(&m, m.n);
}

/* What was recorded ends early, or what could be read. */
static void netlink_is_cut(void **unused)
{
	static const char bytes[] = MSG("\x30", "\x10\0", "\0\0") IFINFO "\7\0\3\0lo\0\0"
									 "\x08\0\4\0\0\0\1\0";
	/* clang-format off */
	static const struct {
		u32 n;
		const char *cut, *unread, *json; /* json: of what was cut */
	} at[] = {
		{47,
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"], "
			     "[{nla_len=8, nla_type=IFLA_MTU}, ...]]"),
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"], "
			     "[{nla_len=8, nla_type=IFLA_MTU}, 0x1000002c]]"),
		 "[" JSON(48, "\"RTM_NEWLINK\"", "0") ",\"payload\":" IFINFO_JSON ","
		 "\"attrs\":[{\"nla_len\":7,\"nla_type\":\"IFLA_IFNAME\","
		 "\"value\":\"lo\"},{\"nla_len\":8,\"nla_type\":\"IFLA_MTU\",\"value\":\"...\"}]}]"},
		{43,
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"], ...]"),
		 NULL,
		 NULL},
		{40,
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"], ...]"),
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"lo\"], ... /* 0x10000028 */]"),
		 "[" JSON(48, "\"RTM_NEWLINK\"", "0") ",\"payload\":" IFINFO_JSON ","
		 "\"attrs\":[{\"nla_len\":7,\"nla_type\":\"IFLA_IFNAME\",\"value\":\"lo\"},"
		 "\"...\"]}]"},
		{37,
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, \"l\"...], ...]"),
		 NULL,
		 NULL},
		{36,
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, ...], ...]"),
		 NEWLINK(48, "[[{nla_len=7, nla_type=IFLA_IFNAME}, 0x10000024], ... /* 0x10000028 */]"),
		 NULL},
		{32,
		 NEWLINK(48, "..."),
		 NEWLINK(48, "0x10000020"),
		 NULL},
		{20,
		 "[" TEXT(48, "RTM_NEWLINK", "0") ", {ifi_family=AF_UNSPEC, "
		 "ifi_type=ARPHRD_LOOPBACK, ...}]",
		 "[" TEXT(48, "RTM_NEWLINK", "0") ", 0x10000010]",
		 NULL},
		{16,
		 "[" TEXT(48, "RTM_NEWLINK", "0") ", ...]",
		 "[" TEXT(48, "RTM_NEWLINK", "0") ", 0x10000010]",
		 NULL},
		{15,
		 "...",
		 "0x10000000",
		 "[\"...\"]"},
		{1,
		 "...",
		 "0x10000000",
		 "[\"...\"]"},
	};
	/* clang-format on */

	(void)unused;
	for (u32 i = 0; i < sizeof(at) / sizeof(*at); i++) {
		struct sent m = {NETLINK_ROUTE, bytes, at[i].n, at[i].cut, at[i].json};

		is_told(&m, 48);
		m = (struct sent){NETLINK_ROUTE | UNREAD, bytes, at[i].n, at[i].unread, NULL};
		if (m.text)
			is_told(&m, 48);
	}
}

/* Whatever the length and the protocol: nothing outside is read, and it comes to an end. */
static void netlink_never_reads_outside(void **unused)
{
	static const char *const types[] = {"\2", "\x10", "\x18", "\x14", "\x24", "\x55", "\x12"};
	static const u32 protocols[] = {0, 4, 6, 7, 9, 12, 15, 16, NONE, UNREAD};
	u8 bytes[96];

	(void)unused;
	for (u32 i = 0; i < sizeof(types) / sizeof(*types); i++)
		for (u32 p = 0; p < sizeof(protocols) / sizeof(*protocols); p++)
			for (u32 fill = 0; fill < 256; fill += 5)
				for (u32 n = 0; n <= sizeof(bytes); n += 3) {
					struct sent m = {protocols[p], (char *)bytes, n, NULL,
							 NULL};

					memset(bytes, fill, sizeof(bytes));
					bytes[0] = 96;
					bytes[1] = bytes[2] = bytes[3] = bytes[5] = 0;
					bytes[4] = *types[i];
					begin(CALL_recvfrom, 96, 3, AT, 96, 0, 0, 0);
					making.r.sock.family = AF_NETLINK;
					making.r.sock.protocol = m.protocol;
					making.r.sock.flags = SOCK_ID_VALID;
					making.r.unread = m.protocol & UNREAD ? 2 : 0;
					add(SECT_DATA, 1, 96, bytes, n);
					is("", heard_by(&verbs_text, false, decode_args), NULL);
					is("", heard_by(&verbs_json, true, decode_args), NULL);
				}
}

/* Errors about errors, attributes in attributes: as deep as there is room in a buffer. */
static void netlink_depth_ends(void **unused)
{
	static const char error[] = MSG("\0", "\2\0", "\0\0") "\xff\xff\xff\xff";
	char bytes[4000];
	struct sent m = {NETLINK_ROUTE, bytes, sizeof(bytes), NULL, NULL};

	(void)unused;
	for (u32 i = 0; i < sizeof(bytes) / 20; i++) {
		u32 left = sizeof(bytes) - 20 * i;

		memcpy(bytes + 20 * i, error, 20);
		memcpy(bytes + 20 * i, &left, 4);
	}
	begin(CALL_sendto, 0, 3, AT, m.n, 0, 0, 0);
	making.r.sock = (struct sock_id){.family = AF_NETLINK, .flags = SOCK_ID_VALID};
	add(SECT_DATA, 1, m.n, bytes, m.n);
	is("", heard_by(&verbs_text, false, decode_args), NULL);
	is("", heard_by(&verbs_json, false, decode_args), NULL);
	memcpy(bytes, MSG("\0", "\x18\0", "\0\0") RTMSG, 28);
	bytes[0] = (char)sizeof(bytes);
	bytes[1] = sizeof(bytes) >> 8;
	for (u32 at = 28; at + 12 <= sizeof(bytes); at += 12) { /* next hops in next hops */
		u16 left = sizeof(bytes) - at, hop = left - 4;

		memcpy(bytes + at, "\0\0\x09\0\0\0\0\0\1\0\0\0", 12);
		memcpy(bytes + at, &left, 2);
		memcpy(bytes + at + 4, &hop, 2);
	}
	begin(CALL_sendto, 0, 3, AT, m.n, 0, 0, 0);
	making.r.sock = (struct sock_id){.family = AF_NETLINK, .flags = SOCK_ID_VALID};
	add(SECT_DATA, 1, m.n, bytes, m.n);
	is("", heard_by(&verbs_text, false, decode_args), NULL);
	is("", heard_by(&verbs_json, false, decode_args), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netlink_lengths_lie),
		cmocka_unit_test(netlink_many),
		cmocka_unit_test(netlink_is_cut),
		cmocka_unit_test(netlink_never_reads_outside),
		cmocka_unit_test(netlink_depth_ends),
	};

	netdev_learn(0, 1, "lo", 2); /* neither devices nor families of this machine */
	genl_learn(0x2a, "ethtool-is-not", 14);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
