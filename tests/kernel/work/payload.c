/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Payload strings: escapes, the cut after 32 bytes, pointers, lengths that lie; message flags. */
#include "probe.h"

static char *p;

static void send_n(const void *from, long n)
{
	Sendto(-1, from, n, 0, NULL, 0);
}

#define S(literal) send_n(DUP(literal), sizeof(literal) - 1)

static void escapes(void)
{
	for (int i = 0; i < 256; i++)
		p[i] = i;
	for (int i = 0; i < 256; i += 16)
		send_n(p + i, 16);
	/* An octal escape grows when a digit follows. */
	S("\0000");
	S("\0008");
	S("\0009");
	S("\000a");
	S("\1771");
	S("\3771");
	S("\0018\0019\0017\001:\001/");
	S("\0\0\0");
	S("\33[1m");
	S("\r\n1");
	S("\v\f\a\b\33");
	S("\"quoted\\\"");
}

static void around_32(void)
{
	memset(p, 'a', 64);
	for (int n = 30; n <= 36; n++)
		send_n(p, n);
	p[31] = 1;
	p[32] = '5';
	for (int n = 31; n <= 40; n++)
		send_n(p, n);
	p[30] = 2;
	p[31] = '7';
	send_n(p, 40);
	memset(p, 0xff, 64);
	send_n(p, 40);
	memset(p, '"', 64);
	send_n(p, 40);
}

static void pointers(void)
{
	static const int at_end[][2] = {{64, 64}, {20, 20}, {20, 21}, {20, 32},  {32, 32},
					{32, 33}, {33, 34}, {33, 33}, {40, 4000}};

	send_n(NULL, 0);
	send_n(NULL, 1);
	send_n(BAD, 0);
	send_n(BAD, 1);
	send_n((void *)1, 10);
	send_n((void *)-1L, 10);
	memset(tail(64), 'z', 64);
	for (size_t i = 0; i < sizeof(at_end) / sizeof(*at_end); i++)
		send_n(tail(at_end[i][0]), at_end[i][1]);
	send_n(p, 0x100000000L);
	send_n(p, 0x80000000L);
	send_n(p, 0x7fffffffL);
	send_n(p, -1);
	send_n(p, 0x100000003L);
}

static void received(void)
{
	static const int n[][2] = {{1, 64}, {32, 64}, {33, 64}, {40, 40}, {20, 20}};
	int *sv = mem(8);
	char *q = mem(128);

	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	memset(p, 'b', 64);
	p[1] = 0;
	p[2] = '1';
	for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
		Sendto(sv[0], p, n[i][0], 0, NULL, 0);
		Recvfrom(sv[1], q, n[i][1], 0, NULL, NULL);
	}
	Sendto(sv[0], p, 20, 0, NULL, 0);
	Recvfrom(sv[1], tail(20), 100, 0, NULL, NULL);
	Sendto(sv[0], p, 33, 0, NULL, 0);
	Recvfrom(sv[1], tail(33), 33, 0, NULL, NULL);
	memset(q, 'q', 64); /* a length that is none as a signed number */
	Sendto(sv[0], p, 5, 0, NULL, 0);
	Recvfrom(sv[1], q, -1L, 0, NULL, NULL);
	Recvfrom(sv[1], q, 10, MSG_DONTWAIT, NULL, NULL);
	Shutdown(sv[1], 0);
	Sendto(sv[0], p, 10, 0, NULL, 0);
	Sendto(sv[0], p, 10, MSG_NOSIGNAL, NULL, 0);
	Sendto(0, p, 10, 0, NULL, 0);
}

static void flags(void)
{
	for (int i = 0; i < 32; i++)
		Sendto(-1, NULL, 0, 1u << i, NULL, 0);
	Sendto(-1, NULL, 0, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
	Sendto(-1, NULL, 0, MSG_NOSIGNAL | MSG_DONTWAIT | 0x00800000, NULL, 0);
	Sendto(-1, NULL, 0, -1, NULL, 0);
	Sendto(-1, NULL, 0, 0x00f00000, NULL, 0);
	Sendto(-1, NULL, 0, 0x100000040L, NULL, 0);
	Recvfrom(-1, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_WAITALL, NULL, NULL);
	Recvfrom(-1, NULL, 0, MSG_ERRQUEUE, NULL, NULL);
	Recvfrom(-1, NULL, 0, 0x300000, NULL, NULL);
	Sendmsg(-1, NULL, MSG_OOB | MSG_MORE);
	Recvmsg(-1, NULL, MSG_CMSG_CLOEXEC | MSG_WAITFORONE);
	Recvmsg(-1, NULL, -1L);
	Sendmsg(-1, NULL, 0x100000000L);
}

int main(void)
{
	arena();
	p = mem(1024);
	escapes();
	around_32();
	pointers();
	received();
	flags();
	return 0;
}
