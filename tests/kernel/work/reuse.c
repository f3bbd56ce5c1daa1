// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * Opens and closes sockets of all sorts, so that descriptors, files and sockets are used again and
 * again in ever another order, and sends through each. Prints what each send went through:
 * family, type, protocol, local and remote port.
 *
 *	reuse ROUNDS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN 5 /* at a time */

static struct sockaddr_in6 server6 = {.sin6_family = AF_INET6};
static struct sockaddr_in server4 = {.sin_family = AF_INET};

static int port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);

	if (name(fd, (struct sockaddr *)&sa, &len))
		exit(1);
	return ntohs(sa.sin6_port); /* IPv4's is in the same place */
}

static void serve(void)
{
	int four = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);

	server4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server6.sin6_addr = in6addr_loopback;
	server4.sin_port = htons(7001);
	server6.sin6_port = htons(7003);
	if (bind(four, (void *)&server4, sizeof(server4)) ||
	    bind(six, (void *)&server6, sizeof(server6)) || listen(four, 1009) || listen(six, 1009))
		exit(1);
}

/* A socket of the kind that the round asks for, connected; and sends. */
static int once(int kind)
{
	int family = kind & 1 ? AF_INET6 : AF_INET, type = kind & 2 ? SOCK_STREAM : SOCK_DGRAM, fd,
	    pair[2];

	if (kind == 4) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
			exit(1);
		fd = dup(pair[0]);
		close(pair[0]);
		send(fd, "hello", 5, 0);
		printf("AF_UNIX SOCK_SEQPACKET 0 0 0\n");
		close(pair[1]);
		return fd;
	}
	fd = socket(family, type, 0);
	if (fd < 0 || connect(fd, kind & 1 ? (void *)&server6 : (void *)&server4,
			      kind & 1 ? sizeof(server6) : sizeof(server4)))
		exit(1);
	send(fd, "hello", 5, 0);
	printf("%s %s %s %d %d\n", kind & 1 ? "AF_INET6" : "AF_INET",
	       kind & 2 ? "SOCK_STREAM" : "SOCK_DGRAM", kind & 2 ? "IPPROTO_TCP" : "IPPROTO_UDP",
	       port_of(fd, getsockname), port_of(fd, getpeername));
	return fd;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1, fds[OPEN] = {-1, -1, -1, -1, -1};

	serve();
	srandom(23);
	for (int i = 0; i < rounds; i++) {
		int at = random() % OPEN;

		if (fds[at] >= 0)
			close(fds[at]);
		fds[at] = once(random() % 5);
	}
	return 0;
}
