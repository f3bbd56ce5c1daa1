/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What descriptors are: the note behind them, and JSON's "socket". */
#include <netinet/in.h>
#include <sys/socket.h>
#include "telling.h"

#define BOUND  (SOCK_ID_VALID | SOCK_ID_BOUND)
#define JOINED (SOCK_ID_VALID | SOCK_ID_BOUND | SOCK_ID_PEER)

static const u8 local[16] = {127, 0, 0, 1}, remote[16] = {10, 0, 0, 2},
		local6[16] = {0xfe, 0x80, [15] = 1};

static void is_socket(struct verbs *v, const struct call_rec *r)
{
	decode_socket(v, r);
}

static void id_is(const struct sock_id *id, const char *note, const char *json)
{
	char want[400];

	making.r.sock = *id;
	snprintf(want, sizeof(want), "(3<%s>)", note);
	args_are("(3)", want, "{\"fd\":3}");
	is("socket", heard_by(&verbs_json, false, is_socket), json);
}

static void id_alone(const struct sock_id *id, const char *note, const char *json)
{
	begin(CALL_close, 0, 3, 0, 0, 0, 0, 0);
	id_is(id, note, json);
}

/* Two of a kind, one after another: what was told before is not told of another. */
static void id_of_inet(void **unused)
{
	struct sock_id id = {AF_INET, SOCK_STREAM, IPPROTO_TCP, .flags = SOCK_ID_VALID, .ino = 9};

	(void)unused;
	id.state = 7;
	id_alone(&id, "TCP",
		 "{\"family\":\"AF_INET\",\"type\":\"SOCK_STREAM\",\"protocol\":\"IPPROTO_TCP\","
		 "\"state\":\"TCP_CLOSE\",\"inode\":9}");
	id.flags = BOUND;
	id.lport = 80;
	memcpy(id.laddr, local, 16);
	id_alone(&id, "TCP:127.0.0.1:80", NULL);
	id.flags = JOINED;
	id.state = 1;
	id.rport = 65535;
	memcpy(id.raddr, remote, 16);
	for (u32 i = 0; i < 2; i++)
		id_alone(&id, "TCP:127.0.0.1:80->10.0.0.2:65535",
			 "{\"family\":\"AF_INET\",\"type\":\"SOCK_STREAM\",\"protocol\":\"IPPROTO_"
			 "TCP\","
			 "\"local\":{\"addr\":\"127.0.0.1\",\"port\":80},"
			 "\"remote\":{\"addr\":\"10.0.0.2\",\"port\":65535},"
			 "\"state\":\"TCP_ESTABLISHED\",\"inode\":9}");
	id.rport = 1;
	id_alone(&id, "TCP:127.0.0.1:80->10.0.0.2:1", NULL);
	id.state = 99;
	id.ino = 0;
	id_alone(&id, "TCP:127.0.0.1:80->10.0.0.2:1",
		 "{\"family\":\"AF_INET\",\"type\":\"SOCK_STREAM\",\"protocol\":\"IPPROTO_TCP\","
		 "\"local\":{\"addr\":\"127.0.0.1\",\"port\":80},"
		 "\"remote\":{\"addr\":\"10.0.0.2\",\"port\":1},\"state\":99}");
	id.type = SOCK_DGRAM;
	id.protocol = IPPROTO_UDP;
	id_alone(&id, "UDP:127.0.0.1:80->10.0.0.2:1", NULL);
	id.protocol = 250;
	id_alone(&id, "250:127.0.0.1:80->10.0.0.2:1", NULL);
	id.type = SOCK_RAW;
	id_alone(&id, "RAW:127.0.0.1:80->10.0.0.2:1", NULL);
}

static void id_of_inet6(void **unused)
{
	struct sock_id id = {AF_INET6, SOCK_DGRAM, IPPROTO_UDP, .flags = BOUND, .lport = 53};

	(void)unused;
	memcpy(id.laddr, local6, 16);
	id_alone(&id, "UDPv6:[fe80::1]:53",
		 "{\"family\":\"AF_INET6\",\"type\":\"SOCK_DGRAM\",\"protocol\":\"IPPROTO_UDP\","
		 "\"local\":{\"addr\":\"fe80::1\",\"port\":53}}");
	id.flags = JOINED;
	id.raddr[10] = id.raddr[11] = 0xff;
	id.raddr[12] = 10;
	id.rport = 7;
	id_alone(&id, "UDPv6:[fe80::1]:53->[::ffff:10.0.0.0]:7", NULL);
	id.flags = SOCK_ID_VALID;
	id.protocol = IPPROTO_ICMPV6;
	id_alone(&id, "ICMPv6", NULL);
}

static void id_of_unix(void **unused)
{
	struct sock_id id = {AF_UNIX, SOCK_STREAM, .flags = SOCK_ID_VALID, .ino = 12};
	const char *json =
		"{\"family\":\"AF_UNIX\",\"type\":\"SOCK_STREAM\",\"protocol\":0,\"inode\":12}";

	(void)unused;
	id_alone(&id, "UNIX-STREAM:12", json);
	id.flags = SOCK_ID_VALID | SOCK_ID_PEER;
	id.peer_ino = 13;
	id_alone(&id, "UNIX-STREAM:12->13",
		 "{\"family\":\"AF_UNIX\",\"type\":\"SOCK_STREAM\",\"protocol\":0,"
		 "\"remote_inode\":13,\"inode\":12}");
	id.peer_ino = 0; /* its other end is closed */
	id_alone(&id, "UNIX-STREAM:12", json);
	id.peer_ino = 13;
	begin(CALL_close, 0, 3, 0, 0, 0, 0, 0);
	add(SECT_LPATH, 0, 0, B("/run/\"x\"\0"));
	add(SECT_RPATH, 0, 0, B("\0abc"));
	id_is(&id, "UNIX-STREAM:\"/run/\\\"x\\\"\"->@\"abc\"",
	      "{\"family\":\"AF_UNIX\",\"type\":\"SOCK_STREAM\",\"protocol\":0,"
	      "\"local_path\":\"/run/\\\"x\\\"\",\"remote_path\":\"\\u0000abc\","
	      "\"remote_inode\":13,\"inode\":12}");
	begin(CALL_close, 0, 3, 0, 0, 0, 0, 0);
	add(SECT_LPATH, 0, 0, B("/no/end"));
	add(SECT_RPATH, 0, 0, B(""));
	id_is(&id, "UNIX-STREAM:\"/no/end\"->13", NULL);
	id.type = SOCK_SEQPACKET;
	id.flags = SOCK_ID_VALID;
	id_alone(&id, "UNIX-SEQPACKET:12", NULL);
	id.type = 77;
	id_alone(&id, "UNIX:12", NULL);
}

static void id_of_others(void **unused)
{
	struct sock_id netlink = {AF_NETLINK, SOCK_RAW, 0, .flags = SOCK_ID_VALID, .portid = 77},
		       packet = {AF_PACKET, SOCK_RAW, 0, .flags = SOCK_ID_VALID, .rport = 3},
		       vsock = {AF_VSOCK, SOCK_STREAM, 0, .flags = BOUND},
		       odd = {99, 77, 5, .flags = SOCK_ID_VALID};

	(void)unused;
	id_alone(&netlink, "NETLINK:ROUTE:77",
		 "{\"family\":\"AF_NETLINK\",\"type\":\"SOCK_RAW\",\"protocol\":\"NETLINK_ROUTE\","
		 "\"portid\":77}");
	netlink.protocol = 99;
	id_alone(&netlink, "NETLINK:99:77", NULL);
	packet.ifindex = 1;
	id_alone(&packet, "PACKET:ETH_P_ALL:lo",
		 "{\"family\":\"AF_PACKET\",\"type\":\"SOCK_RAW\",\"protocol\":0,\"ifindex\":1,"
		 "\"ethertype\":\"ETH_P_ALL\"}");
	packet.ifindex = 2;
	packet.rport = 0x1234;
	id_alone(&packet, "PACKET:0x1234:2", NULL);
	vsock.lvport = 1024;
	vsock.lcid = 2;
	vsock.rcid = vsock.rvport = ~0u;
	id_alone(&vsock, "VSOCK:2:1024", NULL);
	vsock.rcid = 3;
	vsock.rvport = 5;
	id_alone(&vsock, "VSOCK:2:1024->3:5",
		 "{\"family\":\"AF_VSOCK\",\"type\":\"SOCK_STREAM\",\"protocol\":0,\"local_cid\":2,"
		 "\"local_port\":1024,\"remote_cid\":3,\"remote_port\":5}");
	vsock.lvport = ~0u;
	id_alone(&vsock, "VSOCK", NULL);
	id_alone(&odd, "99", "{\"family\":99,\"type\":77,\"protocol\":5}");
}

static void id_of_none(void **unused)
{
	(void)unused;
	begin(CALL_close, 0, 3, 0, 0, 0, 0, 0);
	making.r.sock.family = AF_INET; /* not valid: nothing of it is */
	args_are("(3)", NULL, "{\"fd\":3}");
	is("socket", heard_by(&verbs_json, false, is_socket), "null");
}

/* Of the second descriptor: the first is none. */
static void id_of_the_second(void **unused)
{
	static const struct sock_id tcp = {AF_INET, SOCK_STREAM, IPPROTO_TCP,
					   .flags = SOCK_ID_VALID | SOCK_ID_SECOND};

	(void)unused;
	begin(CALL_splice, 9, 3, 0, 4, 0, 9, 0);
	making.r.sock = tcp;
	args_are("(3, NULL, 4, NULL, 9, 0)", "(3, NULL, 4<TCP>, NULL, 9, 0)", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_of_inet), cmocka_unit_test(id_of_inet6),
		cmocka_unit_test(id_of_unix), cmocka_unit_test(id_of_others),
		cmocka_unit_test(id_of_none), cmocka_unit_test(id_of_the_second),
	};

	netdev_learn(0, 1, "lo", 2); /* this machine's devices are not asked for */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
