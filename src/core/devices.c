/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "devices.h"

#define KNOWN     1024
#define LISTENERS 2 /* who traces interfaces, and the recording that keeps their names */

/* What each was told already: a link is also announced when it goes up or down. */
static struct {
	device_fn *each;
	struct {
		u32 ifindex;
		char name[IF_NAMESIZE];
	} known[KNOWN];
} told[LISTENERS];

static void tell(device_fn *each, void *arg, u32 ifindex, const char *name)
{
	u32 at = ifindex % KNOWN, k = 0;

	while (k < LISTENERS - 1 && told[k].each && told[k].each != each)
		k++;
	told[k].each = each;
	if (told[k].known[at].ifindex == ifindex && !strcmp(told[k].known[at].name, name))
		return;
	told[k].known[at].ifindex = ifindex;
	strcpy(told[k].known[at].name, name);
	each(arg, ifindex, name);
}

/* It may come back, with the same number and name: from another namespace. */
static void tell_gone(device_fn *each, void *arg, u32 ifindex)
{
	for (u32 k = 0; k < LISTENERS; k++)
		if (told[k].each == each && told[k].known[ifindex % KNOWN].ifindex == ifindex)
			told[k].known[ifindex % KNOWN].ifindex = 0;
	each(arg, ifindex, NULL);
}

static void tell_all(device_fn *each, void *arg)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_index; i++)
		tell(each, arg, i->if_index, i->if_name);
	if_freenameindex(all);
}

static void tell_link(struct nlmsghdr *h, device_fn *each, void *arg)
{
	struct ifinfomsg *link = NLMSG_DATA(h);
	struct rtattr *a = IFLA_RTA(link);
	int left = IFLA_PAYLOAD(h);

	if (h->nlmsg_type == RTM_DELLINK) {
		if (link->ifi_family == AF_UNSPEC) /* else it has left a bridge */
			tell_gone(each, arg, link->ifi_index);
		return;
	}
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const char *name = RTA_DATA(a);

		if (a->rta_type == IFLA_IFNAME && strnlen(name, RTA_PAYLOAD(a)) < RTA_PAYLOAD(a) &&
		    strlen(name) < IF_NAMESIZE)
			tell(each, arg, link->ifi_index, name);
	}
}

int devices_open(device_fn *each, void *arg)
{
	static const struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&links, sizeof(links))) {
		close(fd);
		fd = -1;
	}
	tell_all(each, arg); /* only now: none comes unheard between */
	return fd;
}

void devices_poll(int fd, device_fn *each, void *arg)
{
	static char room[16384] __attribute__((aligned(NLMSG_ALIGNTO)));

	while (fd >= 0) {
		struct nlmsghdr *h = (void *)room;
		ssize_t n = recv(fd, room, sizeof(room), 0);

		if (n < 0 && errno == ENOBUFS) { /* some were lost: look again */
			tell_all(each, arg);
			continue;
		}
		if (n <= 0)
			return;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if ((h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK) &&
			    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
				tell_link(h, each, arg);
	}
}
