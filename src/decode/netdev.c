/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Names of network devices. A number means a device only within its namespace: the names of ours
 * are asked of the kernel, others of whoever knows them (decode_netdev), and else there are none.
 */
#include <net/if.h>
#include <sys/stat.h>
#include <time.h>
#include "tell.h"

const char *(*decode_netdev)(u32 netns, u32 ifindex);

/* An answer is kept this long: devices are renamed, and asking costs three system calls. */
#define KEPT_S 2
#define SLOTS  64

static struct {
	time_t asked; /* 0: never */
	u32 ifindex;
	char name[IF_NAMESIZE]; /* empty: there is none */
} kept[SLOTS];

static u32 current;

void netdev_in(u32 netns)
{
	current = netns;
}

static u32 own_netns(void)
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

const char *netdev_name(u32 ifindex)
{
	unsigned slot = ifindex % SLOTS;
	time_t now;

	if (!ifindex)
		return NULL;
	if (decode_netdev)
		return decode_netdev(current, ifindex);
	if (current != own_netns())
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
