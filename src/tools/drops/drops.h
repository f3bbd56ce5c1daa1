/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir drops agree on. */
#ifndef WEIR_DROPS_H
#define WEIR_DROPS_H

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

/*
 * A reason is a subsystem and a number (include/net/dropreason.h; before 6.4 the number alone).
 * tally_key.what has both, plus 1: a key's is never 0.
 */
#define REASON_SUBSYSTEMS 8
#define REASON_NUMBERS    1024
#define REASON_WHAT(r)                                                                             \
	(1 + (((r) >> 16 & (REASON_SUBSYSTEMS - 1)) << 10 | ((r) & (REASON_NUMBERS - 1))))
#define WHAT_REASON(w) ((((w)-1) >> 10 << 16) | (((w)-1) & (REASON_NUMBERS - 1)))

/* --reason: those that are wanted, a bit each. */
#define REASON_WORDS (REASON_SUBSYSTEMS * REASON_NUMBERS / 64)

struct drops_conf {
	u32 by;        /* enum drops_by */
	u32 each;      /* lines, no counts */
	u32 stack;     /* with each: the stack too */
	u32 chosen;    /* only the reasons that are set */
	u32 netfilter; /* the number of NETFILTER_DROP; 0: none */
	u32 no_socket; /* of NO_SOCKET */
	u64 reasons[REASON_WORDS];
};

#define DROPS_STACK_MAX 32 /* frames */

#endif
