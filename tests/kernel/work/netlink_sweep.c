/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Netlink messages of every kind: each attribute of each table, with payloads of many lengths and
 * values, and each byte of each head. The kernel refuses nearly all of them: they are told all the
 * same. One argument: attributes, values or heads.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "probe.h"

#define LIST 24 /* attributes of one message: strace shows 32 of a list */

static struct sockaddr_nl *kernel;
static unsigned char *room;
static int route, diag, other[4];

/* Where a table of attributes is. */
struct place {
	char protocol;    /* r: NETLINK_ROUTE, d: NETLINK_SOCK_DIAG, q: the same, as a request */
	int type;         /* of the message */
	int family, head; /* first byte and length of what comes before attributes */
	char kind[8]; /* of IFLA_LINKINFO: IFLA_INFO_KIND, IFLA_INFO_SLAVE_KIND with a +, or - */
	int path[4];  /* attributes that lead to it */
	int depth;    /* ... so many */
};

static const char *const places[] = {
	"r 16 0 16",
	"r 16 2 16",
	"r 16 7 16",
	"r 16 10 16",
	"r 16 0 16 - 18",
	"r 16 0 16 - 22",
	"r 16 0 16 - 22 1",
	"r 16 0 16 - 22 1 8",
	"r 16 0 16 - 22 1 12",
	"r 16 0 16 - 24",
	"r 16 0 16 - 24 1",
	"r 16 0 16 - 25",
	"r 16 0 16 - 26",
	"r 16 0 16 - 26 2",
	"r 16 0 16 - 26 10",
	"r 16 0 16 - 26 45",
	"r 16 0 16 - 43",
	"r 16 0 16 - 52",
	"r 16 0 16 - 55",
	"r 16 7 16 - 12",
	"r 16 7 16 - 26",
	"r 16 7 16 - 26 3",
	"r 16 10 16 - 12",
	"r 16 0 16 bridge 18 2",
	"r 16 0 16 bridge 18 2 47",
	"r 16 0 16 tun 18 2",
	"r 16 0 16 can 18",
	"r 16 0 16 +bridge 18 5",
	"r 20 0 8",
	"r 20 2 8",
	"r 20 10 8",
	"r 58 2 8",
	"r 24 0 12",
	"r 24 2 12",
	"r 24 10 12",
	"r 24 28 12",
	"r 24 0 12 - 8",
	"r 28 0 12",
	"r 28 2 12",
	"r 28 10 12",
	"r 28 7 12",
	"r 30 7 16",
	"r 28 0 12 - 14",
	"r 32 0 12",
	"r 32 2 12",
	"r 32 10 12",
	"r 36 0 20",
	"r 36 0 20 - 7",
	"r 36 0 20 - 8",
	"r 44 0 20",
	"r 48 0 4",
	"r 48 0 4 - 4",
	"r 64 0 4",
	"r 64 0 4 - 6",
	"r 72 0 12",
	"r 72 2 12",
	"r 72 10 12",
	"r 78 0 4",
	"r 80 0 4",
	"r 84 0 8",
	"r 84 0 8 - 1",
	"r 84 0 8 - 1 1",
	"r 84 0 8 - 2",
	"r 88 0 4",
	"r 92 0 12",
	"r 92 0 12 - 2",
	"r 92 0 12 - 2 1",
	"r 92 0 12 - 2 2",
	"r 92 0 12 - 2 2 1",
	"r 92 0 12 - 4",
	"r 92 0 12 - 5",
	"r 92 0 12 - 5 28",
	"r 96 0 4",
	"r 96 128 4",
	"r 96 129 4",
	"r 100 0 20",
	"r 104 0 8",
	"r 104 2 8",
	"r 104 10 8",
	"r 104 0 8 - 12",
	"r 104 0 8 - 13",
	"r 120 0 8",
	"d 20 1 16",
	"d 20 2 72",
	"d 20 10 72",
	"d 20 16 28",
	"d 20 17 16",
	"d 20 43 64",
	"d 20 2 72 - 19",
	"d 20 2 72 - 19 2",
	"d 20 2 72 - 19 3",
	"d 20 2 72 - 20",
	"d 20 2 72 - 20 1",
	"q 20 1 24",
	"q 20 2 56",
	"q 20 10 56",
	"q 18 2 64",
	"q 20 16 20",
	"q 20 17 20",
	"q 20 43 52",
	"q 21 2 56",
	"d 18 2 72",
};

static unsigned char *put(unsigned char *to, int type, const void *p, int n)
{
	struct nlattr a = {4 + n, type};

	memcpy(to, &a, 4);
	memcpy(to + 4, p, n);
	memset(to + 4 + n, 0, -n & 3);
	return to + 4 + ((n + 3) & ~3);
}

/* Bound: strace cannot find out the protocol before. */
static int open_on(int protocol)
{
	int fd = Socket(AF_NETLINK, SOCK_RAW, protocol);

	Bind(fd, kernel, 12);
	return fd;
}

static int socket_of(const struct place *p)
{
	return p->protocol == 'r' ? route : diag;
}

static void transmit(int fd, int type, int flags, int n)
{
	struct nlmsghdr h = {16 + n, type, flags, 7, 0};

	memcpy(room, &h, 16);
	Sendto(fd, room, 16 + n, MSG_DONTWAIT, kernel, 12); /* nobody reads the answers */
}

/* Puts a list of n bytes, which stands at room + 4096, into the place, and sends it. */
static void send_at(const struct place *p, int n)
{
	unsigned char *list = room + 4096, *body = room + 16;
	int at = p->head;

	for (int d = p->depth - 1; d >= 0; d--) {
		unsigned char inner[4096], *end = inner;

		if (*p->kind != '-' && d == 0)
			end = put(end, *p->kind == '+' ? 4 : 1, p->kind + (*p->kind == '+'),
				  strlen(p->kind) + (*p->kind != '+'));
		memcpy(end, list, n);
		end += n;
		n = put(list, p->path[d], inner, end - inner) - list;
	}
	memset(body, 0, at);
	body[0] = p->family;
	memcpy(body + at, list, n);
	transmit(socket_of(p), p->type, p->protocol == 'q' ? 1 : 0, at + n);
}

/* strace 6.1 never ends on some next hops. */
static int is_bad(const struct place *p, int type, const unsigned char *bytes, int n)
{
	return p->type == 24 && !p->depth && type == 9 && (n < 8 || bytes[0] + bytes[1] * 256 < n);
}

static void list_of(const struct place *p, int first, const unsigned char *bytes, int n)
{
	unsigned char *list = room + 4096, *to = list;

	for (int type = first; type < first + LIST && to - list + 4 + n < 3000; type++)
		if (!is_bad(p, type, bytes, n))
			to = put(to, type, bytes, n);
	send_at(p, to - list);
}

static struct place place_of(const char *text)
{
	struct place p = {.kind = "-"};

	p.depth = sscanf(text, "%c %d %d %d %7s %d %d %d %d", &p.protocol, &p.type, &p.family,
			 &p.head, p.kind, &p.path[0], &p.path[1], &p.path[2], &p.path[3]);
	p.depth = p.depth > 5 ? p.depth - 5 : 0;
	return p;
}

static void each(void (*sweep)(const struct place *p))
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct place p = place_of(places[i]);

		sweep(&p);
	}
}

/* Where the last of a table's attributes are: nested tables are shorter, but for that of bridges.
 */
static int last_of(const struct place *p)
{
	return p->depth && *p->kind == '-' && p->family != 7 ? LIST
	       : p->depth                                    ? 2 * LIST
							     : 3 * LIST;
}

static void lengths_at(const struct place *p)
{
	static const int lengths[] = {0,  1,  2,  3,  4,   5,   7,   8,   9,   10,  11,  12,
				      16, 17, 20, 24, 28,  32,  33,  36,  40,  48,  72,  76,
				      80, 88, 92, 96, 100, 128, 147, 184, 188, 192, 200, 240};
	unsigned char bytes[256];

	for (int i = 0; i < 256; i++)
		bytes[i] = i + 1;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (int first = 0; first < last_of(p); first += LIST)
			list_of(p, first, bytes, lengths[i]);
}

static void values_at(const struct place *p)
{
	unsigned char bytes[4] = {0};

	for (int value = -1; value < 36; value++) {
		memcpy(bytes, &value, 4);
		for (int first = 0; first < last_of(p); first += LIST)
			list_of(p, first, bytes, 4);
	}
	for (int bit = 6; bit < 32; bit++) {
		unsigned value = 1u << bit;

		memcpy(bytes, &value, 4);
		for (int first = 0; first < last_of(p); first += LIST)
			list_of(p, first, bytes, 4);
	}
}

static void heads_at(const struct place *p)
{
	static const unsigned char more[] = {42,  45,  64,  99,  128, 186, 187,
					     189, 192, 200, 252, 253, 254, 255};
	unsigned char *body = room + 16;

	if (p->depth)
		return;
	for (int n = 0; n <= p->head + 5; n++) {
		memset(body, 0x5a, n);
		*body = p->family;
		transmit(socket_of(p), p->type, p->protocol == 'q', n);
	}
	for (int at = 0; at < p->head && at < 12 && !(p->family && p->protocol == 'r'); at++)
		for (size_t i = 0; i < 33 + sizeof(more); i++) {
			memset(body, 0, p->head);
			*body = p->family;
			body[at] = i < 33 ? i : more[i - 33];
			transmit(socket_of(p), p->type, p->protocol == 'q', p->head);
		}
}

static void types(void)
{
	int fds[] = {route, diag, other[0], other[1], other[2], other[3]};

	for (int type = 0; type < 160; type++)
		for (size_t f = 0; f < sizeof(fds) / sizeof(*fds); f++) {
			memset(room + 16, 1, 8);
			transmit(fds[f], type, 0xf05, 0);
			transmit(fds[f], type, 0x01, 8);
		}
	for (int type = 0x100; type < 0xf00; type += (type & 0xff) < 40 ? 1 : 43)
		transmit(other[1], type, 0xf05, 0);
	for (int type = 1000; type < 3000; type += type < 1420 || type > 1690 ? 1 : 31)
		transmit(other[2], type, 0xf05, 0);
	for (int n = 0; n < 12; n++) {
		memset(room + 16, n - 1, 12);
		transmit(other[3], 16, 0, n);
		transmit(other[3], 17, 0, n);
	}
}

/* Filters of sockets, and next hops: what they hold depends on what came before. */
static void special(void)
{
	struct place steps = place_of("q 20 2 56"), hops = place_of("r 24 2 12"),
		     entry = place_of("r 84 0 8 - 1 1"), port = place_of("r 84 0 8 - 2");
	unsigned char bytes[64];

	for (int code = 0; code < 16; code++)
		for (int n = 4; n < 40; n += n < 14 ? 1 : 3)
			for (int family = 0; family < 11; family += 2) {
				for (int i = 0; i < 64; i++)
					bytes[i] = i;
				bytes[0] = code;
				bytes[4] = family;
				send_at(&steps, put(room + 4096, 1, bytes, n) - room - 4096);
			}
	for (int n = 8; n < 40; n++)
		for (int said = 8; said <= n; said++) {
			struct rtnexthop h = {said, said, 3, 1}, next = {8, 0, 0, 2};

			memset(bytes, 0xff, sizeof(bytes));
			memcpy(bytes, &h, 8);
			if (said + 16 < n)
				put(bytes + 8, 5, "\1\2\3\4", 4);
			if (((said + 3) & ~3) + 8 == n)
				memcpy(bytes + ((said + 3) & ~3), &next, 8);
			else if (((said + 3) & ~3) < n)
				continue;
			send_at(&hops, put(room + 4096, 9, bytes, n) - room - 4096);
		}
	for (int n = 0; n < 48; n++)
		for (int family = 0; family < 11; family += 2) {
			memset(bytes, 0, sizeof(bytes));
			bytes[0] = 1;
			bytes[25] = family;
			put(bytes + 28, 1, "\144\0\0", 4);
			send_at(&entry, put(room + 4096, 1, bytes, n) - room - 4096);
			put(bytes + 4, 2, "\1", 1);
			send_at(&port, put(room + 4096, 1, bytes, n) - room - 4096);
		}
}

/* What the kernel and udev tell of devices. MSG_OOB: refused, so that it is told to no one. */
static void events(void)
{
	static const char kernels[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=net";
	int fd = open_on(NETLINK_KOBJECT_UEVENT);

	for (int n = 0; n <= (int)sizeof(kernels); n++) {
		memcpy(room, kernels, n);
		Sendto(fd, room, n, MSG_DONTWAIT | MSG_OOB, kernel, 12);
	}
	for (int n = 0; n < 90; n++) {
		for (int i = 0; i < n; i++)
			room[i] = i * 7;
		memcpy(room, "libudev", 8);
		Sendto(fd, room, n, MSG_DONTWAIT | MSG_OOB, kernel, 12);
		if (n > 8)
			memset(room + 8, 0, n - 8);
		Sendto(fd, room, n, MSG_DONTWAIT | MSG_OOB, kernel, 12);
	}
}

int main(int argc, char **argv)
{
	static const struct sockaddr_nl to = {.nl_family = AF_NETLINK};

	arena();
	kernel = DUP(to);
	room = mem(16384);
	route = open_on(NETLINK_ROUTE);
	diag = open_on(NETLINK_SOCK_DIAG);
	other[0] = open_on(NETLINK_XFRM);
	other[1] = open_on(NETLINK_NETFILTER);
	other[2] = open_on(NETLINK_AUDIT);
	other[3] = open_on(NETLINK_SELINUX); /* not of every kernel: then it is told as bytes */
	if (argc > 1 && !strcmp(argv[1], "attributes"))
		each(lengths_at);
	if (argc > 1 && !strcmp(argv[1], "values"))
		each(values_at);
	if (argc > 1 && !strcmp(argv[1], "heads")) {
		each(heads_at);
		types();
		special();
		events();
	}
	return 0;
}
