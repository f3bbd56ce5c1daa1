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

static int choose(const char *word, const char *const *words, u32 *by)
{
	char all[200] = "";
	const char *near;

	for (u32 i = 0; words[i]; i++)
		if (!strcmp(word, words[i])) {
			*by |= 1u << i;
			return 0;
		}
	for (u32 i = 0; words[i]; i++) {
		strncat(all, i ? ", " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, words[i], sizeof(all) - strlen(all) - 1);
	}
	near = suggest(word, words);
	return usage("--by takes %s; not '%s'%s%s", all, word, near ? "; did you mean " : "",
		     near ? near : "");
}

int chosen_words(const char *list, const char *const *words, u32 *by)
{
	char *all = strdup(list), *rest = all, *word;
	int err = 0;

	while (!err && (word = strsep(&rest, ",")))
		err = choose(word, words, by);
	free(all);
	return err;
}
