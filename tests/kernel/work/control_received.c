/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Control messages from the kernel: descriptors, credentials, timestamps, IP and IPv6 ancillary
 * data, the error queue, truncation. */
#include "probe.h"
#include <linux/errqueue.h>
#include <linux/if_packet.h>

static char *in, *name, *control, *data;
static size_t base;

/* struct cmsghdr and its data. */
struct cmsg {
	size_t len;
	int level, type;
	char data[16];
};

static void receive(int fd, size_t namelen, size_t controllen, int flags)
{
	struct iovec v = {in, 64}, *iov = DUP(v);
	struct msghdr m = {.msg_name = namelen ? name : NULL,
			   .msg_namelen = namelen,
			   .msg_iov = iov,
			   .msg_iovlen = 1,
			   .msg_control = controllen ? control : NULL,
			   .msg_controllen = controllen};
	struct msghdr *out = DUP(m);

	memset(control, 0xaa, 512);
	Recvmsg(fd, out, flags);
	arena_used = base;
}

static void transmit(int fd, void *to, int tolen, const struct cmsg *c)
{
	struct iovec v = {data, 5}, *iov = DUP(v);
	struct msghdr m = {.msg_name = to, .msg_namelen = tolen, .msg_iov = iov, .msg_iovlen = 1};
	struct msghdr *out;

	if (c) {
		m.msg_control = DUP(*c);
		m.msg_controllen = c->len;
	}
	out = DUP(m);
	Sendmsg(fd, out, 0);
	arena_used = base;
}

static void set(int fd, int level, int option, int value)
{
	int *p = DUP(value);

	Setsockopt(fd, level, option, p, 4);
	arena_used = base;
}

static struct cmsg message(int level, int type, const void *value, size_t n)
{
	struct cmsg c = {CMSG_LEN(n), level, type, ""};

	memcpy(c.data, value, n);
	return c;
}

static void descriptors(int a, int b)
{
	int fds[3] = {0, 0, 0}, none = 99;
	struct cmsg c = message(SOL_SOCKET, SCM_RIGHTS, fds, 12);

	for (int room = 64; room >= 0; room -= 8) {
		transmit(a, NULL, 0, &c);
		receive(b, 0, room, 0);
	}
	transmit(a, NULL, 0, &c);
	receive(b, 0, 64, MSG_CMSG_CLOEXEC);
	transmit(a, NULL, 0, &c);
	receive(b, 0, 64, MSG_PEEK);
	receive(b, 0, 64, 0);
	c = message(SOL_SOCKET, SCM_RIGHTS, &none, 4);
	transmit(a, NULL, 0, &c);
}

static void credentials(int a, int b)
{
	static const int room[] = {64, 32, 20, 16, 0};
	int fds[2] = {0, 0};
	struct cmsg c = message(SOL_SOCKET, SCM_RIGHTS, fds, 8);

	set(b, SOL_SOCKET, SO_PASSCRED, 1);
	for (size_t i = 0; i < sizeof(room) / sizeof(*room); i++) {
		transmit(a, NULL, 0, NULL);
		receive(b, 0, room[i], 0);
	}
	transmit(a, NULL, 0, &c);
	receive(b, 0, 128, 0);
	transmit(a, NULL, 0, &c);
	receive(b, 0, 50, 0);
	set(b, SOL_SOCKET, 76 /* SO_PASSPIDFD */, 1);
	transmit(a, NULL, 0, NULL);
	receive(b, 0, 128, 0);
}

static void ip(void)
{
	static const int options[] = {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_ORIGDSTADDR,
				      IP_RECVOPTS};
	static const int room[] = {512, 60, 40, 16};
	struct sockaddr_in *to = ip4("127.0.0.1", 7001), *me = ip4("127.0.0.1", 7002);
	struct in_pktinfo info = {1, {htonl(0x7f000002)}, {0}};
	int server = Socket(AF_INET, SOCK_DGRAM, 0), client = Socket(AF_INET, SOCK_DGRAM, 0);
	int ttl = 7, tos = 0x10;
	short segment = 3;
	struct cmsg sent[] = {message(SOL_IP, IP_TTL, &ttl, 4), message(SOL_IP, IP_TOS, &tos, 4),
			      message(SOL_IP, IP_PKTINFO, &info, 12),
			      message(17, 103, &segment, 2)};

	base = arena_used;
	Bind(server, to, 16);
	Bind(client, me, 16);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		set(server, SOL_IP, options[i], 1);
	for (size_t i = 0; i < sizeof(room) / sizeof(*room); i++) {
		transmit(client, to, 16, NULL);
		receive(server, 16, room[i], 0);
	}
	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		transmit(client, to, 16, sent + i);
		receive(server, 16, 512, 0);
	}
}

static void ipv6(void)
{
	struct sockaddr_in6 *to = ip6("::1", 7001), *me = ip6("::1", 7002);
	int server = Socket(AF_INET6, SOCK_DGRAM, 0), client = Socket(AF_INET6, SOCK_DGRAM, 0);

	base = arena_used;
	Bind(server, to, 28);
	Bind(client, me, 28);
	set(server, SOL_IPV6, IPV6_RECVPKTINFO, 1);
	set(server, SOL_IPV6, IPV6_RECVHOPLIMIT, 1);
	set(server, SOL_IPV6, IPV6_RECVTCLASS, 1);
	transmit(client, to, 28, NULL);
	receive(server, 28, 512, 0);
}

/* Nobody listens at port 9: the answer comes back into the error queue. */
static void error_queue(void)
{
	int fd = Socket(AF_INET, SOCK_DGRAM, 0), fd6 = Socket(AF_INET6, SOCK_DGRAM, 0);

	set(fd, SOL_IP, IP_RECVERR, 1);
	Connect(fd, ip4("127.0.0.1", 9), 16);
	transmit(fd, NULL, 0, NULL);
	receive(fd, 128, 512, MSG_ERRQUEUE);
	receive(fd, 128, 512, MSG_ERRQUEUE);
	transmit(fd, NULL, 0, NULL);
	transmit(fd, NULL, 0, NULL);
	receive(fd, 128, 0, MSG_ERRQUEUE);
	receive(fd, 128, 512, MSG_DONTWAIT);
	set(fd6, SOL_IPV6, IPV6_RECVERR, 1);
	Connect(fd6, ip6("::1", 9), 28);
	transmit(fd6, NULL, 0, NULL);
	receive(fd6, 128, 512, MSG_ERRQUEUE);
}

static void times_and_packets(void)
{
	static const int options[][2] = {{29, 1}, {35, 1}, {37, 0x58}, {63, 1}}; /* SO_TIMESTAMP* */
	struct sockaddr_in *to = ip4("127.0.0.1", 7003);
	int server = Socket(AF_INET, SOCK_DGRAM, 0), client = Socket(AF_INET, SOCK_DGRAM, 0),
	    packet;

	base = arena_used;
	Bind(server, to, 16);
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		set(server, SOL_SOCKET, options[i][0], options[i][1]);
		transmit(client, to, 16, NULL);
		receive(server, 16, 512, 0);
	}
	packet = Socket(AF_PACKET, SOCK_RAW, htons(3));
	set(packet, SOL_PACKET, PACKET_AUXDATA, 1);
	transmit(client, to, 16, NULL);
	receive(packet, 128, 512, 0);
}

int main(void)
{
	int *sv;

	arena();
	data = copy("hello", 6);
	in = mem(64);
	name = mem(128);
	control = mem(512);
	sv = mem(8);
	base = arena_used;
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	descriptors(sv[0], sv[1]);
	credentials(sv[0], sv[1]);
	ip();
	ipv6();
	error_queue();
	times_and_packets();
	return 0;
}
