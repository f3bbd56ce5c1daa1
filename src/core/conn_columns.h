/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Columns of tools that tell of each connection: their records begin with a struct sock_rec. */
#ifndef WEIR_CONN_COLUMNS_H
#define WEIR_CONN_COLUMNS_H

#include "decode.h"
#include "run.h"

static inline const struct sock_rec *conn_of(const struct rec *r)
{
	return (const struct sock_rec *)r;
}

void tell_conn_family(struct verbs *v, const struct rec *r);
void tell_conn_protocol(struct verbs *v, const struct rec *r);
void tell_conn_laddr(struct verbs *v, const struct rec *r);
void tell_conn_lport(struct verbs *v, const struct rec *r);
void tell_conn_addr(struct verbs *v, const struct rec *r);
void tell_conn_port(struct verbs *v, const struct rec *r);
/* s.dur: for programs in ns, for people in us; unknown where it is DUR_UNKNOWN. */
void tell_conn_ns(struct verbs *v, const struct rec *r);
void tell_conn_us(struct verbs *v, const struct rec *r);

#define CONN(member)    COLUMN(struct sock_rec, member)
#define CONN_FOR_PEOPLE (COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY)

/* The first columns: when, and who; with the width of a text's time and name. */
#define CONNS_WHO(when, time_width, whose, comm_width)                                             \
	{"time", "TIME", COL_CLOCK, COL_TEXT, CONN(h.ts), time_width, NULL, when},                 \
		{"pid", "PID", COL_UINT, COL_TEXT, CONN(who.pid), 7, NULL, whose},                 \
		{"tid", NULL, COL_UINT, 0, CONN(who.tid), 7, NULL, "thread"},                      \
		{"uid",         NULL,                                                              \
		 COL_UINT,      0,                                                                 \
		 CONN(who.uid), 5,                                                                 \
		 NULL,          "effective user, as the initial user namespace has it"},           \
		{"comm",         "COMM",     COL_COMM, COL_TEXT | COL_LEFT,                        \
		 CONN(who.comm), comm_width, NULL,     "the thread's name"},                       \
		{"cgroup",                                                                         \
		 NULL,                                                                             \
		 COL_CGROUP,                                                                       \
		 0,                                                                                \
		 CONN(who.cgroup),                                                                 \
		 0,                                                                                \
		 NULL,                                                                             \
		 "path of the cgroup (v2), its id where it is unknown"},                           \
	{                                                                                          \
		"netns", NULL, COL_UINT, 0, CONN(who.netns), 0, NULL,                              \
			"inode number of the network namespace"                                    \
	}
#define CONNS_TASK(when) CONNS_WHO(when, 15, "process", 15)

#define CONNS_SOCKET                                                                               \
	{"fam",                                                                                    \
	 "FAM",                                                                                    \
	 COL_UINT,                                                                                 \
	 CONN_FOR_PEOPLE,                                                                          \
	 CONN(sock.family),                                                                        \
	 3,                                                                                        \
	 NULL,                                                                                     \
	 "number of the family"},                                                                  \
		{"family",                                                                         \
		 NULL,                                                                             \
		 COL_NEST,                                                                         \
		 0,                                                                                \
		 0,                                                                                \
		 0,                                                                                \
		 0,                                                                                \
		 tell_conn_family,                                                                 \
		 "address family of the socket"},                                                  \
	{                                                                                          \
		"protocol", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_protocol, "transport protocol"   \
	}

#define CONNS_ERROR                                                                                \
	{                                                                                          \
		"error", NULL, COL_ERROR, 0, CONN(ret), 0, NULL,                                   \
			"name of the error, null when it went well"                                \
	}

/* The tool's check(): it takes no words. 0 or USAGE. */
int conns_check(struct run *run);

#endif
