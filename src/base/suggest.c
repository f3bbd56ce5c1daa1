/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "error.h"
#include "record.h"
#include "suggest.h"

/* Levenshtein's distance; words longer than 63 bytes are far from everything. */
static u32 distance(const char *a, const char *b)
{
	u32 row[64], n = strlen(a), m = strlen(b);

	if (n > 63 || m > 63)
		return 99;
	for (u32 j = 0; j <= m; j++)
		row[j] = j;
	for (u32 i = 1; i <= n; i++) {
		u32 diagonal = row[0];

		row[0] = i;
		for (u32 j = 1; j <= m; j++) {
			u32 change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
			if (change < row[j])
				row[j] = change;
		}
	}
	return row[m];
}

const char *suggest(const char *word, const char *const *words)
{
	const char *best = NULL;
	u32 least = strlen(word) < 4 ? 2 : 3;

	for (; *words; words++) {
		u32 d = distance(word, *words);

		if (d < least ||
		    (strlen(word) > 1 && !best && !strncmp(word, *words, strlen(word)))) {
			if (d < least)
				least = d;
			best = *words;
		}
	}
	return best;
}

int one_of(const char *option, const char *word, const char *const *words)
{
	char all[200] = "";
	const char *near;

	for (int i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	for (u32 i = 0; words[i]; i++) {
		strncat(all, !i ? "" : words[i + 1] ? ", " : " or ", sizeof(all) - strlen(all) - 1);
		strncat(all, words[i], sizeof(all) - strlen(all) - 1);
	}
	near = suggest(word, words);
	return usage("%s takes %s, not '%.80s'%s%s", option, all, word,
		     near ? "; did you mean " : "", near ? near : "");
}
