/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir latency agree on. */
#ifndef WEIR_LATENCY_H
#define WEIR_LATENCY_H

#include "record.h"
#include "spread.h"

/* tally_key.what: by what (enum by_key), and of which stage (enum latency_stage). */
#define LATENCY_WHAT(by, stage) ((by) | ((stage) + 1) << 8)
#define LATENCY_BY(what)        ((what)&255)
#define LATENCY_STAGE(what)     (((what) >> 8) - 1)

struct latency_conf {
	u64 over_ns; /* 0: histograms; else records of what took as long */
};

/* What is kept of a connection: messages that wait for their acknowledgment, tasks in a send,
 * segments that wait for their reader. Powers of two. */
#define SENT_MOST    32
#define CALLS_MOST   4
#define ARRIVED_MOST 32

#endif
