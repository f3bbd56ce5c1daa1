/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "chosen.h"
#include "error.h"
#include "suggest.h"

#define COLUMNS 40

void chosen_columns(struct run *run, const struct column *all, const struct column_need *needs,
		    u32 by)
{
	static struct column chosen[COLUMNS];
	u32 n = 0;

	for (; all->name && n < COLUMNS - 1; all++) {
		u32 need = ~0u;

		for (const struct column_need *k = needs; k->name; k++)
			if (!strcmp(k->name, all->name))
				need = k->by;
		if (need == ~0u || need & by)
			chosen[n++] = *all;
	}
	chosen[n] = (struct column){0};
	run_columns(run, chosen);
}

int chosen_words(const char *list, const char *const *words, u32 *by)
{
	char *all = strdup(list), *rest = all, *word;
	int err = 0;

	while (err >= 0 && (word = strsep(&rest, ","))) {
		err = one_of("--by", word, words);
		if (err >= 0)
			*by |= 1u << err;
	}
	free(all);
	return err < 0 ? err : 0;
}
