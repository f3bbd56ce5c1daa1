/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What both halves know of probes beside system calls. */
#ifndef WEIR_PROBE_H
#define WEIR_PROBE_H

#include "record.h"

/*
 * How often each probe saw weir itself, which it must not report: proof that it sees at all. A
 * function may be there and yet not be what the kernel calls: inlined elsewhere, or one of two of
 * that name.
 */
#define PROOF_MAX 16
struct proof {
	u32 seen[PROOF_MAX]; /* by struct probe's id */
};

#endif
