/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Counts by key: the tables of all CPUs made one, the intervals made totals, rows in order. A key's
 * rows of several buckets are one row with a histogram.
 */
#ifndef WEIR_COUNTS_H
#define WEIR_COUNTS_H

#include "buf.h"
#include "tally.h"

/* What a tool's numbers mean: a bit for each of them. */
struct counts_shape {
	u8 max;    /* of several values the largest stays, not the sum */
	u8 events; /* together they are how many events there were */
	u8 good;   /* of what went well: 0 with --failed */
	u32 flags; /* enum tally_flag, of each row */
	/* Results were not looked at, of rows of this key.what (0: of the row of all that found no
	 * room); they are told with TALLY_BLIND. NULL: they always are. */
	bool (*blind)(u32 what);
	u32 filters;  /* enum filter_bit: what rows can be told apart by in a recording */
	bool by_name; /* processes of one name are one row: pid is 0 */
	/* Order of rows, as for qsort; NULL: most events first. Rows that are equal to it are in
	 * the order of their keys. What found no room is always last. */
	int (*order)(const struct tally_rec *a, const struct tally_rec *b);
};

struct counts_row {
	struct tally_key key; /* as the table has it: with a bucket */
	u64 n[TALLY_COUNTS];
};

struct counts {
	const struct counts_shape *shape;
	struct counts_row *rows; /* owned */
	u32 *places;             /* owned: open addressing, a row's index plus 1; a power of two */
	u32 nrows, nplaces;
	u32 most; /* rows kept; what is more goes into other */
	bool any; /* something is in other */
	u64 other[TALLY_COUNTS];
};

/* Keys that a run keeps apart in its totals; 11 MiB. */
#define COUNTS_MOST 65536

void counts_open(struct counts *c, const struct counts_shape *shape, u32 most);
void counts_close(struct counts *c);
/* Empty again; memory is kept. */
void counts_clear(struct counts *c);
/* Adds n (TALLY_COUNTS numbers) to a key's row. */
void counts_add(struct counts *c, const struct tally_key *key, const u64 *n);
/* Adds n to what found no room of its own. */
void counts_add_other(struct counts *c, const u64 *n);
/* Adds a table (its slots, then what found no room) and makes it empty: all 0. */
void counts_take(struct counts *c, struct tally_slot *table, u32 slots);
/* Adds all of from. */
void counts_merge(struct counts *c, const struct counts *from);

/*
 * Tells the rows in order: each() gets a record of type REC_TALLY, valid until it returns, with
 * head's time, interval and flags, and a section SECT_BUCKETS where its key had buckets. failed:
 * numbers of what went well are 0, and rows without events are left out. False without memory.
 */
bool counts_tell(const struct counts *c, const struct tally_rec *head, bool failed,
		 void (*each)(void *ctx, const struct rec *r), void *ctx);

/* A row with what failed only (--failed), and how many events that is. */
void counts_only_failed(const struct counts_shape *shape, struct tally_rec *rec);
/* The number of events in n, by the shape. */
u64 counts_events(const struct counts_shape *shape, const u64 *n);

#endif
