/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "nldump.h"

/* 1: there is more to come; else 0, or -errno. */
static int hand_on(const struct nlmsghdr *h, ssize_t left, nl_fn *each, void *arg)
{
	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_len >= NLMSG_LENGTH(sizeof(*e)) && e->error ? e->error
										    : -EPROTO;
		each(h, arg);
	}
	return 1;
}

static int ask_all(int fd, const struct nlmsghdr *ask, bool strict, nl_fn *each, void *arg)
{
	static char room[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	int yes = 1, err = 1;

	if (strict && setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &yes, sizeof(yes)))
		return -errno;
	if (send(fd, ask, ask->nlmsg_len, 0) < 0)
		return -errno;
	while (err > 0) {
		ssize_t n = recv(fd, room, sizeof(room), 0);

		if (n > 0)
			err = hand_on((const struct nlmsghdr *)room, n, each, arg);
		else if (!n || errno != EINTR)
			err = n ? -errno : -EPROTO;
	}
	return err;
}

int nl_dump(int protocol, const struct nlmsghdr *ask, bool strict, nl_fn *each, void *arg)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), err;

	if (fd < 0)
		return -errno;
	err = ask_all(fd, ask, strict, each, arg);
	close(fd);
	return err;
}
