/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Drop reasons that are asked for, as the two halves say it to each other. */
#ifndef WEIR_DROP_H
#define WEIR_DROP_H

#include "record.h"

/*
 * A reason is a subsystem and a number (include/net/dropreason.h; before 6.4 the number alone).
 * tally_key.what has both, plus 1: a key's is never 0.
 */
#define REASON_SUBSYSTEMS 8
#define REASON_NUMBERS    1024
#define REASON_WHAT(r)                                                                             \
	(1 + (((r) >> 16 & (REASON_SUBSYSTEMS - 1)) << 10 | ((r) & (REASON_NUMBERS - 1))))
#define WHAT_REASON(w) ((((w)-1) >> 10 << 16) | (((w)-1) & (REASON_NUMBERS - 1)))
#define REASON_WORDS   (REASON_SUBSYSTEMS * REASON_NUMBERS / 64)

/* .rodata.reasons: set by the loader (src/core/reasons.h). */
struct reasons_asked {
	u32 chosen;    /* only those that are set */
	u32 no_socket; /* the number of NO_SOCKET */
	u64 bits[REASON_WORDS];
};

#endif
