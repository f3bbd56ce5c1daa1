/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "cgroups.h"
#include "error.h"
#include "pcapng.h"
#include "version.h"

#define GATHER (256 << 10)

enum { SHB = 0x0a0d0d0a, IDB = 1, EPB = 6, CB = 0xbad };
enum { OPT_END, OPT_COMMENT, IF_NAME = 2, IF_DESCRIPTION = 3, IF_TSRESOL = 9, SHB_USERAPPL = 4 };
enum { EPB_FLAGS = 2, EPB_DROPCOUNT = 4, OPT_CUSTOM = 2989 };

#define INTERFACES 1024
#define OWNERS     1024 /* a power of two */

struct interface {
	u32 netns, ifindex;
	u32 number; /* of its block */
	u16 link;
	u8 bits;
};

struct owner {
	u32 number; /* its place plus 1: where a reader keeps it, too; 0: free */
	struct who who;
};

/*
 * What packets have in common that are alike in the last words of their records: interface,
 * direction, owner. Ready are their interface's number, and what stands behind their bytes: flags,
 * then all other options up to their end.
 */
#define ALIKES  512 /* a power of two */
#define WORDS   ((sizeof(struct packet_rec) - offsetof(struct packet_rec, netns)) / 8)
#define COMMENT 156
#define FLAGS   8 /* bytes of the option */
#define TAIL    (FLAGS + 4 + COMMENT + 4 + 4 + sizeof(struct custom_owned_by) + 4)

struct alike {
	u64 key[WORDS]; /* ones, which no record has: free */
	u32 interface, len;
	u8 tail[TAIL];
};
_Static_assert(sizeof(struct alike) == 256, "found by a shift");

static struct pcapng_how how;
static struct buf b;
static int fd = -1;
static struct interface interfaces[INTERFACES];
static u32 ninterfaces, last_interface;
static u32 described; /* interface blocks of this section */
static struct owner owners[OWNERS];
static struct alike alikes[ALIKES];
static u64 written;          /* to this file */
static u64 file_ends;        /* ns, -G */
static u32 nfiles, in_slice; /* opened so far; of these since the last -G */
static char slice[4096];     /* the name that -G has made */

static size_t begin_block(u32 type)
{
	u32 head[2] = {type, 0};
	size_t at = buf_len(&b);

	buf_mem(&b, head, sizeof(head));
	return at;
}

static void pad(void)
{
	static const char zeros[4];

	buf_mem(&b, zeros, -buf_len(&b) & 3);
}

static void end_block(size_t at)
{
	u32 len = buf_len(&b) - at + 4;

	memcpy(b.base + at + 4, &len, 4);
	buf_mem(&b, &len, 4);
}

static void option(u16 code, const void *p, u16 len)
{
	u16 head[2] = {code, len};

	buf_mem(&b, head, sizeof(head));
	buf_mem(&b, p, len);
	pad();
}

/* A custom option: our number stands before the bytes. */
static void custom(const void *p, u16 len)
{
	u16 head[2] = {OPT_CUSTOM, 4 + len};
	u32 pen = PCAPNG_PEN;

	buf_mem(&b, head, sizeof(head));
	buf_mem(&b, &pen, 4);
	buf_mem(&b, p, len);
	pad();
}

void pcapng_section(void)
{
	static const struct {
		u32 magic;
		u16 major, minor;
		s64 length;
	} __attribute__((packed)) head = {0x1a2b3c4d, 1, 0, -1};
	static const char app[] = "weir " WEIR_VERSION;
	size_t at = begin_block(SHB);

	buf_mem(&b, &head, sizeof(head));
	option(SHB_USERAPPL, app, sizeof(app) - 1);
	option(OPT_END, NULL, 0);
	end_block(at);
	ninterfaces = last_interface = described = 0;
	memset(owners, 0, sizeof(owners));
	memset(alikes, 0xff, sizeof(alikes));
}

static int file_failed(int err)
{
	return fail("cannot write to %.200s: %s",
		    strcmp(how.path, "-") ? how.path : "standard output", strerror(err));
}

/* The next file's name: tcpdump's rules. */
static void name_next(char *name, size_t room)
{
	const char *base = how.seconds ? slice : how.path;
	u32 digits = 1, most = how.files ? how.files - 1 : 0, number = in_slice;

	while (most >= 10) {
		most /= 10;
		digits++;
	}
	if (how.size_mb && how.files)
		snprintf(name, room, "%s%0*u", base, digits, number % how.files);
	else if (how.size_mb && number)
		snprintf(name, room, "%s%u", base, number);
	else
		snprintf(name, room, "%s", base);
}

static int open_next(void)
{
	char name[4200];

	name_next(name, sizeof(name));
	fd = strcmp(how.path, "-") ? open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : 1;
	if (fd < 0)
		return fail("cannot write to %.200s: %s", name, strerror(errno));
	if (isatty(fd))
		return fail("a capture is binary: give a file or a pipe, not a terminal");
	nfiles++;
	in_slice++;
	written = 0;
	pcapng_section();
	return pcapng_flush();
}

/* A new span of time: its name, and how long it is. */
static void new_slice(u64 ns)
{
	time_t now = ns / 1000000000;
	struct tm tm;

	localtime_r(&now, &tm);
	if (!strftime(slice, sizeof(slice), how.path, &tm))
		snprintf(slice, sizeof(slice), "%s", how.path);
	file_ends = ns + how.seconds * 1000000000;
	in_slice = 0;
}

int pcapng_open(const struct pcapng_how *given)
{
	struct timespec now;

	how = *given;
	clock_gettime(CLOCK_REALTIME, &now);
	if (how.seconds)
		new_slice(how.start_ns ? how.start_ns : now.tv_sec * 1000000000ULL + now.tv_nsec);
	return open_next();
}

int pcapng_flush(void)
{
	char *p = b.base;
	int err = 0;

	while (p < b.at && !err) {
		ssize_t n = write(fd, p, b.at - p);

		if (n > 0) {
			p += n;
			written += n;
		} else if (n < 0 && errno != EINTR) {
			err = errno;
		}
	}
	buf_clear(&b);
	return err ? file_failed(err) : 0;
}

static int close_file(void)
{
	int err = fd >= 0 ? pcapng_flush() : 0;

	if (fd > 1 && close(fd) && !err)
		err = file_failed(errno);
	fd = -1;
	return err;
}

int pcapng_close(void)
{
	int err = close_file();

	buf_free(&b);
	return err;
}

/* The number of the interface block; it is written when it is needed first. */
static u32 interface_of(const struct packet_rec *r)
{
	u8 bits = r->bits & PCAPNG_PLACE;
	struct custom_interface own = {PCAPNG_WEIR, CUSTOM_INTERFACE, r->netns, r->ifindex, bits};
	struct {
		u16 link, pad;
		u32 snap;
	} head = {.link = r->link, .snap = how.snap};
	char text[128];
	const char *name;
	const u8 tsresol = 9;
	size_t at;

	for (u32 k = 0, i = last_interface; k < ninterfaces; k++, i = (i + 1) % ninterfaces)
		if (interfaces[i].ifindex == r->ifindex && interfaces[i].netns == r->netns &&
		    interfaces[i].bits == bits && interfaces[i].link == r->link)
			return interfaces[last_interface = i].number;
	at = begin_block(IDB);
	buf_mem(&b, &head, sizeof(head));
	netdev_in(r->netns);
	name = netdev_name(r->ifindex);
	if (name)
		option(IF_NAME, name, strlen(name));
	snprintf(text, sizeof(text), "%s at %s, network namespace %u", name ? name : "?",
		 !(bits & PACKET_XDP)    ? "tc"
		 : bits & PACKET_GENERIC ? "XDP (generic)"
					 : "XDP",
		 r->netns);
	if (!(bits & PACKET_NO_PLACE))
		option(IF_DESCRIPTION, text, strlen(text));
	option(IF_TSRESOL, &tsresol, 1);
	custom(&own, sizeof(own));
	option(OPT_END, NULL, 0);
	end_block(at);
	last_interface = ninterfaces < INTERFACES ? ninterfaces++ : described % INTERFACES;
	interfaces[last_interface] =
		(struct interface){r->netns, r->ifindex, described, r->link, bits};
	return described++;
}

/* At most COMMENT bytes. */
static void describe_owner(struct buf *text, const struct who *who)
{
	const char *cgroup = cgroup_path(who->cgroup);

	buf_safe_utf8(text, who->comm, strnlen(who->comm, sizeof(who->comm)));
	buf_str(text, " pid ");
	buf_u64(text, who->pid);
	buf_str(text, " uid ");
	buf_u64(text, who->uid);
	if (cgroup) {
		buf_str(text, " cgroup ");
		buf_safe_utf8(text, cgroup, strnlen(cgroup, 100));
	}
	if (buf_len(text) > COMMENT)
		text->at = text->base + COMMENT;
}

/* The options of a packet, o: NULL when nobody knows whose it is. */
static void make_tail(struct alike *k, u8 bits, const struct owner *o)
{
	struct custom_owned_by by = {PCAPNG_WEIR, CUSTOM_OWNED_BY, o ? o->number : 0};
	u32 flags = bits & PACKET_NO_SIDE ? 0 : bits & PACKET_OUT ? 2 : 1;
	struct buf text = {0};
	size_t at = buf_len(&b);

	option(EPB_FLAGS, &flags, 4);
	if (o) {
		describe_owner(&text, &o->who);
		option(OPT_COMMENT, text.base, buf_len(&text));
		custom(&by, sizeof(by));
		buf_free(&text);
	}
	option(OPT_END, NULL, 0);
	k->len = buf_len(&b) - at;
	memcpy(k->tail, b.base + at, k->len);
	b.at = b.base + at;
}

/* An owner's number is another's from now on. */
static void forget_owner(const struct who *who)
{
	const size_t at = offsetof(struct packet_rec, who) - offsetof(struct packet_rec, netns);

	for (u32 i = 0; i < ALIKES; i++)
		if (!memcmp((const u8 *)alikes[i].key + at, who, sizeof(*who)))
			memset(alikes[i].key, 0xff, sizeof(alikes[i].key));
}

/* Who it is, with a block of its own when it was not seen before. */
static const struct owner *owner_of(const struct who *who)
{
	struct owner *o = &owners[(who->tid ^ who->cgroup * 31) % OWNERS];
	struct custom_owner own;
	u32 pen = PCAPNG_PEN;
	size_t at;

	if (o->number && !memcmp(&o->who, who, sizeof(*who)))
		return o;
	if (o->number)
		forget_owner(&o->who);
	o->number = o - owners + 1;
	o->who = *who;
	own = (struct custom_owner){PCAPNG_WEIR, CUSTOM_OWNER, o->number, who->pid,    who->tid,
				    who->uid,    who->netns,   0,         who->cgroup, {0}};
	memcpy(own.comm, who->comm, sizeof(own.comm));
	at = begin_block(CB);
	buf_mem(&b, &pen, 4);
	buf_mem(&b, &own, sizeof(own));
	end_block(at);
	return o;
}

static __attribute__((noinline)) void make_alike(struct alike *k, const struct packet_rec *r)
{
	memcpy(k->key, &r->netns, sizeof(k->key));
	k->interface = interface_of(r);
	make_tail(k, r->bits, r->bits & PACKET_WHO ? owner_of(&r->who) : NULL);
}

/* What is ready for such a packet; blocks that it needs are written before it. */
static inline const struct alike *alike_of(const struct packet_rec *r)
{
	const u64 *words = (const u64 *)&r->netns;
	u64 place = (words[0] ^ words[1] ^ words[2] ^ words[4]) * 0x9e3779b97f4a7c15, differ = 0;
	struct alike *k = &alikes[place >> 32 & (ALIKES - 1)];

#pragma GCC unroll 8
	for (u32 i = 0; i < WORDS; i++)
		differ |= k->key[i] ^ words[i];
	if (__builtin_expect(differ != 0, 0))
		make_alike(k, r);
	return k;
}

/* Another file, where -C or -G ask for one. 1: that was the last. */
static __attribute__((noinline)) int rotate(u64 ns)
{
	if (how.seconds && ns >= file_ends) {
		if (how.files && !how.size_mb && nfiles >= how.files)
			return 1;
		if (close_file())
			return FAIL;
		new_slice(ns);
		return open_next();
	}
	if (!how.size_mb || written + buf_len(&b) < how.size_mb * 1000000ULL)
		return 0;
	return close_file() ? FAIL : open_next();
}

struct packet_block {
	u32 type, len, interface, high, low, captured, full;
};

int pcapng_put(const struct packet_rec *r, u64 dropped)
{
	struct packet_frame f;
	u64 ns = r->h.ts + how.wall_ns;
	u32 padded, drops = dropped ? 4 + sizeof(dropped) : 0, len;
	int err = how.seconds || how.size_mb ? rotate(ns) : 0;
	const struct alike *k;
	u8 *at;

	if (err)
		return err;
	packet_frame(&f, r);
	padded = (f.len + 3) & ~3u;
	k = alike_of(r);
	len = sizeof(struct packet_block) + padded + k->len + drops + 4;
	at = (u8 *)buf_room(&b, len);
	*(struct packet_block *)at =
		(struct packet_block){EPB, len, k->interface, ns >> 32, ns, f.len, f.full};
	at += sizeof(struct packet_block);
	memcpy(at, f.p, f.len);
	memset(at + f.len, 0, 4);
	at += padded;
	if (drops) {
		u16 head[2] = {EPB_DROPCOUNT, sizeof(dropped)};

		memcpy(at, k->tail, FLAGS);
		memcpy(at + FLAGS, head, 4);
		memcpy(at + FLAGS + 4, &dropped, sizeof(dropped));
		memcpy(at + FLAGS + drops, k->tail + FLAGS, k->len - FLAGS);
	} else {
		memcpy(at, k->tail, k->len);
	}
	at += k->len + drops;
	memcpy(at, &len, 4);
	b.at = (char *)at + 4;
	return buf_len(&b) >= GATHER ? pcapng_flush() : 0;
}
