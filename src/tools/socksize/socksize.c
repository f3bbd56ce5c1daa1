/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir socksize: the user half. */
#include "ios.h"

TOOL_OBJECT(socksize);

static void tell_histogram(struct verbs *v, const struct rec *r)
{
	struct histogram h = histogram_of(r);

	histogram_tell(v, &h);
}

static void tell_permille(struct verbs *v, const struct rec *r, u32 permille)
{
	struct histogram h = histogram_of(r);

	if (h.n)
		v->ops->uint(v, histogram_percentile(&h, permille, tally_of(r)->n[N_LARGEST]));
}

static void tell_p50(struct verbs *v, const struct rec *r)
{
	tell_permille(v, r, 500);
}

static void tell_p99(struct verbs *v, const struct rec *r)
{
	tell_permille(v, r, 990);
}

static const struct column columns[] = {
	TALLIES_COLUMNS(8),
	TALLIES_PROCESS,
	IOS_DIRECTION,
	{"count", "COUNT", COL_UINT, COL_TEXT, T(n[N_DONE]), 8, NULL,
	 "messages that went well: those in the histogram"},
	{"errors", "ERRORS", COL_UINT, COL_TEXT, T(n[N_FAILED]), 6, NULL, "others, that failed"},
	{"bytes", "BYTES", COL_UINT, COL_TEXT, T(n[N_BYTES]), 10, NULL, "in all messages"},
	{"p50_bytes", "P50", COL_NEST, COL_TEXT, 0, 0, 6, tell_p50,
	 "half were smaller (within 6.25 %, below 16 exact)"},
	{"p99_bytes", "P99", COL_NEST, COL_TEXT, 0, 0, 6, tell_p99,
	 "99 of 100 were smaller (within 6.25 %, below 16 exact)"},
	{"max_bytes", "MAX", COL_UINT, COL_TEXT, T(n[N_LARGEST]), 7, NULL, "the largest, exactly"},
	{"histogram", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_histogram,
	 "how many were of low to less than high bytes; in text drawn below the row"},
	{0},
};

static struct counts_shape shape = {
	.max = 1 << N_LARGEST,
	.events = 1 << N_DONE | 1 << N_FAILED,
	.filters = FILTER_PID | FILTER_COMM,
};

static int check(struct run *run)
{
	return ios_check(run, &shape);
}

static void event(struct run *run, const struct rec *r)
{
	struct histogram h = histogram_of(r);

	tallies_event_drawn(run, r, &h);
}

static const struct tool socksize = {
	.name = "socksize",
	.summary = "how large messages are, by process and direction",
	.usage = "[options] [-- COMMAND...]",
	.options = ios_options,
	.own = &ios_own,
	.columns = columns,
	.lacks = COMMON(SLOWER) | COMMON(FAILED),
	.lacks_why = "what failed has no size, and no time is measured",
	.records = RECORD(TALLY),
	.object = socksize_bpf_o,
	.object_size = &socksize_bpf_o_size,
	.check = check,
	.setup = ios_setup,
	.attach = tallies_attach,
	.event = event,
	.tick = tallies_tick,
	.hidden = tallies_hidden,
};
TOOL(socksize);
