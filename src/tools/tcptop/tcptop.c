/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcptop: the user half. */
#include <string.h>
#include "clock.h"
#include "conn_columns.h"
#include "error.h"
#include "table.h"
#include "table_sort.h"

TOOL_OBJECT(conns); /* the table is theirs all */

static struct {
	const char *by_word, *columns;
	u32 top;
	enum group by;
	u32 intervals;      /* -n; 0: all */
	u64 from_ns;        /* of the interval that ends next */
	struct kept closed; /* in this interval, told with the others at its end */
	struct kept rows;   /* of the interval whose records come now */
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "by", "WHAT", OPT_STRING, OWN(by_word), 0, 0,
	 "add up by process, remote, port (the server's) or cgroup"},
	{0, "top", "N", OPT_UINT, OWN(top), 1, 1 << 20, "at most so many rows an interval"},
	TABLE_COLUMNS_OPTION(OWN(columns)),
	{'n', "count", "COUNT", OPT_COMMON, 0, 0, 0, "end after this many intervals"},
	{0},
};

static int check(struct run *run)
{
	struct common *c = &run->common;

	if (conns_check(run))
		return USAGE;
	if (own.by_word && own.columns)
		return usage("--by and --columns exclude each other");
	if (own.by_word)
		own.by = group_named(own.by_word);
	if (own.by_word && !own.by)
		return USAGE;
	own.intervals = c->count;
	c->count = 0;
	if (!c->interval_ns)
		c->interval_ns = 1000000000;
	if (own.by) {
		run_columns(run, group_columns(own.by, true));
		return 0;
	}
	return table_check(run,
			   "time,pid,comm,local_address,local_port,address,port,interval_rx_kb,"
			   "interval_tx_kb",
			   own.columns);
}

static void discard(struct run *run, const struct rec *r)
{
	(void)run;
	(void)r;
}

static int setup(struct run *run, struct attach *a)
{
	return table_setup_ends(run, a, own.columns);
}

/* From here on the kernel half counts. */
static int attach(struct run *run, struct attach *a)
{
	return table_attach(a) || table_list(run, a, CONN_INTERVAL, false, discard) ? FAIL : 0;
}

/* Bytes of the interval, both ways; that the most comes first. */
static void tell_both(struct verbs *v, const struct rec *r)
{
	if (r->type == REC_TALLY)
		v->ops->uint(v, ((const struct tally_rec *)r)->n[GROUP_TX] +
					((const struct tally_rec *)r)->n[GROUP_RX]);
	else
		v->ops->uint(v, table_rec(r)->dtx + table_rec(r)->drx);
}

static const struct column both = {"both", NULL, COL_NEST, 0, 0, 0, 0, tell_both, NULL};

/* The interval's rows. */
static void tell(struct run *run)
{
	if (!own.rows.n)
		return;
	kept_sort(&own.rows, &both, false);
	for (u32 i = 0; i < own.rows.n && (!own.top || i < own.top); i++)
		run_row(run, kept_at(&own.rows, i));
	kept_free(&own.rows);
	if (run->replay && own.intervals && !--own.intervals)
		run->stop = true;
}

/* All records of an interval have its end as their time. */
static void event(struct run *run, const struct rec *r)
{
	if (own.rows.n && kept_at(&own.rows, 0)->ts != r->ts)
		tell(run);
	if (own.by)
		group_add(&own.rows, own.by, table_rec(r), true);
	else
		kept_add(&own.rows, r, sizeof(struct conn_rec));
}

static bool inner(struct run *run, const struct rec *r)
{
	(void)run;
	if (r->type != REC_CONN)
		return false;
	kept_add(&own.closed, r, sizeof(struct conn_rec));
	return true;
}

/* The interval that is being told. */
static u64 interval_end, interval_ns;

static void emit(struct run *run, const struct rec *r)
{
	struct conn_rec c = *table_rec(r);

	if (!c.dtx && !c.drx)
		return;
	c.s.h.ts = interval_end;
	c.interval_ns = interval_ns;
	run_emit(run, &c.s.h);
}

static int tick(struct run *run, struct attach *a, bool last)
{
	if (!a) {
		tell(run);
		return 0;
	}
	interval_end = clock_ns();
	interval_ns = interval_end - (own.from_ns ? own.from_ns : run->start_ns);
	own.from_ns = interval_end;
	if (table_list(run, a, CONN_INTERVAL, false, emit))
		return FAIL;
	for (u32 i = 0; i < own.closed.n; i++)
		emit(run, kept_at(&own.closed, i));
	kept_free(&own.closed);
	tell(run);
	if (!last && own.intervals && !--own.intervals)
		run->stop = true;
	return 0;
}

static const struct tool tcptop = {
	.name = "tcptop",
	.summary = "what TCP connections move, each interval",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = table_columns,
	.lacks = COMMON(FAILED) | COMMON(SLOWER),
	.lacks_why = "it counts bytes; weir tcplife tells how connections ended",
	.records = RECORD(CONN),
	.object = conns_bpf_o,
	.object_size = &conns_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.inner = inner,
	.tick = tick,
};
TOOL(tcptop);
