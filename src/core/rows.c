/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Rows as they are shown: in --help, and all of them for scripts, one a line, fields ended by tabs:
 * scripts/man and scripts/completion make the manual and the completion of them. Who: a tool, or
 * "weir" for what all have.
 *
 *   WHO tool SUMMARY USAGE
 *   WHO option LETTER NAME ARG HELP
 *   WHO lacks NAME      an option of all that this tool does not take, or has itself
 *   WHO column NAME HELP
 *   WHO call NAME
 *   WHO probe NAME      of the catalog, without its group
 */
#include <stdio.h>
#include <string.h>
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

static void help_row(const struct option_row *row)
{
	char word[64];

	snprintf(word, sizeof(word), "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		 row->arg ? " " : "", row->arg ? row->arg : "");
	printf("  %-26s %s\n", word, row->help);
}

static bool takes(const struct tool *t, const char *name)
{
	const struct option_row *row = t->options;

	while (row && row->name && strcmp(row->name, name))
		row++;
	return row && row->name;
}

/* Those of a table that are in these formats: flags has what is none of them. */
static void help_some(const struct tool *t, u32 flags, const char *where)
{
	for (const struct column *c = t->columns; c->name; c++) {
		if ((c->flags & (COL_TEXT_ONLY | COL_DATA_ONLY)) != flags)
			continue;
		if (where)
			printf("\nColumns of %s alone:\n", where);
		where = NULL;
		printf("  %-26s %s\n", c->name, c->help);
	}
}

/* Those of text have names where an option takes them. */
static void help_columns(const struct tool *t)
{
	if (!t->columns)
		return;
	printf("\nColumns (names as in JSON and CSV):\n");
	help_some(t, 0, NULL);
	help_some(t, COL_DATA_ONLY, "JSON");
	help_some(t, COL_TEXT_ONLY, "CSV");
	if (takes(t, "columns"))
		help_some(t, COL_TEXT_ONLY | COL_DATA_ONLY, "text");
}

void options_help(const struct tool *t)
{
	printf("weir %s: %s\n\nusage: weir %s %s\n", t->name, t->summary, t->name, t->usage);
	if (t->options) {
		printf("\nOptions of %s:\n", t->name);
		for (const struct option_row *row = t->options; row->name; row++)
			help_row(row);
	}
	printf("\nOptions that tools share:\n");
	for (const struct option_row *row = common_rows; row->name; row++)
		if (option_common(t, row))
			help_row(row);
	help_columns(t);
}
