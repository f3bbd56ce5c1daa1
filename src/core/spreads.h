/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Tools that tell times as histograms by process, destination or stack (kernel/spread.bpf.h): a
 * count and percentiles, and in text the picture below them.
 */
#ifndef WEIR_SPREADS_H
#define WEIR_SPREADS_H

#include "histogram.h"
#include "spread.h"
#include "tallies.h"

/* A tool's own options begin with these. */
struct spreads_options {
	struct tallies_options tallies;
	const char *by_word;
	bool stack, plain;
};

#define SPREADS_OPTIONS                                                                            \
	{0,                                                                                        \
	 "by",                                                                                     \
	 "WHAT",                                                                                   \
	 OPT_STRING,                                                                               \
	 offsetof(struct spreads_options, by_word),                                                \
	 0,                                                                                        \
	 0,                                                                                        \
	 "a histogram for each process (default), destination or stack"},                          \
		{0,                                                                                \
		 "stack",                                                                          \
		 NULL,                                                                             \
		 OPT_FLAG,                                                                         \
		 offsetof(struct spreads_options, stack),                                          \
		 0,                                                                                \
		 0,                                                                                \
		 "the same as --by stack"},                                                        \
		{0,                                                                                \
		 "no-hist",                                                                        \
		 NULL,                                                                             \
		 OPT_FLAG,                                                                         \
		 offsetof(struct spreads_options, plain),                                          \
		 0,                                                                                \
		 0,                                                                                \
		 "text: only the numbers, no histograms"},                                         \
		TALLIES_OPTIONS(offsetof(struct spreads_options, tallies))

/* columns: all of the tool's; those of another --by are left out. 0 or USAGE. */
int spreads_check(struct run *run, const struct spreads_options *o, const struct column *columns);
/* 0 or FAIL. */
int spreads_setup(struct run *run, struct attach *a);
/* The tool's event: the row, its stack, the picture. Replay: by what the recording was counted. */
void spreads_event(struct run *run, const struct rec *r);
/* The tool's hidden: rows that a filter leaves out; where it asks for what they were not counted
 * by, a sentence and the end. */
bool spreads_hidden(struct run *run, const struct rec *r);

void tell_end_addr(struct verbs *v, const struct rec *r);
void tell_end_port(struct verbs *v, const struct rec *r);
void tell_stack(struct verbs *v, const struct rec *r);
void tell_mean(struct verbs *v, const struct rec *r);
void tell_p50(struct verbs *v, const struct rec *r);
void tell_p90(struct verbs *v, const struct rec *r);
void tell_p99(struct verbs *v, const struct rec *r);
void tell_histogram(struct verbs *v, const struct rec *r);

/* The columns of measured times; mean_help: whose. */
#define SPREADS_TIMES(mean_help)                                                                   \
	{"mean_us", NULL, COL_NEST, 0, 0, 0, 0, tell_mean, mean_help},                             \
		{"p50_us", "P50(us)", COL_NEST,                                                    \
		 COL_TEXT, 0,         0,                                                           \
		 9,        tell_p50,  "half were not more (within 6.25 %)"},                       \
		{"p90_us", "P90(us)", COL_NEST,                                                    \
		 COL_TEXT, 0,         0,                                                           \
		 9,        tell_p90,  "90 of 100 were not more (within 6.25 %)"},                  \
		{"p99_us", "P99(us)", COL_NEST,                                                    \
		 COL_TEXT, 0,         0,                                                           \
		 9,        tell_p99,  "99 of 100 were not more (within 6.25 %)"},                  \
		{"max_us",         "MAX(us)", COL_UINT, COL_TEXT,                                  \
		 T(n[SPREAD_MAX]), 9,         NULL,     "the largest, exactly"},                   \
	{                                                                                          \
		"histogram_us", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_histogram,            \
			"buckets that are not empty: low (the least value), high (the least "      \
			"value above), count"                                                      \
	}

/* kind_name, kind_head, tell_kind, kind_help: the column of the two kinds. */
#define SPREADS_COLUMNS(kind_name, kind_head, tell_kind, kind_help)                                \
	TALLIES_COLUMNS(12), TALLIES_PROCESS,                                                      \
		{"address",                                                                        \
		 "ADDRESS",                                                                        \
		 COL_NEST,                                                                         \
		 COL_TEXT | COL_LEFT,                                                              \
		 0,                                                                                \
		 0,                                                                                \
		 15,                                                                               \
		 tell_end_addr,                                                                    \
		 "by destination: what was connected to"},                                         \
		{"port", "PORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_end_port, "port there"},        \
		{"stack",                                                                          \
		 NULL,                                                                             \
		 COL_NEST,                                                                         \
		 COL_DATA_ONLY,                                                                    \
		 0,                                                                                \
		 0,                                                                                \
		 0,                                                                                \
		 tell_stack,                                                                       \
		 "by stack: the functions that led there, innermost first"},                       \
		{kind_name, kind_head, COL_NEST, COL_TEXT | COL_LEFT, 0, 0,                        \
		 9,         tell_kind, kind_help},                                                 \
		{"count", "COUNT", COL_UINT, COL_TEXT, T(events), 8, NULL, "how many"},            \
		SPREADS_TIMES("their mean")

#endif
