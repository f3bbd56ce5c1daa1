/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Socket calls in wanted numbers, told by words in their order; each ends the program with 1 and a
 * sentence when it does not do what its name says. So what a tracer must see is what was asked for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition, what)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "traffic: %s: %s\n", what, strerror(errno));               \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void words(char **argv);

/* Written to in main(): a page that nobody touched yet is not there for a tracer either. */
static char hello[] = " ello";

/* Address and port of either family. */
static socklen_t address(struct sockaddr_storage *ss, const char *host, const char *port)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(atoi(port));
		return sizeof(*in);
	}
	CHECK(inet_pton(AF_INET6, host, &in6->sin6_addr) == 1, host);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(atoi(port));
	return sizeof(*in6);
}

static void do_udp(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	CHECK(fd >= 0, "socket");
	for (int i = 0; i < atoi(a[2]); i++)
		CHECK(sendto(fd, hello, 5, 0, (void *)&ss, len) == 5, "sendto");
	close(fd);
}

/* The same on a connected socket: the call itself names no address. Somebody listens, or every
 * second call would fail. */
static void do_udpc(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int server = socket(ss.ss_family, SOCK_DGRAM, 0), fd = socket(ss.ss_family, SOCK_DGRAM, 0);

	CHECK(!bind(server, (void *)&ss, len) && !connect(fd, (void *)&ss, len), "connect");
	for (int i = 0; i < atoi(a[2]); i++)
		CHECK(send(fd, hello, 5, 0) == 5, "send");
	close(fd);
	close(server);
}

/* A server and its client in one: COUNT connections, each sends 5 bytes. */
static void do_tcp(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]);
	int server = socket(ss.ss_family, SOCK_STREAM, 0), one = 1, client, peer;
	char room[8];

	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	CHECK(!bind(server, (void *)&ss, len) && !listen(server, 8), "listen");
	for (int i = 0; i < atoi(a[2]); i++) {
		client = socket(ss.ss_family, SOCK_STREAM, 0);
		CHECK(!connect(client, (void *)&ss, len), "connect");
		peer = accept(server, NULL, NULL);
		CHECK(send(client, hello, 5, 0) == 5 && recv(peer, room, 5, MSG_WAITALL) == 5,
		      "recv");
		close(client);
		close(peer);
	}
	close(server);
}

static void do_unix(char **a)
{
	int fd[2];
	char room[8];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), "socketpair");
	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(send(fd[0], hello, 5, 0) == 5 && recv(fd[1], room, 8, 0) == 5, "recv");
	close(fd[0]);
	close(fd[1]);
}

/* Writes and as many reads: on a socket pair, on a pipe, on a file. */
static void do_rw(char **a)
{
	int socket[2], file = memfd_create("weir", 0), fds[2];
	char room[8];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, socket), "socketpair");
	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(write(socket[0], hello, 5) == 5 && read(socket[1], room, 5) == 5, "socket");
	CHECK(!pipe(fds), "pipe");
	for (int i = 0; i < atoi(a[1]); i++)
		CHECK(write(fds[1], hello, 5) == 5 && read(fds[0], room, 5) == 5, "pipe");
	for (int i = 0; i < atoi(a[2]); i++)
		CHECK(write(file, hello, 5) == 5 && read(file, room, 5) == 0, "file");
	CHECK(sendfile(socket[0], file, (off_t[]){0}, 5) == 5, "sendfile to a socket");
	CHECK(sendfile(fds[1], file, (off_t[]){0}, 5) == 5, "sendfile to a pipe");
	CHECK(splice(fds[0], NULL, socket[0], NULL, 5, 0) == 5, "splice into a socket");
	for (int i = 0; i < 2; i++)
		close(socket[i]), close(fds[i]);
	close(file);
}

/* These very bytes as payload. */
static void do_say(char **a)
{
	ssize_t n = strlen(a[0]);
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), "socketpair");
	CHECK(send(fd[0], a[0], n, 0) == n, "send");
	close(fd[0]);
	close(fd[1]);
}

/* The same as an abstract Unix address, bound and connected to. */
static void do_name(char **a)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};
	size_t n = strlen(a[0]);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK(n < sizeof(u.sun_path), "name");
	memcpy(u.sun_path + 1, a[0], n);
	CHECK(!bind(fd, (void *)&u, 3 + n) && !connect(fd, (void *)&u, 3 + n), "bind");
	CHECK(send(fd, hello, 5, 0) == 5, "send");
	close(fd);
}

/* Receives that leave the memory for an address as it was: with the one of the words in it. */
static void do_stale(char **a)
{
	struct sockaddr_storage ss;
	socklen_t len = address(&ss, a[0], a[1]), none;
	struct iovec iov = {(char[8]){0}, 8};
	struct msghdr msg = {.msg_name = &ss, .msg_iov = &iov, .msg_iovlen = 1};
	int fd = socket(ss.ss_family, SOCK_DGRAM, 0), pair[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	for (int i = 0; i < atoi(a[2]); i++) {
		none = msg.msg_namelen = len;
		CHECK(recvfrom(fd, iov.iov_base, 8, MSG_DONTWAIT, (void *)&ss, &none) < 0, "recv");
		CHECK(recvmsg(fd, &msg, MSG_DONTWAIT) < 0, "recvmsg");
		CHECK(send(pair[0], hello, 5, 0) == 5, "send");
		CHECK(recvfrom(pair[1], iov.iov_base, 8, 0, (void *)&ss, &none) == 5, "recvfrom");
	}
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

/* sendto on a descriptor that is none. */
static void do_fail(char **a)
{
	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(sendto(-1, hello, 5, 0, NULL, 0) < 0 && errno == EBADF, "sendto");
}

/* COUNT sendto of an address that cannot be read, on a good socket. */
static void do_unreadable(char **a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(sendto(fd, hello, 5, 0, none, 16) < 0 && errno == EFAULT, "sendto");
	close(fd);
}

/* COUNT recvfrom that wait MILLISECONDS each for nothing. */
static void do_slow(char **a)
{
	struct timeval tv = {.tv_usec = atoi(a[1]) * 1000};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char room[8];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(recv(fd, room, 8, 0) < 0 && errno == EAGAIN, "recv");
	close(fd);
}

static void do_fast(char **a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char room[8];

	for (int i = 0; i < atoi(a[0]); i++)
		CHECK(recv(fd, room, 8, MSG_DONTWAIT) < 0 && errno == EAGAIN, "recv");
	close(fd);
}

/* A recvfrom that never returns. */
static void do_hang(char **a)
{
	int fd[2];
	char room[8];

	(void)a;
	CHECK(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), "socketpair");
	recv(fd[1], room, 8, 0);
}

/* Who does what follows. */

static void do_comm(char **a)
{
	CHECK(!prctl(PR_SET_NAME, a[0]), "prctl");
}

static void do_uid(char **a)
{
	CHECK(!setresuid(atoi(a[0]), atoi(a[0]), atoi(a[0])), "setresuid");
}

static void do_cgroup(char **a)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", a[0]);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, "0", 1) == 1, path);
	close(fd);
}

/* A new network namespace, in which lo is down: for unix and fail. */
static void do_netns(char **a)
{
	(void)a;
	CHECK(!unshare(CLONE_NEWNET), "unshare");
}

static void do_stop(char **a)
{
	(void)a;
	raise(SIGSTOP);
}

static void do_sleep(char **a)
{
	usleep(atoi(a[0]) * 1000);
}

static void do_exit(char **a)
{
	exit(atoi(a[0]));
}

static void do_kill(char **a)
{
	raise(atoi(a[0]));
}

static void do_exec(char **rest)
{
	execv("/proc/self/exe", rest - 1); /* the word exec is the new program's name */
	CHECK(0, "exec");
}

/* The rest of the words in a child; this process waits and ends as the child did. */
static void do_fork(char **rest)
{
	int status;
	pid_t pid = fork();

	CHECK(pid >= 0, "fork");
	if (!pid)
		return words(rest);
	CHECK(waitpid(pid, &status, 0) == pid, "waitpid");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* So many children at the same time: each makes a call, and ends when all have made theirs. */
static void do_brood(char **a)
{
	int n = atoi(a[0]), done[2], end[2];
	char byte;

	CHECK(!pipe(done) && !pipe(end), "pipe");
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0, "fork");
		if (pid)
			continue;
		close(end[1]);
		CHECK(sendto(-1, hello, 5, 0, NULL, 0) < 0 && errno == EBADF, "sendto");
		CHECK(write(done[1], "", 1) == 1, "write");
		_exit(read(end[0], &byte, 1) != 0);
	}
	for (int i = 0; i < n; i++)
		CHECK(read(done[0], &byte, 1) == 1, "read");
	close(end[1]);
	while (n--) {
		int status;

		CHECK(wait(&status) > 0 && !status, "wait");
	}
}

static void do_vfork(char **rest)
{
	int status;
	char **argv = rest - 1;
	pid_t pid = vfork();

	if (!pid) {
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	exit(WEXITSTATUS(status));
}

/* The rest in a daemon, which nobody waits for. */
static void do_daemon(char **rest)
{
	pid_t pid = fork();

	CHECK(pid >= 0, "fork");
	if (pid) {
		waitpid(pid, NULL, 0);
		exit(0);
	}
	setsid();
	if (fork())
		_exit(0);
	words(rest);
}

static void *thread(void *rest)
{
	words(rest);
	return NULL;
}

static void do_thread(char **rest)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, thread, rest), "pthread_create");
	pthread_join(t, NULL);
	exit(0);
}

static const struct word {
	const char *name;
	int nargs; /* -1: takes the rest */
	void (*act)(char **args);
} table[] = {
	{"udp", 3, do_udp},        {"udpc", 3, do_udpc},      {"tcp", 3, do_tcp},
	{"unix", 1, do_unix},      {"fail", 1, do_fail},      {"unreadable", 1, do_unreadable},
	{"stale", 3, do_stale},    {"slow", 2, do_slow},      {"fast", 1, do_fast},
	{"hang", 0, do_hang},      {"comm", 1, do_comm},      {"uid", 1, do_uid},
	{"cgroup", 1, do_cgroup},  {"stop", 0, do_stop},      {"netns", 0, do_netns},
	{"sleep", 1, do_sleep},    {"exit", 1, do_exit},      {"kill", 1, do_kill},
	{"exec", -1, do_exec},     {"fork", -1, do_fork},     {"vfork", -1, do_vfork},
	{"daemon", -1, do_daemon}, {"thread", -1, do_thread}, {"say", 1, do_say},
	{"rw", 3, do_rw},          {"name", 1, do_name},      {"brood", 1, do_brood},
};

static void words(char **argv)
{
	while (*argv) {
		const struct word *w = table;

		while (w < table + sizeof(table) / sizeof(*table) && strcmp(w->name, *argv))
			w++;
		errno = EINVAL;
		CHECK(w < table + sizeof(table) / sizeof(*table), *argv);
		w->act(++argv);
		if (w->nargs < 0)
			return;
		argv += w->nargs;
	}
}

int main(int argc, char **argv)
{
	(void)argc;
	*hello = 'h';
	words(argv + 1);
	return 0;
}
