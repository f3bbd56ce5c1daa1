/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sockstat: the user half. What is counted, and the differences between two looks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "error.h"
#include "probes.h"
#include "run.h"
#include "sockstat.h"
#include "verbs.h"

TOOL_OBJECT(sockstat);

#define NS_PER_S 1000000000ull

static struct {
	bool slots[SLOTS]; /* what is counted */
	u32 reports;       /* -n: how many are still to come, 0: no limit */
	bool done;         /* the totals are told */
	u64 before_ns;     /* of the last look */
	struct counts before;
} own;

/* One row: a call, or a door, in one interval. */
struct row {
	struct rec h; /* ts: end of the interval */
	const char *report, *call;
	u64 interval_ns, count, errors;
};

static const struct row *row_of(const struct rec *r)
{
	return (const struct row *)r;
}

/* With one digit after the point: of a rare thing too, it is seen that it happens. */
static void tell_rate(struct verbs *v, const struct rec *r)
{
	const struct row *row = row_of(r);
	__uint128_t milli = (__uint128_t)row->count * 1000 * NS_PER_S;

	if (row->interval_ns)
		buf_seconds(v->b, milli / row->interval_ns * (NS_PER_S / 1000), 1);
}

#define R(member) COLUMN(struct row, member)

static const struct column columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, R(h.ts), 15, NULL, "end of the interval"},
	{"report", "REPORT", COL_STRING, COL_TEXT | COL_LEFT, R(report), 8, NULL,
	 "interval, or total: of the whole run, at its end"},
	{"interval_ns", NULL, COL_NS, 0, R(interval_ns), 0, NULL, "length of the interval"},
	{"call", "CALL", COL_STRING, COL_TEXT | COL_LEFT, R(call), 13, NULL,
	 "system call, or sock_recvmsg and sock_sendmsg: messages, whatever call moved them"},
	{"count", "COUNT", COL_UINT, COL_TEXT, R(count), 11, NULL, "how many ended"},
	{"errors", "ERRORS", COL_UINT, COL_TEXT, R(errors), 9, NULL, "of these, failed"},
	{"per_second", "PER SECOND", COL_NEST, COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY, 0, 0, 11,
	 tell_rate, "count in a second"},
	{0},
};

static const char *slot_name(u32 slot)
{
	return slot < SLOT_DOORS ? call_names[slot] : door_probes[slot - SLOT_DOORS].name;
}

/* Not read, write and their like: which of them are on sockets, is not looked at; the doors tell.
 */
static bool slot_used(u32 slot)
{
	return slot >= SLOT_DOORS || (slot && slot < CALL_MAX && !(call_groups[slot] & GROUP_IO));
}

static int want_word(const char *word)
{
	const char *words[SLOTS + 1] = {0}, *near;
	u32 n = 0;

	for (u32 i = 0; i < SLOTS; i++) {
		if (!slot_used(i))
			continue;
		if (!strcmp(word, slot_name(i))) {
			own.slots[i] = true;
			return 0;
		}
		words[n++] = slot_name(i);
	}
	near = suggest(word, words);
	return usage("'%s' is no socket system call, nor sock_recvmsg or sock_sendmsg%s%s", word,
		     near ? "; did you mean " : "", near ? near : "");
}

static void want_default(void)
{
	static const u8 slots[] = {
		CALL_accept,
		CALL_accept4,
		CALL_bind,
		CALL_connect,
		CALL_listen,
		CALL_shutdown,
		CALL_socket,
		CALL_socketpair,
		SLOT_DOORS + DOOR_RECVMSG,
		SLOT_DOORS + DOOR_SENDMSG,
	};

	for (u32 i = 0; i < sizeof(slots); i++)
		own.slots[slots[i]] = true;
}

static int check(struct run *run)
{
	struct common *c = &run->common;

	if (c->filter.have & FILTER_SOCK)
		return usage("sockstat counts calls and looks at no socket: -4, -6, --host and "
			     "--port are "
			     "for weir trace --summary");
	if (c->filter.have & FILTER_SLOWER)
		return usage(
			"sockstat counts calls and measures no time: --slower is for weir trace "
			"--summary");
	if (c->record)
		return usage("sockstat counts in the kernel and has no records to write: -o json "
			     "keeps its "
			     "rows, weir trace --record the calls themselves");
	for (int i = 0; i < c->nargs; i++)
		if (want_word(c->args[i]))
			return USAGE;
	if (!c->nargs)
		want_default();
	if (!c->interval_ns)
		c->interval_ns = NS_PER_S;
	own.reports = c->count; /* not rows: the core would stop in the middle of a report */
	c->count = 0;
	return 0;
}

static int setup(struct run *run, struct attach *a)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(a->obj, "ring");

	for (u32 i = 1; i < CALL_MAX; i++)
		if (own.slots[i]) {
			a->wanted[i] = true;
			a->calls = true;
		}
	for (u32 i = 0; i < DOOR_MAX; i++)
		if (own.slots[SLOT_DOORS + i])
			probes_want(a, &door_probes[i]);
	if (ring && !run->common.ring_kib)
		bpf_map__set_max_entries(ring, 4096); /* nothing is sent through it */
	return 0;
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Since the start, over all CPUs. --failed is applied here: in the kernel it would cost each event.
 */
static int look(struct run *run, struct attach *a, struct counts *sum)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "counts"),
	    ncpus = libbpf_num_possible_cpus();
	struct counts *all = calloc(ncpus > 0 ? ncpus : 1, sizeof(*all));
	bool failed = run->common.filter.have & FILTER_FAILED;
	u32 zero = 0;
	int err = all ? bpf_map_lookup_elem(map, &zero, all) : -ENOMEM;

	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; !err && cpu < ncpus; cpu++)
		for (u32 i = 0; i < SLOTS; i++) {
			sum->n[i][0] += failed ? 0 : all[cpu].n[i][0];
			sum->n[i][1] += all[cpu].n[i][1];
		}
	free(all);
	return err ? fail("the counts cannot be read: %s", strerror(-err)) : 0;
}

/* What happened between two looks; nothing is told of what did not. */
static void report(struct run *run, const char *name, const struct counts *from,
		   const struct counts *to, u64 from_ns, u64 to_ns)
{
	for (u32 i = 0; i < SLOTS; i++) {
		u64 good = to->n[i][0] - from->n[i][0], bad = to->n[i][1] - from->n[i][1];
		struct row row = {.h = {.ts = to_ns},
				  .report = name,
				  .interval_ns = to_ns - from_ns,
				  .count = good + bad,
				  .errors = bad};

		if (!row.count)
			continue;
		row.call = slot_name(i);
		run_row(run, &row.h);
	}
}

/* The last interval is what remains, so that the intervals' sum is the total. */
static int tick(struct run *run, struct attach *a, bool last)
{
	static const struct counts none;
	struct counts now;
	u64 now_at = now_ns();

	if (own.done)
		return 0;
	if (look(run, a, &now))
		return FAIL;
	report(run, "interval", &own.before, &now, own.before_ns ? own.before_ns : run->start_ns,
	       now_at);
	own.before = now;
	own.before_ns = now_at;
	if (!last && (!own.reports || --own.reports))
		return 0;
	report(run, "total", &none, &now, run->start_ns, now_at);
	for (u32 i = 0; i < SLOTS; i++)
		run->events += now.n[i][0] + now.n[i][1];
	own.done = true;
	run->stop = true;
	return 0;
}

static const struct tool sockstat = {
	.name = "sockstat",
	.summary = "how often socket calls and messages happen, by call and second",
	.usage = "[CALL...] [options] [-- COMMAND...]",
	.columns = columns,
	.object = sockstat_bpf_o,
	.object_size = &sockstat_bpf_o_size,
	.check = check,
	.setup = setup,
	.tick = tick,
};
TOOL(sockstat);
