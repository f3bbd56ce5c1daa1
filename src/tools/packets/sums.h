/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_PACKETS_SUMS_H
#define WEIR_PACKETS_SUMS_H

#include "run.h"

/* Prints what the kernel half has counted. 0 or FAIL. */
int packets_sums(struct run *run, struct attach *a);

#endif
