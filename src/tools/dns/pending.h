/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Queries of DNS that wait for their answer, from pieces of what sockets sent and received. */
#ifndef WEIR_DNS_PENDING_H
#define WEIR_DNS_PENDING_H

#include "dns.h"

#define QUERIES_MOST 8192 /* that wait; of one more the oldest is told as it is */
#define STREAMS_MOST 256  /* directions of TCP connections that are followed at once */

/* Called with each query that is answered or given up, and for those that were not seen. p, n: the
 * answer, NULL where there is none; r's sections are the caller's to make. Set by the tool. */
extern void (*dns_done)(const struct dns_rec *r, const char *name, const u8 *p, u32 n);

/* Messages that were no DNS, or had bytes that were not seen. */
extern u64 dns_unread;

/* A piece of what a socket sent or received. */
void pending_piece(const struct piece_rec *r);
/* Gives up what was asked before that time (CLOCK_MONOTONIC); ends: how long it was waited. */
void pending_expire(u64 before, u64 now);
/* How many wait. */
u32 pending_count(void);
/* Forgets all. */
void pending_clear(void);

#endif
