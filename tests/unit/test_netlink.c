/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Decoders of netlink messages. Texts are strace 6.1's for the same bytes. */
#include "netlink_told.h"

#define REQUEST_ACK  "NLM_F_REQUEST|NLM_F_ACK"
#define REQUEST_DUMP "NLM_F_REQUEST|NLM_F_DUMP"
#define CREATE       "NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE"

static void netlink_links(void **unused)
{
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_ROUTE, B(MSG("\x11", "\x12\0", "\1\3") "\x11"),
		 "[" TEXT(17, "RTM_GETLINK", REQUEST_DUMP) ", {ifi_family=AF_PACKET, ...}]",
		 "[" JSON(17, "\"RTM_GETLINK\"", REQUEST_DUMP) ","
		 "\"payload\":{\"ifi_family\":\"AF_PACKET\"}}]"},
		{NETLINK_ROUTE, B(MSG("\x10", "\x12\0", "\1\0")),
		 TEXT(16, "RTM_GETLINK", "NLM_F_REQUEST"),
		 "[" JSON(16, "\"RTM_GETLINK\"", "NLM_F_REQUEST") "}]"},
		{NETLINK_ROUTE, B(MSG("\x4c", "\x10\0", "\0\0") IFINFO "\7\0\3\0lo\0\0"
		   "\x08\0\4\0\0\0\1\0" "\x0a\0\1\0\0\0\0\0\0\0\0\0" "\5\0\x10\0\0\0\0\0"
		   "\x08\0\x0d\0\xe8\3\0\0"),
		 "[" TEXT(76, "RTM_NEWLINK", "0") ", " IFINFO_TEXT ", [[{nla_len=7, "
		 "nla_type=IFLA_IFNAME}, \"lo\"], [{nla_len=8, nla_type=IFLA_MTU}, 65536], "
		 "[{nla_len=10, nla_type=IFLA_ADDRESS}, 00:00:00:00:00:00], [{nla_len=5, "
		 "nla_type=IFLA_OPERSTATE}, 0], [{nla_len=8, nla_type=IFLA_TXQLEN}, 1000]]]",
		 "[" JSON(76, "\"RTM_NEWLINK\"", "0") ",\"payload\":" IFINFO_JSON ","
		 "\"attrs\":[{\"nla_len\":7,\"nla_type\":\"IFLA_IFNAME\","
		 "\"value\":\"lo\"},{\"nla_len\":8,\"nla_type\":\"IFLA_MTU\","
		 "\"value\":65536},{\"nla_len\":10,\"nla_type\":\"IFLA_ADDRESS\","
		 "\"value\":\"00:00:00:00:00:00\"},{\"nla_len\":5,\"nla_type\":\"IFLA_OPERSTATE\","
		 "\"value\":0},{\"nla_len\":8,\"nla_type\":\"IFLA_TXQLEN\",\"value\":1000}]}]"},
		{NETLINK_ROUTE, B(MSG("\x30", "\x10\0", "\5\6") "\0\0\1\0\0\0\0\0\1\0\0\0\1\0\0\0"
		   "\x10\0\x12\0" "\x0a\0\1\0dummy\0\0\0"),
		 "[" TEXT(48, "RTM_NEWLINK", CREATE) ", {ifi_family=AF_UNSPEC, "
		 "ifi_type=ARPHRD_ETHER, ifi_index=0, ifi_flags=IFF_UP, ifi_change=0x1}, "
		 "[{nla_len=16, nla_type=IFLA_LINKINFO}, [{nla_len=10, nla_type=IFLA_INFO_KIND}, "
		 "\"dummy\"]]]",
		 "[" JSON(48, "\"RTM_NEWLINK\"", CREATE) ","
		 "\"payload\":{\"ifi_family\":\"AF_UNSPEC\",\"ifi_type\":\"ARPHRD_ETHER\","
		 "\"ifi_index\":0,\"ifi_flags\":\"IFF_UP\",\"ifi_change\":1},"
		 "\"attrs\":[{\"nla_len\":16,\"nla_type\":\"IFLA_LINKINFO\","
		 "\"value\":[{\"nla_len\":10,\"nla_type\":\"IFLA_INFO_KIND\","
		 "\"value\":\"dummy\"}]}]}]"},
		{NETLINK_ROUTE, B(MSG("\x3c", "\x10\0", "\0\0") IFINFO "\x1c\0\x12\0"
		   "\x0b\0\1\0bridge\0\0" "\x0c\0\2\0" "\x08\0\1\0\x5e\1\0\0"),
		 "[" TEXT(60, "RTM_NEWLINK", "0") ", " IFINFO_TEXT ", [{nla_len=28, "
		 "nla_type=IFLA_LINKINFO}, [[{nla_len=11, nla_type=IFLA_INFO_KIND}, \"bridge\"], "
		 "[{nla_len=12, nla_type=IFLA_INFO_DATA}, [{nla_len=8, "
		 "nla_type=IFLA_BR_FORWARD_DELAY}, 350 /* 3.50 s */]]]]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x3c", "\x10\0", "\0\0") IFINFO "\6\0\xe7\3" "ab\0\0"
		   "\x0c\0\x12\x80" "\6\0\1\0x\0\0\0" "\x08\0\4\x40\7\0\0\0"),
		 "[" TEXT(60, "RTM_NEWLINK", "0") ", " IFINFO_TEXT ", [[{nla_len=6, "
		 "nla_type=0x3e7 /* IFLA_??? */}, \"\\x61\\x62\"], [{nla_len=12, "
		 "nla_type=NLA_F_NESTED|IFLA_LINKINFO}, [{nla_len=6, nla_type=IFLA_INFO_KIND}, "
		 "\"x\"]], [{nla_len=8, nla_type=NLA_F_NET_BYTEORDER|IFLA_MTU}, 7]]]",
		 "[" JSON(60, "\"RTM_NEWLINK\"", "0") ",\"payload\":" IFINFO_JSON ","
		 "\"attrs\":[{\"nla_len\":6,\"nla_type\":999,\"value\":\"ab\"},{\"nla_len\":12,"
		 "\"nla_type\":\"IFLA_LINKINFO\",\"nla_flags\":\"NLA_F_NESTED\","
		 "\"value\":[{\"nla_len\":6,\"nla_type\":\"IFLA_INFO_KIND\","
		 "\"value\":\"x\"}]},{\"nla_len\":8,\"nla_type\":\"IFLA_MTU\","
		 "\"nla_flags\":\"NLA_F_NET_BYTEORDER\",\"value\":7}]}]"},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

static void netlink_addresses(void **unused)
{
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_ROUTE, B(MSG("\x3c", "\x14\0", "\0\0") "\2\x08\x80\xfe\1\0\0\0"
		   "\x08\0\1\0\x7f\0\0\1" "\7\0\3\0lo\0\0"
		   "\x14\0\6\0\xff\xff\xff\xff\xff\xff\xff\xff\5\0\0\0\5\0\0\0"),
		 "[" TEXT(60, "RTM_NEWADDR", "0") ", {ifa_family=AF_INET, ifa_prefixlen=8, "
		 "ifa_flags=IFA_F_PERMANENT, ifa_scope=RT_SCOPE_HOST, ifa_index=" LO "}, "
		 "[[{nla_len=8, nla_type=IFA_ADDRESS}, inet_addr(\"127.0.0.1\")], [{nla_len=7, "
		 "nla_type=IFA_LABEL}, \"lo\"], [{nla_len=20, nla_type=IFA_CACHEINFO}, "
		 "{ifa_prefered=4294967295, ifa_valid=4294967295, cstamp=5, tstamp=5}]]]",
		 "[" JSON(60, "\"RTM_NEWADDR\"", "0") ",\"payload\":{\"ifa_family\":\"AF_INET\","
		 "\"ifa_prefixlen\":8,\"ifa_flags\":\"IFA_F_PERMANENT\","
		 "\"ifa_scope\":\"RT_SCOPE_HOST\",\"ifa_index\":1},\"attrs\":[{\"nla_len\":8,"
		 "\"nla_type\":\"IFA_ADDRESS\",\"value\":\"127.0.0.1\"},{\"nla_len\":7,"
		 "\"nla_type\":\"IFA_LABEL\",\"value\":\"lo\"},{\"nla_len\":20,"
		 "\"nla_type\":\"IFA_CACHEINFO\",\"value\":{\"ifa_prefered\":4294967295,"
		 "\"ifa_valid\":4294967295,\"cstamp\":5,\"tstamp\":5}}]}]"},
		{NETLINK_ROUTE, B(MSG("\x34", "\x14\0", "\0\0") "\x0a\x80\0\0\1\0\0\0"
		   "\x14\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x08\0\x08\0\x80\0\0\0"),
		 "[" TEXT(52, "RTM_NEWADDR", "0") ", {ifa_family=AF_INET6, ifa_prefixlen=128, "
		 "ifa_flags=0, ifa_scope=RT_SCOPE_UNIVERSE, ifa_index=" LO "}, [[{nla_len=20, "
		 "nla_type=IFA_ADDRESS}, inet_pton(AF_INET6, \"::1\")], [{nla_len=8, "
		 "nla_type=IFA_FLAGS}, IFA_F_PERMANENT]]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x20", "\x14\0", "\0\0") "\x63\x08\x80\xfe\1\0\0\0"
		   "\x08\0\1\0\x7f\0\0\1"),
		 "[" TEXT(32, "RTM_NEWADDR", "0") ", {ifa_family=0x63 /* AF_??? */, "
		 "ifa_prefixlen=8, ifa_flags=IFA_F_PERMANENT, ifa_scope=RT_SCOPE_HOST, ifa_index="
		 LO "}, [{nla_len=8, nla_type=IFA_ADDRESS}, \"\\x7f\\x00\\x00\\x01\"]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x30", "\x1c\0", "\5\6") "\2\0\0\0\1\0\0\0\x80\0\0\0"
		   "\x08\0\1\0\x0a\0\0\2" "\x0a\0\2\0\2\0\0\0\0\1\0\0"),
		 "[" TEXT(48, "RTM_NEWNEIGH", CREATE) ", {ndm_family=AF_INET, ndm_ifindex=" LO ", "
		 "ndm_state=NUD_PERMANENT, ndm_flags=0, ndm_type=RTN_UNSPEC}, [[{nla_len=8, "
		 "nla_type=NDA_DST}, inet_addr(\"10.0.0.2\")], [{nla_len=10, "
		 "nla_type=NDA_LLADDR}, 02:00:00:00:00:01]]]",
		 "[" JSON(48, "\"RTM_NEWNEIGH\"", CREATE) ","
		 "\"payload\":{\"ndm_family\":\"AF_INET\",\"ndm_ifindex\":1,"
		 "\"ndm_state\":\"NUD_PERMANENT\",\"ndm_flags\":\"0\","
		 "\"ndm_type\":\"RTN_UNSPEC\"},\"attrs\":[{\"nla_len\":8,\"nla_type\":\"NDA_DST\","
		 "\"value\":\"10.0.0.2\"},{\"nla_len\":10,\"nla_type\":\"NDA_LLADDR\","
		 "\"value\":\"02:00:00:00:00:01\"}]}]"},
		{NETLINK_ROUTE, B(MSG("\x24", "\x20\0", "\5\6") "\2\0\0\0\xfe\0\0\1\0\0\0\0"
		   "\x08\0\6\0\x64\0\0\0"),
		 "[" TEXT(36, "RTM_NEWRULE", CREATE) ", {family=AF_INET, dst_len=0, src_len=0, "
		 "tos=0, table=RT_TABLE_MAIN, action=FR_ACT_TO_TBL, flags=0}, [{nla_len=8, "
		 "nla_type=FRA_PRIORITY}, 100]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x38", "\x24\0", "\0\0")
		   "\0\0\0\0\1\0\0\0\0\0\0\0\xff\xff\xff\xff\2\0\0\0" "\x0c\0\1\0noqueue\0"
		   "\5\0\x0c\0\0\0\0\0"),
		 "[" TEXT(56, "RTM_NEWQDISC", "0") ", {tcm_family=AF_UNSPEC, tcm_ifindex=" LO ", "
		 "tcm_handle=0, tcm_parent=4294967295, tcm_info=2}, [[{nla_len=12, "
		 "nla_type=TCA_KIND}, \"noqueue\"], [{nla_len=5, nla_type=TCA_HW_OFFLOAD}, 0]]]",
		 NULL},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

static void netlink_routes(void **unused)
{
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_ROUTE, B(MSG("\x34", "\x18\0", "\5\6") RTMSG "\x08\0\1\0\x0a\0\0\0"
		   "\x08\0\5\0\x0a\0\0\1" "\x08\0\4\0\1\0\0\0"),
		 "[" TEXT(52, "RTM_NEWROUTE", CREATE) ", " RTMSG_TEXT ", [[{nla_len=8, "
		 "nla_type=RTA_DST}, inet_addr(\"10.0.0.0\")], [{nla_len=8, "
		 "nla_type=RTA_GATEWAY}, inet_addr(\"10.0.0.1\")], [{nla_len=8, "
		 "nla_type=RTA_OIF}, " LO "]]]",
		 "[" JSON(52, "\"RTM_NEWROUTE\"", CREATE) ","
		 "\"payload\":{\"rtm_family\":\"AF_INET\",\"rtm_dst_len\":0,\"rtm_src_len\":0,"
		 "\"rtm_tos\":\"0\",\"rtm_table\":\"RT_TABLE_MAIN\","
		 "\"rtm_protocol\":\"RTPROT_BOOT\",\"rtm_scope\":\"RT_SCOPE_UNIVERSE\","
		 "\"rtm_type\":\"RTN_UNICAST\",\"rtm_flags\":\"0\"},\"attrs\":[{\"nla_len\":8,"
		 "\"nla_type\":\"RTA_DST\",\"value\":\"10.0.0.0\"},{\"nla_len\":8,"
		 "\"nla_type\":\"RTA_GATEWAY\",\"value\":\"10.0.0.1\"},{\"nla_len\":8,"
		 "\"nla_type\":\"RTA_OIF\",\"value\":1}]}]"},
		{NETLINK_ROUTE, B(MSG("\x38", "\x18\0", "\0\0") RTMSG "\x1c\0\x09\0"
		   "\x10\0\0\4\1\0\0\0" "\x08\0\5\0\x0a\0\0\1" "\x08\0\1\0\7\0\0\0"),
		 "[" TEXT(56, "RTM_NEWROUTE", "0") ", " RTMSG_TEXT ", [{nla_len=28, "
		 "nla_type=RTA_MULTIPATH}, [[{rtnh_len=16, rtnh_flags=0, rtnh_hops=4, "
		 "rtnh_ifindex=" LO "}, [{nla_len=8, nla_type=RTA_GATEWAY}, "
		 "inet_addr(\"10.0.0.1\")]], {rtnh_len=8, rtnh_flags=RTNH_F_DEAD, rtnh_hops=0, "
		 "rtnh_ifindex=7}]]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x30", "\x18\0", "\0\0") RTMSG "\x14\0\x09\0"
		   "\x10\0\0\4\1\0\0\0" "\x08\0\5\0\x0a\0\0\1"),
		 "[" TEXT(48, "RTM_NEWROUTE", "0") ", " RTMSG_TEXT ", [{nla_len=20, "
		 "nla_type=RTA_MULTIPATH}, [{rtnh_len=16, rtnh_flags=0, rtnh_hops=4, rtnh_ifindex="
		 LO "}, [{nla_len=8, nla_type=RTA_GATEWAY}, inet_addr(\"10.0.0.1\")]]]]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x40", "\x18\0", "\0\0") RTMSG
		   "\x16\0\x12\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0" "\x0c\0\x08\0"
		   "\x08\0\2\0\xdc\5\0\0"),
		 "[" TEXT(64, "RTM_NEWROUTE", "0") ", " RTMSG_TEXT ", [[{nla_len=22, "
		 "nla_type=RTA_VIA}, {rtvia_family=AF_INET6, inet_pton(AF_INET6, \"::1\", "
		 "&rtvia_addr)}], [{nla_len=12, nla_type=RTA_METRICS}, [{nla_len=8, "
		 "nla_type=RTAX_MTU}, 1500]]]]",
		 NULL},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

static void netlink_control(void **unused)
{
	/* clang-format off */
	static const struct sent list[] = {
		{NETLINK_ROUTE, B(MSG("\x14", "\3\0", "\2\0") "\0\0\0\0"),
		 "[" TEXT(20, "NLMSG_DONE", "NLM_F_MULTI") ", 0]",
		 "[" JSON(20, "\"NLMSG_DONE\"", "NLM_F_MULTI") ",\"payload\":0}]"},
		{NETLINK_ROUTE, B(MSG("\x18", "\3\0", "\2\0") "\0\0\0\0\7\0\0\0"),
		 "[" TEXT(24, "NLMSG_DONE", "NLM_F_MULTI") ", "
		 "\"\\x00\\x00\\x00\\x00\\x07\\x00\\x00\\x00\"]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x10", "\1\0", "\0\0")),
		 TEXT(16, "NLMSG_NOOP", "0"),
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x24", "\2\0", "\0\0") "\0\0\0\0"
		   MSG("\x20", "\x10\0", "\5\0")),
		 "[" TEXT(36, "NLMSG_ERROR", "0") ", {error=0, msg="
		 TEXT(32, "RTM_NEWLINK", REQUEST_ACK) "}]",
		 "[" JSON(36, "\"NLMSG_ERROR\"", "0") ",\"payload\":{\"error\":0,\"msg\":"
		 JSON(32, "\"RTM_NEWLINK\"", REQUEST_ACK) "}}}]"},
		{NETLINK_ROUTE, B(MSG("\x34", "\2\0", "\0\3") "\xa1\xff\xff\xff"
		   MSG("\x20", "\x10\0", "\5\0") "\7\0\1\0no\0\0" "\x08\0\2\0\x14\0\0\0"),
		 "[" TEXT(52, "NLMSG_ERROR", "NLM_F_CAPPED|NLM_F_ACK_TLVS") ", "
		 "[{error=-EOPNOTSUPP, msg=" TEXT(32, "RTM_NEWLINK", REQUEST_ACK) "}, "
		 "[[{nla_len=7, nla_type=NLMSGERR_ATTR_MSG}, \"no\"], [{nla_len=8, "
		 "nla_type=NLMSGERR_ATTR_OFFS}, 20]]]]",
		 "[" JSON(52, "\"NLMSG_ERROR\"", "NLM_F_CAPPED|NLM_F_ACK_TLVS") ","
		 "\"payload\":{\"error\":-95,\"msg\":" JSON(32, "\"RTM_NEWLINK\"", REQUEST_ACK)
		 "},\"attrs\":[{\"nla_len\":7,\"nla_type\":\"NLMSGERR_ATTR_MSG\","
		 "\"value\":\"no\"},{\"nla_len\":8,\"nla_type\":\"NLMSGERR_ATTR_OFFS\","
		 "\"value\":20}]}}]"},
		{NETLINK_ROUTE, B(MSG("\x48", "\2\0", "\0\0") "\xfe\xff\xff\xff"
		   MSG("\x34", "\2\0", "\0\0") "\xfd\xff\xff\xff" MSG("\x20", "\x10\0", "\5\0")
		   IFINFO),
		 "[" TEXT(72, "NLMSG_ERROR", "0") ", {error=-ENOENT, msg=["
		 TEXT(52, "NLMSG_ERROR", "0") ", {error=-ESRCH, msg=["
		 TEXT(32, "RTM_NEWLINK", REQUEST_ACK) ", " IFINFO_TEXT "]}]}]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x14", "\2\0", "\0\0") "\xff\xff\xff\xff"),
		 "[" TEXT(20, "NLMSG_ERROR", "0") ", \"\\xff\\xff\\xff\\xff\"]",
		 NULL},
		{NETLINK_ROUTE, B(MSG("\x11", "\x12\0", "\1\0") "\0\0\0\0"
		   MSG("\x11", "\x16\0", "\1\0") "\0"),
		 "[[" TEXT(17, "RTM_GETLINK", "NLM_F_REQUEST") ", {ifi_family=AF_UNSPEC, ...}], ["
		 TEXT(17, "RTM_GETADDR", "NLM_F_REQUEST") ", {ifa_family=AF_UNSPEC, ...}]]",
		 "[" JSON(17, "\"RTM_GETLINK\"", "NLM_F_REQUEST") ","
		 "\"payload\":{\"ifi_family\":\"AF_UNSPEC\"}},"
		 JSON(17, "\"RTM_GETADDR\"", "NLM_F_REQUEST") ","
		 "\"payload\":{\"ifa_family\":\"AF_UNSPEC\"}}]"},
	};
	/* clang-format on */

	(void)unused;
	ARE_TOLD(list);
}

/* Behind iovecs strace goes by the name's family; we know better. */
static void netlink_in_messages(void **unused)
{
	static const u64 head[7] = {AT, 12, AT, 1, 0, 0, 0}, unnamed[7] = {0, 0, AT, 1, 0, 0, 0};
	static const char message[] = MSG("\x10", "\x12\0", "\1\0"),
			  name[12] = "\x10\0\0\0\0\0\0\0\0\0\0\0";
	u64 iov[4] = {AT, 16};

	(void)unused;
	memcpy(iov + 2, message, 16);
	begin(CALL_sendmsg, 16, 3, 0x7f00, 0, 0, 0, 0);
	making.r.sock = (struct sock_id){
		.family = AF_NETLINK, .type = SOCK_RAW, .flags = SOCK_ID_VALID, .portid = 5};
	add_words(SECT_MSGHDR, 1, 12, head, 7);
	add(SECT_ADDR, 1, 12, name, 12);
	add_words(SECT_IOV, 1, 16, iov, 4);
	args_are("(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, "
		 "msg_namelen=12, msg_iov=[{iov_base=" TEXT(
			 16, "RTM_GETLINK", "NLM_F_REQUEST") ", iov_len=16}], msg_iovlen=1, "
							     "msg_controllen=0, msg_flags=0}, 0)",
		 "(3<NETLINK:ROUTE:5>, {msg_name={sa_family=AF_NETLINK, nl_pid=0, "
		 "nl_groups=00000000}, "
		 "msg_namelen=12, msg_iov=[{iov_base=" TEXT(
			 16, "RTM_GETLINK", "NLM_F_REQUEST") ", iov_len=16}], msg_iovlen=1, "
							     "msg_controllen=0, msg_flags=0}, 0)",
		 NULL);
	begin(CALL_sendmsg, 16, 3, 0x7f00, 0, 0, 0, 0);
	making.r.sock = (struct sock_id){
		.family = AF_NETLINK, .type = SOCK_RAW, .flags = SOCK_ID_VALID, .portid = 5};
	add_words(SECT_MSGHDR, 1, 0, unnamed, 7);
	add_words(SECT_IOV, 1, 16, iov, 4);
	args_are(
		"(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"\\20\\0\\0\\0\\22\\0\\1"
		"\\0\\1\\0\\0\\0\\0\\0\\0\\0\", iov_len=16}], msg_iovlen=1, msg_controllen=0, "
		"msg_flags=0}, 0)",
		"(3<NETLINK:ROUTE:5>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=" TEXT(
			16, "RTM_GETLINK", "NLM_F_REQUEST") ", iov_len=16}], msg_iovlen=1, "
							    "msg_controllen=0, msg_flags=0}, 0)",
		"{\"sockfd\":3,\"msg\":{\"msg_name\":null,\"msg_namelen\":0,\"msg_iov\":["
		"{\"iov_base\":[" JSON(16, "\"RTM_GETLINK\"",
				       "NLM_F_REQUEST") "}],\"iov_len\":16}],\"msg_iovlen\":1,"
							"\"msg_controllen\":0,\"msg_flags\":\"0\"},"
							"\"flags\":\"0\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(netlink_links),       cmocka_unit_test(netlink_addresses),
		cmocka_unit_test(netlink_routes),      cmocka_unit_test(netlink_control),
		cmocka_unit_test(netlink_in_messages),
	};

	netdev_learn(0, 1, "lo", 2); /* this machine's devices are not asked for */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
