/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Columns of a record's struct who (rec_who()), of whom nothing may be known: pid 0. Then it is "-"
 * in text, null in JSON. */
#ifndef WEIR_WHOS_H
#define WEIR_WHOS_H

#include "column.h"

struct verbs;

void tell_who_pid(struct verbs *v, const struct rec *r);
void tell_who_tid(struct verbs *v, const struct rec *r);
void tell_who_uid(struct verbs *v, const struct rec *r);
void tell_who_comm(struct verbs *v, const struct rec *r);
void tell_who_cgroup(struct verbs *v, const struct rec *r);
/* A name that a process chose, of at most n bytes; nothing known when it is empty. */
void tell_chosen(struct verbs *v, const char *s, size_t n);
/* The same of a counted row's key: pid and comm. */
void tell_key_pid(struct verbs *v, const struct rec *r);
void tell_key_comm(struct verbs *v, const struct rec *r);

#define WHO_COLUMNS                                                                                 \
	{"pid", "PID", COL_NEST, COL_TEXT, 0, 0, 7, tell_who_pid, "process that has the socket"},   \
		{"tid", NULL, COL_NEST, 0, 0, 0, 0, tell_who_tid, "its thread, when it was noted"}, \
		{"uid", NULL, COL_NEST, 0, 0, 0, 0, tell_who_uid, "its effective user"},            \
		{"comm", "COMM", COL_NEST,      COL_TEXT | COL_LEFT, 0,                             \
		 0,      15,     tell_who_comm, "its name"},                                        \
	{                                                                                           \
		"cgroup", NULL, COL_NEST, 0, 0, 0, 0, tell_who_cgroup, "its cgroup"                 \
	}

#endif
