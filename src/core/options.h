/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Options are rows: the parser, --help, the manual page and shell completion are made from them.
 */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include "filter.h"
#include "out.h"
#include "suggest.h"

enum option_kind {
	OPT_FLAG,    /* bool */
	OPT_UINT,    /* u32, within least..most */
	OPT_SECONDS, /* u64 ns; 5, 0.5 */
	OPT_TIME,    /* u64 ns; 5ms, 100us, 2s; not without the unit, nor 0 */
	OPT_STRING,  /* const char *, points into argv */
	OPT_WORDS,   /* struct option_words: may be given several times */
	OPT_FORMAT,  /* enum out_format: text json csv */
	OPT_COMMON,  /* in a tool's rows: the common option of that name, in the tool's words */
	/* the filter's words; each sets its bit in filter.have */
	OPT_PID,
	OPT_COMM,
	OPT_UID,
	OPT_CGROUP,
	OPT_NETNS,
	OPT_IPV4,
	OPT_IPV6,
	OPT_HOST,
	OPT_PORT,
	OPT_FAILED,
	OPT_SLOWER,
	OPT_LIVE = 0x80, /* with another kind: for live runs, nothing that replay could do */
};

struct option_row {
	char letter;      /* 0: none */
	const char *name; /* long name, without -- */
	const char *arg;  /* what --help calls the value; NULL: none */
	u8 kind;          /* enum option_kind, OPT_LIVE with it */
	u16 off;          /* of the member, in struct common or in the tool's own */
	u32 least, most;  /* OPT_UINT */
	const char *help; /* one line; the default in it */
};

#define OPTION_WORDS 64
struct option_words {
	u32 n;
	const char *word[OPTION_WORDS]; /* point into argv */
};

/* What every tool takes. */
struct common {
	struct filter filter;
	u64 duration_ns; /* -d; 0: until stopped */
	u64 interval_ns; /* -i */
	u32 count;       /* -n; 0: all */
	u32 ring_kib;
	enum out_format format;
	const char *record; /* --record FILE */
	const char *cgroup; /* --cgroup PATH, opened by the loader too */
	const char *netns;  /* --netns PATH|PID, for those who must enter it */
	const char *way;    /* --way: force one way to attach */
	bool stats;         /* --stats: the account as last JSON object */
	bool quiet;         /* -q: no heading, no account */
	bool verbose;       /* -v */
	bool help;
	const char *live; /* one that was given and has OPT_LIVE */
	char **args;      /* words that are no options, NULL-terminated */
	int nargs;
	char **command; /* after --, NULL when there is none */
};

struct tool;

/* Rows of struct common; name NULL ends them. */
enum common_row {
	COMMON_PID,
	COMMON_COMM,
	COMMON_UID,
	COMMON_CGROUP,
	COMMON_NETNS,
	COMMON_IPV4,
	COMMON_IPV6,
	COMMON_HOST,
	COMMON_PORT,
	COMMON_FAILED,
	COMMON_SLOWER,
	COMMON_DURATION,
	COMMON_COUNT,
	COMMON_INTERVAL,
	COMMON_OUTPUT,
	COMMON_RECORD,
	COMMON_RING,
	COMMON_WAY,
	COMMON_STATS,
	COMMON_QUIET,
	COMMON_VERBOSE,
	COMMON_HELP,
	COMMON_MAX
};
#define COMMON(row) (1u << COMMON_##row)
extern const struct option_row common_rows[];
/* Is it one that the tool takes as it is: not among those it lacks, nor put in words of its own? */
bool option_common(const struct tool *t, const struct option_row *row);

/*
 * Parses argv[1..] into common and the tool's own struct. Returns 0 or USAGE. argv is permuted
 * and must outlive common.
 */
int options_parse(const struct tool *t, struct common *common, int argc, char **argv);
/* --help of a tool on stdout. */
void options_help(const struct tool *t);
/* weir help --rows: all rows of all tools on stdout, for scripts. */
void options_rows(void);

#endif
