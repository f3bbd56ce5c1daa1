/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Names of network devices. A number means a device only within its namespace: the names of ours
 * are asked of the kernel, those of a recording are in it, and others have none.
 */
#include <net/if.h>
#include <sys/stat.h>
#include <time.h>
#include "tell.h"

/* An answer is kept this long: devices are renamed, and asking costs three system calls. */
#define KEPT_S 2
#define SLOTS  64

static struct {
	time_t asked; /* 0: never */
	u32 ifindex;
	char name[IF_NAMESIZE]; /* empty: there is none */
} kept[SLOTS];

static u32 current; /* namespace of the task that acted */

void netdev_in(u32 netns)
{
	current = netns;
}

/* What a recording or a capture tells. A device is at one of the places from its own on. */
#define TOLD  4096
#define TRIES 8
static struct named {
	u32 netns, ifindex; /* 0: none */
	char name[IF_NAMESIZE];
} told[TOLD];
static bool telling;

/* The device's place; NULL: it has none. add: then the first that is free, else its own. */
static struct named *place_of(u32 netns, u32 ifindex, bool add)
{
	u32 at = ifindex + netns * 0x9e3779b1;
	struct named *free = NULL;

	for (u32 i = 0; i < TRIES; i++) {
		struct named *n = &told[(at + i) % TOLD];

		if (n->ifindex == ifindex && n->netns == netns)
			return n;
		if (!free && !n->ifindex)
			free = n;
	}
	return !add ? NULL : free ? free : &told[at % TOLD];
}

void netdev_learn(u32 netns, u32 ifindex, const char *name, u32 len)
{
	struct named *n;

	telling = true;
	if (!ifindex || !len || len >= IF_NAMESIZE)
		return;
	n = place_of(netns, ifindex, true);
	n->netns = netns;
	n->ifindex = ifindex;
	memcpy(n->name, name, len);
	n->name[len] = 0;
}

static const char *told_name(u32 ifindex)
{
	const struct named *n = place_of(current, ifindex, false);

	return n ? n->name : NULL;
}

u32 netdev_own(void)
{
	static u32 ino;
	struct stat st;

	if (!ino && !stat("/proc/self/ns/net", &st))
		ino = st.st_ino;
	return ino;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec + 1;
}

u32 netdev_asked;

const char *netdev_name(u32 ifindex)
{
	unsigned slot = ifindex % SLOTS;
	time_t now;

	netdev_asked++;
	if (!ifindex)
		return NULL;
	if (telling)
		return told_name(ifindex);
	if (current != netdev_own())
		return NULL;
	now = now_s();
	if (!kept[slot].asked || kept[slot].ifindex != ifindex || now - kept[slot].asked > KEPT_S) {
		kept[slot].asked = now;
		kept[slot].ifindex = ifindex;
		if (!if_indextoname(ifindex, kept[slot].name))
			kept[slot].name[0] = 0;
	}
	return kept[slot].name[0] ? kept[slot].name : NULL;
}
