/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Histograms of times by process, destination or stack: what both halves know of them. A key's
 * buckets are those of hist.h, in microseconds.
 */
#ifndef WEIR_SPREAD_H
#define WEIR_SPREAD_H

#include "tally.h"

/* What the numbers of a bucket are (struct tally_slot's n). */
enum spread_count { SPREAD_COUNT, SPREAD_SUM, SPREAD_MAX };

enum spread_by { BY_PROCESS, BY_DESTINATION, BY_STACK, BY_MAX };

/* tally_key.what: by what, and which of two kinds (the tool's own, 0 or 1). */
#define SPREAD_WHAT(by, kind) (1 + 2 * (by) + (kind))
#define SPREAD_BY(what)       (((what)-1) / 2)
#define SPREAD_KIND(what)     (((what)-1) & 1)

/* The same where ends are told apart (kernel/by.bpf.h): one of these, in the order of --by's words
 * (src/core/bys.h). */
enum by_key {
	BY_REMOTE = 1, /* its address */
	BY_PORT = 2,   /* the remote one */
	BY_LOCAL = 4,  /* the local port */
	BY_CONNECTION = 8,
	BY_TASK = 16,
	BY_ALL = 32,
};
struct by_conf {
	u32 by; /* enum by_key */
	u32 pad;
};

struct spread_conf {
	u32 by; /* enum spread_by */
	u32 pad;
};

#endif
