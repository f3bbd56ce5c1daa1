/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The running kernel's drop reasons, and those that --reason names. */
#ifndef WEIR_DROPS_REASONS_H
#define WEIR_DROPS_REASONS_H

#include "drops.h"
#include "run.h"

/* Learns all names from the kernel's BTF, its modules' too; into the recording as well. 0 or FAIL.
 */
int reasons_ask(struct run *run);
/* Marks the reasons of a list, "NO_SOCKET,tcp_csum"; of all that begin so: "TCP_*". 0 or USAGE. */
int reasons_choose(const char *list, u64 *bits);

#endif
