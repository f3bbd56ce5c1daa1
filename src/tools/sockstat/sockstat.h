/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir sockstat agree on. */
#ifndef WEIR_SOCKSTAT_H
#define WEIR_SOCKSTAT_H

#include "call.h"
#include "door.h"

/* key.what: calls by enum call_id, then the doors by enum door. */
#define WHAT_DOORS 32
#define WHATS      (WHAT_DOORS + DOOR_MAX)

/* n[]: those that went well, those that failed. */
enum { N_GOOD, N_BAD };

enum sockstat_by { BY_CALL, BY_PROCESS, BY_CGROUP };

struct sockstat_conf {
	u32 by; /* enum sockstat_by */
};

#endif
