/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Percentiles of the histograms that the kernel half keeps (include/hist.h). */
#ifndef WEIR_PERCENTILE_H
#define WEIR_PERCENTILE_H

#include "hist.h"

/*
 * The value below which permille/1000 of the counted values lie: the middle of the slot where that
 * rank falls, so at most 6.25 % off (exact below 16), and never above max. 0 when nothing was
 * counted.
 */
u64 percentile(const u64 *hist, u32 permille, u64 max);

#endif
