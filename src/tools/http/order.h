/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Pieces of a connection in the order of the stream, however packets brought them: those that come
 * before their turn are held, within bounds. What the other end has acknowledged and was not seen
 * will not come any more; then, and where too much is held, the stream goes on behind the hole.
 */
#ifndef WEIR_HTTP_ORDER_H
#define WEIR_HTTP_ORDER_H

#include "stream.h"

#define HELD_MOST 64         /* pieces of a direction */
#define HELD_SUM  (32 << 20) /* bytes of all connections */
#define HOLE_MOST (1 << 26)  /* bytes; what is farther is no part of the stream */

/* A piece as it came, a whole one; its time is no earlier than the last one's. */
void order_piece(struct conn *c, const struct piece_rec *r);
/* Everything of a direction is there, up to that place. */
void order_passed(struct conn *c, u32 dir, u32 seq);
/* Frees what is held. */
void order_drop(struct conn *c);

#endif
