/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "error.h"
#include "workload.h"

#define HTTP_PORT   8080
#define CLOSED_PORT 8081
#define UDP_PORT    7007
#define NAP_MS      120 /* between scenes: slow enough to read along */
#define LIMIT_S     6   /* neither process lives longer */

/* Any address, and its length for the calls. */
struct address {
	socklen_t len;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

/* What is sent: a word again and again. What is received stands elsewhere. */
static char out[1 << 14];
static char in[1 << 16];

static const char *say(const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = word[i % n];
	return out;
}

static void __attribute__((noreturn)) give_up(const char *what)
{
	note("the demo's own traffic failed: %s: %s", what, strerror(errno));
	exit(WORKLOAD_FAILED);
}

static int must(int ret, const char *what)
{
	if (ret < 0)
		give_up(what);
	return ret;
}

/* A call that moves bytes moved this many. */
static void must_be(ssize_t ret, ssize_t want, const char *what)
{
	if (ret >= 0 && ret != want)
		errno = EMSGSIZE;
	if (ret != want)
		give_up(what);
}

static struct address ip4(const char *text, int port)
{
	struct address a = {.len = sizeof(a.in),
			    .in = {.sin_family = AF_INET, .sin_port = htons(port)}};

	inet_pton(AF_INET, text, &a.in.sin_addr);
	return a;
}

static struct address ip6(const char *text, int port)
{
	struct address a = {.len = sizeof(a.in6),
			    .in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};

	inet_pton(AF_INET6, text, &a.in6.sin6_addr);
	return a;
}

/* An abstract name is known only within its network namespace: no other demo has it. */
static struct address local(void)
{
	static const char name[] = "weir-demo";
	struct address a = {.len = offsetof(struct sockaddr_un, sun_path) + sizeof(name),
			    .un = {.sun_family = AF_UNIX}};

	memcpy(a.un.sun_path + 1, name, sizeof(name) - 1);
	return a;
}

static int listen_on(struct address a)
{
	int one = 1, fd = must(socket(a.any.sa_family, SOCK_STREAM, 0), "socket");

	if (a.any.sa_family != AF_UNIX)
		must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	must(bind(fd, &a.any, a.len), "bind");
	must(listen(fd, 7), "listen");
	return fd;
}

static int connect_to(struct address a)
{
	int one = 1, fd = must(socket(a.any.sa_family, SOCK_STREAM, 0), "socket");

	if (a.any.sa_family != AF_UNIX)
		must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
	must(connect(fd, &a.any, a.len), "connect");
	return fd;
}

static int accept_from(int listener)
{
	struct address a = {.len = sizeof(a.un)};

	return must(accept4(listener, &a.any, &a.len, SOCK_CLOEXEC), "accept4");
}

/* GET /N is answered with N bytes, GET /reset with a reset. */
static void serve_http(int listener)
{
	struct linger at_once = {.l_onoff = 1};
	char request[1024], head[256];
	int fd = accept_from(listener);
	ssize_t got = must(recv(fd, request, sizeof(request) - 1, 0), "recv of a request");
	size_t size;
	int n;

	request[got] = 0;
	if (sscanf(request, "GET /%zu HTTP/1.1\r\n", &size) == 1 && size <= sizeof(out)) {
		n = snprintf(
			head, sizeof(head),
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
			"Connection: close\r\n\r\n",
			size);
		must_be(send(fd, head, n, MSG_MORE), n, "send of a head");
		must_be(send(fd, say("so much for the body\n"), size, 0), size, "send of a body");
	} else {
		must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "SO_LINGER");
	}
	close(fd);
}

static void serve_udp(int fd)
{
	struct address from = {.len = sizeof(from.un)};

	must_be(recvfrom(fd, in, sizeof(in), 0, &from.any, &from.len), UDP_PING, "recvfrom");
	must_be(sendto(fd, say("pong "), UDP_PONG, 0, &from.any, from.len), UDP_PONG, "sendto");
}

static void serve_unix(int listener)
{
	int fd = accept_from(listener);

	must_be(recv(fd, in, UNIX_ASK, MSG_WAITALL), UNIX_ASK, "recv from a Unix socket");
	must_be(send(fd, say("who is there? "), UNIX_TELL, 0), UNIX_TELL, "send to a Unix socket");
	close(fd);
}

/* ready: closed once everything listens. */
static void server(const struct demo_net *net, int ready)
{
	struct address udp = ip4(SERVER_IP4, UDP_PORT);
	int in4, in6 = -1, dgram, un;

	prctl(PR_SET_NAME, "demo-server");
	/* before it moves: the client looks for this one in its own namespace */
	un = listen_on(local());
	must(setns(net->server, CLONE_NEWNET), "setns");
	in4 = listen_on(ip4(SERVER_IP4, HTTP_PORT));
	if (net->six)
		in6 = listen_on(ip6(SERVER_IP6, HTTP_PORT));
	dgram = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(bind(dgram, &udp.any, udp.len), "bind");
	close(ready);
	serve_http(in4);
	if (net->six)
		serve_http(in6);
	serve_udp(dgram);
	serve_unix(un);
	serve_http(in4);
}

static int ask_http(struct address a, const char *host, const char *path)
{
	char request[256];
	int fd = connect_to(a);
	int n = snprintf(request, sizeof(request),
			 "GET /%s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: weir-demo\r\n\r\n", path,
			 host, HTTP_PORT);

	must_be(send(fd, request, n, 0), n, "send of a request");
	return fd;
}

static void get(struct address a, const char *host, size_t size)
{
	char path[16];
	const char *body;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%zu", size);
	fd = ask_http(a, host, path);
	/* until the server closes: one call, however the bytes were cut into packets */
	got = must(recv(fd, in, sizeof(in), MSG_WAITALL), "recv of an answer");
	body = memmem(in, got, "\r\n\r\n", 4);
	must_be(body ? in + got - (body + 4) : 0, size, "the answer's body");
	close(fd);
}

static void ping(void)
{
	struct address to = ip4(SERVER_IP4, UDP_PORT), from = {.len = sizeof(from.un)};
	struct timeval patience = {.tv_sec = 2};
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), "SO_RCVTIMEO");
	must_be(sendto(fd, say("ping "), UDP_PING, 0, &to.any, to.len), UDP_PING, "sendto");
	must_be(recvfrom(fd, in, sizeof(in), 0, &from.any, &from.len), UDP_PONG, "recvfrom");
	close(fd);
}

static void ask_unix(void)
{
	int fd = connect_to(local());

	must_be(send(fd, say("knock "), UNIX_ASK, 0), UNIX_ASK, "send to a Unix socket");
	must_be(recv(fd, in, UNIX_TELL, MSG_WAITALL), UNIX_TELL, "recv from a Unix socket");
	close(fd);
}

static void be_refused(void)
{
	struct address a = ip4(SERVER_IP4, CLOSED_PORT);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");

	if (!connect(fd, &a.any, a.len) || errno != ECONNREFUSED)
		give_up("connect to a closed port was not refused");
	close(fd);
}

static void be_reset(void)
{
	int fd = ask_http(ip4(SERVER_IP4, HTTP_PORT), SERVER_IP4, "reset");

	if (recv(fd, in, sizeof(in), 0) >= 0 || errno != ECONNRESET)
		give_up("the server's reset did not arrive");
	close(fd);
}

static void get4(void)
{
	get(ip4(SERVER_IP4, HTTP_PORT), SERVER_IP4, HTTP4_BODY);
}

static void get6(void)
{
	get(ip6(SERVER_IP6, HTTP_PORT), "[" SERVER_IP6 "]", HTTP6_BODY);
}

/* What the client does. */
static const struct scene {
	void (*play)(void);
	const char *title;
	int there, back; /* bytes to tell of */
} scenes[] = {
	{get4, "HTTP over IPv4", 0, HTTP4_BODY},
	{get6, "HTTP over IPv6", 0, HTTP6_BODY},
	{ping, "UDP", UDP_PING, UDP_PONG},
	{ask_unix, "an abstract Unix socket", UNIX_ASK, UNIX_TELL},
	{be_refused, "a connection that is refused", 0, 0},
	{be_reset, "a connection that the server resets", 0, 0},
};

static void announce(const struct scene *s)
{
	if (s->there)
		dprintf(STDERR_FILENO, "  %s: %d bytes there, %d back\n", s->title, s->there,
			s->back);
	else if (s->back)
		dprintf(STDERR_FILENO, "  %s: a body of %d bytes\n", s->title, s->back);
	else
		dprintf(STDERR_FILENO, "  %s\n", s->title);
}

static void client(const struct demo_net *net, bool quiet)
{
	struct timespec nap = {0, NAP_MS * 1000000};

	prctl(PR_SET_NAME, "demo-client");
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		if (scenes[i].play == get6 && !net->six)
			continue;
		nanosleep(&nap, NULL);
		if (!quiet)
			announce(&scenes[i]);
		scenes[i].play();
	}
}

/* Dies with its parent, and never hangs. */
static void be_mortal(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LIMIT_S);
}

int workload(const struct demo_net *net, bool quiet)
{
	int ready[2], status, pid, self = getpid();
	char byte;

	be_mortal();
	must(pipe(ready), "pipe");
	pid = must(fork(), "fork");
	if (!pid) {
		be_mortal();
		if (getppid() != self)
			_exit(WORKLOAD_FAILED);
		close(ready[0]);
		server(net, ready[1]);
		_exit(0);
	}
	close(ready[1]);
	while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
		;
	client(net, quiet);
	if (waitpid(pid, &status, 0) != pid || status)
		return WORKLOAD_FAILED;
	return 0;
}
