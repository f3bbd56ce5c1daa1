/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Datagrams between sockets that are connected and that are not, by all calls, also several by one
 * (UDP_SEGMENT, UDP_GRO). Tells what it did, a line for each socket and peer: both ends, and
 * datagrams and bytes each way; of the socket that takes several at once how often it read; then
 * waits for the end of its standard input. With a number: so many sockets, one after the other,
 * each with one query and one answer.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A, B, C, FREE, MAPPED, JOINED, PARTS, WHOLE, SOCKETS };

static struct {
	int fd, family, port;
} socks[SOCKETS];
static struct {
	unsigned sent, tx, received, rx;
} did[SOCKETS][SOCKETS][2]; /* by socket, peer, and whether over IPv6 */
static char bytes[4000];
static unsigned reads; /* of WHOLE */

static void made(int i, int family, const char *address)
{
	struct sockaddr_storage at = {.ss_family = family};
	struct sockaddr_in *at4 = (void *)&at;
	struct sockaddr_in6 *at6 = (void *)&at;
	socklen_t len = family == AF_INET ? sizeof(*at4) : sizeof(*at6);
	struct timeval most = {.tv_sec = 20};

	inet_pton(family, address, family == AF_INET ? (void *)&at4->sin_addr : &at6->sin6_addr);
	socks[i].family = family;
	socks[i].fd = socket(family, SOCK_DGRAM, 0);
	setsockopt(socks[i].fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	if (socks[i].fd < 0 || bind(socks[i].fd, (void *)&at, len) ||
	    getsockname(socks[i].fd, (void *)&at, &len))
		err(1, "socket %d", i);
	socks[i].port = ntohs(at4->sin_port); /* in the same place in both */
}

/* The address of socket j, as one of socket i's family has it. */
static socklen_t address_of(struct sockaddr_storage *to, int i, int j, int six)
{
	struct sockaddr_in *to4 = (void *)to;
	struct sockaddr_in6 *to6 = (void *)to;

	memset(to, 0, sizeof(*to));
	to->ss_family = socks[i].family;
	to4->sin_port = htons(socks[j].port);
	if (socks[i].family == AF_INET) {
		to4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*to4);
	}
	inet_pton(AF_INET6, six ? "::1" : "::ffff:127.0.0.1", &to6->sin6_addr);
	return sizeof(*to6);
}

static void count_sent(int i, int j, int six, unsigned datagrams, unsigned n)
{
	did[i][j][six].sent += datagrams;
	did[i][j][six].tx += n;
}

enum { TO, MSG, MMSG, SEND };

static void put(int i, int j, int six, unsigned n, int how, int flags)
{
	struct sockaddr_storage to;
	struct iovec iov = {bytes, n};
	struct mmsghdr m[1] = {{.msg_hdr = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1}}};
	ssize_t got = -1;

	m->msg_hdr.msg_namelen = address_of(&to, i, j, six);
	switch (how) {
	case TO:
		got = sendto(socks[i].fd, bytes, n, flags, (void *)&to, m->msg_hdr.msg_namelen);
		break;
	case MSG: got = sendmsg(socks[i].fd, &m->msg_hdr, flags); break;
	case MMSG: got = sendmmsg(socks[i].fd, m, 1, flags) == 1 ? (ssize_t)m->msg_len : -1; break;
	case SEND: got = send(socks[i].fd, bytes, n, flags); break;
	}
	if (got != n)
		err(1, "send %d to %d", i, j);
	count_sent(i, j, six, !(flags & MSG_MORE), n);
}

/* Takes a datagram, of which room bytes fit, after having looked at it. full: how large it was. */
static void take(int i, unsigned room, unsigned full, int how)
{
	struct sockaddr_storage from = {0};
	struct iovec iov = {bytes, room};
	struct mmsghdr m[1] = {{.msg_hdr = {.msg_name = &from,
					    .msg_namelen = sizeof(from),
					    .msg_iov = &iov,
					    .msg_iovlen = 1}}};
	struct sockaddr_in6 *from6 = (void *)&from;
	ssize_t got;
	int six, j;

	if (recv(socks[i].fd, bytes, room, MSG_PEEK) < 0)
		err(1, "look at %d", i);
	if (how == MMSG)
		got = recvmmsg(socks[i].fd, m, 1, 0, NULL) == 1 ? (ssize_t)m->msg_len : -1;
	else
		got = recvmsg(socks[i].fd, &m->msg_hdr, how == MSG ? MSG_TRUNC : 0);
	if (got < 0)
		err(1, "receive of %d", i);
	six = from.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&from6->sin6_addr);
	for (j = 0; j < SOCKETS && socks[j].port != ntohs(from6->sin6_port); j++)
		;
	did[i][j][six].received++;
	did[i][j][six].rx += full ? full : got;
}

/* Takes what WHOLE reads at once: several datagrams, of the size that the kernel tells (UDP_GRO).
 */
static void take_whole(int from, unsigned n)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(socks[WHOLE].fd, &m, 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int each = got;

	if (got != n)
		errx(1, "%zd of %u bytes at once", got, n);
	if (c && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO)
		memcpy(&each, CMSG_DATA(c), sizeof(each));
	reads++;
	did[WHOLE][from][0].received += (got + each - 1) / each;
	did[WHOLE][from][0].rx += got;
}

/* Cut by the kernel into datagrams of each bytes; asked for by the socket, or by the call. */
static void segments(int i, int j, unsigned n, unsigned each, int by_call)
{
	char control[CMSG_SPACE(sizeof(uint16_t))] __attribute__((aligned(8))) = {0};
	struct sockaddr_storage to;
	struct iovec iov = {bytes, n};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = address_of(&to, i, j, 0),
			   .msg_iov = &iov,
			   .msg_iovlen = 1};
	struct cmsghdr *c;
	unsigned by_socket = by_call ? 0 : each;

	setsockopt(socks[i].fd, IPPROTO_UDP, UDP_SEGMENT, &by_socket, sizeof(by_socket));
	if (by_call) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		*(uint16_t *)CMSG_DATA(c) = each;
	}
	if (sendmsg(socks[i].fd, &m, 0) != n)
		err(1, "send %d to %d in parts", i, j);
	count_sent(i, j, 0, (n + each - 1) / each, n);
	if (j == WHOLE)
		take_whole(i, n);
	for (unsigned done = 0; j != WHOLE && done < n; done += each)
		take(j, 4000, 0, TO);
}

static void all(void)
{
	struct sockaddr_storage to;
	socklen_t len;

	made(A, AF_INET, "127.0.0.1");
	made(B, AF_INET, "127.0.0.1");
	made(C, AF_INET6, "::");
	made(FREE, AF_INET, "0.0.0.0");
	made(MAPPED, AF_INET6, "::");
	made(JOINED, AF_INET, "127.0.0.1");
	made(PARTS, AF_INET, "127.0.0.1");
	made(WHOLE, AF_INET, "127.0.0.1");
	if (setsockopt(socks[WHOLE].fd, IPPROTO_UDP, UDP_GRO, &(int){1}, sizeof(int)))
		err(1, "UDP_GRO");
	for (int k = 0; k < 11; k++) {
		if (k < 7) {
			put(FREE, A, 0, 23, TO, 0);
			take(A, 100, 0, TO);
		}
		put(FREE, B, 0, 31, MSG, 0);
		take(B, 100, 0, MMSG);
	}
	for (int k = 0; k < 5; k++) {
		put(MAPPED, A, 0, 41, TO, 0);
		take(A, 10, 41, MSG); /* the rest is cut off */
		put(MAPPED, C, 1, 43, MMSG, 0);
		take(C, 100, 0, MMSG);
		put(C, MAPPED, 0, 19, MSG, 0);
		take(MAPPED, 100, 0, TO);
	}
	len = address_of(&to, JOINED, A, 0);
	if (connect(socks[JOINED].fd, (void *)&to, len))
		err(1, "connect");
	for (int k = 0; k < 13; k++) {
		put(JOINED, A, 0, 47, SEND, 0);
		take(A, 100, 0, MMSG);
		put(A, JOINED, 0, 53, TO, 0);
		take(JOINED, 100, 0, TO);
	}
	put(JOINED, B, 0, 59, TO, 0); /* elsewhere than it is connected to */
	take(B, 100, 0, TO);
	for (int k = 0; k < 2; k++) {
		put(FREE, B, 0, 0, TO, 0);
		take(B, 100, 0, TO);
	}
	put(FREE, C, 0, 17, TO, MSG_MORE);
	put(FREE, C, 0, 29, TO, 0);
	take(C, 100, 0, TO);
	segments(PARTS, A, 1509, 503, 0);
	put(PARTS, B, 0, 499, TO, 0); /* of so few bytes it makes one */
	take(B, 4000, 0, TO);
	for (int by_call = 0; by_call < 2; by_call++) {
		segments(PARTS, B, 74, 37, by_call);
		segments(PARTS, WHOLE, 2507, 503, by_call);
		segments(PARTS, WHOLE, 107, 37, by_call);
		segments(PARTS, WHOLE, 2, 1, by_call);
	}
	put(FREE, WHOLE, 0, 67, TO, 0);
	take_whole(FREE, 67);
}

static void queries(int count)
{
	made(A, AF_INET, "127.0.0.1");
	while (count--) {
		made(B, AF_INET, "127.0.0.1");
		put(B, A, 0, 37, TO, 0);
		take(A, 100, 0, TO);
		put(A, B, 0, 61, TO, 0);
		take(B, 100, 0, TO);
		close(socks[B].fd);
		memset(did, 0, sizeof(did));
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		queries(atoi(argv[1]));
	else
		all();
	for (int i = 0; i < SOCKETS; i++)
		for (int j = 0; j < SOCKETS; j++)
			for (int six = 0; six < 2; six++)
				if (did[i][j][six].sent || did[i][j][six].received)
					printf("%d %s %d %u %u %u %u\n", socks[i].port,
					       six ? "::1" : "127.0.0.1", socks[j].port,
					       did[i][j][six].sent, did[i][j][six].tx,
					       did[i][j][six].received, did[i][j][six].rx);
	if (argc == 1)
		printf("reads %d %u\n", socks[WHOLE].port, reads);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
