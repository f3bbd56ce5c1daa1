/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* getsockopt and setsockopt on real sockets: values, short and long lengths, NULL and unreadable
 * pointers. */
#include "probe.h"
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>

static int tcp, udp, udp6, raw, raw6, packet, netlink, local;

static int *len(int n)
{
	int *p = mem(4);

	*p = n;
	return p;
}

static void get(int fd, int level, int option, int n)
{
	char *value = mem(300);

	Getsockopt(fd, level, option, value, len(n));
	arena_used = 0;
}

static void set(int fd, int level, int option, const void *value, int n)
{
	Setsockopt(fd, level, option, value, n);
	arena_used = 0;
}

static void set_int(int fd, int level, int option, int value)
{
	set(fd, level, option, DUP(value), 4);
}

#define SET(fd, level, option, value, n) set(fd, level, option, DUP(value), n)

static void set_pointers(int level, int option)
{
	static const int lengths[] = {8, 4, 3, 1, 0, -1};
	int one = 1, minus = -1;

	set(tcp, level, option, NULL, 0);
	set(tcp, level, option, NULL, 4);
	set(tcp, level, option, NULL, -1);
	set(tcp, level, option, BAD, 4);
	set(tcp, level, option, BAD, 0);
	set(tcp, level, option, BAD, 7);
	set(tcp, level, option, tail(2), 4);
	SET(tcp, level, option, minus, 4);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		SET(tcp, level, option, one, lengths[i]);
	memset(tail(40), 'q', 40);
	set(tcp, level, option, tail(20), 40);
	set(tcp, level, option, tail(33), 40);
	set(tcp, level, option, tail(32), 40);
	set(tcp, level, option, tail(32), 32);
	set(tcp, level, option, tail(40), 0x7fffffff);
}

static void unknown(void)
{
	static const int names[][2] = {{77, 5},  {77, -1}, {SOL_SOCKET, 999}, {SOL_TCP, 999},
				       {284, 1}, {-1, 1},  {SOL_NETLINK, 99}};
	int one = 1;

	Setsockopt(tcp, 0x100000006L, TCP_NODELAY, DUP(one), 4);
	arena_used = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		SET(tcp, names[i][0], names[i][1], one, 4);
		SET(tcp, names[i][0], names[i][1], one, 3);
		SET(tcp, names[i][0], names[i][1], one, 8);
		get(tcp, names[i][0], names[i][1], 4);
	}
}

static void get_pointers(void)
{
	for (int fd = tcp; fd >= -1; fd = fd > 0 ? -1 : -2) {
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, NULL);
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, mem(8), NULL);
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, len(4));
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, NULL, len(0));
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, BAD, len(4));
		Getsockopt(fd, SOL_SOCKET, SO_TYPE, mem(8), BAD);
		get(fd, SOL_SOCKET, SO_TYPE, 4);
	}
}

static void get_lengths(void)
{
	static const int lengths[] = {0, 1, 2, 3, 4, 8, 9, 64, -1, 0x7fffffff};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		get(tcp, SOL_SOCKET, SO_TYPE, lengths[i]);
		get(tcp, SOL_SOCKET, SO_KEEPALIVE, lengths[i]);
		get(tcp, SOL_TCP, TCP_NODELAY, lengths[i]);
		get(local, SOL_SOCKET, SO_PEERCRED, lengths[i]);
		get(tcp, SOL_SOCKET, SO_LINGER, lengths[i]);
		get(tcp, SOL_SOCKET, SO_BINDTODEVICE, lengths[i]);
	}
	for (int option = 0; option < 84; option++) {
		get(tcp, SOL_SOCKET, option, 4);
		get(local, SOL_SOCKET, option, 64);
	}
}

/* The kinds of values that are no numbers. */
static void structures(void)
{
	struct linger linger = {1, 5};
	struct timeval tv = {1, 500000};
	static const int times[] = {20, 21, 66, 67}; /* SO_RCVTIMEO, SO_SNDTIMEO: old, new */
	long rate = 1000000;
	int txtime[2] = {11, 3};

	for (int n = 0; n <= 12; n += 4)
		SET(tcp, SOL_SOCKET, SO_LINGER, linger, n);
	set(tcp, SOL_SOCKET, SO_LINGER, BAD, 8);
	set(tcp, SOL_SOCKET, SO_LINGER, NULL, 8);
	linger.l_linger = -1;
	SET(tcp, SOL_SOCKET, SO_LINGER, linger, 8);
	get(local, SOL_SOCKET, SO_PEERCRED, 12);
	get(local, SOL_SOCKET, SO_PEERCRED, 16);
	get(tcp, SOL_SOCKET, SO_PEERCRED, 12);
	get(local, SOL_SOCKET, SO_PEERGROUPS, 64);
	get(local, SOL_SOCKET, SO_PEERGROUPS, 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		SET(tcp, SOL_SOCKET, times[i], tv, 16);
		SET(tcp, SOL_SOCKET, times[i], tv, 8);
		SET(tcp, SOL_SOCKET, times[i], tv, 4);
		get(tcp, SOL_SOCKET, times[i], 16);
		get(tcp, SOL_SOCKET, times[i], 8);
	}
	for (int i = -1; i < 3; i++)
		set_int(tcp, SOL_SOCKET, 74 /* SO_TXREHASH */, i);
	set_int(tcp, SOL_SOCKET, 74, 255);
	set_int(tcp, SOL_SOCKET, SO_TIMESTAMPING, 0x7f);
	set_int(tcp, SOL_SOCKET, 72 /* SO_BUF_LOCK */, 3);
	SET(udp, SOL_SOCKET, SO_TXTIME, txtime, 8);
	get(udp, SOL_SOCKET, SO_TXTIME, 8);
	SET(tcp, SOL_SOCKET, SO_MAX_PACING_RATE, rate, 8);
	get(tcp, SOL_SOCKET, SO_MAX_PACING_RATE, 8);
	get(tcp, SOL_SOCKET, SO_MAX_PACING_RATE, 4);
	get(tcp, SOL_SOCKET, SO_MEMINFO, 36);
}

#define STRING(fd, level, option, literal, n)                                                      \
	set(fd, level, option, copy(literal, sizeof(literal)), n)

static void strings(void)
{
	STRING(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	STRING(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	STRING(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2);
	STRING(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo\0", 4);
	STRING(tcp, SOL_SOCKET, SO_BINDTODEVICE, "", 0);
	get(tcp, SOL_SOCKET, SO_BINDTODEVICE, 16);
	STRING(tcp, SOL_TCP, TCP_CONGESTION, "cubic", 5);
	STRING(tcp, SOL_TCP, TCP_CONGESTION, "reno", 4);
	get(tcp, SOL_TCP, TCP_CONGESTION, 16);
	STRING(tcp, SOL_TCP, TCP_ULP, "tls", 4);
	STRING(tcp, SOL_TCP, TCP_ULP, "tls", 3);
	get(tcp, SOL_TCP, TCP_ULP, 16);
	set(tcp, 282 /* SOL_TLS */, 1, mem(40), 40);
}

/* What a refused connection leaves in SO_ERROR. */
static void errors(void)
{
	get(tcp, SOL_SOCKET, SO_ERROR, 4);
	fcntl(tcp, F_SETFL, O_NONBLOCK);
	Connect(tcp, ip4("127.0.0.1", 9), 16);
	usleep(10000);
	get(tcp, SOL_SOCKET, SO_ERROR, 4);
	Connect(udp, ip4("127.0.0.1", 9), 16);
	Sendto(udp, mem(1), 1, 0, NULL, 0);
	get(udp, SOL_SOCKET, SO_ERROR, 2);
	get(udp, SOL_SOCKET, SO_ERROR, 4);
	Sendto(udp, mem(1), 1, 0, NULL, 0);
	get(udp, SOL_SOCKET, SO_ERROR, 8);
}

static void tcp_options(void)
{
	get(tcp, SOL_TCP, TCP_INFO, 104);
	get(tcp, SOL_TCP, TCP_INFO, 8);
	get(tcp, SOL_TCP, TCP_INFO, 256);
	set_int(tcp, SOL_TCP, TCP_USER_TIMEOUT, 5000);
	set_int(tcp, SOL_TCP, TCP_KEEPIDLE, 60);
	for (int option = 0; option < 48; option++)
		get(tcp, SOL_TCP, option, 4);
	set_int(udp, 17, 103 /* UDP_SEGMENT */, 1200);
	set_int(udp, 17, 104 /* UDP_GRO */, 1);
}

static void ip_options(void)
{
	char tos = 16;

	set_int(udp, SOL_IP, IP_TOS, 16);
	SET(udp, SOL_IP, IP_TOS, tos, 1);
	get(udp, SOL_IP, IP_TOS, 4);
	get(udp, SOL_IP, IP_TOS, 1);
	set_int(udp, SOL_IP, IP_MTU_DISCOVER, 2);
	set_int(udp, SOL_IP, IP_PKTINFO, 1);
	get(udp, SOL_IP, IP_OPTIONS, 40);
	get(udp, SOL_IP, 64 /* IPT_SO_GET_INFO */, 84);
	set_int(udp6, SOL_IPV6, IPV6_V6ONLY, 1);
	set_int(udp6, SOL_IPV6, IPV6_TCLASS, 0);
	get(udp6, SOL_IPV6, IPV6_V6ONLY, 4);
	get(udp6, SOL_IPV6, IPV6_PATHMTU, 32);
	get(udp6, SOL_IPV6, IPV6_DSTOPTS, 4);
	get(udp6, SOL_IPV6, 68 /* IP6T_SO_GET_REVISION_MATCH */, 40);
	set_int(raw, SOL_IP, IP_HDRINCL, 1);
	set_int(raw6, SOL_IPV6, IPV6_CHECKSUM, 2);
}

static void groups(void)
{
	struct ip_mreq m = {{htonl(0xe0000001)}, {htonl(0x7f000001)}};
	struct ip_mreqn mn = {{htonl(0xe0000005)}, {0}, 1};
	struct ip_mreq_source source = {
		{htonl(0xe0000001)}, {htonl(0x7f000001)}, {htonl(0x0a000001)}};
	struct ipv6_mreq m6 = {.ipv6mr_interface = 1};
	struct group_req any = {.gr_interface = 1};

	for (int n = 7; n <= 8; n++)
		SET(udp, SOL_IP, IP_ADD_MEMBERSHIP, m, n);
	SET(udp, SOL_IP, IP_ADD_MEMBERSHIP, mn, 12);
	set(udp, SOL_IP, IP_ADD_MEMBERSHIP, BAD, 8);
	SET(udp, SOL_IP, IP_DROP_MEMBERSHIP, m, 8);
	SET(udp, SOL_IP, IP_MULTICAST_IF, m, 4);
	SET(udp, SOL_IP, IP_MULTICAST_IF, mn, 12);
	SET(udp, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, source, 12);
	get(udp, SOL_IP, IP_MULTICAST_IF, 4);
	inet_pton(AF_INET6, "ff02::5", &m6.ipv6mr_multiaddr);
	SET(udp6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, m6, 20);
	SET(udp6, SOL_IPV6, IPV6_ADD_MEMBERSHIP, m6, 16);
	m6.ipv6mr_interface = 77;
	SET(udp6, SOL_IPV6, IPV6_DROP_MEMBERSHIP, m6, 20);
	set(udp6, SOL_IPV6, IPV6_DROP_MEMBERSHIP, BAD, 20);
	SET(udp6, SOL_IPV6, IPV6_JOIN_ANYCAST, m6, 20);
	*(struct sockaddr_in *)&any.gr_group = *ip4("224.0.0.6", 0);
	SET(udp, SOL_IP, MCAST_JOIN_GROUP, any, sizeof(any));
	SET(udp, SOL_IP, MCAST_LEAVE_GROUP, any, sizeof(any) - 1);
	*(struct sockaddr_in6 *)&any.gr_group = *ip6("ff02::7", 0);
	SET(udp6, SOL_IPV6, MCAST_JOIN_GROUP, any, sizeof(any));
	any.gr_interface = 88;
	SET(udp6, SOL_IPV6, MCAST_JOIN_GROUP, any, sizeof(any));
	set(udp6, SOL_IPV6, MCAST_JOIN_GROUP, BAD, sizeof(any));
}

static void icmp(void)
{
	static const int filters[] = {~(1 << 8), 1 << 8 | 1 << 3, 0, -1, 0xffff, 0x1ffff};
	static const int lengths[] = {0, 1, 2, 4, 8};

	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		SET(raw, SOL_RAW, 1, filters[i], 4);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		SET(raw, SOL_RAW, 1, filters[0], lengths[i]);
		get(raw, SOL_RAW, 1, lengths[i]);
	}
	set(raw, SOL_RAW, 1, BAD, 4);
	set(raw6, SOL_ICMPV6, 1, mem(32), 32);
	get(raw6, SOL_ICMPV6, 1, 32);
}

static void packets(void)
{
	static const struct packet_mreq members[] = {{1, 1, 0, ""},
						     {1, 0, 6, "\1\0\x5e\0\0\1"},
						     {99, 2, 9, "\1\0\x5e\0\0\1"},
						     {99, 3, 8, ""},
						     {99, 4, 1, ""}};
	struct tpacket_req3 ring = {4096, 1, 2048, 2, 10, 0, 0};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		SET(packet, SOL_PACKET, PACKET_ADD_MEMBERSHIP, members[i], 16);
		SET(packet, SOL_PACKET, PACKET_DROP_MEMBERSHIP, members[i], 15);
	}
	set(packet, SOL_PACKET, PACKET_DROP_MEMBERSHIP, BAD, 16);
	set_int(packet, SOL_PACKET, PACKET_VERSION, 2);
	set_int(packet, SOL_PACKET, PACKET_VERSION, 1);
	SET(packet, SOL_PACKET, PACKET_RX_RING, ring, 16);
	SET(packet, SOL_PACKET, PACKET_RX_RING, ring, 28);
	SET(packet, SOL_PACKET, PACKET_RX_RING, ring, 8);
	for (int n = 4; n <= 16; n += 4)
		get(packet, SOL_PACKET, PACKET_STATISTICS, n);
	get(packet, SOL_PACKET, PACKET_HDRLEN, 4);
	set_int(packet, SOL_PACKET, PACKET_FANOUT, 1);
	set_int(packet, SOL_PACKET, PACKET_AUXDATA, 1);
	set_int(packet, SOL_PACKET, PACKET_RESERVE, 4);
	set_int(packet, SOL_PACKET, PACKET_TIMESTAMP, 0x40);
}

static void netlinks(void)
{
	static const int lengths[] = {64, 8, 4, 2, 0};
	int one = 1;

	set_int(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 1);
	set_int(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 5);
	set_int(netlink, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	SET(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, one, 8);
	SET(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, one, 2);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		get(netlink, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, lengths[i]);
		get(netlink, SOL_NETLINK, NETLINK_EXT_ACK, lengths[i]);
	}
	Getsockopt(netlink, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, NULL, len(0));
	Getsockopt(netlink, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, BAD, len(4));
}

int main(void)
{
	int *sv;

	arena();
	tcp = Socket(AF_INET, SOCK_STREAM, 0);
	udp = Socket(AF_INET, SOCK_DGRAM, 0);
	udp6 = Socket(AF_INET6, SOCK_DGRAM, 0);
	raw = Socket(AF_INET, SOCK_RAW, 1);
	raw6 = Socket(AF_INET6, SOCK_RAW, 58);
	packet = Socket(AF_PACKET, SOCK_RAW, htons(3));
	netlink = Socket(AF_NETLINK, SOCK_RAW, 0);
	sv = mem(8);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	local = sv[0];
	arena_used = 0;
	set_pointers(SOL_SOCKET, SO_KEEPALIVE);
	set_pointers(SOL_TCP, TCP_NODELAY);
	unknown();
	get_pointers();
	get_lengths();
	structures();
	strings();
	errors();
	tcp_options();
	ip_options();
	groups();
	icmp();
	packets();
	netlinks();
	return 0;
}
