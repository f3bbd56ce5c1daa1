/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Blocking calls cut short by signals, with a handler that restarts them and one that does not;
 * timeouts. */
#include "probe.h"

static char *room, *name;
static int *len;

static void handler(int sig)
{
	(void)sig;
}

static void alarm_soon(int flags)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval soon = {.it_value = {.tv_usec = 30000}};

	*len = 128;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

static void receive_timeout(int fd, long ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	Setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, DUP(tv), 16);
}

static void interrupted(int server, int fd, const struct sockaddr_un *to)
{
	struct iovec v = {room, 64}, *iov = DUP(v);
	struct msghdr m = {.msg_name = name,
			   .msg_namelen = 128,
			   .msg_iov = iov,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = 64},
		      *mp = DUP(m);
	struct mmsghdr vector = {.msg_hdr = m}, *vp = DUP(vector);
	struct timespec ts = {5, 0}, *tp = DUP(ts);
	int one = Socket(AF_UNIX, SOCK_STREAM, 0), two = Socket(AF_UNIX, SOCK_STREAM, 0);

	alarm_soon(0);
	Accept(server, name, len);
	alarm_soon(0);
	Recvfrom(fd, room, 64, 0, name, len);
	alarm_soon(0);
	Recvmsg(fd, mp, 0);
	alarm_soon(0);
	Recvmmsg(fd, vp, 1, 0, tp);
	alarm_soon(0);
	Recvmmsg(fd, vp, 1, 0, NULL);
	/* The queue holds one: the second waits. */
	Connect(one, to, 11);
	alarm_soon(0);
	Connect(two, to, 11);
}

int main(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, *to;
	int *sv, server;

	arena();
	sv = mem(8);
	room = mem(64);
	name = mem(128);
	len = mem(4);
	memcpy(address.sun_path, "\0weir-sig", 9);
	to = DUP(address);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	server = Socket(AF_UNIX, SOCK_STREAM, 0);
	Bind(server, to, 11);
	Listen(server, 0);
	interrupted(server, sv[0], to);
	receive_timeout(sv[0], 20);
	Recvfrom(sv[0], room, 64, 0, NULL, NULL);
	receive_timeout(sv[0], 2000);
	alarm_soon(0);
	Recvfrom(sv[0], room, 64, 0, name, len);
	/* Restarted, it is entered a second time. */
	receive_timeout(sv[0], 0);
	alarm_soon(SA_RESTART);
	if (!fork()) {
		usleep(200000);
		shutdown(sv[1], 2);
		_exit(0);
	}
	Recvfrom(sv[0], room, 64, 0, name, len);
	wait(NULL);
	return 0;
}
