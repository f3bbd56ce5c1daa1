/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "account.h"
#include "error.h"
#include "notice.h"
#include "run.h"

/* The first row has the heading before it. */
static __attribute__((noinline)) void first_row(struct run *run, const struct column *columns,
						u32 ncolumns, const struct rec *r)
{
	run_head(run);
	run_row_in(run, columns, ncolumns, r);
}

void run_row_in(struct run *run, const struct column *columns, u32 ncolumns, const struct rec *r)
{
	if (run->stop)
		return;
	if (!run->headed) {
		first_row(run, columns, ncolumns, r);
		return;
	}
	run->rows++;
	if (run->common.count && run->rows >= run->common.count)
		run->stop = true;
	out_row(run->out, columns, ncolumns, r);
}

void run_row(struct run *run, const struct rec *r)
{
	run_row_in(run, run->columns, run->ncolumns, r);
}

void run_columns(struct run *run, const struct column *columns)
{
	run->columns = columns;
	run->ncolumns = 0;
	while (columns && columns[run->ncolumns].name)
		run->ncolumns++;
}

int no_words(const struct run *run, const char *instead)
{
	if (!run->common.nargs)
		return 0;
	return usage("%s takes no words, '%s' is one; %s", run->tool->name, run->common.args[0],
		     instead);
}

int run_open(struct run *run)
{
	const struct common *c = &run->common;
	bool tty = isatty(1);

	run_columns(run, run->columns ? run->columns : run->tool->columns);
	run->out = out_open(c->format, 1, &run->world, tty && !getenv("NO_COLOR"));
	if (!run->out)
		return fail("no memory for the output");
	out_notes(run->out, !run->bare);
	return 0;
}

void run_head(struct run *run)
{
	run->headed = true;
	if (run->columns && !run->common.record)
		out_head(run->out, run->columns, run->ncolumns, run->common.quiet || run->bare);
}

static inline void emit_event(struct run *run, const struct rec *r)
{
	run->events += run_events_of(r);
	if (run->tool->event)
		run->tool->event(run, r);
	else
		run_row(run, r);
}

void run_emit(struct run *run, const struct rec *r)
{
	if (run->keep)
		run->keep(run, r);
	else
		emit_event(run, r);
}

void run_event(struct run *run, const struct rec *r)
{
	emit_event(run, r);
}

void run_notice(struct run *run, const struct notice_rec *r)
{
	if (r->what != NOTICE_IO_URING || !run->tool->io_uring)
		notice_tell(r);
}

/* a: NULL when the run failed, so that no account is given of it; replay has none of its own. */
int run_close(struct run *run, struct attach *a)
{
	int err;

	if (!run->out)
		return 0;
	out_flush(run->out); /* the account is told after the last row, also on one terminal */
	if (a || run->replay)
		account_tell(run, a);
	err = out_close(run->out);
	run->out = NULL;
	if (!err || err == -EPIPE)
		return 0;
	if (!run->broken)
		note("cannot write to standard output: %s", strerror(-err));
	return FAIL;
}
