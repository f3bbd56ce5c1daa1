/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* From a word of the user's to what it means on this kernel. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "error.h"
#include "inside.h"

int catalog_find(struct matches *m, const char *word, u32 flags)
{
	(void)m, (void)flags;
	return usage("there is no probe '%s'", word);
}

void matches_free(struct matches *m)
{
	free(m->all);
	*m = (struct matches){0};
}
