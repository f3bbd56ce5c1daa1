/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * All rows for scripts, one a line, fields ended by tabs: scripts/man and scripts/completion make
 * the manual and the completion of them. Who: a tool, or "weir" for what all have.
 *
 *   WHO tool SUMMARY USAGE
 *   WHO option LETTER NAME ARG HELP
 *   WHO lacks NAME      an option of all that this tool does not take, or has itself
 *   WHO column NAME HELP
 *   WHO call NAME
 *   WHO probe NAME      of the catalog, without its group
 */
#include <stdio.h>
#include "catalog.h"
#include "tool.h"

static void tell_options(const char *who, const struct option_row *row)
{
	for (; row && row->name; row++)
		printf("%s\toption\t%.1s\t%s\t%s\t%s\n", who, row->letter ? &row->letter : "",
		       row->name, row->arg ? row->arg : "", row->help);
}

void options_rows(void)
{
	tell_options("weir", common_rows);
	for (u32 i = 1; i < CALL_MAX; i++)
		printf("weir\tcall\t%s\n", call_names[i]);
	for (const struct row *row = catalog_rows; row < catalog_rows + catalog_nrows; row++)
		if (row->sort == SORT_TRACEPOINT || row->sort == SORT_FUNCTION)
			printf("weir\tprobe\t%s\n", row->name);
	for_each_tool (t) {
		const char *who = (*t)->name;

		printf("%s\ttool\t%s\t%s\n", who, (*t)->summary, (*t)->usage);
		tell_options(who, (*t)->options);
		for (const struct option_row *row = common_rows; row->name; row++)
			if (!option_common(*t, row))
				printf("%s\tlacks\t%s\n", who, row->name);
		for (const struct column *c = (*t)->columns; c && c->name; c++)
			if (!(c->flags & COL_TEXT_ONLY))
				printf("%s\tcolumn\t%s\t%s\n", who, c->name, c->help);
	}
}
