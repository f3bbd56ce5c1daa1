/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The programs that weir demo watches: an HTTP server and its client. All they do is in a fixed
 * order and of fixed sizes, primes throughout, so that what was seen can be checked.
 */
#ifndef WEIR_DEMO_WORKLOAD_H
#define WEIR_DEMO_WORKLOAD_H

#include "net.h"

enum workload_size {
	HTTP4_BODY = 10007,
	HTTP6_BODY = 5003,
	UDP_PING = 101,
	UDP_PONG = 211,
	UNIX_ASK = 307,
	UNIX_TELL = 401,
};

#define WORKLOAD_FAILED 3 /* its exit status; 1 is weir's own */

/* Takes about a second; unless quiet, says on stderr what comes next. The caller is in the client's
 * namespace. Returns the exit status. */
int workload(const struct demo_net *net, bool quiet);

#endif
