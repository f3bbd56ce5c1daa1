/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir dns agree on. */
#ifndef WEIR_DNS_TOOL_H
#define WEIR_DNS_TOOL_H

#include "payload.h"

#define DNS_PORTS 8

struct dns_conf {
	u16 ports[DNS_PORTS]; /* that DNS is spoken on; 0 behind the last */
};

#endif
