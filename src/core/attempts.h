/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The user half of tools that count connects and accepts (kernel/attempt.bpf.h). */
#ifndef WEIR_ATTEMPTS_H
#define WEIR_ATTEMPTS_H

#include "attempt.h"
#include "tallies.h"

/* A tool's check() and setup(). own of the tool is a struct tallies_options. */
int attempts_check(struct run *run);
int attempts_setup(struct run *run, struct attach *a);
extern struct tallies_options attempts_own;
extern const struct option_row attempts_options[];

/* The last columns of such a tool. */
#define ATTEMPTS_COLUMNS                                                                           \
	{"connects",                                                                               \
	 "CONN",                                                                                   \
	 COL_UINT,                                                                                 \
	 COL_TEXT,                                                                                 \
	 T(n[N_CONNECTS]),                                                                         \
	 5,                                                                                        \
	 NULL,                                                                                     \
	 "connects that went well or are under way (EINPROGRESS)"},                                \
		{"connect_errors",       "CFAIL", COL_UINT, COL_TEXT,                              \
		 T(n[N_CONNECT_ERRORS]), 5,       NULL,     "connects that failed"},               \
		{"accepts",       "ACPT", COL_UINT, COL_TEXT,                                      \
		 T(n[N_ACCEPTS]), 5,      NULL,     "accepts that went well"},                     \
		{"accept_errors",       "AFAIL", COL_UINT, COL_TEXT,                               \
		 T(n[N_ACCEPT_ERRORS]), 5,       NULL,     "accepts that failed"},                 \
	{                                                                                          \
		"no_attempts", NULL, COL_UINT, 0, T(n[N_NO_ATTEMPTS]), 0, NULL,                    \
			"calls that were no attempt: EAGAIN of accept, EALREADY, EISCONN and "     \
			"AF_UNSPEC of connect, and what a signal interrupted"                      \
	}

#endif
