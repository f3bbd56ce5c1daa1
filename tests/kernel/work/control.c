/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Control messages made by hand and sent to no descriptor, so only the decoding matters: every
 * kind, every length, every lie. control_received.c has real ones. */
#include "probe.h"
#include <linux/errqueue.h>

#define PLACE (ARENA + 0x10000)

static size_t used;
static unsigned char pattern[2048];

static void begin(void)
{
	memset(PLACE, 0, 0x1000);
	used = 0;
}

/* Appends one header that says len, and n bytes of data. */
static void add_saying(size_t len, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *h = (void *)(PLACE + used);

	h->cmsg_len = len;
	h->cmsg_level = level;
	h->cmsg_type = type;
	if (n)
		memcpy(CMSG_DATA(h), data, n);
	used += CMSG_SPACE(n);
}

static void add(int level, int type, const void *data, size_t n)
{
	add_saying(CMSG_LEN(n), level, type, data, n);
}

/* Sends what was added, placed so that it ends where readable memory ends. */
static void go(size_t controllen)
{
	size_t have = controllen < used ? controllen : used;
	struct msghdr m = {.msg_control = memcpy(tail(have), PLACE, have),
			   .msg_controllen = controllen};

	Sendmsg(-1, DUP(m), 0);
	arena_used = 0;
}

static void one(int level, int type, const void *data, size_t n)
{
	begin();
	add(level, type, data, n);
	go(CMSG_LEN(n));
}

static void descriptors(void)
{
	static const int counts[] = {0, 1, 3, 32, 33, 253, 300};
	int fds[300];

	for (int i = 0; i < 300; i++)
		fds[i] = i;
	fds[1] = -1;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		one(SOL_SOCKET, SCM_RIGHTS, fds, counts[i] * 4);
	one(SOL_SOCKET, SCM_RIGHTS, fds, 1);
	one(SOL_SOCKET, SCM_RIGHTS, fds, 3);
	one(SOL_SOCKET, SCM_RIGHTS, fds, 6);
}

static void credentials(void)
{
	struct {
		struct ucred u;
		char more[8];
	} c = {.u = {1, 2, 3}};

	for (int n = 0; n <= 20; n++)
		one(SOL_SOCKET, SCM_CREDENTIALS, &c, n);
	c.u = (struct ucred){-1, -1, 0x80000000};
	one(SOL_SOCKET, SCM_CREDENTIALS, &c, 12);
	one(SOL_SOCKET, 3, "unconfined", 11);
	one(SOL_SOCKET, 3, "unconfined", 10);
	one(SOL_SOCKET, 3, "\1\2", 0);
}

static void times(void)
{
	static const int kinds[] = {29, 35, 37, 63, 64, 65}; /* SCM_TIMESTAMP*, old and new */
	static const int lengths[] = {0, 15, 16, 24, 48};
	static const long odd[][2] = {
		{5, 999999999}, {5, -1}, {-1, -1}, {-1, 1000000}, {5, 2000000000}};
	long ts[6] = {5, 6, 7, 8, 9, 10};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (size_t n = 0; n < sizeof(lengths) / sizeof(*lengths); n++)
			one(SOL_SOCKET, kinds[k], ts, lengths[n]);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		one(SOL_SOCKET, 29, odd[i], 16);
		one(SOL_SOCKET, 35, odd[i], 16);
	}
}

static void every_type(void)
{
	static const int others[][2] = {{17, 103}, {17, 104}, {6, 36},  {263, 8}, {282, 1},
					{282, 2},  {270, 3},  {279, 3}, {132, 0}, {40, 1},
					{58, 1},   {999, 1},  {-1, -1}, {268, 0}, {41, 999},
					{284, 2},  {255, 1},  {259, 1}};

	for (int type = -1; type < 100; type++)
		one(SOL_SOCKET, type, pattern, 4);
	for (int type = 0; type < 60; type++)
		one(SOL_IP, type, pattern, 4);
	for (int type = 0; type < 80; type++)
		one(SOL_IPV6, type, pattern, 4);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		for (int n = 0; n < 40; n += n < 8 ? 1 : 12)
			one(others[i][0], others[i][1], pattern, n);
}

static void ip_lengths(void)
{
	static const int types[] = {1, 2, 4, 6, 7, 8, 9, 11, 18, 20, 23, 25};
	static const int lengths[] = {0, 1, 3, 4, 5, 8, 11, 12, 13, 16, 20, 31, 32, 40, 44, 48, 60};

	for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++)
		for (size_t n = 0; n < sizeof(lengths) / sizeof(*lengths); n++)
			one(SOL_IP, types[t], pattern, lengths[n]);
}

static void ip_values(void)
{
	struct in_pktinfo info = {1, {htonl(0x7f000001)}, {htonl(0x0a000001)}};
	struct sockaddr_in original = {
		.sin_family = AF_INET, .sin_port = htons(1234), .sin_addr = {htonl(0x0a0a0a0a)}};
	struct {
		struct sock_extended_err e;
		struct sockaddr_in a;
	} error = {
		{.ee_errno = ECONNREFUSED, .ee_type = 3, .ee_code = 3, .ee_info = 7, .ee_data = 8},
		{.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0x7f000001)}}};
	int value = 64;

	one(SOL_IP, IP_PKTINFO, &info, sizeof(info));
	info.ipi_ifindex = 99;
	one(SOL_IP, IP_PKTINFO, &info, sizeof(info));
	info.ipi_ifindex = 0;
	one(SOL_IP, IP_PKTINFO, &info, sizeof(info));
	one(SOL_IP, IP_TTL, &value, 4);
	value = 0x10;
	one(SOL_IP, IP_TOS, &value, 1);
	one(SOL_IP, IP_TOS, &value, 4);
	value = -1;
	one(SOL_IP, IP_TTL, &value, 4);
	one(SOL_IP, IP_TOS, &value, 4);
	for (int origin = 0; origin < 8; origin++) {
		error.e.ee_origin = origin;
		one(SOL_IP, IP_RECVERR, &error, sizeof(error));
	}
	for (int n = 15; n <= 20; n++)
		one(SOL_IP, IP_RECVERR, &error, n);
	error.e.ee_errno = 0;
	one(SOL_IP, IP_RECVERR, &error, sizeof(error));
	error.e.ee_errno = 5000;
	one(SOL_IP, IP_RECVERR, &error, sizeof(error));
	one(SOL_IP, IP_ORIGDSTADDR, &original, 16);
	one(SOL_IP, IP_ORIGDSTADDR, &original, 8);
}

static void ipv6_values(void)
{
	struct in6_pktinfo info = {.ipi6_ifindex = 1};
	struct {
		struct sock_extended_err e;
		struct sockaddr_in6 a;
	} error = {{.ee_errno = ECONNREFUSED,
		    .ee_origin = SO_EE_ORIGIN_ICMP6,
		    .ee_type = 1,
		    .ee_code = 4},
		   {.sin6_family = AF_INET6, .sin6_addr = {{{[15] = 1}}}}};
	int hops = 64;

	inet_pton(AF_INET6, "fe80::1", &info.ipi6_addr);
	one(SOL_IPV6, IPV6_PKTINFO, &info, 20);
	one(SOL_IPV6, IPV6_PKTINFO, &info, 16);
	one(SOL_IPV6, IPV6_PKTINFO, pattern, 32);
	one(SOL_IPV6, IPV6_HOPLIMIT, &hops, 4);
	one(SOL_IPV6, IPV6_TCLASS, &hops, 4);
	one(SOL_IPV6, IPV6_RECVERR, &error, sizeof(error));
}

static void two(size_t controllen)
{
	int fd = 3, ttl = 64;

	begin();
	add(SOL_SOCKET, SCM_RIGHTS, &fd, 4);
	add(SOL_IP, IP_TTL, &ttl, 4);
	go(controllen ? controllen : used);
}

/* cmsg_len above 2^64 - 8 is left out: strace 6.1 loops for ever, aligning it up wraps to 0. */
static void lies(void)
{
	static const long lengths[] = {0, 1, 15, 16, 17, 100, 1000, 0x7fffffff, -16, -8};
	int fd = 3, ttl = 64;

	for (size_t n = 1; n <= 2 * CMSG_SPACE(4); n++)
		two(n);
	two(0);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		begin();
		add_saying(lengths[i], SOL_SOCKET, SCM_RIGHTS, &fd, 4);
		add(SOL_IP, IP_TTL, &ttl, 4);
		go(used);
		begin();
		add_saying(lengths[i], SOL_IP, 99, &fd, 4);
		go(used);
	}
	begin();
	add(SOL_SOCKET, SCM_RIGHTS, &fd, 4);
	add(9, 9, "", 0);
	go(used);
	begin();
	for (int i = 0; i < 40; i++)
		add(SOL_IP, IP_TTL, &ttl, 4);
	go(used);
}

/* Says more than there is memory. */
static void unreadable_ends(void)
{
	static const struct msghdr odd[] = {{.msg_control = NULL, .msg_controllen = 24},
					    {.msg_control = BAD, .msg_controllen = 24},
					    {.msg_control = GUARD - 8, .msg_controllen = 24},
					    {.msg_control = GUARD - 8, .msg_controllen = 0},
					    {.msg_control = GUARD - 8, .msg_controllen = 5},
					    {.msg_control = GUARD - 8, .msg_controllen = -1}};
	int fd = 3;

	two(100);
	begin();
	add(SOL_SOCKET, SCM_RIGHTS, &fd, 4);
	go(100);
	begin();
	add_saying(100, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
	go(24);
	go(100);
	begin();
	add_saying(24, SOL_SOCKET, SCM_RIGHTS, &fd, 4);
	go(1UL << 40);
	go(0x100000);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		Sendmsg(-1, DUP(odd[i]), 0);
}

int main(void)
{
	arena();
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i + 1;
	descriptors();
	credentials();
	times();
	every_type();
	ip_lengths();
	ip_values();
	ipv6_values();
	lies();
	unreadable_ends();
	return 0;
}
