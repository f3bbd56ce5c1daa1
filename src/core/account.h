/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The truth at the end of every run: what was seen, what was lost and by which cause. */
#ifndef WEIR_ACCOUNT_H
#define WEIR_ACCOUNT_H

#include "attach.h"
#include "run.h"

/* Sums the kernel half's counters into run->lost. Live only, after attach_end(). */
void account_collect(struct run *run, struct attach *a);
/* On stderr, and with --stats as last JSON object on the output. */
void account_tell(struct run *run, const struct attach *a);

#endif
