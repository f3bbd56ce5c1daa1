/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir list --check: the catalog against the running kernel, row by row. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "error.h"
#include "list.h"
#include "wrap.h"

#define WIDTH   80
#define NAME    32
#define STATE   5
#define WHAT_AT (NAME + 1 + STATE + 1)

struct finding {
	struct rec h;
	const char *name, *state, *what;
};
#define F(member) COLUMN(struct finding, member)

static void tell_what(struct verbs *v, const struct rec *r)
{
	const struct finding *f = (const struct finding *)r;

	wrap(v->b, f->what ? f->what : "as in the catalog", WHAT_AT, WIDTH);
}

static const struct column columns[] = {
	{"name", "NAME", COL_STRING, COL_TEXT | COL_LEFT, F(name), NAME, NULL, "the row"},
	{"state", "STATE", COL_STRING, COL_TEXT | COL_LEFT, F(state), STATE, NULL,
	 "same, known (differs as the row says) or drift"},
	{"line", "WHAT", COL_NEST, COL_TEXT | COL_LEFT | COL_TEXT_ONLY | COL_DATA_ONLY, 0, 0, 0,
	 tell_what, "what"},
	{"what", NULL, COL_STRING, 0, F(what), 0, NULL, "how it differs; null when it does not"},
	{0},
};
#define NCOLUMNS (sizeof(columns) / sizeof(*columns) - 1)

int list_check(const struct common *c)
{
	static const char *const states[] = {"same", "known", "drift"};
	static const struct out_world world;
	struct out *out = out_open(c->format, 1, &world, isatty(1) && !getenv("NO_COLOR"));
	u32 count[3] = {0};
	int err;

	if (!out)
		return fail("no memory for the output");
	out_head(out, columns, NCOLUMNS, c->quiet);
	for (const struct row *row = catalog_rows; row < catalog_rows + catalog_nrows; row++) {
		struct finding f = {0};
		struct drift d;
		char name[128];

		row_drift(row, &d);
		count[d.state]++;
		snprintf(name, sizeof(name), "%s%s%s", row->group ? row->group : "",
			 row->group ? ":" : "", row->name);
		f.name = name;
		f.state = states[d.state];
		f.what = *d.what ? d.what : NULL;
		/* For people, what is as it should be is a number at the end. */
		if (d.state || c->format != OUT_TEXT || c->verbose)
			out_row(out, columns, NCOLUMNS, &f.h);
	}
	err = out_close(out);
	if (err && err != -EPIPE)
		return fail("cannot write to standard output: %s", strerror(-err));
	if (!c->quiet)
		note("%u rows as in the catalog, %u otherwise as it knows, %u drifted",
		     count[DRIFT_NONE], count[DRIFT_KNOWN], count[DRIFT_NEW]);
	return count[DRIFT_NEW] ? 1 : 0;
}
