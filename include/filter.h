/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Whom and what to watch. Filled by the option rows, read by every kernel half from read-only
 * data (so that the verifier removes the tests nobody asked for), and by replay.
 */
#ifndef WEIR_FILTER_H
#define WEIR_FILTER_H

#include "record.h"

enum filter_bit {
	FILTER_PID = 1 << 0,
	FILTER_COMM = 1 << 1,
	FILTER_UID = 1 << 2,
	FILTER_CGROUP = 1 << 3,
	FILTER_NETNS = 1 << 4,
	FILTER_FAMILY = 1 << 5,
	FILTER_HOST = 1 << 6,
	FILTER_PORT = 1 << 7,
	FILTER_FAILED = 1 << 8,
	FILTER_SLOWER = 1 << 9,
	FILTER_FOLLOW = 1 << 10, /* only tasks marked as followed: -- COMMAND and its children */
};

#define FILTER_TASK                                                                                \
	(FILTER_PID | FILTER_COMM | FILTER_UID | FILTER_CGROUP | FILTER_NETNS | FILTER_FOLLOW)
#define FILTER_SOCK (FILTER_FAMILY | FILTER_HOST | FILTER_PORT)
/* Those that ask who, where a socket's network namespace is its own. */
#define FILTER_OWNER (FILTER_TASK & ~FILTER_NETNS)

struct filter {
	u32 have; /* enum filter_bit */
	u32 pid;
	u32 uid;
	u32 netns;
	u64 cgroup; /* id; the kernel half tests the subtree, replay the id */
	u64 slower_ns;
	char comm[16]; /* zero-padded */
	u8 host[16];   /* IPv4 as ::ffff:a.b.c.d */
	u8 mask[16];
	u16 family; /* AF_INET or AF_INET6 */
	u16 port;
	u16 host_family; /* AF_INET6: an IPv4 address never matches, whatever the prefix */
	u16 pad;
	u32 self; /* weir's own process: never an event */
};

#endif
