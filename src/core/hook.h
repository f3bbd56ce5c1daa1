/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Interfaces, and what is attached to them: the programs of src/tools/packets/packets.bpf.c. */
#ifndef WEIR_HOOK_H
#define WEIR_HOOK_H

#include "attach.h"
#include "options.h"
#include "run.h"

enum hook_at {
	AT_TC = 1, /* both directions */
	AT_XDP = 2,
	AT_OUT = 4, /* what leaves at tc, beside AT_XDP */
};

struct hook_want {
	const struct option_words *names; /* none, or "any" among them: all there are and will be */
	u32 at;                           /* enum hook_at */
	bool quiet;
};

/* Goes into a network namespace: a path, or the number of a process. 0 or FAIL. */
int hook_enter(const char *where);
/* Marks the programs that will be attached; before the object is loaded. */
int hook_setup(struct attach *a, const struct hook_want *want);
/* Attaches them to the interfaces that are there. 0, FAIL or USAGE. */
int hook_attach(struct attach *a, const struct hook_want *want);
/* Looks, now and then, for interfaces that have come, gone, or been renamed. True when there are
 * none left that were asked for. */
bool hook_poll(struct attach *a);
/* Were packets not filtered by the kernel, so that it must be done now? */
extern bool hook_filter_here;

#endif
