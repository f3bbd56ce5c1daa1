/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir conns: the user half. */
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "error.h"
#include "live.h"
#include "peers.h"
#include "table.h"
#include "table_sort.h"

TOOL_OBJECT(conns);

static struct {
	bool once, all;
	const char *by_word, *sort, *columns;
	enum group by;
	const struct column *order;
	struct kept rows; /* that wait for the end: to be sorted, or added up */
	bool live, begun; /* on a terminal; it is drawn */
	bool peers;       /* those of UDP are watched */
	u64 step, next;   /* time between looks, and when the next is, ns */
	struct live_view view;
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "once", NULL, OPT_FLAG, OWN(once), 0, 0, "what there is now, and end"},
	{0, "all", NULL, OPT_FLAG, OWN(all), 0, 0,
	 "text of changes: those too that the next one of the same end tells again"},
	{0, "by", "WHAT", OPT_STRING, OWN(by_word), 0, 0,
	 "with --once or on a terminal: add up by process, remote, port (the server's) or cgroup"},
	{0, "sort", "COLUMN", OPT_STRING, OWN(sort), 0, 0,
	 "with --once or on a terminal: by this column, the largest first"},
	TABLE_COLUMNS_OPTION(OWN(columns)),
	{0},
};

#define USUAL        "proto,state,pid,comm,local_address,local_port,address,port,tx_bytes,rx_bytes"
#define USUAL_STREAM "time,event,pid,comm,local_address,local_port,address,port,close"

static int check(struct run *run)
{
	struct common *c = &run->common;
	bool waits = own.by_word || own.sort;

	if (no_words(run, "--host and --port choose sockets"))
		return USAGE;
	own.live = !own.once && !run->replay && !c->record && c->format == OUT_TEXT && isatty(0) &&
		   isatty(1);
	if (waits && !own.once && !own.live && !run->replay)
		return usage("--by and --sort go with --once, or with a terminal");
	if (own.all && (own.once || own.live))
		return usage("--all is for changes, which --once and a terminal do not show");
	if (own.once && c->command)
		return usage("--once shows what is there already; a command is watched without it");
	if (own.once && (c->duration_ns || c->interval_ns))
		return usage("--once ends by itself: -d and -i go without it");
	if (own.by_word && own.columns)
		return usage("--by and --columns exclude each other");
	if (own.by_word)
		own.by = group_named(own.by_word);
	if (own.by_word && !own.by)
		return USAGE;
	if (own.once)
		c->duration_ns = 1;
	if (own.by)
		run_columns(run, group_columns(own.by, false));
	else if (table_check(run, own.once || own.live ? USUAL : USUAL_STREAM, own.columns))
		return USAGE;
	if (own.live) {
		own.step = c->interval_ns ? c->interval_ns : 2000000000;
		c->interval_ns = 100000000; /* keys are looked at so often */
		run->bare = true;           /* no heading before */
	}
	if (!own.sort)
		return 0;
	own.order = table_column(own.by ? group_columns(own.by, false) : table_columns, own.sort);
	return own.order ? 0 : USAGE;
}

#define CHANGES (1 << CONN_ESTABLISHED | 1 << CONN_CLOSED | 1 << CONN_LISTENS | 1 << CONN_TAKEN)
#define ALL     (CHANGES | 1 << CONN_OPENED)

/* People are told a thing once: of a connection that this side opens, that it is established or
 * why it is not; of one that comes, who accepts it. */
static bool brief(const struct run *run)
{
	return run->common.format == OUT_TEXT && !run->common.record && !own.all;
}

/* All that is known of a connection is told on a terminal, and kept in a recording. */
static bool drops_watched(const struct run *run)
{
	return !own.once && (own.live || run->common.record || table_drops_shown(run));
}

static int setup(struct run *run, struct attach *a)
{
	/* nothing of UDP fails */
	own.peers = !own.once && !(run->common.filter.have & FILTER_FAILED);
	if (own.peers && !run->common.interval_ns)
		run->common.interval_ns = 1000000000; /* in which they are looked through */
	return table_setup(a,
			   own.live     ? 0
			   : brief(run) ? CHANGES
					: ALL,
			   !own.once) ||
	       (drops_watched(run) && table_drops_setup(run, a)) || peers_setup(run, a, own.peers);
}

static int attach(struct run *run, struct attach *a)
{
	if (table_attach(a))
		return FAIL;
	return own.once || own.live ? 0 : table_list(run, a, CONN_WAS, true, run_emit);
}

static void event(struct run *run, const struct rec *r)
{
	if (own.live && !own.by) {
		kept_add(&own.rows, r, sizeof(struct conn_rec));
		return;
	}
	if (own.by)
		group_add(&own.rows, own.by, table_rec(r), false);
	else if (own.order)
		kept_add(&own.rows, r, sizeof(struct conn_rec));
	else
		run_row(run, r);
}

/* Where the view begins: in the order that --sort asks for. */
static void view_begin(struct run *run)
{
	struct live_view *v = &own.view;

	v->columns = run->columns;
	v->ncolumns = v->sort = run->ncolumns;
	for (u32 i = 0; own.order && i < v->ncolumns; i++)
		if (!strcmp(v->columns[i].name, own.order->name))
			v->sort = i;
}

static int tick_live(struct run *run, struct attach *a, bool last)
{
	u64 now = clock_ns();
	bool draw = false;

	if (last) {
		if (own.begun)
			live_end();
		kept_free(&own.rows);
		return 0;
	}
	if (!own.begun) {
		view_begin(run);
		if (!live_begin())
			return fail("this terminal cannot be drawn on (TERM); --once prints");
		own.begun = true;
	}
	draw = live_keys(&own.view);
	if (now >= own.next && !own.view.frozen) {
		kept_free(&own.rows);
		run->events = 0;
		if (table_list(run, a, CONN_IS, true, run_emit) ||
		    (own.peers && peers_list(run, a, CONN_IS)))
			return FAIL;
		own.next = now + own.step;
		draw = true;
	}
	if (draw)
		live_draw(&own.view, &own.rows, run);
	run->stop |= own.view.quit;
	return 0;
}

static int tick(struct run *run, struct attach *a, bool last)
{
	if (own.live)
		return tick_live(run, a, last);
	if (a && own.peers && peers_list(run, a, CONN_PEER))
		return FAIL;
	if (!last)
		return 0;
	if (a && own.peers && peers_list(run, a, CONN_IS))
		return FAIL;
	if (a && own.once && table_list(run, a, CONN_IS, true, run_emit))
		return FAIL;
	if (own.order)
		kept_sort(&own.rows, own.order, false);
	for (u32 i = 0; i < own.rows.n; i++)
		run_row(run, kept_at(&own.rows, i));
	kept_free(&own.rows);
	return 0;
}

/* Replay of a snapshot and of a stream are the same but for the columns. A recording has all. */
static bool hidden(struct run *run, const struct rec *r)
{
	const struct conn_rec *c = table_rec(r);

	if (brief(run) &&
	    (c->event == CONN_OPENED || (c->event == CONN_ESTABLISHED && c->flags & CONN_PENDING)))
		return true;
	if (!own.by || c->event == CONN_IS)
		return false;
	note("this recording has changes, several of a connection, which --by does not add up: "
	     "record with --once");
	return run->stop = true;
}

static const struct tool conns = {
	.name = "conns",
	.summary = "all connections: whose, how much, how fast, what went wrong",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = table_columns,
	.records = RECORD(CONN),
	.object = conns_bpf_o,
	.object_size = &conns_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.tick = tick,
	.hidden = hidden,
};
TOOL(conns);
