/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What weir makes of it: the ways to system calls, as the loader chooses them, and each tool that
 * has a kernel half, loaded and attached for a moment as a run would do it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "doctor.h"
#include "error.h"
#include "probes.h"
#include "run.h"
#include "ways.h"

static bool offered[WAY_MAX];

static void tell_ways(struct doctor *d)
{
	static const char *const good[WAY_MAX] = {
		[WAY_FEXIT] = "costs least, and only the calls that are traced",
		[WAY_TP] = "costs other calls little; the best after fexit for a few calls",
		[WAY_RAW] = "costs each call of the machine a little; the best after fexit for "
			    "many calls",
	};
	static const char *const cures[WAY_MAX] = {
		[WAY_FEXIT] = "see fexit; weir does without",
		[WAY_TP] = "see tp and tracefs; weir does without",
		[WAY_RAW] = "see raw_tp",
	};

	for (u32 i = 0; i < WAY_MAX; i++) {
		struct finding f = {.way = call_way_names[i]};
		char why[240];

		offered[i] = way_offered(i, why);
		if (i == WAY_RAW)
			offered[i] = d->raw_tp.answer == ANSWER_YES;
		if (offered[i]) {
			found(&f, ANSWER_YES, "%s", good[i]);
		} else {
			found(&f, ANSWER_NO, "%s", *why ? why : d->raw_tp.detail);
			remedy(&f, "%s", cures[i]);
		}
		doctor_row(d, "ways", call_way_names[i], &f);
	}
}

/* The way that the loader takes to so many system calls. */
static enum call_way way_to(u32 ncalls)
{
	enum call_way order[WAY_MAX];
	u32 i = 0;

	ways_order(ncalls, order);
	while (i < WAY_MAX - 1 && !offered[order[i]])
		i++;
	return order[i];
}

static void add(struct finding *f, const char *before, const char *text)
{
	size_t n = strlen(f->detail);

	snprintf(f->detail + n, sizeof(f->detail) - n, "%s%s", n ? before : "", text);
}

/* Put in attach.missing of calls that shall be loaded and not be attached. */
static const char untried[] = "untried";

/* The tool's system calls. */
static void tell_calls(const struct attach *a, struct finding *f)
{
	u32 wanted = 0, tried = 0;
	enum call_way few = way_to(1);
	char text[240];

	for (u32 i = 1; i < CALL_MAX; i++) {
		wanted += a->wanted[i];
		tried += a->wanted[i] && strcmp(a->missing[i], untried);
	}
	f->way = call_way_names[a->way];
	snprintf(text, sizeof(text), "%u system calls by way of %s", wanted, f->way);
	add(f, "; ", text);
	if (few != a->way) {
		snprintf(text, sizeof(text), "up to %u by %s", WAYS_FEW, call_way_names[few]);
		add(f, ", ", text);
	}
	if (tried < wanted) {
		snprintf(text, sizeof(text), "(all loaded, %u attached)", tried);
		add(f, " ", text);
	}
	for (u32 i = 1; i < CALL_MAX; i++) {
		if (!a->wanted[i] || !*a->missing[i] || !strcmp(a->missing[i], untried))
			continue;
		snprintf(text, sizeof(text), "not %s: %s", call_names[i], a->missing[i]);
		add(f, "; ", text);
	}
}

static void tell_attached(const struct attach *a, struct finding *f)
{
	char text[200];

	f->answer = ANSWER_YES;
	if (a->calls)
		tell_calls(a, f);
	for (u32 i = 0; i < a->nprobes; i++) {
		const struct attached_probe *p = &a->probes[i];

		snprintf(text, sizeof(text), "%s by %s", p->row->name,
			 p->taken ? probe_taken(p) : "no way");
		add(f, "; ", text);
	}
	if (!*f->detail)
		add(f, "", "loaded and attached");
}

/*
 * To detach a call's programs takes the kernel 0.2 s where they are its function's own: all are
 * loaded, and two calls attached, the last of the table, which are rare. Raw tracepoints are two in
 * all.
 */
static void fewer_calls(struct attach *a)
{
	u32 n = 0;

	for (u32 i = 1; i < CALL_MAX; i++)
		n += a->wanted[i];
	if (!a->calls || way_to(n) == WAY_RAW)
		return;
	n = 0;
	for (u32 i = CALL_MAX - 1; i; i--)
		if (a->wanted[i] && n++ >= 2)
			strcpy(a->missing[i], untried);
}

/* A run of the tool that watches nobody: no process has the number 0. */
static int attach_tool(const struct tool *t, struct run *run, struct attach *a)
{
	static char *none[] = {NULL};
	int err;

	run->tool = t;
	run->common.args = none;
	run->common.ring_kib = 64;
	run->common.filter.have = FILTER_PID;
	err = t->check ? t->check(run) : 0;
	if (!err)
		err = attach_open(a, t->object, *t->object_size);
	if (!err && t->setup)
		err = t->setup(run, a);
	if (err)
		return err;
	fewer_calls(a);
	return attach_load(a, &run->common);
}

static void tell_tool(struct doctor *d, const struct tool *t)
{
	struct run *run = calloc(1, sizeof(*run));
	struct attach *a = calloc(1, sizeof(*a));
	struct finding f = {0};
	int err = run && a ? attach_tool(t, run, a) : fail("no memory");

	if (!err) {
		tell_attached(a, &f);
	} else if (err == USAGE) {
		found(&f, ANSWER_UNKNOWN, "not tried: it needs to be told more");
		remedy(&f, "weir %s --help", t->name);
	} else if (d->raw_tp.answer != ANSWER_YES) {
		f = d->raw_tp; /* told of all programs, better than of one */
	} else {
		found(&f, ANSWER_NO, "%s", error_text());
		if (!d->btf)
			remedy(&f, "what stands at btf above");
		else if (*d->lacks)
			remedy(&f, "it needs, of maps above: %s", d->lacks);
		else
			remedy(&f,
			       "no right is missing and no row above explains it: weir %s -v "
			       "shows the kernel's words, which are worth a bug report",
			       t->name);
	}
	doctor_row(d, "tools", t->name, &f);
	if (!strcmp(t->name, d->tool ? d->tool : "trace")) {
		d->works = f.answer == ANSWER_YES;
		snprintf(d->verdict, sizeof(d->verdict), "weir %s %s here: %s%s%s", t->name,
			 d->works ? "works" : "does not work", f.detail,
			 d->works ? "" : "; try: ", d->works ? "" : f.remedy);
	}
	if (a)
		attach_close(a);
	free(a);
	free(run);
}

void doctor_tools(struct doctor *d)
{
	tell_ways(d);
	for_each_tool (t)
		if ((*t)->object && (!d->tool || !strcmp(d->tool, (*t)->name)))
			tell_tool(d, *t);
}
