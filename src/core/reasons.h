/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The running kernel's drop reasons, and which of them the kernel half is to look at
 * (kernel/drop.bpf.h). */
#ifndef WEIR_REASONS_H
#define WEIR_REASONS_H

#include "drop.h"
#include "run.h"

/* Learns all names from the kernel's BTF, its modules' too; into the recording as well. 0 or FAIL.
 */
int reasons_ask(struct run *run);
/* Marks the reasons of a list, "NO_SOCKET,tcp_csum"; of all that begin so: "TCP_*". 0 or USAGE. */
int reasons_choose(const char *list, u64 *bits);
/* Marks all that are a loss: not those that say nothing, or that the packet was used. */
void reasons_losses(u64 *bits);
/* Attaches the object to the tracepoint, for the reasons that are marked; NULL: for all. After
 * reasons_ask(), before load. 0 or FAIL. */
int reasons_want(struct attach *a, const u64 *bits);

#endif
