/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Two private network namespaces joined by a veth pair. They have no names: processes and
 * descriptors hold them, and with the last of these the kernel removes all there is.
 */
#ifndef WEIR_DEMO_NET_H
#define WEIR_DEMO_NET_H

#include <stdbool.h>

#define SERVER_IP4 "10.77.0.1"
#define CLIENT_IP4 "10.77.0.2"
#define SERVER_IP6 "fd77::1"
#define CLIENT_IP6 "fd77::2"

struct demo_net {
	int server; /* the server's namespace; programs started from here inherit the descriptor */
	bool six;   /* IPv6 is there */
};

/* Makes both and leaves the caller in the client's. 0, or FAIL with the reason. */
int net_make(struct demo_net *net);

#endif
