/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The connection table's user half (kernel/table.bpf.h, table_iter.bpf.h): what tools over it
 * share. A tool calls table_check() in its check(), table_setup() in its setup(), table_attach() in
 * its attach().
 */
#ifndef WEIR_TABLE_H
#define WEIR_TABLE_H

#include "run.h"

/* All that is known of a connection. In text the tool's own choice. */
extern const struct column table_columns[];

#define TABLE_COLUMNS_OPTION(off)                                                                  \
	{                                                                                          \
		0, "columns", "NAMES", OPT_STRING, (off), 0, 0,                                    \
			"these columns, with commas between them"                                  \
	}

/*
 * Chooses columns: of text those of usual ("pid,comm,..."), of JSON and CSV all; where words is not
 * NULL (--columns), of all formats those of words. 0 or USAGE.
 */
int table_check(struct run *run, const char *usual, const char *words);
/* The column of that name in a table, NULL with the sentence left by usage() when there is none. */
const struct column *table_column(const struct column *columns, const char *name);
/* For the tool's setup, after table_setup() with changes: packets that are dropped are counted by
 * socket. 0 or FAIL. */
int table_drops_setup(struct run *run, struct attach *a);
/* Does one of the run's columns tell it? */
bool table_drops_shown(const struct run *run);
/* events: which changes the kernel half makes records of, 1 << enum conn_event each. changes: they
 * are watched at all; else only what there is can be listed. 0 or FAIL. */
int table_setup(struct attach *a, u32 events, bool changes);
/* The same for a tool of ends alone; what is dropped is counted where columns (--columns) have it.
 */
int table_setup_ends(struct run *run, struct attach *a, const char *columns);
/* Attaches what tells who accepts, and finds the owners of what is there. 0 or FAIL. */
int table_attach(struct attach *a);
/*
 * Lists sockets, of all network namespaces or of the filter's: each record is given to each. kind:
 * CONN_IS, CONN_WAS or CONN_INTERVAL (enum conn_event); udp: those too. 0 or FAIL.
 */
int table_list(struct run *run, struct attach *a, u32 kind, bool udp,
	       void (*each)(struct run *run, const struct rec *r));
/* Reads an iterator over a map of the object to its end; kind as above, which it is told. 0 or
 * FAIL. */
int table_iterate(struct run *run, struct attach *a, const char *program, const char *map, u32 kind,
		  void (*each)(struct run *run, const struct rec *r));
/* Looks through all descriptors again: whose sockets are that nobody was seen to use. */
int table_scan(struct attach *a);

/* Counts ends that nobody told, while the probes are there still: what ends later is nobody's loss.
 * Does nothing for objects without the table. */
void table_left(struct attach *a);

static inline const struct conn_rec *table_rec(const struct rec *r)
{
	return (const struct conn_rec *)r;
}

#endif
