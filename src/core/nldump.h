/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the kernel tells over netlink when it is asked for all of a kind (man 7 netlink). */
#ifndef WEIR_NLDUMP_H
#define WEIR_NLDUMP_H

#include <linux/netlink.h>
#include <stdbool.h>

/* One message of the answer; it lasts until the function returns. */
typedef void nl_fn(const struct nlmsghdr *message, void *arg);

/*
 * Sends ask, a whole request with NLM_F_DUMP, to a protocol of AF_NETLINK, and hands each message
 * of the answer to each. strict: only what fits the request's fields (NETLINK_GET_STRICT_CHK, Linux
 * 4.20). 0 when the kernel told all; -errno when it did not, after what it told. Not from two
 * threads at a time, and not from each.
 */
int nl_dump(int protocol, const struct nlmsghdr *ask, bool strict, nl_fn *each, void *arg);

#endif
