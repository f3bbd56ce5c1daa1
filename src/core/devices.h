/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Names of this namespace's network devices, for recordings: also of those that come later. */
#ifndef WEIR_DEVICES_H
#define WEIR_DEVICES_H

#include "record.h"

/* name: NULL when it is gone. */
typedef void device_fn(void *arg, u32 ifindex, const char *name);

/*
 * Calls each for every device that there is. Returns a descriptor that hears of others, to be
 * closed by the caller; -1 when nothing can be heard (netlink(7) may be forbidden): they have no
 * names then. Two functions may listen: each is told of all.
 */
int devices_open(device_fn *each, void *arg);
/* Calls each for every device that came, went, or got another name, since the last time. */
void devices_poll(int fd, device_fn *each, void *arg);

#endif
