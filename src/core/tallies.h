/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Tools that count by key: the kernel half's tables (kernel/tally.bpf.h), read once an interval, as
 * rows. A tool calls tallies_check() and tallies_setup() in its own check() and setup(), and takes
 * tallies_tick and tallies_event as they are, or calls them in its own.
 */
#ifndef WEIR_TALLIES_H
#define WEIR_TALLIES_H

#include "counts.h"
#include "histogram.h"
#include "run.h"

/* A tool's own options begin with these. */
struct tallies_options {
	u32 slots;    /* --keys */
	bool by_name; /* --by-name, for counts_shape */
};

#define TALLIES_OPTIONS(off)                                                                       \
	{0,                                                                                        \
	 "keys",                                                                                   \
	 "N",                                                                                      \
	 OPT_UINT | OPT_LIVE,                                                                      \
	 (off) + offsetof(struct tallies_options, slots),                                          \
	 64,                                                                                       \
	 1 << 20,                                                                                  \
	 "room for that many rows an interval on each CPU (default 4096); the "                    \
	 "others are counted together"},                                                           \
		{0,                                                                                \
		 "by-name",                                                                        \
		 NULL,                                                                             \
		 OPT_FLAG,                                                                         \
		 (off) + offsetof(struct tallies_options, by_name),                                \
		 0,                                                                                \
		 0,                                                                                \
		 "one row for all processes of a name; pid is 0 then"},                            \
	{                                                                                          \
		'n', "count", "COUNT", OPT_COMMON, 0, 0, 0,                                        \
			"end after this many intervals, empty ones too"                            \
	}

/*
 * Takes -n as a number of intervals, and -i as interval_ns when it is not given (0: only totals are
 * told). shape outlives the run. 0 or USAGE.
 */
int tallies_check(struct run *run, const struct counts_shape *shape, u64 interval_ns);
/* Sizes of the kernel half's tables; slots: --keys, 0: default. 0 or FAIL. */
int tallies_setup(struct run *run, struct attach *a, u32 slots);
/* A tool's attach(): where there is no filter, programs need not look who does what they count, not
 * even whether it is weir, from now on (tally_side.everybody). 0 or FAIL. */
int tallies_attach(struct run *run, struct attach *a);
/* The tool's tick: reads and clears the tables, gives each row to run_emit(). */
int tallies_tick(struct run *run, struct attach *a, bool last);
/* Replay: by its first record the recording has lines, no counts. -n is a number of them. */
void tallies_are_lines(struct run *run);
/* The tool's event: prints the row, and ends a replay after -n intervals. */
void tallies_event(struct run *run, const struct rec *r);
/* The same, and in text the record's histogram below the row. */
void tallies_event_drawn(struct run *run, const struct rec *r, const struct histogram *h);
/* The tool's hidden: replay with filters. */
bool tallies_hidden(struct run *run, const struct rec *r);
/* The same where rows turn out not to be told apart by a filter: says so and ends. True. */
bool tallies_mixed(struct run *run);

static inline const struct tally_rec *tally_of(const struct rec *r)
{
	return (const struct tally_rec *)r;
}

/* Columns that such tools share; width of the time: 8 to 15, seconds to microseconds. */
#define T(member) COLUMN(struct tally_rec, member)
void tell_report(struct verbs *v, const struct rec *r);
/* The names of key.family and key.type; nothing when they are 0. */
void tell_key_family(struct verbs *v, const struct rec *r);
void tell_key_type(struct verbs *v, const struct rec *r);
#define TALLIES_COLUMNS(width)                                                                     \
	{"time", "TIME", COL_CLOCK, COL_TEXT, T(h.ts), width, NULL, "end of the interval"},        \
		{"report", "TIME",      COL_NEST,                                                  \
		 0,        0,           0,                                                         \
		 width,    tell_report, "interval, or total: of the whole run, at its end"},       \
	{                                                                                          \
		"interval_ns", NULL, COL_NS, 0, T(interval_ns), 0, NULL, "length of the interval"  \
	}
#define TALLIES_PROCESS                                                                            \
	{"pid", "PID", COL_UINT, COL_TEXT, T(key.pid), 7, NULL, "process"},                        \
	{                                                                                          \
		"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, T(key.comm), 15, NULL,              \
			"its name; (other): all that found no room for a row of its own"           \
	}

#endif
