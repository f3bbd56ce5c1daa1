/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Socket addresses that the kernel hands back, with their value-result lengths: accept, accept4,
 * getsockname, getpeername, recvfrom. */
#include "probe.h"

static char *name;
static struct sockaddr_in *here, *there;

#define LEN(n) len_at_end(n)

static void names_of(long fd)
{
	static const int lengths[] = {128, 110, 28, 24, 20, 16, 13, 12, 10,
				      8,   7,   4,  3,  2,  1,  0,  -1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		Getsockname(fd, name, LEN(lengths[i]));
	Getpeername(fd, name, LEN(128));
	Getpeername(fd, name, LEN(16));
	Getpeername(fd, name, LEN(4));
}

static void pointers(long fd)
{
	Getsockname(fd, name, LEN(0x7fffffff));
	Getsockname(fd, NULL, NULL);
	Getsockname(fd, NULL, LEN(16));
	Getsockname(fd, NULL, LEN(0));
	Getsockname(fd, name, NULL);
	Getsockname(fd, name, BAD);
	Getsockname(fd, BAD, LEN(16));
	Getsockname(fd, BAD, LEN(0));
	Getsockname(-1, name, LEN(16));
	Getsockname(-1, name, LEN(-1));
	Getsockname(-1, NULL, NULL);
	Getsockname(-1, name, BAD);
	Getsockname(-1, name, NULL);
	Getsockname(-1, BAD, LEN(16));
	Getsockname(0, name, LEN(16));
}

static long accept_somehow(int how, long server)
{
	switch (how) {
	case 0: return Accept(server, name, LEN(16));
	case 1: return Accept(server, NULL, NULL);
	case 2: return Accept(server, NULL, LEN(16));
	case 3: return Accept4(server, name, LEN(16), SOCK_CLOEXEC);
	case 4: return Accept4(server, name, LEN(10), SOCK_CLOEXEC | SOCK_NONBLOCK);
	case 5: return Accept4(server, NULL, NULL, 0);
	case 6: return Accept4(server, name, LEN(0), SOCK_NONBLOCK);
	case 7: return Accept(server, BAD, LEN(0));
	case 8: return Accept(server, name, LEN(2));
	}
	return Accept(server, name, LEN(128));
}

static void accepts(long server)
{
	for (int how = 0; how < 10; how++) {
		long client = Socket(AF_INET, SOCK_STREAM, 0), peer;

		Bind(client, ip4("127.0.0.1", 7010 + how), 16);
		Connect(client, here, 16);
		peer = accept_somehow(how, server);
		names_of(client);
		close(client);
		close(peer);
	}
	Accept4(server, name, LEN(16), 0xff0000ff);
	Accept4(server, name, LEN(16), 1);
	Accept4(-1, NULL, NULL, SOCK_CLOEXEC);
	Accept(-1, name, LEN(16));
	Accept(-1, NULL, NULL);
	Accept(-1, name, NULL);
	Accept(-1, NULL, LEN(3));
	Accept(-1, name, BAD);
	Accept(0, BAD, LEN(16));
	Accept(-1, name, LEN(-1));
	fcntl(server, F_SETFL, O_NONBLOCK);
	Accept(server, name, LEN(16));
	Accept4(server, name, LEN(128), 0);
	Accept(server, name, LEN(-1));
	Accept(server, name, NULL);
}

static void unix_names(void)
{
	long server = Socket(AF_UNIX, SOCK_STREAM, 0), client, peer, bound;
	struct sockaddr_un *u = mem(sizeof(*u));

	names_of(server);
	u->sun_family = AF_UNIX;
	memcpy(u->sun_path, "\0weir-probe", 11);
	Bind(server, u, 13);
	Listen(server, 5);
	names_of(server);
	client = Socket(AF_UNIX, SOCK_STREAM, 0);
	Connect(client, u, 13);
	peer = Accept(server, name, LEN(110));
	names_of(client);
	names_of(peer);
	close(client);
	client = Socket(AF_UNIX, SOCK_STREAM, 0);
	Connect(client, u, 13);
	Accept(server, name, LEN(0));
	bound = Socket(AF_UNIX, SOCK_DGRAM, 0);
	strcpy(u->sun_path, "weir-probe.socket");
	unlink(u->sun_path);
	Bind(bound, u, sizeof(*u));
	unlink(u->sun_path);
	names_of(bound);
}

static void other_names(void)
{
	names_of(Socket(AF_INET6, SOCK_DGRAM, 0));
	names_of(Socket(AF_NETLINK, SOCK_RAW, 0));
	names_of(Socket(AF_PACKET, SOCK_RAW, htons(3)));
	names_of(Socket(AF_VSOCK, SOCK_STREAM, 0));
}

static long from, to;
static char *in, *out;

static void receive(void *buffer, size_t n, int flags, void *address, void *len)
{
	Sendto(from, out, 5, 0, here, 16);
	Recvfrom(to, buffer, n, flags, address, len);
}

static void datagrams(void)
{
	static const int lengths[] = {128, 16, 8, 2, 1, 0, -1};

	from = Socket(AF_INET, SOCK_DGRAM, 0);
	to = Socket(AF_INET, SOCK_DGRAM, 0);
	Bind(to, here, 16);
	Bind(from, there, 16);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		receive(in, 64, 0, name, LEN(lengths[i]));
	receive(in, 64, 0, NULL, NULL);
	receive(in, 64, 0, NULL, LEN(16));
	receive(in, 3, 0, name, LEN(16));
	receive(in, 3, MSG_TRUNC, name, LEN(16));
	receive(in, 0, 0, name, LEN(16));
	receive(in, 0, MSG_TRUNC, NULL, NULL);
	receive(NULL, 0, 0, NULL, NULL);
	receive(in, 64, 0, BAD, LEN(16));
	receive(in, 64, 0, BAD, LEN(0));
	receive(in, 64, 0, name, BAD);
	receive(in, 64, 0, name, NULL);
	receive(BAD, 64, 0, name, LEN(16));
	receive(in, 64, MSG_PEEK, name, LEN(16));
	while (Recvfrom(to, in, 64, MSG_DONTWAIT, name, LEN(16)) >= 0)
		;
	Recvfrom(to, in, 64, MSG_DONTWAIT, name, NULL);
	Recvfrom(to, in, 64, MSG_DONTWAIT, NULL, NULL);
	Recvfrom(to, in, 64, MSG_DONTWAIT, BAD, LEN(16));
	Recvfrom(to, NULL, 64, MSG_DONTWAIT, NULL, NULL);
	Recvfrom(to, in, 64, MSG_DONTWAIT, name, BAD);
	Recvfrom(to, in, -1, MSG_DONTWAIT, NULL, LEN(9));
}

static void destinations(void)
{
	Sendto(from, out, 5, 0, NULL, 0);
	Sendto(from, out, 5, 0, NULL, 16);
	Sendto(from, out, 5, 0, here, 0);
	Sendto(from, out, 5, 0, BAD, 16);
	Sendto(from, out, 5, 0, here, 8);
	Sendto(from, out, 5, 0, here, -1);
	Sendto(-1, NULL, 5, 0, here, 16);
	Sendto(-1, BAD, 5, 0, here, 16);
	Sendto(-1, out, 0, 0, here, 20);
	Sendto(-1, NULL, 0, 0, NULL, 0);
	Sendto(-1, BAD, 0, 0, NULL, 0);
	Sendto(-1, out, -1, 0, NULL, 0);
}

/* A stream has no sender's address; a datagram of an unnamed socket has an empty one. */
static void without_address(int type)
{
	int *sv = mem(8);

	Socketpair(AF_UNIX, type, 0, sv);
	memset(name, 7, 128);
	Sendto(sv[0], out, 5, 0, NULL, 0);
	Recvfrom(sv[1], in, 64, 0, name, LEN(16));
	Sendto(sv[0], out, 5, 0, NULL, 0);
	Recvfrom(sv[1], in, 64, 0, name, LEN(0));
	close(sv[0]);
	Recvfrom(sv[1], in, 64, MSG_DONTWAIT, name, LEN(110));
	Recvfrom(sv[1], in, 64, MSG_DONTWAIT, NULL, NULL);
}

int main(void)
{
	long server;
	int *on;

	arena();
	name = mem(256);
	in = mem(64);
	out = copy("hello", 5);
	here = ip4("127.0.0.1", 7001);
	there = ip4("127.0.0.1", 7002);
	on = mem(4);
	*on = 1;
	server = Socket(AF_INET, SOCK_STREAM, 0);
	Setsockopt(server, SOL_SOCKET, SO_REUSEADDR, on, 4);
	Bind(server, here, 16);
	Listen(server, 5);
	names_of(server);
	pointers(server);
	accepts(server);
	unix_names();
	other_names();
	datagrams();
	destinations();
	without_address(SOCK_STREAM);
	without_address(SOCK_DGRAM);
	return 0;
}
