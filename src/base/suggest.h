/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_SUGGEST_H
#define WEIR_SUGGEST_H

/* The word of words (NULL-terminated) that is nearest to word, NULL when none is near. */
const char *suggest(const char *word, const char *const *words);
/* The place of an option's word among those that it takes (NULL-terminated), USAGE with the
 * sentence where it is none of them. option: as the user writes it, "--by". */
int one_of(const char *option, const char *word, const char *const *words);

#endif
