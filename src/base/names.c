/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "names.h"

/* The first row whose value is not below the one wanted; count when there is none. */
static u32 lower_bound(const struct names *t, u64 value)
{
	u32 lo = 0, hi = t->count;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (t->rows[mid].value < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *name_search(const struct names *t, u64 value)
{
	u32 i = lower_bound(t, value);

	return i < t->count && t->rows[i].value == value ? t->rows[i].name : NULL;
}
