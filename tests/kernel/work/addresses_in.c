/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Socket addresses that a program hands over: connect and bind on no descriptor, so only the
 * decoding matters. */
#include "probe.h"
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>

/* Ends where readable memory ends: whoever reads further, fails. */
static void at_end(const void *address, int n)
{
	Connect(-1, tail_copy(address, n), n);
}

static void in_room(const void *address, size_t size, int n)
{
	Connect(-1, memcpy(mem(256), address, size), n);
}

static void pointers_and_lengths(void)
{
	char *p = mem(256);

	Connect(-1, NULL, 0);
	Connect(-1, NULL, 16);
	Connect(-1, NULL, -1);
	Connect(-1, BAD, 0);
	Connect(-1, BAD, 16);
	Connect(-1, BAD, -1);
	for (int n = -1; n < 3; n++)
		Connect(-1, p, n);
	Connect(-1, p, 0x7fffffff);
	Connect(-1, p, 0x100000010L);
	Connect(-1, tail(8), 16);
	Connect(-1, tail(1), 2);
	Connect(-1, tail(1), 1);
	Bind(-1, NULL, 0);
	Bind(-1, BAD, 16);
	Bind(-1, p, 16);
	Bind(-1, p, 1);
	Bind(-1, p, -5);
	memset(tail(128), 0, 128);
	Connect(-1, tail(128), 128);
	Connect(-1, tail(128), 129);
	Connect(-1, tail(100), 200);
	*(short *)tail(16) = AF_INET;
	Connect(-1, tail(16), 16);
	Connect(-1, tail(16), 28);
	Connect(-1, tail(16), 17);
}

static void unknown_families(void)
{
	char *p = mem(256);

	Connect(-1, p, 2);
	Connect(-1, p, 3);
	Connect(-1, p, 16);
	strcpy(p + 2, "abc");
	Connect(-1, p, 16);
	*(short *)p = 100;
	Connect(-1, p, 16);
	Connect(-1, p, 7);
	*(short *)p = -1;
	Connect(-1, p, 16);
	Connect(-1, p, 2);
}

/* n bytes of path, exactly. */
static void un(const char *path, size_t n)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX};

	memcpy(u.sun_path, path, n);
	at_end(&u, 2 + n);
}

#define UN(literal) un(literal, sizeof(literal) - 1)

static void unix_paths(void)
{
	struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
	static const int lengths[] = {109, 110, 111, 128};
	char p[128];

	UN("");
	UN("\0");
	UN("a");
	UN("a\0");
	UN("/tmp/x.sock");
	UN("/tmp/x.sock\0");
	UN("/tmp/x\0garbage");
	UN("\0abstract");
	UN("\0abs\0tract\0");
	UN("\0\0");
	UN("\0\0\0");
	UN("\0a");
	UN("\0\"q\"");
	UN("a\"b\\c\n\t\1\x7f\x80\xff");
	UN("\0\1\0022\0013");
	UN("caf\303\251");
	memset(p, 'x', sizeof(p));
	un(p, 107);
	un(p, 108);
	p[0] = 0;
	un(p, 108);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		in_room(&u, sizeof(u), lengths[i]);
	memset(u.sun_path, 0, 108);
	u.sun_path[1] = 'z';
	in_room(&u, sizeof(u), 110);
	in_room(&u, sizeof(u), 128);
	memset(u.sun_path, 'y', 108);
	in_room(&u, sizeof(u), 128);
	u.sun_path[0] = 0;
	in_room(&u, sizeof(u), 128);
}

static void in4(const char *address, int port)
{
	at_end(ip4(address, port), sizeof(struct sockaddr_in));
}

static void in6(const char *address, int port, uint32_t flow, uint32_t scope)
{
	struct sockaddr_in6 *s = ip6(address, port);

	s->sin6_flowinfo = htonl(flow);
	s->sin6_scope_id = scope;
	at_end(s, sizeof(*s));
}

static void internet(void)
{
	/* With a scope that is an interface here (1) and one that is none (99). */
	static const char *const scoped[] = {"fe80::1", "ff02::1", "ff01::1", "ff05::1",
					     "ff0e::1", "ff12::1", "::1",     "2001:db8::1",
					     "fec0::1", "febf::1"};
	struct sockaddr_in6 s = {
		.sin6_family = AF_INET6, .sin6_scope_id = 1, .sin6_addr = {{{0xfe, 0x80}}}};

	in4("0.0.0.0", 0);
	in4("127.0.0.1", 80);
	in4("255.255.255.255", 65535);
	in4("10.0.0.10", 5353);
	in6("::", 0, 0, 0);
	in6("::1", 443, 0, 0);
	in6("::ffff:1.2.3.4", 1, 0, 0);
	in6("::1.2.3.4", 1, 0, 0);
	in6("1:0:0:2:0:0:0:3", 1, 0, 0);
	in6("1:0:2:3:4:5:6:7", 1, 0, 0xffffffff);
	in6("2001:db8::1", 1, 0xfffff, 0);
	in6("2001:db8::1", 1, 7, 0);
	in6("2001:db8::1", 1, 0x80000000, 0);
	for (size_t i = 0; i < sizeof(scoped) / sizeof(*scoped); i++) {
		in6(scoped[i], 1, 0, 1);
		in6(scoped[i], 1, 0, 99);
	}
	in6("fe80::1", 1, 0, 0xffffffff);
	for (int n = 22; n <= 28; n++)
		at_end(&s, n);
}

static void nl(int pad, unsigned pid, unsigned groups)
{
	struct sockaddr_nl s = {AF_NETLINK, pad, pid, groups};

	at_end(&s, sizeof(s));
}

static void ll(int protocol, int ifindex, int hatype, int type, int halen, int n)
{
	struct sockaddr_ll s = {AF_PACKET,
				htons(protocol),
				ifindex,
				hatype,
				type,
				halen,
				{1, 2, 0xff, 4, 5, 6, 0, 8}};

	at_end(&s, n);
}

static void vm(int reserved, unsigned cid, unsigned port, int flags, int zero)
{
	struct sockaddr_vm s = {.svm_family = AF_VSOCK,
				.svm_reserved1 = reserved,
				.svm_port = port,
				.svm_cid = cid,
				.svm_flags = flags};

	s.svm_zero[2] = zero;
	at_end(&s, sizeof(s));
}

static void others(void)
{
	struct sockaddr_nl s = {.nl_family = AF_NETLINK};

	nl(0, 0, 0);
	nl(0, 1234, 0x111);
	nl(1, 0, 0xffffffff);
	nl(0, 0xffffffff, 1);
	for (int n = 2; n <= 12; n += 5)
		at_end(&s, n);
	in_room(&s, sizeof(s), 16);
	ll(3, 1, 1, 0, 6, 20);
	ll(0x800, 0, 0, 0, 0, 20);
	ll(0x86dd, 99, 772, 4, 8, 20);
	ll(0x88cc, -1, 65535, 7, 9, 20);
	ll(0xffff, 1, 0xfffe, 1, 1, 20);
	ll(3, 1, 1, 2, 6, 18);
	ll(3, 1, 1, 3, 6, 12);
	ll(3, 1, 1, 3, 6, 19);
	ll(3, 1, 1, 3, 255, 20);
	vm(0, 2, 1024, 0, 0);
	vm(0, -1, -1, 0, 0);
	vm(0, 0, 0, 1, 0);
	vm(0, 1, 5, 2, 0);
	vm(7, 3, 5, 0, 0);
	vm(0, 77, 5, 0, 9);
	vm(0, 2, 10, 3, 0);
}

/* Every family with a counting pattern as contents and growing lengths; but not the rare ones that
 * strace takes apart and weir shows as bytes. */
static void every_family(void)
{
	static const char rare[48] = {
		[AF_AX25] = 1,    [AF_IPX] = 1,        [AF_X25] = 1,          [AF_BLUETOOTH] = 1,
		[AF_RXRPC] = 1,   [AF_IEEE802154] = 1, [AF_ALG] = 1,          [AF_NFC] = 1,
		[AF_QIPCRTR] = 1, [AF_XDP] = 1,        [45 /* AF_MCTP */] = 1};

	static const int lengths[] = {2, 3, 8, 12, 15, 16, 20, 28, 29, 40, 88, 110, 128, 129};
	unsigned char p[160];

	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = i;
	for (int family = 0; family < 48; family++)
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths) && !rare[family]; i++) {
			p[0] = family;
			p[1] = 0;
			at_end(p, lengths[i]);
		}
}

int main(void)
{
	static void (*const all[])(void) = {
		pointers_and_lengths, unknown_families, unix_paths, internet, others, every_family};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		arena();
		arena_used = 0;
		all[i]();
	}
	return 0;
}
