/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Connects, accepts and messages in numbers that are known: so WHAT N [WHAT N]...
 * Whatever goes otherwise than it should ends the program with status 1; 77: the kernel has no such
 * protocol.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define SIZE   29 /* bytes of a message */
#define SERVER 7003
#define CLIENT 7005
#define MPTCP  262

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static char message[SIZE];

static int sure(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "so: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must_fail(int result, int error, const char *what)
{
	if (result < 0 && errno == error)
		return;
	fprintf(stderr, "so: %s should fail with %s: %s\n", what, strerror(error), strerror(errno));
	exit(1);
}

static socklen_t loopback(union address *a, int family, int port)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	if (family == AF_INET6) {
		a->in6.sin6_port = htons(port);
		a->in6.sin6_addr = in6addr_loopback;
		return sizeof(a->in6);
	}
	if (family == AF_UNIX) {
		a->un.sun_path[1] = 's'; /* abstract */
		return offsetof(struct sockaddr_un, sun_path) + 2;
	}
	a->in.sin_port = htons(port);
	a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(a->in);
}

static int made(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT || errno == EAFNOSUPPORT))
		exit(77);
	return sure(fd, "socket");
}

static int bound(int family, int type, int protocol, int port)
{
	int fd = made(family, type, protocol), one = 1;
	union address a;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	sure(bind(fd, &a.sa, loopback(&a, family, port)), "bind");
	return fd;
}

/* n connections; the accepting side closes first and keeps TIME_WAIT. */
static void connections(int n, int family, int from, int to)
{
	int listener = bound(family, SOCK_STREAM, to, SERVER), fd, accepted;
	union address a;
	socklen_t len = loopback(&a, family, SERVER);

	sure(listen(listener, 64), "listen");
	for (int i = 0; i < n; i++) {
		fd = made(family, SOCK_STREAM, from);
		sure(connect(fd, &a.sa, len), "connect");
		/* without an address: there is nothing in user memory to read the family from */
		accepted = i & 1 ? accept(listener, NULL, NULL) : accept4(listener, NULL, NULL, 0);
		close(sure(accepted, "accept"));
		close(fd);
	}
	close(listener);
}

/* n connections, on each of which the accepting side sends one message. */
static void greet(int n)
{
	int listener = bound(AF_INET, SOCK_STREAM, 0, SERVER), fd, accepted;
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);

	sure(listen(listener, 64), "listen");
	for (int i = 0; i < n; i++) {
		fd = made(AF_INET, SOCK_STREAM, 0);
		sure(connect(fd, &a.sa, len), "connect");
		accepted = sure(accept4(listener, NULL, NULL, 0), "accept");
		if (send(accepted, message, SIZE, 0) != SIZE ||
		    recv(fd, message, SIZE, MSG_WAITALL) != SIZE)
			sure(-1, "message");
		close(accepted);
		close(fd);
	}
	close(listener);
}

/* In a network namespace of its own, so that several have the same ports. */
static void alone(int n)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	(void)n;
	sure(unshare(CLONE_NEWNET), "unshare");
	fd = made(AF_INET, SOCK_DGRAM, 0);
	sure(ioctl(fd, SIOCSIFFLAGS, &lo), "lo");
	close(fd);
}

/* On the nth of the processors that there are, counted anew where they are fewer. */
static void cpu(int n)
{
	cpu_set_t all, one;
	int at = 0;

	sure(sched_getaffinity(0, sizeof(all), &all), "affinity");
	for (n %= CPU_COUNT(&all); !CPU_ISSET(at, &all) || n--; at++)
		;
	CPU_ZERO(&one);
	CPU_SET(at, &one);
	sure(sched_setaffinity(0, sizeof(one), &one), "affinity");
}

static void inet(int n)
{
	connections(n, AF_INET, 0, 0);
}

static void inet6(int n)
{
	connections(n, AF_INET6, 0, 0);
}

static void local(int n)
{
	connections(n, AF_UNIX, 0, 0);
}

static void mptcp(int n)
{
	connections(n, AF_INET, MPTCP, MPTCP);
}

/* The listener is one of MPTCP, the client knows nothing of it: so what is accepted is TCP. */
static void fallback(int n)
{
	connections(n, AF_INET, IPPROTO_TCP, MPTCP);
}

static void refused(int n)
{
	int idle = bound(AF_INET, SOCK_STREAM, 0, SERVER);
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);

	for (int i = 0; i < n; i++) {
		int fd = made(AF_INET, SOCK_STREAM, 0);

		must_fail(connect(fd, &a.sa, len), ECONNREFUSED, "connect");
		close(fd);
	}
	close(idle);
}

static void no_file(int n)
{
	union address a = {.un = {.sun_family = AF_UNIX, .sun_path = "/none/such"}};

	for (int i = 0; i < n; i++) {
		int fd = made(AF_UNIX, SOCK_DGRAM, 0);

		must_fail(connect(fd, &a.sa, sizeof(a.un)), ENOENT, "connect");
		close(fd);
	}
}

static void no_socket(int n)
{
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);

	for (int i = 0; i < n; i++)
		must_fail(connect(-1, &a.sa, len), EBADF, "connect");
}

static void udp(int n)
{
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);
	int fd = made(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < n; i++)
		sure(connect(fd, &a.sa, len), "connect");
	close(fd);
}

/* Undoes a connection: is none. */
static void undo(int n)
{
	struct sockaddr a = {.sa_family = AF_UNSPEC};
	int fd = made(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < n; i++)
		sure(connect(fd, &a, sizeof(a)), "connect");
	close(fd);
}

static void nothing(int n)
{
	int listener = bound(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, SERVER);

	sure(listen(listener, 1), "listen");
	for (int i = 0; i < n; i++)
		must_fail(accept(listener, NULL, NULL), EAGAIN, "accept");
	close(listener);
}

static void no_listener(int n)
{
	int fd = bound(AF_INET6, SOCK_STREAM, 0, SERVER);

	for (int i = 0; i < n; i++)
		must_fail(accept4(fd, NULL, NULL, 0), EINVAL, "accept");
	close(fd);
}

/* Of one non-blocking connection: in progress, or done already; then n more calls. */
static void progress(int n)
{
	int listener = bound(AF_INET, SOCK_STREAM, 0, SERVER);
	int fd = made(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);

	sure(listen(listener, 1), "listen");
	if (connect(fd, &a.sa, len))
		must_fail(-1, EINPROGRESS, "connect");
	sure(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1), "poll");
	sure(connect(fd, &a.sa, len), "connect"); /* of the socket layer: it is done now */
	for (int i = 0; i < n; i++)
		must_fail(connect(fd, &a.sa, len), EISCONN, "connect");
	close(fd);
	close(listener);
}

/* ---- messages, over one TCP connection whose ports are known ---- */

static int sender = -1, receiver;

static void pair(void)
{
	int listener;
	union address a;
	socklen_t len = loopback(&a, AF_INET, SERVER);

	if (sender >= 0)
		return;
	listener = bound(AF_INET, SOCK_STREAM, 0, SERVER);
	sure(listen(listener, 1), "listen");
	sender = bound(AF_INET, SOCK_STREAM, 0, CLIENT);
	sure(connect(sender, &a.sa, len), "connect");
	receiver = sure(accept(listener, NULL, NULL), "accept");
	close(listener);
}

static void whole(ssize_t n)
{
	if (n != SIZE) {
		fprintf(stderr, "so: a message of %zd bytes: %s\n", n, strerror(errno));
		exit(1);
	}
}

static void by_send(int n)
{
	for (pair(); n--;) {
		whole(send(sender, message, SIZE, 0));
		whole(recv(receiver, message, SIZE, MSG_WAITALL));
	}
}

static void by_write(int n)
{
	for (pair(); n--;) {
		whole(write(sender, message, SIZE));
		whole(read(receiver, message, SIZE));
	}
}

static void by_vector(int n)
{
	struct iovec iov[2] = {{message, 20}, {message + 20, 9}};

	for (pair(); n--;) {
		whole(writev(sender, iov, 2));
		whole(readv(receiver, iov, 2));
	}
}

static void by_msg(int n)
{
	struct iovec iov = {message, SIZE};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	for (pair(); n--;) {
		whole(sendmsg(sender, &msg, 0));
		whole(recvmsg(receiver, &msg, MSG_WAITALL));
	}
}

static void by_mmsg(int n)
{
	struct iovec iov = {message, SIZE};
	struct mmsghdr all[64];

	pair();
	for (int i = 0; i < n; i++)
		all[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
	if (sendmmsg(sender, all, n, 0) != n)
		exit(1);
	while (n--)
		whole(recv(receiver, message, SIZE, MSG_WAITALL));
}

static void by_sendfile(int n)
{
	int file = memfd_create("so", 0);

	whole(write(file, message, SIZE));
	for (pair(); n--;) {
		off_t at = 0;

		whole(sendfile(sender, file, &at, SIZE));
		whole(recv(receiver, message, SIZE, MSG_WAITALL));
	}
	close(file);
}

static void by_splice(int n)
{
	int pipe_[2];

	sure(pipe(pipe_), "pipe");
	for (pair(); n--;) {
		whole(write(pipe_[1], message, SIZE));
		whole(splice(pipe_[0], NULL, sender, NULL, SIZE, 0));
		whole(recv(receiver, message, SIZE, MSG_WAITALL));
	}
	close(pipe_[0]);
	close(pipe_[1]);
}

/* Receives that find nothing. */
/* Each is looked at twice before it is received; the error queue has none. */
static void peek(int n)
{
	for (pair(); n--;) {
		whole(send(sender, message, SIZE, 0));
		whole(recv(receiver, message, SIZE, MSG_PEEK | MSG_WAITALL));
		whole(recv(receiver, message, SIZE, MSG_PEEK));
		must_fail(recv(receiver, message, SIZE, MSG_ERRQUEUE), EAGAIN, "recv");
		whole(recv(receiver, message, SIZE, MSG_WAITALL));
	}
}

static void empty(int n)
{
	for (pair(); n--;)
		must_fail(recv(receiver, message, SIZE, MSG_DONTWAIT), EAGAIN, "recv");
}

/* Datagrams of 0, 1, 2 ... n - 1 bytes over IPv6 and of two sizes that are known exactly. */
static void sizes(int n)
{
	static char room[65536];
	int in = bound(AF_INET6, SOCK_DGRAM, 0, SERVER), out = made(AF_INET6, SOCK_DGRAM, 0);
	union address a;
	socklen_t len = loopback(&a, AF_INET6, SERVER);

	for (int i = 0; i < n; i++) {
		if (sendto(out, room, i, 0, &a.sa, len) != i ||
		    recv(in, room, sizeof(room), 0) != i)
			sure(-1, "datagram");
	}
	close(in);
	close(out);
}

/* Sends from n ports, each connected to another: as many keys. */
static void ports(int n)
{
	union address a;

	for (int i = 0; i < n; i++) {
		int fd = made(AF_INET, SOCK_DGRAM, 0);
		socklen_t len = loopback(&a, AF_INET, 10000 + i);

		sure(connect(fd, &a.sa, len), "connect");
		whole(send(fd, message, SIZE, 0));
		close(fd);
	}
}

static const struct {
	const char *word;
	void (*do_it)(int n);
} works[] = {
	{"alone", alone},
	{"cpu", cpu},
	{"greet", greet},
	{"inet", inet},
	{"inet6", inet6},
	{"unix", local},
	{"mptcp", mptcp},
	{"fallback", fallback},
	{"refused", refused},
	{"no_file", no_file},
	{"no_socket", no_socket},
	{"udp", udp},
	{"undo", undo},
	{"nothing", nothing},
	{"no_listener", no_listener},
	{"progress", progress},
	{"send", by_send},
	{"write", by_write},
	{"vector", by_vector},
	{"msg", by_msg},
	{"mmsg", by_mmsg},
	{"sendfile", by_sendfile},
	{"splice", by_splice},
	{"peek", peek},
	{"empty", empty},
	{"sizes", sizes},
	{"ports", ports},
};

int main(int argc, char **argv)
{
	memset(message, 'x', sizeof(message));
	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned w = 0;

		while (w < sizeof(works) / sizeof(*works) && strcmp(works[w].word, argv[i]))
			w++;
		if (w == sizeof(works) / sizeof(*works)) {
			fprintf(stderr, "so: there is no '%s'\n", argv[i]);
			return 2;
		}
		works[w].do_it(atoi(argv[i + 1]));
	}
	return 0;
}
