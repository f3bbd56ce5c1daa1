// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * A fixed number of network operations in one process, and the time they took: what a tracer is
 * measured against. Everything is on loopback and a message is received right after it was sent, so
 * nothing ever waits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "mark.h"

#define MESSAGE 64

static struct sockaddr_in peer; /* where udp sends to and connect connects to */
static int sender, receiver;
static char message[MESSAGE];

static void check(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A socket bound to a free port of 127.0.0.1, which becomes the peer. */
static int bound(int type)
{
	socklen_t len = sizeof(peer);
	int fd = socket(AF_INET, type, 0);

	check(fd >= 0, "socket");
	peer = (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	check(!bind(fd, (struct sockaddr *)&peer, sizeof(peer)), "bind");
	check(!getsockname(fd, (struct sockaddr *)&peer, &len), "getsockname");
	return fd;
}

static int listening(void)
{
	int fd = bound(SOCK_STREAM);

	check(!listen(fd, 8), "listen");
	return fd;
}

static void udp_open(void)
{
	sender = socket(AF_INET, SOCK_DGRAM, 0);
	check(sender >= 0, "socket");
	receiver = bound(SOCK_DGRAM);
}

static void udp(void)
{
	check(sendto(sender, message, MESSAGE, 0, (struct sockaddr *)&peer, sizeof(peer)) ==
		      MESSAGE,
	      "sendto");
	check(recv(receiver, message, MESSAGE, 0) == MESSAGE, "recv");
}

static void stream(void)
{
	check(send(sender, message, MESSAGE, 0) == MESSAGE, "send");
	check(recv(receiver, message, MESSAGE, MSG_WAITALL) == MESSAGE, "recv");
}

/* A request and its response, on one connection, as a browser and nginx write them. */
static void http(void)
{
	static const char request[] = "GET /small HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
				      "User-Agent: load\r\nAccept: */*\r\n\r\n";
	static const char response[] = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n"
				       "Date: Sat, 21 Nov 2026 14:00:00 GMT\r\n"
				       "Content-Type: text/plain\r\nContent-Length: 612\r\n"
				       "Last-Modified: Sat, 21 Nov 2026 13:00:00 GMT\r\n"
				       "Connection: keep-alive\r\nETag: \"6380e0f0-264\"\r\n"
				       "Accept-Ranges: bytes\r\n\r\n";
	static char body[sizeof(response) - 1 + 612], got[sizeof(body)];

	memcpy(body, response, sizeof(response) - 1);
	check(send(sender, request, sizeof(request) - 1, 0) == sizeof(request) - 1, "send");
	check(recv(receiver, got, sizeof(got), 0) == sizeof(request) - 1, "recv");
	check(send(receiver, body, sizeof(body), 0) == sizeof(body), "send");
	check(recv(sender, got, sizeof(got), MSG_WAITALL) == sizeof(got), "recv");
}

static void connect_open(void)
{
	receiver = listening();
}

static int connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(fd >= 0, "socket");
	check(!connect(fd, (struct sockaddr *)&peer, sizeof(peer)), "connect");
	return fd;
}

static void connect_accept_close(void)
{
	int fd = connected(), accepted = accept(receiver, NULL, NULL);

	check(accepted >= 0, "accept");
	/* The accepting side closes first and keeps TIME_WAIT, so that the ports of the other are
	 * free again. */
	close(accepted);
	close(fd);
}

static void tcp_open(void)
{
	int listener = listening();

	sender = connected();
	receiver = accept(listener, NULL, NULL);
	check(receiver >= 0, "accept");
	close(listener);
}

static void unix_open(void)
{
	int pair[2];

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	sender = pair[0];
	receiver = pair[1];
}

/* A receiver whose buffer is full: each further message is dropped. */
static void drop_open(void)
{
	int one = 1;

	udp_open();
	check(!setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)), "SO_RCVBUF");
	for (int i = 0; i < 100; i++)
		sendto(sender, message, MESSAGE, 0, (struct sockaddr *)&peer, sizeof(peer));
}

static void drop(void)
{
	check(sendto(sender, message, MESSAGE, 0, (struct sockaddr *)&peer, sizeof(peer)) ==
		      MESSAGE,
	      "sendto");
}

static void no_open(void)
{
}

static void get_pid(void)
{
	syscall(SYS_getpid); /* libc's getpid() too, but say so */
}

static const struct work {
	const char *name;
	void (*open)(void);
	void (*once)(void);
	const char *help;
} works[] = {
	{"udp", udp_open, udp, "sendto and recvfrom 64 bytes"},
	{"tcp", tcp_open, stream, "send and recv 64 bytes"},
	{"http", tcp_open, http, "a request and its response (TCP)"},
	{"unix", unix_open, stream, "send and recv 64 bytes"},
	{"connect", connect_open, connect_accept_close, "connect, accept, close both (TCP)"},
	{"drop", drop_open, drop, "sendto 64 bytes where the receiver's buffer is full"},
	{"getpid", no_open, get_pid, "a system call that is not about the network"},
};

#define N_WORKS (sizeof(works) / sizeof(*works))

static void usage(void)
{
	fprintf(stderr, "usage: load [--warmup M] [--wait-file PATH] [--windows K] WORK N\n");
	for (size_t i = 0; i < N_WORKS; i++)
		fprintf(stderr, "  %-8s %s\n", works[i].name, works[i].help);
	exit(2);
}

static const struct work *find_work(const char *name)
{
	for (size_t i = 0; i < N_WORKS; i++)
		if (!strcmp(works[i].name, name))
			return &works[i];
	usage();
	return NULL;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end)
		usage();
	return n;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * What bench/places.c counts: windows of n operations and of 5n in turn, each with a second for
 * what tracers put off, which takes an idle emulated machine no time. Between them what has been
 * measured may end.
 */
static void run_windows(const struct work *work, uint64_t n, uint64_t windows)
{
	const struct timespec second = {.tv_sec = 1};

	for (uint64_t k = 0; k < windows; k++) {
		mark_start();
		for (uint64_t i = 0; i < (k % 2 ? 5 * n : n); i++)
			work->once();
		nanosleep(&second, NULL);
		mark_stop();
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"warmup", required_argument, NULL, 'w'},
		{"wait-file", required_argument, NULL, 'f'},
		{"windows", required_argument, NULL, 'k'},
		{},
	};
	const char *wait_file = NULL;
	const struct work *work;
	uint64_t warmup = 0, windows = 0, n, ns;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'w')
			warmup = number(optarg);
		else if (c == 'f')
			wait_file = optarg;
		else if (c == 'k')
			windows = number(optarg);
		else
			usage();
	}
	if (argc - optind != 2)
		usage();
	work = find_work(argv[optind]);
	n = number(argv[optind + 1]);

	work->open();
	while (warmup--)
		work->once();
	if (wait_file)
		fprintf(stderr, "load: waiting for %s\n", wait_file);
	while (wait_file && access(wait_file, F_OK))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);

	if (windows) {
		run_windows(work, n, windows);
		return 0;
	}
	ns = now_ns();
	for (uint64_t i = 0; i < n; i++)
		work->once();
	ns = now_ns() - ns;
	printf("ops=%ju ns=%ju ns_per_op=%.1f\n", (uintmax_t)n, (uintmax_t)ns,
	       n ? (double)ns / (double)n : 0.0);
	return 0;
}
