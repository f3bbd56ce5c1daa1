/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir soconnlat: the user half. */
#include "probes.h"
#include "soconnlat.h"
#include "spreads.h"

TOOL_OBJECT(soconnlat);

static struct spreads_options own;

static const struct option_row options[] = {SPREADS_OPTIONS, {0}};

static void tell_result(struct verbs *v, const struct rec *r)
{
	u16 what = tally_of(r)->key.what;

	v->ops->word(v, !what ? "(other)" : SPREAD_KIND(what) ? "failed" : "connected");
}

static const struct column columns[] = {
	SPREADS_COLUMNS("result", "RESULT", tell_result, "connected, or failed"),
	{0},
};

static int check(struct run *run)
{
	return spreads_check(run, &own, columns);
}

static int setup(struct run *run, struct attach *a)
{
	probes_want(a, &state_probe);
	return spreads_setup(run, a);
}

static bool hidden(struct run *run, const struct rec *r)
{
	u16 what = tally_of(r)->key.what;

	return spreads_hidden(run, r) || (run->common.filter.have & FILTER_FAILED && what &&
					  SPREAD_KIND(what) == KIND_CONNECTED);
}

static const struct tool soconnlat = {
	.name = "soconnlat",
	.summary = "how long connections take to come about, as histograms",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.records = RECORD(TALLY),
	.object = soconnlat_bpf_o,
	.object_size = &soconnlat_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.event = spreads_event,
	.tick = tallies_tick,
	.hidden = hidden,
};
TOOL(soconnlat);
