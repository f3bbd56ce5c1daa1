/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir drops agree on. */
#ifndef WEIR_DROPS_H
#define WEIR_DROPS_H

#include "drop.h"
#include "tally.h"

/* What is counted by. */
enum drops_by {
	DROPS_REASON = 1,
	DROPS_PROCESS = 2,
	DROPS_PLACE = 4,
	DROPS_DEVICE = 8,
	DROPS_SOURCE = 16,
	DROPS_DESTINATION = 32,
	DROPS_STACK = 64,
};

enum drops_count { DROPS_PACKETS, DROPS_BYTES };

struct drops_conf {
	u32 by;        /* enum drops_by */
	u32 each;      /* lines, no counts */
	u32 stack;     /* with each: the stack too */
	u32 netfilter; /* the number of NETFILTER_DROP; 0: none */
};

#define DROPS_STACK_MAX 32 /* frames */

#endif
