// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * A fixed number of network operations in one process, and the time they took: what a tracer is
 * measured against. Everything is on loopback and a message is received right after it was sent, so
 * nothing ever waits.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* Datagrams that a link takes to its far end, which has no address and drops them (bench/guest). */
static struct {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	char payload[MESSAGE];
} __attribute__((packed)) frame;

static uint16_t ip_sum(const void *header, size_t words)
{
	const uint16_t *word = header;
	uint32_t sum = 0;

	while (words--)
		sum += *word++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void flood_open(void)
{
	struct sockaddr_ll link = {.sll_family = AF_PACKET,
				   .sll_ifindex = if_nametoindex("flood0")};

	sender = socket(AF_PACKET, SOCK_RAW, 0);
	check(sender >= 0 && !bind(sender, (struct sockaddr *)&link, sizeof(link)), "flood0");
	memcpy(frame.ether.ether_shost, "\2\0\0\0\0\1", 6);
	memcpy(frame.ether.ether_dhost, "\2\0\0\0\0\2", 6);
	frame.ether.ether_type = htons(ETHERTYPE_IP);
	frame.ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(frame) - sizeof(frame.ether)),
		.saddr = htonl(0xc0000201), /* 192.0.2.1 (RFC 5737) */
		.daddr = htonl(0xc0000202),
	};
	frame.ip.check = ip_sum(&frame.ip, sizeof(frame.ip) / 2);
	frame.udp.source = htons(1000);
	frame.udp.dest = htons(2000);
	frame.udp.len = htons(sizeof(frame.udp) + sizeof(frame.payload));
}

/* With a program in its driver a veth has a queue, which ksoftirqd empties when it gets to run. */
static void flood(void)
{
	while (send(sender, &frame, sizeof(frame), 0) != sizeof(frame)) {
		check(errno == ENOBUFS, "send");
		sched_yield();
	}
}

/* Some of each. */
static struct {
	int sender, receiver;
	struct sockaddr_in peer;
} mixed[5];
static unsigned mix_turn;

static void mix_open(void)
{
	void (*const opens[])(void) = {udp_open, tcp_open, tcp_open, unix_open, connect_open};

	for (int i = 0; i < 5; i++) {
		opens[i]();
		mixed[i].sender = sender;
		mixed[i].receiver = receiver;
		mixed[i].peer = peer;
	}
}

static void mix_with(int i, void (*once)(void))
{
	sender = mixed[i].sender;
	receiver = mixed[i].receiver;
	peer = mixed[i].peer;
	once();
}

static void mix(void)
{
	mix_with(0, udp);
	mix_with(1, stream);
	mix_with(2, http);
	mix_with(3, stream);
	if (!(mix_turn++ % 10))
		mix_with(4, connect_accept_close);
}

/* A server of names that knows one address, in a process of its own. */
static void answer(int fd)
{
	unsigned char text[512],
		record[] = {0xc0, 12, 0, ns_t_a, 0, ns_c_in, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	struct sockaddr_in from;

	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, text, sizeof(text) - sizeof(record), 0,
				     (struct sockaddr *)&from, &len);

		if (n < NS_HFIXEDSZ)
			continue;
		text[2] |= 0x80; /* RFC 1035, 4.1.1: a response, */
		text[3] = 0x80;
		text[7] = 1; /* with one answer */
		memcpy(text + n, record, sizeof(record));
		sendto(fd, text, n + sizeof(record), 0, (struct sockaddr *)&from, len);
	}
}

static void lookup_open(void)
{
	struct sockaddr_in server = {.sin_family = AF_INET,
				     .sin_port = htons(NS_DEFAULTPORT),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	check(fd >= 0 && !bind(fd, (struct sockaddr *)&server, sizeof(server)), "bind port 53");
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		answer(fd);
	}
	close(fd);
	check(!res_init(), "res_init");
	_res.nscount = 1;
	_res.nsaddr_list[0] = server;
}

static void lookup(void)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	check(!getaddrinfo("weir.example.", NULL, &hints, &found), "getaddrinfo");
	freeaddrinfo(found);
}

static void read_open(void)
{
	sender = open("/proc/self/exe", O_RDONLY);
	check(sender >= 0, "open");
}

static void read_file(void)
{
	check(pread(sender, message, MESSAGE, 0) == MESSAGE, "pread");
}

static void rest(void)
{
	nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
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
	{"flood", flood_open, flood, "a datagram over veth, as root, see bench/guest"},
	{"mix", mix_open, mix, "udp, tcp, http, unix, and connect each tenth time"},
	{"lookup", lookup_open, lookup, "getaddrinfo, with a server of its own, as root"},
	{"getpid", no_open, get_pid, "a system call that is not about the network"},
	{"read", read_open, read_file, "64 bytes of a file"},
	{"rest", no_open, rest, "a second of sleep"},
};

#define N_WORKS (sizeof(works) / sizeof(*works))

static void usage(void)
{
	fprintf(stderr, "usage: load [--idle CONNECTIONS] [--first NUMBER] [--warmup M] "
			"[--wait-file PATH] [--windows K] [--rate PER_SECOND] WORK N\n");
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

/*
 * Established connections on which nothing happens, made as a restored process makes them: without
 * a peer (tcp(7), TCP_REPAIR). first: where other processes have those before.
 */
static void idle(uint64_t first, uint64_t n)
{
	const struct rlimit files = {n + 100, n + 100};
	struct sockaddr_in local = {.sin_family = AF_INET}, remote = local;
	int one = 1;

	check(!n || !setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
	for (uint64_t i = first; i < first + n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		local.sin_addr.s_addr = htonl(0x7f000002 + i / 10000);
		local.sin_port = htons(10000 + i % 10000);
		remote.sin_addr.s_addr = htonl(0x7f010002 + i / 10000);
		remote.sin_port = htons(10000 + i % 10000);
		check(fd >= 0 && !setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &one, sizeof(one)),
		      "TCP_REPAIR");
		check(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
		check(!bind(fd, (struct sockaddr *)&local, sizeof(local)), "bind");
		check(!connect(fd, (struct sockaddr *)&remote, sizeof(remote)), "connect");
	}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	const struct timespec then = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
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
		{"first", required_argument, NULL, 'n'},
		{"idle", required_argument, NULL, 'i'},
		{"rate", required_argument, NULL, 'r'},
		{"warmup", required_argument, NULL, 'w'},
		{"wait-file", required_argument, NULL, 'f'},
		{"windows", required_argument, NULL, 'k'},
		{},
	};
	const char *wait_file = NULL;
	const struct work *work;
	uint64_t first = 0, idles = 0, rate = 0, warmup = 0, windows = 0, n, ns;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'i')
			idles = number(optarg);
		else if (c == 'n')
			first = number(optarg);
		else if (c == 'r')
			rate = number(optarg);
		else if (c == 'w')
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

	idle(first, idles);
	work->open();
	while (warmup-- && work->once != rest)
		work->once();
	if (wait_file)
		fprintf(stderr, "load: waiting for %s\n", wait_file);
	while (wait_file && access(wait_file, F_OK))
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);

	if (windows) {
		run_windows(work, n, windows);
		return 0;
	}
	ns = now_ns();
	for (uint64_t i = 0; i < n; i++) {
		if (rate && !(i % 100))
			wait_until(ns + i * 1000000000 / rate);
		work->once();
	}
	ns = now_ns() - ns;
	printf("ops=%ju ns=%ju ns_per_op=%.1f\n", (uintmax_t)n, (uintmax_t)ns,
	       n ? (double)ns / (double)n : 0.0);
	return 0;
}
