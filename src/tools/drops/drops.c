/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir drops: the user half. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "chains.h"
#include "chosen.h"
#include "columns.h"
#include "drops.h"
#include "error.h"
#include "hit_decode.h"
#include "owners.h"
#include "reason.h"
#include "reasons.h"
#include "stacks.h"
#include "symbols.h"
#include "tallies.h"

TOOL_OBJECT(drops);

#define TOP         20
#define RING_STACKS (1 << 20) /* bytes: some 1800 stacks in one go */
#define RING_HOOKS  (1 << 16) /* bytes: some 90 hooks with what stands there */

static struct {
	struct tallies_options tallies;
	const char *by_word, *reason;
	u32 top; /* 0: TOP */
	bool each, stack, list;
	u32 by;
	u64 reasons[REASON_WORDS];
	/* The report that is told: rows, and what is in those that are left out. */
	u64 ts;
	u32 flags, rows;
	u64 left, left_packets;
	const char *explained[64]; /* -v: reasons that were told of */
	u32 nexplained;
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	TALLIES_OPTIONS(OWN(tallies)),
	{0, "by", "WHAT,...", OPT_STRING, OWN(by_word), 0, 0,
	 "count by these: reason, process, place (these three by default), device, source, "
	 "destination"},
	{0, "reason", "NAME,...", OPT_STRING | OPT_LIVE, OWN(reason), 0, 0,
	 "only these; TCP_*: all that begin so. Asked in the kernel"},
	{0, "top", "N", OPT_UINT, OWN(top), 1, ~0u,
	 "text: so many rows a report (default 20); the others are summed up"},
	{0, "each", NULL, OPT_FLAG, OWN(each), 0, 0, "a line for each packet, no counts"},
	{0, "stack", NULL, OPT_FLAG, OWN(stack), 0, 0,
	 "with the kernel functions that led there; counts are by stack then"},
	{0, "reasons", NULL, OPT_FLAG, OWN(list), 0, 0,
	 "list this kernel's reasons and what they mean, and end"},
	{0},
};

static int order(const struct tally_rec *a, const struct tally_rec *b)
{
	u32 x = reason_kind(drops_reason(&a->h)), y = reason_kind(drops_reason(&b->h));

	if ((x != DROP_LOSS) != (y != DROP_LOSS))
		return x != DROP_LOSS ? 1 : -1;
	return a->events < b->events ? 1 : a->events > b->events ? -1 : 0;
}

static struct counts_shape shape = {
	.events = 1 << DROPS_PACKETS,
	.filters = FILTER_PID | FILTER_COMM,
	.order = order,
};

static const char *const words[] = {"reason", "process",     "place", "device",
				    "source", "destination", NULL};

static int by_named(void)
{
	own.by = own.by_word ? 0 : DROPS_REASON | DROPS_PROCESS | DROPS_PLACE;
	if (own.by_word && chosen_words(own.by_word, words, &own.by))
		return USAGE;
	if (own.by & DROPS_SOURCE && own.by & DROPS_DESTINATION)
		return usage("--by takes source or destination, not both");
	if (own.stack)
		own.by = (own.by & ~DROPS_PLACE) | DROPS_STACK;
	return 0;
}

/* The columns of what is not counted by are not there. by: enum drops_by. */
static void choose(struct run *run, u32 by)
{
	static const struct column_need needs[] = {
		{"pid", DROPS_PROCESS},      {"comm", DROPS_PROCESS},
		{"reason", DROPS_REASON},    {"kind", DROPS_REASON},
		{"device", DROPS_DEVICE},    {"address", DROPS_SOURCE | DROPS_DESTINATION},
		{"port", DROPS_DESTINATION}, {"hook", DROPS_PLACE},
		{"chains", DROPS_PLACE},     {"place", DROPS_PLACE},
		{"stack", DROPS_STACK},      {0},
	};

	own.by = by;
	chosen_columns(run, drops_counted, needs, by);
}

static void explain(FILE *to, const struct reason *r)
{
	fprintf(to, "%s: %s.\n    Usual cause: %s.\n    Look at: %s.\n", r->name,
		reason_told(r, REASON_MEANING), reason_told(r, REASON_CAUSE),
		reason_told(r, REASON_LOOK));
}

/* --reasons: this kernel's, or where they cannot be asked, all that are known. */
static int list(struct run *run)
{
	const char **names = reasons_ask(run) ? NULL : reason_names();

	for (u32 i = 0; !names && i < nreasons; i++)
		explain(stdout, &reasons[i]);
	for (u32 i = 0; names && names[i]; i++) {
		const struct reason *row = reason_row(names[i]);

		if (row)
			explain(stdout, row);
		else
			printf("%s\n", names[i]);
	}
	free(names);
	exit(fflush(stdout) ? 1 : 0);
}

static int check_list(const struct run *run)
{
	const struct common *c = &run->common;

	if (c->format != OUT_TEXT || c->record || c->command || c->stats || c->filter.have ||
	    c->duration_ns || c->interval_ns || c->count || own.each || own.by_word || own.reason)
		return usage("--reasons tells what the reasons mean, as text to read, and traces "
			     "nothing: it goes with no other option");
	return 0;
}

static int check(struct run *run)
{
	if (no_words(run, "--reason chooses by reason"))
		return USAGE;
	if (own.list)
		return check_list(run) ? USAGE : list(run);
	if (by_named())
		return USAGE;
	if (own.each && own.by_word)
		return usage("--each and --by exclude each other: lines have it all");
	if (own.each && (own.top || run->common.interval_ns))
		return usage("--each prints each packet: --top and -i are about counts");
	if (own.reason && (reasons_ask(run) || reasons_choose(own.reason, own.reasons)))
		return USAGE;
	if (own.each && !run->replay) {
		run_columns(run, drops_each);
		return 0;
	}
	shape.flags = own.by & DROPS_PLACE ? TALLY_SYMBOL : 0;
	shape.by_name = own.tallies.by_name;
	if (run->replay) /* a recording of lines can be told apart by all: see hidden() */
		shape.filters = ~0u;
	choose(run, own.by);
	return tallies_check(run, &shape, 0);
}

static int setup(struct run *run, struct attach *a)
{
	struct drops_conf *conf = attach_data(a, ".rodata.drops", sizeof(*conf));
	struct bpf_map *ring = attach_map(a, "ring");

	if (!conf || !ring)
		return FAIL;
	if (reasons_ask(run) || reasons_want(a, own.reason ? own.reasons : NULL))
		return FAIL;
	symbols_kernel();
	conf->by = own.by;
	conf->each = own.each;
	conf->stack = own.stack;
	conf->netfilter = reason_number("NETFILTER_DROP");
	owners_load(a->obj);
	if (!own.each && tallies_setup(run, a, own.tallies.slots))
		return FAIL;
	if (!own.each && !run->common.ring_kib)
		bpf_map__set_max_entries(ring, own.stack ? RING_STACKS : RING_HOOKS);
	return 0;
}

static int attach(struct run *run, struct attach *a)
{
	(void)run;
	owners_attach(a, a->obj);
	return 0;
}

/* -v: once, what a reason that was seen means. */
static void explain_once(struct run *run, u32 number)
{
	const char *name = reason_name(number);
	const struct reason *row = name ? reason_row(name) : NULL;

	if (!run->common.verbose || !row || own.nexplained == 64)
		return;
	for (u32 i = 0; i < own.nexplained; i++)
		if (own.explained[i] == row->name)
			return;
	own.explained[own.nexplained++] = row->name;
	explain(stderr, row);
}

/* What was left out of the report before. */
static void tell_left(struct run *run)
{
	char line[120];
	int n;

	if (!own.left)
		return;
	n = snprintf(line, sizeof(line), "%8llu in %llu more rows (--top)\n",
		     (unsigned long long)own.left_packets, (unsigned long long)own.left);
	out_line(run->out, line, n);
	own.left = own.left_packets = 0;
}

/* Text: only the first rows of a report. */
static bool left_out(struct run *run, const struct tally_rec *t)
{
	if (run->common.format != OUT_TEXT)
		return false;
	if (t->h.ts != own.ts || t->flags != own.flags) {
		tell_left(run);
		own.ts = t->h.ts;
		own.flags = t->flags;
		own.rows = 0;
	}
	if (own.rows++ < (own.top ? own.top : TOP) || t->flags & TALLY_OTHER)
		return false;
	own.left++;
	own.left_packets += t->events;
	return true;
}

static void draw_stack(struct run *run, u64 id)
{
	const char *text = stack_text(id);
	struct buf b = {0};

	if (!text)
		return;
	decode_indented(&b, text, "        ");
	out_line(run->out, b.base, buf_len(&b));
	buf_free(&b);
}

/* What a recording was counted by, as its first row says. */
static u32 by_of(const struct tally_rec *t)
{
	u32 by = t->key.what > 1 ? DROPS_REASON : 0;

	by |= own.by & (DROPS_PROCESS | DROPS_DEVICE | DROPS_SOURCE | DROPS_DESTINATION);
	return by | (t->flags & TALLY_SYMBOL ? DROPS_PLACE : DROPS_STACK);
}

static void event(struct run *run, const struct rec *r)
{
	const struct tally_rec *t = tally_of(r);

	if (r->type == REC_DROP) {
		if (run->replay && !run->headed) {
			run_columns(run, drops_each);
			tallies_are_lines(run);
		}
		explain_once(run, ((const struct drop_rec *)r)->reason);
		run_row(run, r);
		return;
	}
	if (run->replay && !run->headed)
		choose(run, by_of(t));
	if (t->flags & TALLY_TOTAL)
		explain_once(run, drops_reason(r));
	if (left_out(run, t))
		return;
	tallies_event(run, r);
	if (!run->stop && own.by & DROPS_STACK && run->common.format == OUT_TEXT)
		draw_stack(run, t->key.id);
}

static int tick(struct run *run, struct attach *a, bool last)
{
	int err = own.each ? 0 : tallies_tick(run, a, last);

	if (!err && last)
		tell_left(run);
	return err;
}

/* Of counts, only processes can be told apart. */
static bool hidden(struct run *run, const struct rec *r)
{
	if (r->type == REC_DROP)
		return false;
	if (run->common.filter.have & ~(FILTER_PID | FILTER_COMM))
		return tallies_mixed(run);
	return tallies_hidden(run, r);
}

static bool inner(struct run *run, const struct rec *r)
{
	return hooks_inner(run, r) || owners_inner(run, r);
}

static const struct tool drops = {
	.name = "drops",
	.summary = "packets that the kernel drops: why, where and whose",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = drops_counted,
	.lacks = COMMON(FAILED) | COMMON(SLOWER),
	.lacks_why = "a dropped packet has no result, and no time is measured",
	.records = RECORD(TALLY) | RECORD(DROP),
	.object = drops_bpf_o,
	.object_size = &drops_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.inner = inner,
	.tick = tick,
	.hidden = hidden,
};
TOOL(drops);
