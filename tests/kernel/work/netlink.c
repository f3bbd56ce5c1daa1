/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink payloads: when they are decoded and how deep. What is sent is mostly nonsense: the
 * decoding is what counts. */
#include "probe.h"
#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

static struct sockaddr_nl *kernel;
static char *room;
static int route, generic, diag, user, other[5];

static struct nlmsghdr head(int len, int type, int flags)
{
	return (struct nlmsghdr){len, type, flags, 7, 0};
}

/* Ends where readable memory ends. */
static void transmit(int fd, const void *message, size_t n)
{
	Sendto(fd, tail_copy(message, n), n, 0, kernel, 12);
}

static void with_body(int fd, int type, int flags, const void *body, size_t n)
{
	char message[512] = {0};
	struct nlmsghdr h = head(NLMSG_LENGTH(n), type, flags);

	memcpy(message, &h, sizeof(h));
	memcpy(message + sizeof(h), body, n);
	transmit(fd, message, NLMSG_LENGTH(n));
}

static void lengths(void)
{
	static const int said[] = {0, 1, 15, 16, 17, 20, 32, 33, 100, -1};
	struct {
		struct nlmsghdr h;
		char rest[16];
	} m = {head(16, NLMSG_NOOP, 1), "abcdefghijklmno"};

	for (int n = 0; n <= 17; n++)
		transmit(route, &m, n);
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		m.h.nlmsg_len = said[i];
		transmit(route, &m, 32);
	}
}

static void several(void)
{
	struct nlmsghdr m[40];

	for (int i = 0; i < 40; i++) {
		m[i] = head(16, NLMSG_NOOP, NLM_F_REQUEST);
		m[i].nlmsg_seq = i;
	}
	transmit(route, m, 2 * 16);
	transmit(route, m, 2 * 16 + 1);
	transmit(route, m, 2 * 16 + 8);
	transmit(route, m, 32 * 16);
	transmit(route, m, 33 * 16);
	transmit(route, m, 40 * 16);
	for (int n = 15; n <= 20; n++) {
		m[0].nlmsg_len = n;
		transmit(route, m, 52);
	}
}

static void pointers(void)
{
	struct nlmsghdr h = head(32, NLMSG_NOOP, 0);

	Sendto(route, NULL, 0, 0, NULL, 0);
	Sendto(route, NULL, 16, 0, kernel, 12);
	Sendto(route, BAD, 16, 0, kernel, 12);
	Sendto(route, tail(8), 16, 0, kernel, 12);
	Sendto(route, room, 0, 0, kernel, 12);
	Sendto(route, memset(tail(16), 0, 16), 32, 0, kernel, 12);
	Sendto(route, tail_copy(&h, 16), 32, 0, kernel, 12);
	h.nlmsg_len = 16;
	Sendto(route, tail_copy(&h, 16), 32, 0, kernel, 12);
}

static void types_and_flags(void)
{
	static const int types[] = {0,   1,     2,     3,    4,    5,      15,    16,
				    17,  18,    19,    20,   22,   26,     30,    36,
				    100, 0x100, 0x114, 1000, 1300, 0x4000, 0xffff};
	static const int flags[] = {0,     1,     2,     4,     8,     16,     32,    5,
				    0x100, 0x200, 0x300, 0x301, 0x305, 0x400,  0x501, 0x601,
				    0x701, 0x800, 0x900, 0x905, 0xf05, 0x1000, 0xffff};
	static const int flagged[] = {RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK,
				      NLMSG_NOOP,  NLMSG_DONE,  NLMSG_ERROR};
	int fds[] = {route, generic, diag, user, other[0], other[1], other[2], other[3], other[4]};
	struct nlmsghdr h;

	for (size_t f = 0; f < sizeof(fds) / sizeof(*fds); f++) {
		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			h = head(16, types[t], 1);
			transmit(fds[f], &h, 16);
		}
		h = head(16, 20, 0x601);
		transmit(fds[f], &h, 16);
		h.nlmsg_flags = 0x301;
		transmit(fds[f], &h, 16);
	}
	for (size_t t = 0; t < sizeof(flagged) / sizeof(*flagged); t++)
		for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++) {
			h = head(16, flagged[t], flags[f]);
			transmit(route, &h, 16);
		}
	h.nlmsg_pid = h.nlmsg_seq = -1;
	transmit(route, &h, 16);
}

static void answers(void)
{
	static const int errors[] = {0, -EPERM, -9999, 5};
	struct {
		int error;
		struct nlmsghdr h;
		char rest[20];
	} b = {-EPERM, head(20, RTM_GETLINK, 5), "xyz"};

	for (int n = 0; n <= 24; n += n < 4 || n > 16 ? 1 : 4)
		with_body(route, NLMSG_ERROR, 0, &b, n);
	for (int n = 0; n <= 12; n += n < 5 ? 1 : 4)
		with_body(route, NLMSG_DONE, NLM_F_MULTI, &b, n);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		b.error = errors[i];
		with_body(route, NLMSG_ERROR, 0, &b, 20);
		with_body(route, NLMSG_ERROR, NLM_F_CAPPED, &b, 20);
		with_body(route, NLMSG_DONE, 0, &b, 4);
		with_body(route, NLMSG_DONE, 0, &b, 10);
		with_body(user, NLMSG_ERROR, 0, &b, 20);
		with_body(user, NLMSG_DONE, 0, &b, 4);
		with_body(generic, NLMSG_ERROR, 0, &b, 20);
		with_body(other[3], NLMSG_ERROR, 0, &b, 20);
	}
	with_body(route, NLMSG_OVERRUN, 0, &b, 4);
	with_body(route, NLMSG_NOOP, 0, &b, 4);
	with_body(route, 5, 0, &b, 4);
	with_body(user, 99, 1, "hello, this is a body of more than thirty-two bytes", 51);
	with_body(user, 99, 1, "abc", 3);
	with_body(route, 999, 1, "abcd", 4);
	with_body(route, RTM_GETLINK, 1, "", 0);
}

static void links(void)
{
	struct {
		struct ifinfomsg i;
		struct rtattr mtu;
		int value;
		struct rtattr name;
		char text[8];
		struct rtattr unknown;
		int what;
	} m = {{AF_UNSPEC, 0, ARPHRD_ETHER, 1, 0x1043, 0xffffffff},
	       {8, IFLA_MTU},
	       1500,
	       {7, IFLA_IFNAME},
	       "lo",
	       {8, 0x399},
	       5};
	static const int said[] = {3, 100, 4, 6};

	for (int n = 0; n <= (int)sizeof(m); n += n < 20 ? 1 : 4)
		with_body(route, RTM_NEWLINK, 5, &m, n);
	with_body(route, RTM_GETLINK, 0x301, &m, 16);
	with_body(route, RTM_GETLINK, 0x301, &m, 1);
	with_body(route, RTM_DELLINK, 5, &m, 24);
	m.i.ifi_index = 77;
	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		m.mtu.rta_len = said[i];
		with_body(route, RTM_NEWLINK, 5, &m, 32);
	}
}

static void addresses(void)
{
	struct {
		struct ifaddrmsg i;
		struct rtattr address;
		struct in_addr value;
		struct rtattr label;
		char text[4];
		struct rtattr flags;
		int bits;
		struct rtattr cache;
		struct ifa_cacheinfo info;
	} m = {{AF_INET, 8, 0x80, 254, 1},
	       {8, IFA_ADDRESS},
	       {htonl(0x7f000001)},
	       {7, IFA_LABEL},
	       "lo",
	       {8, IFA_FLAGS},
	       0x80,
	       {20, IFA_CACHEINFO},
	       {-1, -1, 5, 6}};

	with_body(route, RTM_NEWADDR, 0x605, &m, sizeof(m));
	with_body(route, RTM_GETADDR, 0x301, &m, 8);
	with_body(route, RTM_GETADDR, 0x301, &m, 1);
	with_body(route, RTM_DELADDR, 5, &m, 16);
	m.i.ifa_family = AF_INET6;
	with_body(route, RTM_NEWADDR, 5, &m, 16);
}

static void routes(void)
{
	struct {
		struct rtmsg i;
		struct rtattr dst;
		struct in_addr value;
		struct rtattr oif;
		int index;
		struct rtattr priority;
		int number;
		struct rtattr metrics;
		struct rtattr mtu;
		int bytes;
	} m = {{AF_INET, 24, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0},
	       {8, RTA_DST},
	       {htonl(0x0a000000)},
	       {8, RTA_OIF},
	       1,
	       {8, RTA_PRIORITY},
	       100,
	       {12, RTA_METRICS},
	       {8, RTAX_MTU},
	       1400};

	with_body(route, RTM_NEWROUTE, 0x605, &m, sizeof(m));
	with_body(route, RTM_GETROUTE, 0x301, &m, 12);
	with_body(route, RTM_GETROUTE, 0x301, &m, 1);
	with_body(route, RTM_DELROUTE, 5, &m, 28);
	m.i = (struct rtmsg){AF_INET, 24, 0, 0, 7, 99, 3, 50, 0x1200};
	with_body(route, RTM_NEWROUTE, 5, &m, 12);
}

static void neighbours_and_rules(void)
{
	struct {
		struct ndmsg i;
		struct rtattr dst;
		struct in_addr value;
		struct rtattr lladdr;
		char address[8];
	} m = {{AF_INET, 0, 0, 1, NUD_REACHABLE, NTF_ROUTER, RTN_UNICAST},
	       {8, NDA_DST},
	       {htonl(0x7f000001)},
	       {10, NDA_LLADDR},
	       "\1\2\3\4\5\6"};
	static const int others[][2] = {{RTM_GETQDISC, 20},
					{RTM_GETNEIGHTBL, 4},
					{RTM_GETNETCONF, 4},
					{RTM_GETMDB, 8},
					{RTM_GETNSID, 4},
					{RTM_GETADDRLABEL, 12},
					{RTM_GETDCB, 4},
					{RTM_GETACTION, 4},
					{RTM_GETSTATS, 12},
					{104, 8},
					{110, 8}};
	char rule[20] = {AF_INET, 24, 0, 0, (char)254, 0, 0, 1}, none[20] = {0};

	with_body(route, RTM_NEWNEIGH, 5, &m, sizeof(m));
	with_body(route, RTM_GETNEIGH, 0x301, &m, 12);
	with_body(route, RTM_GETNEIGH, 0x301, &m, 1);
	with_body(route, RTM_GETRULE, 0x301, rule, 12);
	with_body(route, RTM_GETRULE, 0x301, rule, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		with_body(route, others[i][0], 0x301, none, others[i][1]);
	with_body(route, RTM_GETLINK, 0x301, "\x11", 1);
	with_body(route, RTM_GETLINK, 0x301, "\1\2\3\4\5\6\7\10", 8);
}

static void generic_and_diag(void)
{
	static const char heads[][3] = {
		{AF_UNIX, 0}, {AF_INET, 6}, {AF_NETLINK, (char)255}, {AF_PACKET, 0}, {99, 0}};
	static const int sizes[] = {24, 56, 32, 20, 1, 2};
	struct {
		struct genlmsghdr h;
		struct nlattr name;
		char text[8];
	} m = {{CTRL_CMD_GETFAMILY, 1, 0}, {11, CTRL_ATTR_FAMILY_NAME}, "nlctrl"};
	char q[72];

	with_body(generic, GENL_ID_CTRL, 1, &m, sizeof(m));
	for (int n = 0; n < 5; n++)
		with_body(generic, GENL_ID_CTRL, 1, &m, n);
	m.h = (struct genlmsghdr){99, 1, 9};
	with_body(generic, GENL_ID_CTRL, 1, &m, 4);
	with_body(generic, 50, 1, &m, 8);
	for (size_t h = 0; h < sizeof(heads) / sizeof(*heads); h++)
		for (size_t n = 0; n < sizeof(sizes) / sizeof(*sizes); n++) {
			memset(q, 0, sizeof(q));
			memcpy(q, heads[h], 2);
			q[4] = -1;
			with_body(diag, 20, 0x301, q, sizes[n]);
		}
}

static void other_calls(void)
{
	struct nlmsghdr h = head(16, NLMSG_NOOP, 1), *hp = DUP(h);
	struct iovec v[2] = {{hp, 16}, {hp, 16}}, *iov = DUP(v);
	struct msghdr m = {.msg_name = kernel, .msg_namelen = 12, .msg_iov = iov, .msg_iovlen = 1};
	struct mmsghdr vector = {0};
	int udp = Socket(AF_INET, SOCK_DGRAM, 0);

	Sendmsg(route, DUP(m), 0);
	Sendmsg(-1, DUP(m), 0);
	m.msg_iovlen = 2;
	Sendmsg(route, DUP(m), 0);
	m.msg_name = NULL;
	m.msg_namelen = 0;
	Sendmsg(route, DUP(m), 0);
	/* Not told as messages, which are recorded as far as they can be read: all that is shown,
	 * or none. */
	iov[0].iov_base = memset(tail(2), 0, 2);
	Sendmsg(route, DUP(m), 0);
	iov[0].iov_base = memset(tail(40), 0, 40);
	iov[0].iov_len = 100;
	Sendmsg(route, DUP(m), 0);
	iov[0] = (struct iovec){hp, 16};
	vector.msg_hdr = m;
	Sendmmsg(route, DUP(vector), 1, 0);
	Sendto(route, hp, 16, 0, NULL, 0);
	Sendto(-1, hp, 16, 0, kernel, 12);
	Sendto(udp, hp, 16, 0, kernel, 12);
	Sendto(0, hp, 16, 0, kernel, 12);
}

static void drain(void)
{
	while (Recvfrom(route, room, 8192, MSG_DONTWAIT, NULL, NULL) >= 0)
		;
}

static void received(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = {head(32, RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK), {.ifi_index = 1}};
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} dump = {head(17, RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP), {AF_UNSPEC}};
	struct iovec one[1] = {{room, 8192}}, two[2] = {{room, 20}, {room + 32, 100}};
	struct msghdr m = {
		.msg_name = mem(12), .msg_namelen = 12, .msg_iov = DUP(one), .msg_iovlen = 1};
	struct msghdr *in = DUP(m);
	int *len = mem(4);

	*len = 12;
	drain();
	transmit(route, &q, 32);
	Recvfrom(route, room, 8192, MSG_DONTWAIT, m.msg_name, len);
	Recvfrom(route, room, 8192, MSG_DONTWAIT, m.msg_name, len);
	q.i.ifi_index = 99;
	transmit(route, &q, 32);
	Recvmsg(route, in, MSG_DONTWAIT);
	Recvmsg(route, in, MSG_DONTWAIT);
	transmit(route, &q, 32);
	m.msg_iov = DUP(two);
	m.msg_iovlen = 2;
	Recvmsg(route, DUP(m), MSG_DONTWAIT);
	transmit(route, &q, 32);
	Recvfrom(route, room, 10, MSG_DONTWAIT, NULL, NULL);
	transmit(route, &q, 32);
	Recvfrom(route, room, 18, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL);
	transmit(route, &q, 32);
	Recvfrom(route, NULL, 0, MSG_PEEK | MSG_TRUNC, NULL, NULL);
	Recvfrom(route, room, 0, MSG_PEEK | MSG_TRUNC, NULL, NULL);
	drain();
	transmit(route, &dump, 17);
	drain();
	dump.h.nlmsg_type = RTM_GETLINK;
	transmit(route, &dump, 17);
	drain();
}

int main(void)
{
	static const int protocols[] = {NETLINK_XFRM, NETLINK_NETFILTER, NETLINK_KOBJECT_UEVENT,
					NETLINK_AUDIT, NETLINK_CRYPTO};
	static const struct sockaddr_nl to = {.nl_family = AF_NETLINK};

	arena();
	kernel = DUP(to);
	room = mem(8192);
	route = Socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	generic = Socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	diag = Socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	user = Socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		other[i] = Socket(AF_NETLINK, SOCK_RAW, protocols[i]);
	for (int fd = route; fd <= other[3]; fd++) /* strace cannot find out the protocol before */
		Bind(fd, kernel, 12);
	lengths();
	several();
	pointers();
	types_and_flags();
	answers();
	links();
	addresses();
	routes();
	neighbours_and_rules();
	generic_and_diag();
	other_calls();
	received();
	return 0;
}
