/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The clock of all records. */
#ifndef WEIR_CLOCK_H
#define WEIR_CLOCK_H

#include <time.h>
#include "record.h"

#define NS_PER_S 1000000000ull

/* CLOCK_MONOTONIC in ns, which is what bpf_ktime_get_ns() tells. */
static inline u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

#endif
