/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A record in a recording: u32 sum, u32 size; size bytes of it, padded to 8.
 *
 * Since version 2 the upper bits of size say where the record is kept (FRAME_PLACE) and whether the
 * frame is short: then it has of the record, in words of 8 bytes, only those that are not as in the
 * record kept at that place before, behind a mask that tells which they are. Most calls of a thread
 * differ from its last one in their times, so a file is a fraction of what the ring had. The sum
 * begins with size, so it covers these bits too.
 */
#ifndef WEIR_FRAME_H
#define WEIR_FRAME_H

#include "record.h"

#define FRAME_SIZE(size)  ((size)&0x3fffff)
#define FRAME_PLACE(size) ((size) >> 22 & 0x7f) /* 0: the record is not kept */
#define FRAME_SHORT       (1u << 31)

#define KEPT_PLACES 128 /* as many as FRAME_PLACE() tells */
#define KEPT_WORDS  64  /* of the longest record that is kept: a mask's bits */

/* The last records, by place; begins as zeros. */
struct kept {
	u64 words[KEPT_PLACES][KEPT_WORDS] __attribute__((aligned(16)));
};

/* Bytes of the frame of a record of so many, at most. */
#define FRAME_MOST(len) (2 * sizeof(u32) + sizeof(u64) + (len) + 8)

/* The sum over n bytes, which begin with a frame's size. */
u32 frame_sum(const void *p, u32 n, u32 size);
/* Writes r's frame at a place for FRAME_MOST(r->len) bytes, aligned to 8; returns its end. */
void *frame_write(struct kept *k, void *at, const struct rec *r);
/*
 * The record of the frame of that size whose contents are at p, and whose sum was right; valid
 * until the next call. NULL when it is none.
 */
const struct rec *frame_read(struct kept *k, const u8 *p, u32 size);

#endif
