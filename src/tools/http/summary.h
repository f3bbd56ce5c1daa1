/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir http --summary: transactions by side, host and path template, or by process. */
#ifndef WEIR_HTTP_SUMMARY_H
#define WEIR_HTTP_SUMMARY_H

#include "run.h"

enum summary_by { BY_PATH, BY_PROCESS };

/* Chooses the columns. */
void summary_open(struct run *run, enum summary_by by);
/* Counts a transaction. */
void summary_add(const struct rec *r);
/* Prints and forgets the rows, most requests first. */
void summary_tell(struct run *run);

#endif
