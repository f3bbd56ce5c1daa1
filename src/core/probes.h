/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Probes beside system calls. A row names what is observed; how, is chosen here: the first way that
 * the running kernel grants.
 */
#ifndef WEIR_PROBES_H
#define WEIR_PROBES_H

#include "attach.h"
#include "door.h"
#include "probe.h"

struct common;

enum probe_kind { PROBE_TP_BTF, PROBE_FENTRY, PROBE_FEXIT, PROBE_KPROBE, PROBE_KRETPROBE };

struct probe_way {
	const char *program; /* in the object; only kprobes may share one. NULL ends the ways */
	enum probe_kind kind;
	const char *target; /* tracepoint or kernel function */
	u8 nargs; /* of the target as the program knows it; not this way when it has others */
};

struct probe {
	const char *name; /* what users call it */
	u8 id;            /* place in struct proof */
	/*
	 * Does in this process what the probe must see and returns how often, -1 when it cannot. A
	 * way that does not see just that is left for the next. NULL: the ways are trusted.
	 */
	int (*prove)(void);
	struct probe_way ways[PROBE_WAYS_MAX]; /* best first */
};

/* The doors of kernel/door.bpf.h. */
extern const struct probe door_probes[DOOR_MAX];
/* For a tool's setup: a door is wanted, with the ways around it that this kernel has. */
void doors_want(struct attach *a, enum door door);
/* The same where a result is not worth its price: DOOR_ENTRY_WAYS(), where results cost more. */
void doors_want_entry(struct attach *a, enum door door);

/* A change of state of a TCP socket, for the tool's program on_state(). */
extern const struct probe state_probe;
/* What io_uring connects and accepts (kernel/uring.bpf.h). */
extern const struct probe uring_connect_probe, uring_accept_probe;

/* For a tool's setup: this is wanted too. row outlives the run. */
void probes_want(struct attach *a, const struct probe *row);
/* Orders the ways and marks the programs of those that are offered; before load. 0 or USAGE. */
int probes_choose(struct attach *a, const struct common *common);
/*
 * Attaches each probe by the first of its ways that works, and keeps why others did not; after
 * load. 0, or FAIL when probes are wanted and none works.
 */
int probes_attach(struct attach *a);
/* "fexit sock_recvmsg", of what was taken; "" when nothing was. */
const char *probe_taken(const struct attached_probe *p);
/* "fexit sock_recvmsg: reason", of a way that was left. */
const char *probe_left(const struct attached_probe *p, u32 k);
/* Why it is not attached, way by way; "" when it is. These texts are valid until the next call. */
const char *probe_missing(const struct attached_probe *p);

#endif
