/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Reading lanes (include/lane.h). */
#ifndef WEIR_LANES_H
#define WEIR_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include "lane.h"

struct lanes {
	u8 *at; /* NULL: there are none */
	u32 count;
	size_t stride, bytes;
	u64 mask;
};

typedef void each_fn(void *ctx, const struct rec *r);

/* map: the array's descriptor; count: of lanes, LANES at most; size: of one, its head included. 0
 * or FAIL. */
int lanes_open(struct lanes *l, int map, u32 count, u32 size);
void lanes_close(struct lanes *l);
/*
 * Hands on what was there when it was called, in the order of time: what a task did, and what
 * another did because of it, come one after the other, whatever processors they ran on. Returns how
 * many bytes that was, of the lane that had most; read is counted up by the records.
 */
u64 lanes_drain(struct lanes *l, each_fn *each, void *ctx, u64 *read);
/* Is there a record that was begun and is not handed on yet? */
bool lanes_behind(const struct lanes *l);

#endif
