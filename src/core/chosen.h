/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Tools that count by what the user chooses (--by): the words, and the columns that go with them.
 */
#ifndef WEIR_CHOSEN_H
#define WEIR_CHOSEN_H

#include "run.h"

/* A column that is there only where one of these bits is counted by. */
struct column_need {
	const char *name; /* NULL ends them */
	u32 by;
};

/* The run's columns: those of all that need nothing, or one of the bits in by. */
void chosen_columns(struct run *run, const struct column *all, const struct column_need *needs,
		    u32 by);
/* Sets 1 << the place in words (NULL-terminated) of each in a list, "reason,place". 0 or USAGE. */
int chosen_words(const char *list, const char *const *words, u32 *by);

#endif
