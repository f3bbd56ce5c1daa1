/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "locals.h"
#include "nldump.h"
#include "packets.h"

#define MAPPED 96 /* bits before an IPv4 address: ::ffff:0:0/96 */

static u32 age; /* of what is in the map: what is older is gone */

static void put(int map, u8 family, u32 bits, const void *addr)
{
	struct packets_prefix key = {.bits = bits};

	if (family == AF_INET) {
		key.bits += MAPPED;
		memset(key.addr + 10, 0xff, 2);
		memcpy(key.addr + 12, addr, 4);
	} else {
		memcpy(key.addr, addr, 16);
	}
	bpf_map_update_elem(map, &key, &age, BPF_ANY);
}

/* One route of the table; arg: the map. */
static void put_route(const struct nlmsghdr *h, void *arg)
{
	static const u8 none[16];
	const struct rtmsg *route = NLMSG_DATA(h);
	const struct rtattr *a = RTM_RTA(route);
	int left = RTM_PAYLOAD(h);
	const void *dst = none;

	if (h->nlmsg_type != RTM_NEWROUTE || route->rtm_table != RT_TABLE_LOCAL ||
	    (route->rtm_type != RTN_LOCAL && route->rtm_type != RTN_BROADCAST &&
	     route->rtm_type != RTN_ANYCAST))
		return;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_DST &&
		    RTA_PAYLOAD(a) == (route->rtm_family == AF_INET ? 4 : 16))
			dst = RTA_DATA(a);
	put(*(int *)arg, route->rtm_family, route->rtm_dst_len, dst);
}

/* The table of local routes alone: that of all others may have a million. False when the kernel
 * does not tell. */
static bool read_table(int map, u8 family)
{
	struct {
		struct nlmsghdr h;
		struct rtmsg route;
	} ask = {.h = {.nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETROUTE,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		 .route = {.rtm_family = family, .rtm_table = RT_TABLE_LOCAL}};

	return !nl_dump(NETLINK_ROUTE, &ask.h, true, put_route, &map);
}

static void forget_older(int map)
{
	struct packets_prefix key, next;
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		u32 of;

		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_elem(map, &key, &of) && of != age)
			bpf_map_delete_elem(map, &key);
	}
}

static void fill(int map)
{
	static const u8 groups[] = {224, 0, 0, 0}, everyone[] = {255, 255, 255, 255},
			groups6[16] = {255}, any[16];
	bool told;

	age++;
	put(map, AF_INET, 4, groups);
	put(map, AF_INET, 32, everyone);
	put(map, AF_INET6, 8, groups6);
	told = read_table(map, AF_INET);
	read_table(map, AF_INET6); /* there may be no IPv6 */
	if (!told)
		put(map, AF_INET6, 0, any);
	forget_older(map);
}

int locals_open(int map)
{
	static const struct sockaddr_nl routes = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	/* no others: a router hears thousands a second */
	static struct sock_filter local[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0u),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_fprog only = {sizeof(local) / sizeof(*local), local};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &only, sizeof(only)) ||
			bind(fd, (const struct sockaddr *)&routes, sizeof(routes)))) {
		close(fd);
		fd = -1;
	}
	fill(map); /* only now: no change comes unheard between */
	return fd;
}

void locals_poll(int fd, int map)
{
	bool changed = false;
	char message[256];

	while (fd >= 0) {
		ssize_t n = recv(fd, message, sizeof(message), 0);

		if (n <= 0 && errno != ENOBUFS)
			break;
		changed = true;
	}
	if (changed)
		fill(map);
}
