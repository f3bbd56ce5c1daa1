/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Names of kernel values that are ABI, made from tables/ at build time. What moves between
 * kernels (drop reasons, …) is asked of the running kernel instead.
 */
#ifndef WEIR_NAMES_H
#define WEIR_NAMES_H

#include "record.h"

struct name {
	u64 value;
	const char *name;
};

/* A table, sorted by value. */
struct names {
	const struct name *rows;
	u32 count;
	const char *unknown; /* what an unknown value's comment says: "AF_???" */
	const struct names
		*old; /* without the names that strace 6.1 has not: for --bare; may be NULL */
};

/* By halving: what name_of() does with a table that has holes. */
const char *name_search(const struct names *table, u64 value);

/* The name of a value, NULL when the table has none. Small dense values are found by index. */
static inline const char *name_of(const struct names *table, u64 value)
{
	/* A table without holes is an array, whatever its first value. */
	u64 i = table->count ? value - table->rows[0].value : 0;

	if (i < table->count && table->rows[i].value == value)
		return table->rows[i].name;
	return name_search(table, value);
}

#endif
