/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcprtt: what both halves know. */
#ifndef WEIR_TCPRTT_H
#define WEIR_TCPRTT_H

#include "record.h"

/* Connections of which a processor remembers where their times are counted, a power of two. */
#define RTT_RECENT 1024

struct tcprtt_conf {
	u32 quick; /* a time is counted by what is known of its connection: nothing else is asked */
	u32 pad;
};

#endif
