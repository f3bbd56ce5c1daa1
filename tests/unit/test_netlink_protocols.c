/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Decoders of netlink messages that are not about routing. Texts are strace 6.1's for the same
 * bytes. */
#include "netlink_told.h"

#define REQUEST_ACK  "NLM_F_REQUEST|NLM_F_ACK"
#define REQUEST_DUMP "NLM_F_REQUEST|NLM_F_DUMP"

static void netlink_protocols(void **unused)
{
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_SOCK_DIAG, B(MSG("\x48", "\x14\0", "\1\3") "\2\6\0\0\x82\4\0\0"
		   "\0\x50\0\0" "\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
		   "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0" "\1\0\0\0"
		   "\xff\xff\xff\xff\xff\xff\xff\xff"),
		 "[" TEXT(72, "SOCK_DIAG_BY_FAMILY", REQUEST_DUMP) ", {sdiag_family=AF_INET, "
		 "sdiag_protocol=IPPROTO_TCP, idiag_ext=0, "
		 "idiag_states=1<<TCP_ESTABLISHED|1<<TCP_CLOSE|1<<TCP_LISTEN, "
		 "id={idiag_sport=htons(80), idiag_dport=htons(0), "
		 "idiag_src=inet_addr(\"127.0.0.1\"), idiag_dst=inet_addr(\"10.0.0.1\"), idiag_if="
		 LO ", idiag_cookie=[4294967295, 4294967295]}}]",
		 "[" JSON(72, "\"SOCK_DIAG_BY_FAMILY\"", REQUEST_DUMP) ","
		 "\"payload\":{\"sdiag_family\":\"AF_INET\",\"sdiag_protocol\":\"IPPROTO_TCP\","
		 "\"idiag_ext\":\"0\","
		 "\"idiag_states\":\"1<<TCP_ESTABLISHED|1<<TCP_CLOSE|1<<TCP_LISTEN\","
		 "\"id\":{\"idiag_sport\":80,\"idiag_dport\":0,\"idiag_src\":\"127.0.0.1\","
		 "\"idiag_dst\":\"10.0.0.1\",\"idiag_if\":1,"
		 "\"idiag_cookie\":[4294967295,4294967295]}}}]"},
		{NETLINK_SOCK_DIAG, B(MSG("\x38", "\x14\0", "\2\0")
		   "\1\1\x0a\0\x09\3\0\0\5\0\0\0\0\0\0\0" "\x0a\0\0\0/run/x\0\0"
		   "\x0c\0\4\0\0\0\0\0\5\0\0\0"),
		 "[" TEXT(56, "SOCK_DIAG_BY_FAMILY", "NLM_F_MULTI") ", {udiag_family=AF_UNIX, "
		 "udiag_type=SOCK_STREAM, udiag_state=TCP_LISTEN, udiag_ino=777, udiag_cookie=[5, "
		 "0]}, [[{nla_len=10, nla_type=UNIX_DIAG_NAME}, \"/run/x\"...], [{nla_len=12, "
		 "nla_type=UNIX_DIAG_RQLEN}, {udiag_rqueue=0, udiag_wqueue=5}]]]",
		 NULL},
		{NETLINK_SOCK_DIAG, B(MSG("\x11", "\x63\0", "\1\0") "\2"),
		 "[" TEXT(17, "0x63 /* SOCK_DIAG_??? */", "NLM_F_REQUEST") ", {family=AF_INET}]",
		 "[" JSON(17, "99", "NLM_F_REQUEST") ",\"payload\":{\"family\":\"AF_INET\"}}]"},
		{NETLINK_NETFILTER, B(MSG("\x14", "\0\x0a", "\5\0") "\2\0\0\x0a"),
		 "[" TEXT(20, "NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWTABLE", REQUEST_ACK) ", "
		 "{nfgen_family=AF_INET, version=NFNETLINK_V0, "
		 "res_id=htons(NFNL_SUBSYS_NFTABLES)}]",
		 "[" JSON(20, "\"NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWTABLE\"", REQUEST_ACK) ","
		 "\"payload\":{\"nfgen_family\":\"AF_INET\",\"version\":\"NFNETLINK_V0\","
		 "\"res_id\":10}}]"},
		{NETLINK_NETFILTER, B(MSG("\x14", "\x10\0", "\5\0") "\0\0\0\x0a"),
		 "[" TEXT(20, "NFNL_MSG_BATCH_BEGIN", REQUEST_ACK) ", {nfgen_family=AF_UNSPEC, "
		 "version=NFNETLINK_V0, res_id=htons(10)}]",
		 NULL},
		{NETLINK_GENERIC, B(MSG("\x20", "\x10\0", "\5\0") "\3\1\0\0"
		   "\x0b\0\2\0nlctrl\0\0"),
		 "[" TEXT(32, "nlctrl", REQUEST_ACK) ", "
		 "\"\\x03\\x01\\x00\\x00\\x0b\\x00\\x02\\x00\\x6e\\x6c\\x63\\x74\\x72\\x6c\\x00\\x00\"]",
		 "[" JSON(32, "\"nlctrl\"", REQUEST_ACK) ","
		 "\"payload\":\"\\u0003\\u0001\\u0000\\u0000\\u000b\\u0000\\u0002\\u0000nlctrl\\u0000\\u0000\"}]"},
		{NETLINK_GENERIC, B(MSG("\x10", "\x2a\0", "\1\0")),
		 TEXT(16, "ethtool-is-not", "NLM_F_REQUEST"),
		 NULL},
		{NETLINK_GENERIC, B(MSG("\x10", "\x2b\0", "\1\0")),
		 TEXT(16, "0x2b /* GENERIC_FAMILY_??? */", "NLM_F_REQUEST"),
		 NULL},
		{NETLINK_KOBJECT_UEVENT, B("add@/devices/x\0ACTION=add\0"),
		 "\"add@/devices/x\\0ACTION=add\\0\"",
		 "\"add@/devices/x\\u0000ACTION=add\\u0000\""},
		{NETLINK_KOBJECT_UEVENT, B("libudev\0\xfe\xed\xca\xfe"
		   "\x28\0\0\0\x28\0\0\0\7\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "A=b\0"),
		 "[{prefix=\"libudev\", magic=htonl(0xfeedcafe), header_size=40, "
		 "properties_off=40, properties_len=7, filter_subsystem_hash=htonl(0), "
		 "filter_devtype_hash=htonl(0), filter_tag_bloom_hi=htonl(0), "
		 "filter_tag_bloom_lo=htonl(0)}, \"A=b\\0\"]",
		 NULL},
		{NETLINK_AUDIT, B(MSG("\x16", "\x4c\4", "\0\0") "type=1"),
		 "[" TEXT(22, "AUDIT_FIRST_USER_MSG", "0") ", \"\\x74\\x79\\x70\\x65\\x3d\\x31\"]",
		 "[" JSON(22, "\"AUDIT_FIRST_USER_MSG\"", "0") ",\"payload\":\"type=1\"}]"},
		{NETLINK_XFRM, B(MSG("\x13", "\x10\0", "\5\0") "abc"),
		 "[" TEXT(19, "XFRM_MSG_NEWSA", REQUEST_ACK) ", \"\\x61\\x62\\x63\"]",
		 NULL},
		{NETLINK_USERSOCK, B(MSG("\x13", "\x14\0", "\0\0") "abc"),
		 "[" TEXT(19, "0x14 /* NLMSG_??? */", "0") ", \"\\x61\\x62\\x63\"]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x13", "\x63\0", "\1\0") "\2ab"),
		 "[" TEXT(19, "0x63 /* RTM_??? */", "NLM_F_REQUEST") ", {family=AF_INET, "
		 "data=\"\\x61\\x62\"}]",
		 NULL},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(netlink_protocols)};

	netdev_learn(0, 1, "lo", 2); /* neither devices nor families of this machine */
	genl_learn(0x2a, "ethtool-is-not", 14);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
