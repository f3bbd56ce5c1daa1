/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Names of generic netlink families: the numbers are given out when they register, so the kernel is
 * asked; of a recording, it has told them.
 */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "nl.h"

#define FAMILIES  256
#define ASK_AGAIN 2 /* seconds: a family that is not known may have come since */
#define GENL_HEAD (NLMSG_HEAD + GENL_HDRLEN)

static char texts[FAMILIES][GENL_NAMSIZ];
static struct name rows[FAMILIES]; /* sorted by number, as names are */
static struct names families = {rows, 0, "GENERIC_FAMILY_???", NULL};
static bool telling;
static time_t asked; /* 0: never */

/* A file's word is not taken: only what needs no escape anywhere. */
static bool is_plain(const char *name, u32 len)
{
	for (u32 i = 0; i < len; i++) {
		char c = name[i], l = c | 32;

		if (!(l >= 'a' && l <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' &&
		    c != '.')
			return false;
	}
	return len && len < GENL_NAMSIZ;
}

static void add(u32 id, const char *name, u32 len)
{
	u32 n = families.count, i = n;

	if (name_of(&families, id) || n == FAMILIES || !is_plain(name, len))
		return;
	memcpy(texts[n], name, len);
	texts[n][len] = 0;
	for (; i && rows[i - 1].value > id; i--)
		rows[i] = rows[i - 1];
	rows[i] = (struct name){id, texts[n]};
	families.count++;
}

void genl_learn(u32 id, const char *name, u32 len)
{
	telling = true;
	add(id, name, len);
}

/* One CTRL_CMD_NEWFAMILY of n bytes. */
static void take(const u8 *p, u32 n)
{
	const char *name = NULL;
	u32 id = 0, len = 0;

	for (u32 at = GENL_HEAD, size; at + NLA_HEAD <= n; at += (size + 3) & ~3u) {
		u16 type = load16(p + at + 2);

		size = load16(p + at);
		if (size < NLA_HEAD || size > n - at)
			break;
		if (type == CTRL_ATTR_FAMILY_ID && size >= NLA_HEAD + 2)
			id = load16(p + at + NLA_HEAD);
		if (type == CTRL_ATTR_FAMILY_NAME) {
			name = (const char *)p + at + NLA_HEAD;
			len = strnlen(name, size - NLA_HEAD);
		}
	}
	if (id && name)
		add(id, name, len);
}

/* True when that was the last message. */
static bool take_all(const u8 *p, u32 n)
{
	while (n >= NLMSG_HEAD) {
		u32 size = load32(p), type = load16(p + 4), step = (size + 3) & ~3u;

		if (size < NLMSG_HEAD || size > n || type == NLMSG_DONE || type == NLMSG_ERROR)
			return true;
		if (type == GENL_ID_CTRL)
			take(p, size);
		if (step >= n)
			break;
		p += step;
		n -= step;
	}
	return false;
}

static void ask(void)
{
	static const struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
	} query = {{sizeof(query), GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
		   {CTRL_CMD_GETFAMILY, 1, 0}};
	static u8 answer[32768];
	struct timeval soon = {.tv_sec = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	if (send(fd, &query, sizeof(query), 0) == sizeof(query))
		while ((n = recv(fd, answer, sizeof(answer), 0)) > 0 && !take_all(answer, n))
			;
	close(fd);
}

const struct names *genl_names(u32 id)
{
	struct timespec now;

	add(GENL_ID_CTRL, "nlctrl", 6); /* linux/genetlink.h: the one that is fixed */
	if (telling || name_of(&families, id))
		return &families;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (!asked || now.tv_sec + 1 - asked > ASK_AGAIN) {
		ask();
		asked = now.tv_sec + 1;
	}
	return &families;
}
