/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Lanes: rings in memory that both halves have mapped, for tools whose records are many and short.
 * The kernel's ring takes two calls and a lock for each record; here it is an exchange and the
 * copy. A processor writes to its own, and where that is full to another; the reader puts their
 * records in the order of time (src/ring/lanes.h).
 *
 * A place is taken by moving on produced. The bytes there are 0, as the reader leaves them, until
 * the record's first word is written, which is done last. No record is in two parts: the last one
 * before the end reaches beyond it, and as much at the begin is left free. One of type 0 is
 * nothing: its place was taken and not needed.
 */
#ifndef WEIR_LANE_H
#define WEIR_LANE_H

#include "record.h"

#define LANES      8         /* at most */
#define LANE_LEAST 16384     /* bytes */
#define LANE_MOST  (2 << 20) /* the kernel takes 4 MiB for an element of an array, no more */
#define LANE_REC   16384     /* a record is shorter */

struct lane {
	u64 produced;
	u64 pad[7]; /* what either side writes is in a cache line of its own */
	u64 consumed;
	u64 more[7];
	u8 data[LANE_MOST + LANE_REC];
};
#define LANE_HEAD ((u32) __builtin_offsetof(struct lane, data))

struct lanes_conf {
	u32 mask;  /* bytes of a lane, less 1 */
	u32 own;   /* a processor's number with this mask: its lane */
	u32 count; /* those that are no processor's take what the others have no room for */
	u32 pad;
};

#endif
