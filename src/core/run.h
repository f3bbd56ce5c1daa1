/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A run of a tool: parse, open, set filter, choose ways, load, attach, poll, report, detach. */
#ifndef WEIR_RUN_H
#define WEIR_RUN_H

#include "attach.h"
#include "options.h"
#include "out.h"
#include "tool.h"

struct run {
	const struct tool *tool;
	struct common common;
	struct out *out;
	struct out_world world;
	const struct column *columns; /* the tool's, unless its check() chose others */
	u32 ncolumns;
	u64 begun_ns; /* CLOCK_MONOTONIC: the process began, live only */
	u64 start_ns; /* everything is attached */
	u64 events;   /* records seen, filtered ones not counted */
	u64 rows;     /* rows printed */
	u64 lost[LOST_MAX];
	bool bare; /* text without annotations; set by the tool's check() */
	bool replay;
	const char *file; /* that replay reads, else NULL; points into argv */
	bool broken;      /* the output cannot be written, and that was said */
	bool stop;        /* set to end the run */
	bool headed;      /* the heading was told */
	/* --record: keeps a record that the user half has made, see run_emit(). */
	void (*keep)(struct run *run, const struct rec *r);
};

/* Prints a row of the tool's columns; stops the run after -n of them. */
void run_row(struct run *run, const struct rec *r);
/* The same with other columns than the heading's: of the same names, shown in another way. */
void run_row_in(struct run *run, const struct column *columns, u32 ncolumns, const struct rec *r);
/* Other columns from here on, before the first row. */
void run_columns(struct run *run, const struct column *columns);
/* Writes a name into the recording, when there is one. */
void run_record_name(struct run *run, u32 space, u64 id, const char *name, size_t len);
/* A record that the user half has made: into the recording, or as run_event(). */
void run_emit(struct run *run, const struct rec *r);
/* How many events a record is of: of counted rows, only totals say. */
static inline u64 run_events_of(const struct rec *r)
{
	const struct tally_rec *t = (const struct tally_rec *)r;

	if (r->type == REC_RMEM)
		return 0; /* a summary of others */
	if (r->type != REC_TALLY)
		return 1;
	return t->flags & TALLY_TOTAL ? t->events : 0;
}

/* For a tool's check(): 0 where no words were given; USAGE with a sentence that names the first of
 * those that were; instead: what is to be done. */
int no_words(const struct run *run, const char *instead);
/* Live run of a tool with a kernel half. Returns the exit status. */
int run_live(const struct tool *t, int argc, char **argv);
/* Output and columns: what live and replay share. 0 or FAIL. */
int run_open(struct run *run);
/* The heading, once it is sure that rows can follow. */
void run_head(struct run *run);
/* One record through the tool's event function. */
void run_event(struct run *run, const struct rec *r);
/* Says what is not seen, where the tool does not see it. */
void run_notice(struct run *run, const struct notice_rec *r);
/* Last tick, account, output closed. Returns the exit status. */
int run_close(struct run *run, struct attach *a);

#endif
