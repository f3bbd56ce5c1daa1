/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* sendmmsg and recvmmsg: vectors, lengths, partial success, timeouts, pointers that lie. */
#include "probe.h"
#include <time.h>

#define MOST 40

static char *data;
static size_t base;
static int a, b;

/* n messages of len bytes each to send, or with room for len bytes each to receive. */
static struct mmsghdr *outgoing(int n, int len)
{
	struct mmsghdr m[MOST] = {0};

	for (int i = 0; i < n; i++) {
		struct iovec v = {data + i, len};

		m[i].msg_hdr.msg_iov = DUP(v);
		m[i].msg_hdr.msg_iovlen = 1;
	}
	return copy(m, n * sizeof(*m));
}

static struct mmsghdr *incoming(int n, int len)
{
	struct mmsghdr m[MOST] = {0};

	for (int i = 0; i < n; i++) {
		struct iovec v = {mem(64), len};

		m[i].msg_hdr.msg_iov = DUP(v);
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = mem(128);
		m[i].msg_hdr.msg_namelen = 100 + i;
		m[i].msg_len = 77;
	}
	return copy(m, n * sizeof(*m));
}

static void drain(void)
{
	char *room = mem(300);

	while (recv(b, room, 300, MSG_DONTWAIT) >= 0)
		;
	arena_used = base;
}

static void send_vectors(void)
{
	static const int counts[][2] = {{1, 1}, {3, 3}, {3, 2}, {3, 0}, {2, 1}};
	static const int many[] = {40, 33, 32, 31};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		Sendmmsg(a, outgoing(counts[i][0], 5), counts[i][1], MSG_DONTWAIT);
		Sendmmsg(-1, outgoing(counts[i][0], 5), counts[i][1], MSG_NOSIGNAL);
	}
	Sendmmsg(a, NULL, 0, 0);
	Sendmmsg(a, NULL, 1, 0);
	Sendmmsg(a, BAD, 0, 0);
	Sendmmsg(a, BAD, 2, 0);
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
		Sendmmsg(-1, outgoing(MOST, 1), many[i], 0);
	Sendmmsg(-1, outgoing(1, 5), -1, 0);
	Sendmmsg(-1, tail_copy(outgoing(1, 5), 64), 2, 0);
	Sendmmsg(-1, tail_copy(outgoing(2, 5), 96), 2, 0);
	Sendmmsg(a, tail_copy(outgoing(1, 5), 64), 2, 0);
	Sendmmsg(-1, tail(56), 1, 0);
	drain();
}

/* Some are sent, then comes a bad one, or the receiver's room ends. */
static void send_partly(void)
{
	struct mmsghdr *m = outgoing(4, 5);

	m[2].msg_hdr.msg_iov = BAD;
	Sendmmsg(a, m, 4, 0);
	m = outgoing(3, 5);
	m[1].msg_hdr.msg_iov->iov_base = BAD;
	Sendmmsg(a, m, 3, 0);
	m = outgoing(2, 5);
	m[0].msg_hdr.msg_iov = BAD;
	Sendmmsg(a, m, 2, 0);
	m = outgoing(2, 5);
	m[0].msg_len = 99;
	m[1].msg_len = 98;
	Sendmmsg(-1, m, 2, 0);
	Sendmmsg(a, m, 2, 0);
	drain();
	for (int i = 0; i < 12; i++)
		if (Sendmmsg(a, outgoing(5, 5), 5, MSG_DONTWAIT) < 5)
			break;
	drain();
}

/* n messages wait; up to count are received. */
static void receive(int waiting, int fd, int count, int flags, const struct timespec *timeout)
{
	struct mmsghdr *m = incoming(count < MOST ? count : MOST, 64);

	for (int i = 0; i < waiting; i++)
		Sendto(a, data, 5 + i, 0, NULL, 0);
	Recvmmsg(fd, m, count, flags, timeout);
	arena_used = base;
}

static void receive_vectors(void)
{
	receive(1, b, 1, 0, NULL);
	receive(3, b, 3, 0, NULL);
	receive(2, b, 3, MSG_DONTWAIT, NULL);
	receive(2, b, 3, MSG_WAITFORONE, NULL);
	receive(3, b, 2, 0, NULL);
	receive(0, b, 2, MSG_DONTWAIT, NULL);
	receive(0, b, 2, MSG_DONTWAIT, NULL);
	receive(0, b, 0, MSG_DONTWAIT, NULL);
	receive(10, b, MOST, MSG_DONTWAIT, NULL);
	receive(0, -1, 2, 0, NULL);
	receive(0, -1, 0, 0, NULL);
	drain();
}

/* The one that arrives late keeps the rest of the time from being nothing. */
static void timeouts(void)
{
	static const struct timespec values[] = {
		{1, 500000000}, {0, 0}, {-1, 0}, {0, 1000000000}, {0, 20000000}};
	struct timespec *t = mem(sizeof(*t));

	base = arena_used;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		*t = values[i];
		receive(1, b, 1, 0, t);
		*t = values[i];
		receive(0, b, 2, MSG_DONTWAIT, t);
		*t = values[i];
		receive(0, -1, 2, 0, t);
	}
	receive(1, b, 1, 0, BAD);
	receive(1, b, 1, 0, tail(8));
	receive(0, -1, 2, 0, BAD);
	/* The timeout is there whatever the messages are, and none of an earlier call. */
	for (int i = 0; i < 3; i++) {
		*t = (struct timespec){i, 7 + i};
		Recvmmsg(b, i ? BAD : NULL, 1, MSG_DONTWAIT, t);
		Recvmmsg(b, i ? NULL : BAD, 1, MSG_DONTWAIT, BAD);
	}
	drain();
}

static void receive_pointers(void)
{
	struct mmsghdr *m;

	Recvmmsg(b, NULL, 0, MSG_DONTWAIT, NULL);
	Recvmmsg(b, NULL, 1, MSG_DONTWAIT, NULL);
	Recvmmsg(b, BAD, 1, MSG_DONTWAIT, NULL);
	Recvmmsg(b, BAD, 0, MSG_DONTWAIT, NULL);
	Sendto(a, data, 5, 0, NULL, 0);
	Recvmmsg(b, BAD, 1, MSG_DONTWAIT, NULL);
	Recvmmsg(-1, NULL, -1, -1L, NULL);
	drain();
	Sendto(a, data, 5, 0, NULL, 0);
	Sendto(a, data, 6, 0, NULL, 0);
	m = tail_copy(incoming(1, 64), 64);
	Recvmmsg(b, m, 2, MSG_DONTWAIT, NULL);
	drain();
	Sendto(a, data, 5, 0, NULL, 0);
	m = incoming(1, 3);
	Recvmmsg(b, m, 1, 0, NULL);
	Sendto(a, data, 5, 0, NULL, 0);
	m = incoming(1, 3);
	Recvmmsg(b, m, 1, MSG_TRUNC, NULL);
	drain();
}

static void names_and_control(void)
{
	struct sockaddr_in *to = ip4("127.0.0.1", 7001), *me = ip4("127.0.0.1", 7002);
	int server = Socket(AF_INET, SOCK_DGRAM, 0), client = Socket(AF_INET, SOCK_DGRAM, 0);
	struct mmsghdr *m;
	int *on = mem(4);

	*on = 1;
	Bind(server, to, 16);
	Bind(client, me, 16);
	Setsockopt(server, SOL_IP, IP_RECVTTL, on, 4);
	m = outgoing(3, 5);
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_name = to;
		m[i].msg_hdr.msg_namelen = 16;
	}
	Sendmmsg(client, m, 3, 0);
	m = incoming(3, 64);
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_namelen = 16 + i;
		m[i].msg_hdr.msg_control = mem(64);
		m[i].msg_hdr.msg_controllen = 64 - i * 24;
	}
	Recvmmsg(server, m, 3, 0, NULL);
}

int main(void)
{
	static const char text[] = "hello, world: this is a payload longer than thirty-two bytes";
	int *sv;

	arena();
	data = DUP(text);
	sv = mem(8);
	Socketpair(AF_UNIX, SOCK_DGRAM, 0, sv);
	a = sv[0];
	b = sv[1];
	base = arena_used;
	send_vectors();
	send_partly();
	receive_vectors();
	timeouts();
	receive_pointers();
	names_and_control();
	return 0;
}
