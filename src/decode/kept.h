/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Lines of a tracepoint that were told before, by all that they tell: most records differ from one
 * before only in an address, whose digits are then put into a copy of its line. Nobody outside
 * src/decode includes this.
 */
#ifndef WEIR_DECODE_KEPT_H
#define WEIR_DECODE_KEPT_H

#include "buf.h"

struct kept;

#define KEPT_POINTERS 4

/* A pointer among a record's fields: where, and whether its digits are in the text. */
struct kept_pointer {
	u16 at;
	bool printed;
};

/* NULL without memory, or where one of the n pointers lies across words, or there are too many. */
struct kept *kept_make(const struct kept_pointer *pointers, u32 n);
/*
 * Writes the line of a record that says what one before said. raw: its section of the fields, which
 * has all of them. how: what else the line depends on. False: it is to be told anew, and
 * kept_keep() then keeps what is in b from start on.
 */
bool kept_tell(struct kept *k, struct buf *b, const struct rec *r, const struct sect *raw, u64 how);
void kept_keep(struct kept *k, const struct buf *b, size_t start);

#endif
