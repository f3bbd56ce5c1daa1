/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Records of the connection table that are kept: put in order by a column, and added up. */
#ifndef WEIR_TABLE_SORT_H
#define WEIR_TABLE_SORT_H

#include "column.h"
#include "record.h"

/* Records of one size, copied. All 0: empty. */
struct kept {
	char *rows; /* owned; freed by kept_free() */
	u32 n, room;
	u32 size; /* of each */
};

/* Adds a copy of r; false without memory. */
bool kept_add(struct kept *k, const struct rec *r, u32 size);
void kept_free(struct kept *k);

static inline const struct rec *kept_at(const struct kept *k, u32 i)
{
	return (const struct rec *)(k->rows + (size_t)i * k->size);
}

/* Orders by a column: numbers with the largest first, words by the alphabet; what has neither last.
 * Rows that are alike stay in their order. up: the other way round. */
void kept_sort(struct kept *k, const struct column *by, bool up);

/* What connections are added up by. */
enum group { GROUP_NONE, GROUP_PROCESS, GROUP_REMOTE, GROUP_PORT, GROUP_CGROUP };
/* GROUP_NONE with the sentence left by usage() when it is none. */
enum group group_named(const char *word);

/* tally_rec's n of such a row. */
enum { GROUP_CONNS, GROUP_TX, GROUP_RX, GROUP_RETRANS, GROUP_SENDQ, GROUP_RECVQ, GROUP_DROPS };

/*
 * A record of the table goes to the row (struct tally_rec) it belongs to; interval: with what it
 * moved in the interval, else in all its life. False without memory.
 */
bool group_add(struct kept *groups, enum group by, const struct conn_rec *r, bool interval);
/* Columns of such rows; timed: in text with the time. Valid until the next call. */
const struct column *group_columns(enum group by, bool timed);

#endif
