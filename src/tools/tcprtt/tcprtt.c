/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcprtt: the user half. */
#include "chosen.h"
#include "error.h"
#include "hit_decode.h"
#include "owners.h"
#include "probes.h"
#include "spreads.h"
#include "tcprtt.h"
#include "whos.h"

TOOL_OBJECT(tcprtt);

static struct {
	struct tallies_options tallies;
	const char *by_word;
	bool plain;
	u32 by;
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "by", "WHAT", OPT_STRING, OWN(by_word), 0, 0,
	 "a histogram for each remote address (default), port (the remote one), local (port), "
	 "connection or process; or one of all"},
	{0, "no-hist", NULL, OPT_FLAG, OWN(plain), 0, 0, "text: only the numbers, no histograms"},
	TALLIES_OPTIONS(OWN(tallies)),
	{0},
};

/* In the order of enum rtt_by. */
static const char *const words[] = {"remote",  "port", "local", "connection",
				    "process", "all",  NULL};

static void tell_none(struct verbs *v)
{
	if (v->ops != &verbs_text)
		decode_none(v);
}

static bool other(const struct rec *r)
{
	return tally_of(r)->flags & TALLY_OTHER;
}

static void tell_port(struct verbs *v, const struct rec *r)
{
	if (other(r))
		tell_none(v);
	else
		v->ops->uint(v, tally_of(r)->key.port);
}

static void tell_local(struct verbs *v, const struct rec *r)
{
	if (other(r))
		tell_none(v);
	else
		v->ops->uint(v, tally_of(r)->key.type);
}

static void tell_cookie(struct verbs *v, const struct rec *r)
{
	if (tally_of(r)->key.id)
		v->ops->uint(v, tally_of(r)->key.id);
	else
		tell_none(v);
}

static const struct column columns[] = {
	TALLIES_COLUMNS(12),
	{"pid", "PID", COL_NEST, COL_TEXT, 0, 0, 7, tell_key_pid,
	 "by process, connection: who has the socket"},
	{"comm", "COMM", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_key_comm,
	 "its name; (other): all that found no room for a row of its own"},
	{"local_port", "LPORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_local, "by local, connection"},
	{"address", "ADDRESS", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_end_addr,
	 "by remote, connection: the remote address"},
	{"port", "PORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_port,
	 "by port, connection: the remote one"},
	{"cookie", NULL, COL_NEST, 0, 0, 0, 0, tell_cookie,
	 "by connection: of the socket, as ss -e shows it (sk:)"},
	{"segments", "SEGMENTS", COL_UINT, COL_TEXT, T(events), 8, NULL,
	 "that came in: the time was looked at so often"},
	{"mean_us", NULL, COL_NEST, 0, 0, 0, 0, tell_mean, "the mean of these times"},
	{"p50_us", "P50(us)", COL_NEST, COL_TEXT, 0, 0, 9, tell_p50,
	 "half were not more (within 6.25 %)"},
	{"p90_us", "P90(us)", COL_NEST, COL_TEXT, 0, 0, 9, tell_p90,
	 "90 of 100 were not more (within 6.25 %)"},
	{"p99_us", "P99(us)", COL_NEST, COL_TEXT, 0, 0, 9, tell_p99,
	 "99 of 100 were not more (within 6.25 %)"},
	{"max_us", "MAX(us)", COL_UINT, COL_TEXT, T(n[SPREAD_MAX]), 9, NULL,
	 "the largest, exactly"},
	{"histogram_us", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_histogram,
	 "buckets that are not empty: low (the least value), high (the least value above), count"},
	{0},
};

static const struct probe segment = {
	.name = "tcp_probe",
	.ways = {{"on_segment", PROBE_TP_BTF, "tcp_probe", 2}},
};

static struct counts_shape shape = {.max = 1 << SPREAD_MAX, .events = 1 << SPREAD_COUNT};

static void choose(struct run *run, u32 by)
{
	static const struct column_need needs[] = {
		{"pid", RTT_PROCESS | RTT_CONNECTION},
		{"comm", RTT_PROCESS | RTT_CONNECTION},
		{"local_port", RTT_LOCAL | RTT_CONNECTION},
		{"address", RTT_REMOTE | RTT_CONNECTION},
		{"port", RTT_PORT | RTT_CONNECTION},
		{"cookie", RTT_CONNECTION},
		{0},
	};

	own.by = by;
	chosen_columns(run, columns, needs, by);
}

static int check(struct run *run)
{
	u32 by = 0;

	if (run->common.nargs)
		return usage("tcprtt takes no words, '%s' is one; --host and --port choose "
			     "connections",
			     run->common.args[0]);
	if (chosen_words(own.by_word ? own.by_word : "remote", words, &by))
		return USAGE;
	if (by & (by - 1))
		return usage("--by takes one word: a connection has them all");
	if (own.tallies.by_name && by != RTT_PROCESS)
		return usage("--by-name goes with --by process");
	shape.by_name = own.tallies.by_name;
	choose(run, by);
	shape.filters = FILTER_PID | FILTER_COMM | FILTER_FAMILY | FILTER_PORT;
	return tallies_check(run, &shape, 0);
}

static int setup(struct run *run, struct attach *a)
{
	struct tcprtt_conf *conf = attach_data(a, ".rodata.tcprtt", sizeof(*conf));

	if (!conf)
		return fail("the BPF object of tcprtt has no .rodata.tcprtt: this build is broken");
	conf->by = own.by;
	probes_want(a, &segment);
	if (own.by & (RTT_PROCESS | RTT_CONNECTION) || run->common.filter.have & FILTER_TASK ||
	    run->common.command)
		owners_load(a->obj);
	return tallies_setup(run, a, own.tallies.slots);
}

static int attach(struct run *run, struct attach *a)
{
	if (own.by & (RTT_PROCESS | RTT_CONNECTION) || run->common.filter.have & FILTER_TASK ||
	    run->common.command)
		owners_attach(a, a->obj);
	return 0;
}

static void event(struct run *run, const struct rec *r)
{
	struct histogram h = histogram_of(r);

	if (run->replay && !run->headed && tally_of(r)->key.what)
		choose(run, tally_of(r)->key.what);
	if (own.plain)
		tallies_event(run, r);
	else
		tallies_event_drawn(run, r, &h);
}

/* A recording is filtered by what it was counted by. */
static bool hidden(struct run *run, const struct rec *r)
{
	static const struct {
		u32 filter, by;
	} needs[] = {
		{FILTER_PID | FILTER_COMM, RTT_PROCESS | RTT_CONNECTION},
		{FILTER_FAMILY, RTT_REMOTE | RTT_CONNECTION},
		{FILTER_PORT, RTT_PORT | RTT_CONNECTION},
	};

	for (u32 i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (run->common.filter.have & needs[i].filter && tally_of(r)->key.what &&
		    !(tally_of(r)->key.what & needs[i].by))
			return tallies_mixed(run);
	return tallies_hidden(run, r);
}

static const struct tool tcprtt = {
	.name = "tcprtt",
	.summary = "round-trip times of TCP connections, as histograms",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(FAILED),
	.lacks_why = "a segment that came in has no result",
	.object = tcprtt_bpf_o,
	.object_size = &tcprtt_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.inner = owners_inner,
	.event = event,
	.tick = tallies_tick,
	.hidden = hidden,
};
TOOL(tcprtt);
