/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "percentile.h"

u64 percentile(const u64 *hist, u32 permille, u64 max)
{
	u64 total = 0, rank, seen = 0, low, high, v;
	u32 i;

	for (i = 0; i < HIST_SLOTS; i++)
		total += hist[i];
	if (!total)
		return 0;
	rank = (total * permille + 999) / 1000;
	for (i = 0; i < HIST_SLOTS - 1; i++) {
		seen += hist[i];
		if (seen >= rank)
			break;
	}
	low = hist_low(i);
	high = i < HIST_SLOTS - 1 ? hist_low(i + 1) : max + 1;
	v = low + (high - low - 1) / 2;
	return v < max ? v : max;
}
