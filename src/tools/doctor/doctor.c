/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir doctor: what this kernel, these rights and this container offer, by asking and by trying. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "doctor.h"
#include "error.h"
#include "tool.h"
#include "trial.h"

struct row {
	struct rec h;
	const char *group, *check, *answer, *detail, *remedy, *way;
	s64 err;
	bool again; /* a long remedy, the same as of the row before */
};
#define R(member) COLUMN(struct row, member)

/* Columns of the table. */
#define WIDTH     80
#define CHECK     16
#define ANSWER    7
#define ANSWER_AT (CHECK + 1)
#define DETAIL_AT (ANSWER_AT + ANSWER + 1)

/* Detail, and below it the remedy: as wide as a terminal is at least. */
static void tell_line(struct verbs *v, const struct rec *r)
{
	const struct row *row = (const struct row *)r;

	wrap(v->b, row->detail, DETAIL_AT, WIDTH);
	if (!row->remedy)
		return;
	buf_chr(v->b, '\n');
	for (u32 i = 0; i < ANSWER_AT; i++)
		buf_chr(v->b, ' ');
	buf_str(v->b, "-> ");
	wrap(v->b, row->again ? "as above" : row->remedy, ANSWER_AT + 3, WIDTH);
}

static const struct column columns[] = {
	{"group", NULL, COL_STRING, 0, R(group), 0, NULL,
	 "kernel, rights, container, files, maps, programs, ways or tools"},
	{"check", "CHECK", COL_STRING, COL_TEXT | COL_LEFT, R(check), CHECK, NULL,
	 "what is asked for; a name that stays"},
	{"answer", "ANSWER", COL_STRING, COL_TEXT | COL_LEFT, R(answer), ANSWER, NULL,
	 "yes, no, or unknown"},
	{"line", "DETAIL", COL_NEST, COL_TEXT | COL_LEFT | COL_TEXT_ONLY | COL_DATA_ONLY, 0, 0, 0,
	 tell_line, "detail, and below it the remedy"},
	{"detail", NULL, COL_STRING, 0, R(detail), 0, NULL, "what was seen, or the reason"},
	{"remedy", NULL, COL_STRING, 0, R(remedy), 0, NULL,
	 "what helps; null when there is nothing to help"},
	{"error", NULL, COL_ERROR, 0, R(err), 0, NULL,
	 "name of the error that the kernel gave, null when none"},
	{"way", NULL, COL_STRING, 0, R(way), 0, NULL, "tools, ways: the way to system calls"},
	{0},
};
#define NCOLUMNS (sizeof(columns) / sizeof(*columns) - 1)

static void new_group(struct doctor *d, const char *group)
{
	char heading[32];
	int n = snprintf(heading, sizeof(heading), "\n%s:\n", group);

	d->group = group;
	*d->remedy = 0;
	if (d->common.format == OUT_TEXT && !d->common.quiet)
		out_line(d->out, heading, n);
}

void doctor_row(struct doctor *d, const char *group, const char *check, const struct finding *f)
{
	static const char *const answers[] = {"no", "yes", "unknown"};
	struct row row = {
		.group = group,
		.check = check,
		.answer = answers[f->answer],
		.detail = f->detail,
		.remedy = *f->remedy ? f->remedy : NULL,
		.way = f->way,
		.err = -f->err,
	};
	const char *name = f->err ? strerrorname_np(f->err) : NULL;

	if (!d->group || strcmp(group, d->group))
		new_group(d, group);
	row.again = strlen(f->remedy) > 40 && !strcmp(f->remedy, d->remedy);
	snprintf(d->remedy, sizeof(d->remedy), "%s", f->remedy);
	out_row(d->out, columns, NCOLUMNS, &row.h);
	if (d->common.verbose && f->err)
		note("%s: %s%s%s", check, name ? name : strerror(f->err), *f->log ? ": " : "",
		     f->log);
}

/* The word may name a tool. Doctor starts nothing. */
static int check(struct doctor *d)
{
	const struct common *c = &d->common;
	const struct tool *t = c->nargs ? tool_find(*c->args) : NULL;
	const char *near;

	if (c->command || c->nargs > 1)
		return usage("doctor asks the kernel and starts nothing: it has no use for '%s'; "
			     "it takes a tool's name, -o, -q, -v and -h",
			     c->command ? *c->command : c->args[1]);
	if (c->nargs && !t) {
		near = tool_near(*c->args);
		return usage("there is no tool '%s'%s%s; weir help lists them", *c->args,
			     near ? ", did you mean " : "", near ? near : "");
	}
	if (t && !t->object)
		return usage("'%s' has nothing to load: it works wherever weir does", t->name);
	d->tool = t ? t->name : NULL;
	return 0;
}

/* What nothing stands in for. */
static void keep_lack(struct doctor *d, const char *name)
{
	size_t n = strlen(d->lacks);

	snprintf(d->lacks + n, sizeof(d->lacks) - n, "%s%s", n ? ", " : "", name);
}

static void run_trials(struct doctor *d, const char *group, const struct trial *t)
{
	for (; t->name; t++) {
		struct finding f = {0};

		t->try(&d->facts, t, &f);
		d->facts.loads |= t->type && f.answer == ANSWER_YES;
		if (f.answer == ANSWER_NO && !t->need.without && !strcmp(group, "maps"))
			keep_lack(d, t->name);
		if (!strcmp(t->name, "raw_tp"))
			d->raw_tp = f;
		doctor_row(d, group, t->name, &f);
	}
	out_flush(d->out);
}

/*
 * One level withholds one helper: where the kernel does not tell its level, it shows it so
 * (LOCKDOWN_BPF_READ_KERNEL, 5.4; the helper has this name since 5.5).
 */
static void try_lockdown(struct facts *f)
{
	int err;

	if (f->lockdown_sure || f->release < KVER(5, 5))
		return;
	err = trial_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_probe_read_kernel);
	if (err == ENOENT) {
		f->lockdown = LOCKDOWN_CONFIDENTIALITY;
		snprintf(f->lockdown_how, sizeof(f->lockdown_how),
			 "bpf_probe_read_kernel is withheld, as at this level only");
	} else if (!err && f->lockdown == LOCKDOWN_UNKNOWN) {
		snprintf(f->lockdown_how, sizeof(f->lockdown_how),
			 "not confidentiality, which withholds bpf_probe_read_kernel; ");
	} else if (!err && f->lockdown == LOCKDOWN_SOME) {
		f->lockdown = LOCKDOWN_INTEGRITY;
		snprintf(f->lockdown_how, sizeof(f->lockdown_how),
			 "the kernel's log says \"Kernel is locked down\", and "
			 "bpf_probe_read_kernel is "
			 "granted, as at this level only");
	}
}

static void examine(struct doctor *d)
{
	facts_read(&d->facts);
	/* The helper came with Linux 5.11, as did this way of counting memory: the kernel itself is
	 * asked, as libbpf does, because distributions brought both to older kernels. */
	d->facts.memcg = d->facts.release >= KVER(5, 11) ||
			 !trial_helper(BPF_PROG_TYPE_SOCKET_FILTER, BPF_FUNC_ktime_get_coarse_ns);
	try_lockdown(&d->facts);
	for (const struct check *c = checks; c->name; c++) {
		struct finding f = {0};

		c->ask(&d->facts, c->arg, &f);
		d->btf |= !strcmp(c->name, "btf") && f.answer == ANSWER_YES;
		doctor_row(d, c->group, c->name, &f);
	}
	out_flush(d->out);
	run_trials(d, "maps", map_trials);
	run_trials(d, "programs", program_trials);
	doctor_tools(d);
	facts_free(&d->facts);
}

static int report(struct doctor *d)
{
	static const struct out_world world;
	int err;

	signal(SIGPIPE, SIG_IGN);
	d->out = out_open(d->common.format, 1, &world, isatty(1) && !getenv("NO_COLOR"));
	if (!d->out)
		return fail("no memory for the output");
	out_head(d->out, columns, NCOLUMNS, d->common.quiet);
	examine(d);
	err = out_close(d->out);
	if (err && err != -EPIPE)
		return fail("cannot write to standard output: %s", strerror(-err));
	if (!d->common.quiet)
		note("%s", d->verdict);
	return 0;
}

static int doctor_main(const struct tool *t, int argc, char **argv)
{
	static struct doctor d;
	int err = options_parse(t, &d.common, argc, argv);

	if (!err && d.common.help) {
		options_help(t);
		return 0;
	}
	if (!err)
		err = check(&d);
	if (!err)
		err = report(&d);
	if (!err)
		return d.works ? 0 : 1;
	note("%s", error_text());
	return err == USAGE ? 2 : 1;
}

static const struct tool doctor = {
	.name = "doctor",
	.summary = "what this kernel, these rights and this container offer, and what mends a no",
	.usage = "[TOOL] [-o FORMAT] [-q] [-v]",
	.columns = columns,
	.lacks = ~(COMMON(OUTPUT) | COMMON(QUIET) | COMMON(VERBOSE) | COMMON(HELP)),
	.lacks_why =
		"it asks the kernel and watches nobody; it takes a tool's name, -o, -q, -v and -h",
	.main = doctor_main,
};
TOOL(doctor);
