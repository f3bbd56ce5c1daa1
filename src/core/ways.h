/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Ways to system calls: choosing one, then attaching the programs of kernel/call.bpf.h. */
#ifndef WEIR_WAYS_H
#define WEIR_WAYS_H

#include "attach.h"
#include "kernel.h"

struct common;

/* Picks a->way and marks its programs for loading; before load. 0, USAGE or FAIL. */
int ways_choose(struct attach *a, const struct common *common);
/* Attaches exits first, then entries; a call that fails is kept in a->missing. After load. 0, or
 * FAIL when nothing could be attached. */
int ways_attach(struct attach *a);
/* The programs that follow tasks: their end, and with a command their children. 0, or USAGE when
 * the tool's kernel half cannot follow one. */
int ways_tasks_load(struct attach *a, bool follow);
int ways_tasks_attach(struct attach *a, bool follow);
/* The program that tells of the end of sockets, with fexit; nothing depends on it but cost. */
void ways_ends_load(struct attach *a);
void ways_ends_attach(struct attach *a);

/* The programs that notice what system calls do not show (kernel/notice.bpf.h). scan: also of tasks
 * that run already, which notices_attach() looks through once. 0 or FAIL. */
void notices_load(struct attach *a, bool scan);
int notices_attach(struct attach *a);

/* The way of that name (--way). 0 or USAGE. */
int way_named(const char *name, enum call_way *way);
/* The ways in the order of preference for so many calls; up to WAYS_FEW the order is another, and
 * so it is for calls that are rare (attach.h). */
#define WAYS_FEW 3
void ways_order(u32 ncalls, enum call_way order[WAY_MAX]);
/* Can this way be taken here? Fills why (240 bytes) with the reason when not. Used by doctor. */
bool way_offered(enum call_way way, char *why);
/* The way that a trace of one call alone would take here. */
enum call_way way_of_one(void);
/* Where tracefs is mounted and readable, NULL with errno when nowhere. */
const char *tracefs(void);

#endif
