/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The connections that are followed, found by the number that their pieces have. */
#ifndef WEIR_HTTP_CONNS_H
#define WEIR_HTTP_CONNS_H

#include "stream.h"

#define CONNS_MOST 16384 /* the one that was quiet longest makes room for one more */

/* The connection of that number; add: a new one, when there is none. NULL: none, or no memory. */
struct conn *conns_find(u64 id, u64 now, bool add);
/* Its end. */
void conns_drop(struct conn *c, u64 now);
/* A piece to its connection. */
void conns_piece(const struct piece_rec *r);

#endif
