/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Tools that tell times as histograms by remote address, port, connection or process
 * (kernel/by.bpf.h): --by, its columns, and what replay can tell apart.
 */
#ifndef WEIR_BYS_H
#define WEIR_BYS_H

#include "chosen.h"
#include "spreads.h"
#include "whos.h"

/* A tool's own options begin with these. */
struct bys_options {
	struct tallies_options tallies;
	const char *by_word;
	bool plain;
	u32 by; /* enum by_key, set by bys_check() */
};

/* what: the sentence of --by. */
#define BYS_OPTIONS(what)                                                                          \
	{0, "by", "WHAT", OPT_STRING, offsetof(struct bys_options, by_word), 0, 0, what},          \
		{0,                                                                                \
		 "no-hist",                                                                        \
		 NULL,                                                                             \
		 OPT_FLAG,                                                                         \
		 offsetof(struct bys_options, plain),                                              \
		 0,                                                                                \
		 0,                                                                                \
		 "text: only the numbers, no histograms"},                                         \
		TALLIES_OPTIONS(offsetof(struct bys_options, tallies))

/* --by, or usual where it is not given; columns: all of the tool's. shape: its order may be set.
 * 0 or USAGE. */
int bys_check(struct run *run, struct bys_options *o, const char *usual,
	      const struct column *columns, struct counts_shape *shape);
/* Tells the kernel half. 0 or FAIL. */
int bys_setup(struct run *run, struct attach *a);
/* Must owners be known, for --by or a filter? */
bool bys_owners(const struct run *run);
/* A row, and its picture. what: the enum by_key in its key. */
void bys_event(struct run *run, const struct rec *r, u32 what);
/* The tool's hidden: a recording is filtered by what it was counted by. */
bool bys_hidden(struct run *run, const struct rec *r, u32 what);

void tell_by_local(struct verbs *v, const struct rec *r);
void tell_by_port(struct verbs *v, const struct rec *r);
void tell_by_cookie(struct verbs *v, const struct rec *r);

#define BYS_COLUMNS                                                                                \
	TALLIES_COLUMNS(12),                                                                       \
		{"pid",                                                                            \
		 "PID",                                                                            \
		 COL_NEST,                                                                         \
		 COL_TEXT,                                                                         \
		 0,                                                                                \
		 0,                                                                                \
		 7,                                                                                \
		 tell_key_pid,                                                                     \
		 "by process, connection: who has the socket"},                                    \
		{"comm",                                                                           \
		 "COMM",                                                                           \
		 COL_NEST,                                                                         \
		 COL_TEXT | COL_LEFT,                                                              \
		 0,                                                                                \
		 0,                                                                                \
		 15,                                                                               \
		 tell_key_comm,                                                                    \
		 "its name; (other): all that found no room for a row of its own"},                \
		{"local_port",          "LPORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_by_local,       \
		 "by local, connection"},                                                          \
		{"address",                                                                        \
		 "ADDRESS",                                                                        \
		 COL_NEST,                                                                         \
		 COL_TEXT | COL_LEFT,                                                              \
		 0,                                                                                \
		 0,                                                                                \
		 15,                                                                               \
		 tell_end_addr,                                                                    \
		 "by remote, connection: the remote address"},                                     \
		{"port",                                                                           \
		 "PORT",                                                                           \
		 COL_NEST,                                                                         \
		 COL_TEXT,                                                                         \
		 0,                                                                                \
		 0,                                                                                \
		 5,                                                                                \
		 tell_by_port,                                                                     \
		 "by port, connection: the remote one"},                                           \
	{                                                                                          \
		"cookie", NULL, COL_NEST, 0, 0, 0, 0, tell_by_cookie,                              \
			"by connection: of the socket, as ss -e shows it (sk:)"                    \
	}

#endif
