/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir sockstat agree on. */
#ifndef WEIR_SOCKSTAT_H
#define WEIR_SOCKSTAT_H

#include "call.h"
#include "door.h"

#define SLOT_DOORS 32 /* calls by enum call_id, then the doors by enum door */
#define SLOTS      (SLOT_DOORS + DOOR_MAX)

/*
 * One a CPU. An event adds 1 to one number, so that whenever the user half reads, it is either in
 * there or not yet, never half: what is read and what was read before differ by whole events.
 */
struct counts {
	u64 n[SLOTS][2]; /* those that went well, those that failed */
};

#endif
