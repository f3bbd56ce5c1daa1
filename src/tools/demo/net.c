/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* rtnetlink by hand: a link, its addresses, and waiting until packets pass. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "error.h"
#include "net.h"
#include "record.h"

/* Chosen, so that nobody has to ask: above the devices that a new namespace may be born with. */
enum { CLIENT_LINK = 64, SERVER_LINK = 65 };

struct message {
	struct nlmsghdr h;
	char room[8192 - sizeof(struct nlmsghdr)]; /* a link takes 1.2 KiB on 6.18 */
};

static struct rtattr *put(struct message *m, u16 type, const void *p, u32 n)
{
	struct rtattr *a = (void *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), p, n);
	m->h.nlmsg_len = NLMSG_ALIGN(m->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

/* What was put since a began lies within it. */
static void nest_end(struct message *m, struct rtattr *a)
{
	a->rta_len = (char *)m + m->h.nlmsg_len - (char *)a;
}

/* fixed: the struct that a request of this type begins with. */
static void begin(struct message *m, u16 type, u16 flags, const void *fixed, u32 n)
{
	memset(m, 0, sizeof(*m));
	m->h = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(n),
				 .nlmsg_type = type,
				 .nlmsg_flags = NLM_F_REQUEST | flags};
	memcpy(NLMSG_DATA(&m->h), fixed, n);
}

/* Sends m; the answer takes its place. 0 or -errno. */
static int talk(int sock, struct message *m)
{
	const struct nlmsgerr *e = NLMSG_DATA(&m->h);
	ssize_t n;

	if (send(sock, m, m->h.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(sock, m, sizeof(*m), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*e)))
		return -EPROTO;
	return m->h.nlmsg_type == NLMSG_ERROR ? e->error : 0;
}

/* The pair: the client's end here, its peer in the server's namespace. (A peer refuses to be born
 * up: the other end is not yet joined to it.) */
static int make_pair(int sock, int server_ns)
{
	struct ifinfomsg end = {.ifi_index = CLIENT_LINK};
	struct rtattr *info, *data, *peer;
	struct message m;

	begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &end, sizeof(end));
	put(&m, IFLA_IFNAME, "client", 7);
	info = put(&m, IFLA_LINKINFO, NULL, 0);
	put(&m, IFLA_INFO_KIND, "veth", 4);
	data = put(&m, IFLA_INFO_DATA, NULL, 0);
	end.ifi_index = SERVER_LINK;
	peer = put(&m, VETH_INFO_PEER, &end, sizeof(end));
	put(&m, IFLA_IFNAME, "server", 7);
	put(&m, IFLA_NET_NS_FD, &server_ns, sizeof(server_ns));
	nest_end(&m, peer);
	nest_end(&m, data);
	nest_end(&m, info);
	return talk(sock, &m);
}

static int set_up(int sock, int link)
{
	struct ifinfomsg up = {.ifi_index = link, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct message m;

	begin(&m, RTM_NEWLINK, NLM_F_ACK, &up, sizeof(up));
	return talk(sock, &m);
}

/* NODAD: an IPv6 address could not be used for a second or two otherwise. */
static int add_address(int sock, int link, int family, const char *text)
{
	struct ifaddrmsg addr = {.ifa_family = family,
				 .ifa_prefixlen = family == AF_INET ? 24 : 64,
				 .ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
				 .ifa_index = link};
	u32 n = family == AF_INET ? 4 : 16;
	struct message m;
	u8 bytes[16];

	inet_pton(family, text, bytes);
	begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &addr, sizeof(addr));
	put(&m, IFA_LOCAL, bytes, n);
	put(&m, IFA_ADDRESS, bytes, n);
	return talk(sock, &m);
}

/* IF_OPER_*, or -errno. */
static int link_state(int sock, int link)
{
	struct ifinfomsg which = {.ifi_index = link};
	const struct rtattr *a;
	struct message m;
	int left, err;
	u32 mask = 1 << 3; /* RTEXT_FILTER_SKIP_STATS */

	begin(&m, RTM_GETLINK, 0, &which, sizeof(which));
	put(&m, IFLA_EXT_MASK, &mask, sizeof(mask));
	err = talk(sock, &m);
	if (err)
		return err;
	a = IFLA_RTA(NLMSG_DATA(&m.h));
	left = IFLA_PAYLOAD(&m.h);
	for (; left <= (int)sizeof(m.room) && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_OPERSTATE)
			return *(u8 *)RTA_DATA(a);
	return IF_OPER_UNKNOWN;
}

/* The kernel notices the carrier a moment later, and drops what is sent until then. */
static int wait_up(int sock, int link)
{
	struct timespec nap = {0, 1000000};
	int state;

	for (int i = 0; i < 1000; i++) {
		state = link_state(sock, link);
		if (state < 0 || state == IF_OPER_UP)
			return state < 0 ? state : 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

/* Enters a new namespace; a socket keeps that of its making, wherever its owner goes. */
static int enter_new(int *sock)
{
	if (unshare(CLONE_NEWNET))
		return fail("cannot make a network namespace: %s%s", strerror(errno),
			    errno == EPERM ? ", only root can" : "");
	*sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return *sock < 0 ? fail("cannot open a netlink socket: %s", strerror(errno)) : 0;
}

static int join(struct demo_net *net, int server, int client)
{
	int err = make_pair(client, net->server);

	if (err)
		return fail("cannot make a veth pair: %s", strerror(-err));
	if ((err = set_up(client, CLIENT_LINK)) || (err = set_up(server, SERVER_LINK)) ||
	    (err = wait_up(client, CLIENT_LINK)) || (err = wait_up(server, SERVER_LINK)))
		return fail("the veth pair does not come up: %s", strerror(-err));
	if ((err = add_address(client, CLIENT_LINK, AF_INET, CLIENT_IP4)) ||
	    (err = add_address(server, SERVER_LINK, AF_INET, SERVER_IP4)))
		return fail("cannot give the veth pair addresses: %s", strerror(-err));
	if ((err = add_address(client, CLIENT_LINK, AF_INET6, CLIENT_IP6)) ||
	    (err = add_address(server, SERVER_LINK, AF_INET6, SERVER_IP6)))
		note("IPv6 is left out, this machine gives no address: %s", strerror(-err));
	net->six = !err;
	return 0;
}

int net_make(struct demo_net *net)
{
	int server = -1, client = -1, err;

	err = enter_new(&server);
	if (!err) {
		net->server = open("/proc/self/ns/net", O_RDONLY);
		if (net->server < 0)
			err = fail("cannot open /proc/self/ns/net: %s", strerror(errno));
	}
	if (!err)
		err = enter_new(&client);
	if (!err)
		err = join(net, server, client);
	close(server);
	close(client);
	return err;
}
