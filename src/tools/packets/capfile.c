/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cgroups.h"
#include "clock.h"
#include "decode.h"
#include "error.h"
#include "capfile.h"
#include "layers.h"
#include "pcapng.h"

#define BLOCK_MOST (16 << 20) /* what libpcap takes of a pcapng file */

static u16 get16(const struct capfile *c, const void *p)
{
	u16 v;

	memcpy(&v, p, 2);
	return c->swap ? __builtin_bswap16(v) : v;
}

static u32 get32(const struct capfile *c, const void *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return c->swap ? __builtin_bswap32(v) : v;
}

static int cut_off(const struct capfile *c, const char *what)
{
	return fail("%.200s: %s at byte %llu, after %llu packets: the file is cut off or damaged",
		    c->path, what, (unsigned long long)c->at, (unsigned long long)c->packets);
}

/* 1; 0 at the end of the file, when nothing of it was there; FAIL. */
static int take(struct capfile *c, void *to, u32 n, const char *what)
{
	size_t got = fread(to, 1, n, c->file);

	if (ferror(c->file))
		return fail("cannot read %.200s: %s", c->path, strerror(errno));
	if (!got && n)
		return 0;
	if (got < n)
		return cut_off(c, what);
	c->at += n;
	return 1;
}

static int room(struct capfile *c, u32 n)
{
	u8 *more;

	if (n <= c->room)
		return 0;
	more = realloc(c->block, n);
	if (!more)
		return fail("no memory for a block of %u bytes", n);
	c->block = more;
	c->room = n;
	return 0;
}

/* "cooked" captures, as of tcpdump -i any, say whether a packet leaves. */
static void cooked_side(struct packet_rec *r, const u8 *p, u32 n)
{
	u32 type;

	if (r->link == LINKTYPE_LINUX_SLL && n >= 2)
		type = p[0] << 8 | p[1];
	else if (r->link == LINKTYPE_LINUX_SLL2 && n >= 11)
		type = p[10];
	else
		return;
	r->bits &= ~(PACKET_OUT | PACKET_NO_SIDE);
	r->bits |= type == 4 ? PACKET_OUT : 0; /* PACKET_OUTGOING of packet(7) */
}

/* The record of a packet of len bytes at p, of full. */
static int hand_out(struct capfile *c, const struct capfile_interface *i, u64 ns, const u8 *p,
		    u32 len, u32 full, const struct packet_rec **out)
{
	struct packet_rec *r = c->rec;
	struct sect *s = (struct sect *)(r + 1);
	u32 n = len < PACKET_SNAP_MAX ? len : PACKET_SNAP_MAX;

	*s = (struct sect){.kind = SECT_DATA, .len = n, .full = full > len ? full : len};
	memcpy(s + 1, p, n);
	r->h = (struct rec){.len = sizeof(*r) + sizeof(*s) + n,
			    .type = REC_PACKET,
			    .fixed = sizeof(*r),
			    .ts = ns};
	r->netns = i->netns;
	r->ifindex = i->ifindex;
	r->link = i->link;
	r->bits |= i->bits;
	cooked_side(r, p, n);
	c->packets++;
	*out = r;
	return 1;
}

/* pcap */

static int next_pcap(struct capfile *c, const struct packet_rec **out)
{
	u8 head[16];
	int more = take(c, head, sizeof(head), "a packet's header");
	u32 len, frac;

	if (more <= 0)
		return more;
	len = get32(c, head + 8);
	frac = get32(c, head + 4);
	if (len > BLOCK_MOST)
		return cut_off(c, "a packet of impossible length");
	if (room(c, len + 1)) /* so that there is always a block */
		return FAIL;
	if (len && take(c, c->block, len, "a packet") <= 0)
		return cut_off(c, "a packet");
	c->rec->bits = PACKET_NO_SIDE;
	c->rec->who = (struct who){};
	return hand_out(c, c->interfaces,
			get32(c, head) * NS_PER_S + frac * (c->nanos ? 1ull : 1000ull), c->block,
			len, get32(c, head + 12), out);
}

static int open_pcap(struct capfile *c, u32 magic)
{
	u8 head[20];

	c->swap = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	c->nanos = magic == 0xa1b23c4d || magic == 0x4d3cb2a1;
	if (take(c, head, sizeof(head), "the header") <= 0)
		return cut_off(c, "the header");
	c->interfaces[0] =
		(struct capfile_interface){.link = get32(c, head + 16), .bits = PACKET_NO_PLACE};
	c->ninterfaces = 1;
	return 0;
}

/* pcapng */

/* The next option; NULL behind the last. Those that do not fit end the list. */
static const u8 *next_option(const struct capfile *c, const u8 **p, const u8 *end, u16 *code,
			     u16 *len)
{
	const u8 *value = *p + 4;

	if (end - *p < 4)
		return NULL;
	*code = get16(c, *p);
	*len = get16(c, *p + 2);
	if (!*code || *len > end - value)
		return NULL;
	*p = value + ((*len + 3) & ~3);
	if (*p > end)
		*p = end;
	return value;
}

/* Our own words in a custom option: 0 when it is none of that kind and size. */
static bool is_own(const struct capfile *c, const u8 *value, u32 len, u32 kind, u32 size)
{
	return len >= 4 + size && get32(c, value) == PCAPNG_PEN &&
	       get32(c, value + 4) == PCAPNG_WEIR && get32(c, value + 8) == kind;
}

static int read_interface(struct capfile *c, const u8 *p, const u8 *end)
{
	struct capfile_interface i = {.decimal = true, .exponent = 6, .bits = PACKET_NO_PLACE};
	const u8 *value;
	u16 code, len;

	if (end - p < 8)
		return cut_off(c, "an interface block that is too short");
	if (c->ninterfaces == CAPFILE_INTERFACES)
		return fail("%.200s has more than %u interfaces", c->path, CAPFILE_INTERFACES);
	i.link = get16(c, p);
	i.ifindex = ++c->described;
	for (p += 8; (value = next_option(c, &p, end, &code, &len));) {
		if (code == 2 && len) {
			u32 n = len < 15 ? len : 15;

			memcpy(i.name, value, n);
			i.name[n] = 0;
		} else if (code == 9 && len >= 1) {
			i.decimal = !(*value & 0x80);
			i.exponent = *value & 0x7f;
		} else if (code == 14 && len == 8) {
			u64 low = get32(c, value), high = get32(c, value + 4);

			i.offset_s = c->swap ? low << 32 | high : high << 32 | low;
		} else if (code == 2989 && is_own(c, value, len, CUSTOM_INTERFACE,
						  sizeof(struct custom_interface))) {
			i.netns = get32(c, value + 12);
			i.ifindex = get32(c, value + 16);
			i.bits = get32(c, value + 20) & PCAPNG_PLACE;
		}
	}
	if (*i.name)
		netdev_learn(i.netns, i.ifindex, i.name, strlen(i.name));
	c->named++;
	c->interfaces[c->ninterfaces++] = i;
	return 0;
}

static void read_owner(struct capfile *c, const u8 *p, const u8 *end)
{
	struct custom_owner o;
	u32 number;

	if (!is_own(c, p, end - p, CUSTOM_OWNER, sizeof(o)))
		return;
	memcpy(&o, p + 4, sizeof(o));
	number = get32(c, &o.number);
	c->owners[number % CAPFILE_OWNERS].number = number;
	c->owners[number % CAPFILE_OWNERS].who = (struct who){
		.pid = get32(c, &o.pid),
		.tid = get32(c, &o.tid),
		.uid = get32(c, &o.uid),
		.netns = get32(c, &o.netns),
		.cgroup = c->swap ? __builtin_bswap64(o.cgroup) : o.cgroup,
	};
	memcpy(c->owners[number % CAPFILE_OWNERS].who.comm, o.comm, 15);
}

/* ns since 1970 of a time in the interface's unit; what does not fit is cut. */
static u64 to_ns(const struct capfile_interface *i, u64 t)
{
	unsigned __int128 ns = (unsigned __int128)t * NS_PER_S;

	if (i->decimal) {
		if (i->exponent > 19)
			return 0;
		for (u32 k = 0; k < i->exponent; k++)
			ns /= 10;
	} else {
		ns = i->exponent > 63 ? 0 : ns >> i->exponent;
	}
	return (u64)ns + (u64)i->offset_s * NS_PER_S;
}

static void read_packet_options(struct capfile *c, const u8 *p, const u8 *end)
{
	const u8 *value;
	u16 code, len;

	while ((value = next_option(c, &p, end, &code, &len))) {
		if (code == 2 && len == 4 && get32(c, value) & 3) {
			c->rec->bits &= ~PACKET_NO_SIDE;
			c->rec->bits |= (get32(c, value) & 3) == 2 ? PACKET_OUT : 0;
		}
		if (code == 2989 &&
		    is_own(c, value, len, CUSTOM_OWNED_BY, sizeof(struct custom_owned_by))) {
			u32 number = get32(c, value + 12);

			if (!number || c->owners[number % CAPFILE_OWNERS].number != number)
				continue;
			c->rec->who = c->owners[number % CAPFILE_OWNERS].who;
			c->rec->bits |= PACKET_WHO;
		}
	}
}

/* A packet block of one of the three kinds: 1, 0 when it is passed over, or FAIL. */
static int read_packet(struct capfile *c, u32 type, const u8 *p, const u8 *end,
		       const struct packet_rec **out)
{
	u32 head = type == 3 ? 4 : 20, id, len, full;
	const struct capfile_interface *i;
	u64 t = 0;

	if (end - p < (long)head)
		return cut_off(c, "a packet block that is too short");
	id = type == 3 ? 0 : type == 2 ? get16(c, p) : get32(c, p);
	if (id >= c->ninterfaces)
		return cut_off(c, "a packet of an interface that was not described");
	i = &c->interfaces[id];
	if (type == 3) {
		full = get32(c, p);
		len = full < end - p - 4 ? full : end - p - 4;
	} else {
		t = (u64)get32(c, p + 4) << 32 | get32(c, p + 8);
		len = get32(c, p + 12);
		full = get32(c, p + 16);
	}
	if (len > end - p - head)
		return cut_off(c, "a packet that is longer than its block");
	c->rec->bits = PACKET_NO_SIDE;
	c->rec->who = (struct who){};
	if (type != 3)
		read_packet_options(
			c, p + head + (len + 3) / 4 * 4 < end ? p + head + (len + 3) / 4 * 4 : end,
			end);
	return hand_out(c, i, to_ns(i, t), p + head, len, full, out);
}

/* A section's head: the byte order of what follows. p is behind type and length. */
static int read_section(struct capfile *c, const u8 *magic)
{
	u32 order;

	memcpy(&order, magic, 4);
	if (order != 0x1a2b3c4d && order != 0x4d3c2b1a)
		return cut_off(c, "a section without its magic number");
	c->swap = order == 0x4d3c2b1a;
	c->ninterfaces = 0;
	c->sections++;
	memset(c->owners, 0, CAPFILE_OWNERS * sizeof(*c->owners));
	return 0;
}

/* Reads a block's rest into c->block, and its length behind it: *n bytes in between. */
static int read_body(struct capfile *c, u32 len, u32 done, u32 *n)
{
	u8 last[4];

	if (len < 12 || len % 4 || len > BLOCK_MOST || len < done + 4)
		return cut_off(c, "a block of impossible length");
	*n = len - done - 4;
	if (room(c, *n + 1))
		return FAIL;
	if ((*n && take(c, c->block, *n, "a block") <= 0) || take(c, last, 4, "a block") <= 0)
		return *error_text() ? FAIL : cut_off(c, "a block");
	return get32(c, last) == len ? 0 : cut_off(c, "a block with two lengths");
}

static int next_ng(struct capfile *c, const struct packet_rec **out)
{
	for (;;) {
		u32 head[3], type, n;
		int err = take(c, head, 8, "a block's head");

		if (err <= 0)
			return err;
		type = get32(c, head);
		if (head[0] == 0x0a0d0d0a) {
			if (take(c, head + 2, 4, "a section's head") <= 0)
				return cut_off(c, "a section's head");
			if (read_section(c, (u8 *)(head + 2)) ||
			    read_body(c, get32(c, head + 1), 12, &n))
				return FAIL;
			continue;
		}
		if (read_body(c, get32(c, head + 1), 8, &n))
			return FAIL;
		if (type == 1 && read_interface(c, c->block, c->block + n))
			return FAIL;
		if (type == 0xbad)
			read_owner(c, c->block, c->block + n);
		if (type == 2 || type == 3 || type == 6)
			return read_packet(c, type, c->block, c->block + n, out);
	}
}

static int open_ng(struct capfile *c)
{
	u32 head[2], n;

	c->ng = true;
	if (take(c, head, 8, "the header") <= 0)
		return cut_off(c, "the header");
	if (read_section(c, (u8 *)(head + 1)))
		return FAIL;
	return read_body(c, get32(c, head), 12, &n);
}

static int begin(struct capfile *c)
{
	u32 magic;

	if (take(c, &magic, 4, "the header") <= 0)
		return cut_off(c, "no header");
	if (magic == 0x0a0d0d0a)
		return open_ng(c);
	if (magic == 0xa1b2c3d4 || magic == 0xd4c3b2a1 || magic == 0xa1b23c4d ||
	    magic == 0x4d3cb2a1)
		return open_pcap(c, magic);
	return fail("%.200s is neither pcap nor pcapng", c->path);
}

int capfile_open(struct capfile *c, const char *path)
{
	bool in = !strcmp(path, "-");

	*c = (struct capfile){.path = in ? "standard input" : path};
	c->file = in ? stdin : fopen(path, "re");
	if (!c->file)
		return fail("cannot read %.200s: %s", path, strerror(errno));
	c->interfaces = calloc(CAPFILE_INTERFACES, sizeof(*c->interfaces));
	c->owners = calloc(CAPFILE_OWNERS, sizeof(*c->owners));
	c->rec = calloc(1, sizeof(*c->rec) + sizeof(struct sect) + PACKET_SNAP_MAX + 8);
	if (!c->interfaces || !c->owners || !c->rec)
		return fail("no memory to read %.200s", path);
	/* this machine's devices and cgroups are not those of the file */
	netdev_learn(0, 0, "", 0);
	cgroup_learn(0, "", 0);
	return begin(c);
}

int capfile_next(struct capfile *c, const struct packet_rec **r)
{
	return c->ng ? next_ng(c, r) : next_pcap(c, r);
}

void capfile_close(struct capfile *c)
{
	if (c->file && c->file != stdin)
		fclose(c->file);
	free(c->interfaces);
	free(c->owners);
	free(c->rec);
	free(c->block);
	*c = (struct capfile){0};
}
