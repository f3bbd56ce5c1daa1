/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* sendmsg and recvmsg: the header, names, vectors, flags, pointers that lie. Control messages are
 * in control.c. */
#include "probe.h"

static struct msghdr *hdr(void *name, unsigned namelen, struct iovec *iov, size_t iovlen,
			  void *control, size_t controllen, int flags)
{
	struct msghdr m = {name, namelen, iov, iovlen, control, controllen, flags};

	return DUP(m);
}

#define IOV(...) DUP(((struct iovec[]){__VA_ARGS__}))
#define ONE(n)   IOV({data, n})
#define ROOM(n)  IOV({in, n})

static char *data, *in, *name, *control;
static struct sockaddr_in *to;
static size_t base;
static long sender, receiver;

static void headers(void)
{
	struct iovec *one = ONE(5), *two = IOV({data, 5}, {data, 60});
	struct msghdr *m;

	Sendmsg(-1, NULL, 0);
	Sendmsg(-1, BAD, 0);
	Sendmsg(-1, tail(8), 0);
	Sendmsg(-1, tail(40), 0);
	Sendmsg(-1, tail(55), 0);
	Sendmsg(-1, hdr(NULL, 0, NULL, 0, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, one, 0, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, one, 1, NULL, 0, 0), MSG_DONTWAIT);
	Sendmsg(-1, hdr(NULL, 0, two, 2, NULL, 0, MSG_OOB | MSG_DONTWAIT), 0);
	Sendmsg(-1, hdr(NULL, 0, two, 2, NULL, 0, -1), 0);
	Sendmsg(-1, hdr(NULL, 5, NULL, 2, NULL, 7, 0), 0);
	Sendmsg(-1, hdr(to, 16, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(to, 0, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(to, 8, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(to, 1, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(to, -1, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(to, 200, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(BAD, 16, one, 1, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(BAD, 0, BAD, 1, BAD, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, BAD, 2, BAD, 20, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, BAD, 0, NULL, 20, 0), 0);
	m = memset(tail(56), 0, 56);
	m->msg_iov = one;
	m->msg_iovlen = 1;
	Sendmsg(-1, m, MSG_NOSIGNAL);
}

static void vectors(void)
{
	struct iovec *odd = IOV({NULL, 0}, {NULL, 5}, {BAD, 0}, {BAD, 5}), many[40], *all;

	Sendmsg(-1, hdr(NULL, 0, odd, 4, NULL, 0, 0), 0);
	memcpy(tail(16), ONE(5), 16);
	Sendmsg(-1, hdr(NULL, 0, tail(16), 2, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, tail(8), 2, NULL, 0, 0), 0);
	for (int i = 0; i < 40; i++)
		many[i] = (struct iovec){data + i, 1};
	all = DUP(many);
	Sendmsg(-1, hdr(NULL, 0, all, 32, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, all, 33, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, all, 40, NULL, 0, 0), 0);
	/* More than the kernel allows; strace looks at the first 32. */
	Sendmsg(-1, hdr(NULL, 0, all, 5000, NULL, 0, 0), 0);
	Sendmsg(-1, hdr(NULL, 0, all, -1, NULL, 0, 0), 0);
}

static void failing_receives(void)
{
	Recvmsg(-1, NULL, 0);
	Recvmsg(-1, BAD, 0);
	Recvmsg(-1, hdr(NULL, 0, NULL, 0, NULL, 0, 0), 0);
	Recvmsg(-1, hdr(to, 16, ONE(5), 1, data, 64, 0), 0);
	Recvmsg(-1, hdr(to, 16, IOV({data, 5}, {data, 60}), 2, NULL, 0, 0), MSG_PEEK);
	Recvmsg(-1, hdr(NULL, 12, ONE(5), 1, NULL, 0, 0), 0);
	Recvmsg(-1, tail(40), 0);
}

/* One message there, and received. */
static void pass(struct msghdr *out, struct msghdr *back, int flags)
{
	Sendmsg(sender, out, 0);
	Recvmsg(receiver, back, flags);
	arena_used = base;
}

#define OUT(n)        hdr(to, 16, ONE(n), 1, NULL, 0, 0)
#define BACK(n, room) hdr(name, n, ROOM(room), 1, NULL, 0, 0)

static void names(void)
{
	pass(hdr(NULL, 0, ONE(5), 1, NULL, 0, 0), hdr(NULL, 0, ROOM(64), 1, NULL, 0, 0), 0);
	pass(OUT(5), BACK(128, 64), 0);
	pass(OUT(5), hdr(name, 16, ROOM(64), 1, control, 64, 0), 0);
	pass(OUT(5), BACK(8, 64), 0);
	pass(OUT(5), BACK(2, 64), 0);
	pass(OUT(5), BACK(1, 64), 0);
	pass(OUT(5), BACK(0, 64), 0);
	pass(OUT(5), BACK(-1, 64), 0);
	pass(OUT(5), BACK(200, 64), 0);
	pass(OUT(5), hdr(NULL, 16, ROOM(64), 1, NULL, 0, 0), 0);
	pass(OUT(5), hdr(BAD, 16, ROOM(64), 1, NULL, 0, 0), 0);
	while (Recvfrom(receiver, in, 256, MSG_DONTWAIT, NULL, NULL) >= 0)
		;
}

static void sizes(void)
{
	pass(OUT(40), BACK(16, 10), 0);
	pass(OUT(40), BACK(16, 10), MSG_TRUNC);
	pass(OUT(60),
	     hdr(name, 16,
		 IOV({in, 3}, {in + 16, 0}, {in + 32, 35}, {NULL, 0}, {in + 96, 100},
		     {in + 200, 5}),
		 6, NULL, 0, 0x7fff),
	     0);
	pass(OUT(60), hdr(name, 16, IOV({in, 3}, {in + 32, 10}), 2, NULL, 0, 0), MSG_TRUNC);
	pass(OUT(5), hdr(name, 16, NULL, 0, NULL, 0, 0), 0);
	pass(OUT(5), hdr(name, 16, ROOM(5), 0, NULL, 0, 0), 0);
	pass(hdr(to, 16, NULL, 0, NULL, 0, 0), BACK(16, 64), 0);
	pass(OUT(0), BACK(16, 64), 0);
	pass(OUT(5), hdr(name, 16, ROOM(64), 1, BAD, 0, 0), 0);
	pass(OUT(5), hdr(name, 16, ROOM(64), 1, NULL, 32, 0), 0);
	pass(hdr(NULL, 0, IOV({data, 3}, {data, 2}), 2, NULL, 0, 0), BACK(16, 64), MSG_DONTWAIT);
	Recvmsg(receiver, BACK(16, 64), MSG_DONTWAIT);
	Recvmsg(receiver, hdr(name, 28, ROOM(64), 1, control, 64, MSG_EOR),
		MSG_DONTWAIT | MSG_ERRQUEUE);
	Sendmsg(sender, hdr(NULL, 0, ONE(5), 1025, NULL, 0, 0), 0);
	Sendmsg(sender, hdr(NULL, 0, IOV({BAD, 5}), 1, NULL, 0, 0), 0);
	Sendmsg(sender, BAD, 0);
	Sendmsg(sender, NULL, 0);
	Recvmsg(receiver, NULL, 0);
	Recvmsg(receiver, hdr(NULL, 0, BAD, 1, NULL, 0, 0), 0);
	arena_used = base;
}

static void unix_sockets(void)
{
	int *sv = mem(8);

	base = arena_used;
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	sender = sv[0];
	receiver = sv[1];
	pass(hdr(NULL, 0, ONE(5), 1, NULL, 0, 0), hdr(name, 110, ROOM(64), 1, control, 64, 0), 0);
	Socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv);
	sender = sv[0];
	receiver = sv[1];
	pass(hdr(NULL, 0, ONE(5), 1, NULL, 0, 0), hdr(name, 110, ROOM(64), 1, control, 64, 0), 0);
	pass(hdr(NULL, 0, ONE(5), 1, NULL, 0, MSG_EOR), hdr(NULL, 0, ROOM(64), 1, NULL, 0, 0), 0);
	close(sender);
	Recvmsg(receiver, hdr(name, 110, ROOM(64), 1, NULL, 0, 0), 0);
}

int main(void)
{
	static const char text[] = "hello, world: this is a payload longer than thirty-two bytes";

	arena();
	data = DUP(text);
	to = ip4("127.0.0.1", 7001);
	in = mem(256);
	name = mem(128);
	control = mem(128);
	base = arena_used;
	headers();
	arena_used = base;
	vectors();
	arena_used = base;
	failing_receives();
	arena_used = base;
	sender = Socket(AF_INET, SOCK_DGRAM, 0);
	receiver = Socket(AF_INET, SOCK_DGRAM, 0);
	Bind(receiver, to, 16);
	Bind(sender, ip4("127.0.0.1", 7002), 16);
	Connect(sender, to, 16);
	base = arena_used;
	names();
	sizes();
	unix_sockets();
	return 0;
}
