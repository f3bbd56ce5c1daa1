/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Two processes and two threads whose calls overlap: one waits within its call for the other's. */
#include <pthread.h>
#include "probe.h"

static char *room, *data;
static int *sv;

static void *talk(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		usleep(20000);
		Sendto(sv[1], data, 2, 0, NULL, 0);
	}
	usleep(20000);
	Shutdown(sv[1], 1);
	return NULL;
}

static void hear(void)
{
	struct iovec v = {room, 64}, *iov = DUP(v);
	struct msghdr m = {.msg_name = mem(64), .msg_namelen = 64, .msg_iov = iov, .msg_iovlen = 1};
	struct mmsghdr vector = {.msg_hdr = m};
	int *len = mem(4);

	*len = 64;
	Recvfrom(sv[0], room, 64, 0, m.msg_name, len);
	Recvmsg(sv[0], DUP(m), 0);
	Recvmmsg(sv[0], DUP(vector), 1, 0, NULL);
	while (Recvfrom(sv[0], room, 64, 0, NULL, NULL) > 0)
		;
}

int main(void)
{
	pthread_t thread;

	arena();
	room = mem(64);
	data = copy("hi", 2);
	sv = mem(8);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	if (!fork()) {
		talk(NULL);
		_exit(0);
	}
	hear();
	wait(NULL);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	if (pthread_create(&thread, NULL, talk, NULL))
		return 1;
	hear();
	pthread_join(thread, NULL);
	return 0;
}
