/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* socket, socketpair, listen, shutdown: domains, types and their flags, protocols by family. */
#include "probe.h"

#define BAD_TYPE 0xf /* no socket is made, so no limit of descriptors is met */

static void domains(void)
{
	for (int i = -1; i < 50; i++)
		Socket(i, 0, 0);
	Socket(0x10000, 0, 0);
	Socket(0x7fffffff, 0, 0);
	Socket(0x80000000, 0, 0);
	Socket(0x100000001L, 1, 0);
	Socket(AF_UNIX, 1, 0x100000000L);
	Socket(AF_UNIX, 1, -1);
}

static void types(void)
{
	static const int odd[] = {SOCK_STREAM | SOCK_CLOEXEC,
				  SOCK_STREAM | SOCK_NONBLOCK,
				  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				  SOCK_CLOEXEC,
				  SOCK_NONBLOCK,
				  SOCK_CLOEXEC | SOCK_NONBLOCK,
				  7,
				  7 | SOCK_CLOEXEC,
				  0x10,
				  0x11,
				  0x101 | SOCK_CLOEXEC,
				  0x100,
				  0x10000,
				  0x7fff0003,
				  0x80000002,
				  BAD_TYPE | SOCK_NONBLOCK | 0x10};

	for (int i = -1; i < 18; i++)
		Socket(0, i, 0);
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		Socket(0, odd[i], 0);
}

static void protocols(void)
{
	for (int i = -1; i < 265; i++)
		Socket(AF_INET, 0, i);
	Socket(AF_INET6, 0, 6);
	Socket(AF_INET6, 0, 58);
	Socket(AF_INET6, 0, 300);
	for (int family = 0; family < 48; family++) {
		if (family == AF_INET || family == AF_INET6)
			continue;
		for (int p = 0; p < 26; p++)
			Socket(family, BAD_TYPE, p);
		Socket(family, BAD_TYPE, 0x300);
		Socket(family, BAD_TYPE, -1);
	}
	for (int p = 0; p < 0x140; p++)
		if (p < 0x30 || p >= 0x80)
			Socket(AF_PACKET, BAD_TYPE, htons(p));
	Socket(AF_PACKET, BAD_TYPE, htons(0xffff));
	Socket(AF_PACKET, BAD_TYPE, htons(0x88cc));
	Socket(AF_PACKET, BAD_TYPE, htons(0x86dd));
	Socket(AF_PACKET, BAD_TYPE, 0x10300);
	Socket(AF_PACKET, BAD_TYPE, 0x70000300);
	Socket(AF_AX25, SOCK_DGRAM, 0xcf);
	Socket(AF_AX25, SOCK_DGRAM, 0xc3);
	Socket(AF_VSOCK, SOCK_STREAM, 7);
}

static void pairs(void)
{
	int *sv = mem(8);

	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	Socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sv);
	Socketpair(AF_INET, SOCK_STREAM, 6, sv);
	Socketpair(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 17, sv);
	Socketpair(AF_NETLINK, SOCK_RAW, 16, sv);
	Socketpair(AF_PACKET, SOCK_RAW, 768, sv);
	Socketpair(AF_UNIX, SOCK_STREAM, -1, sv);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, NULL);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, BAD);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, tail(4));
	Socketpair(AF_UNIX, SOCK_STREAM, 1, tail(8));
	Socketpair(77, 9, 5, sv);
}

static void listens_and_shutdowns(void)
{
	Listen(-1, 0);
	Listen(3, 128);
	Listen(3, -1);
	Listen(0x7fffffff, 0x7fffffff);
	Listen(0x100000003L, 0x100000005L);
	Listen(0x80000000L, 0x80000000L);
	for (int i = -1; i < 5; i++)
		Shutdown(3, i);
	Shutdown(-1, 0x10000);
	Shutdown(0, 0);
	Shutdown(99, 2);
}

int main(void)
{
	arena();
	domains();
	types();
	protocols();
	pairs();
	listens_and_shutdowns();
	return 0;
}
