/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir tcprtt agree on. */
#ifndef WEIR_TCPRTT_H
#define WEIR_TCPRTT_H

#include "spread.h"

/* By what there is a histogram: one of these, in the order of the words of --by. */
enum rtt_by {
	RTT_REMOTE = 1,
	RTT_PORT = 2,
	RTT_LOCAL = 4,
	RTT_CONNECTION = 8,
	RTT_PROCESS = 16,
	RTT_ALL = 32,
};

struct tcprtt_conf {
	u32 by; /* enum rtt_by */
	u32 pad;
};

#endif
