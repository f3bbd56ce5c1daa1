/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcprtt: the user half. */
#include "bys.h"
#include "error.h"
#include "owners.h"
#include "probes.h"
#include "tcprtt.h"

TOOL_OBJECT(tcprtt);

static struct bys_options own;

static const struct option_row options[] = {
	BYS_OPTIONS("a histogram for each remote address (default), port (the remote one), local "
		    "(port), connection or process; or one of all"),
	{0},
};

static const struct column columns[] = {
	BYS_COLUMNS,
	{"segments", "SEGMENTS", COL_UINT, COL_TEXT, T(events), 8, NULL,
	 "that came in: the time was looked at so often"},
	SPREADS_TIMES("the mean of these times"),
	{0},
};

static const struct probe segment = {
	.name = "tcp_probe",
	.ways = {{"on_segment", PROBE_TP_BTF, "tcp_probe", 2}},
};

static struct counts_shape shape;

static int check(struct run *run)
{
	return bys_check(run, &own, "remote", columns, &shape);
}

static int setup(struct run *run, struct attach *a)
{
	struct tcprtt_conf *conf = attach_data(a, ".rodata.tcprtt", sizeof(*conf));
	struct bpf_map *recents = attach_map(a, "recents");

	if (!conf || !recents)
		return FAIL;
	conf->quick = !bys_owners(run) && !(run->common.filter.have & FILTER_SLOWER);
	bpf_map__set_max_entries(recents, libbpf_num_possible_cpus() * RTT_RECENT);
	probes_want(a, &segment);
	if (bys_owners(run))
		owners_load(a->obj);
	return bys_setup(run, a);
}

static int attach(struct run *run, struct attach *a)
{
	if (bys_owners(run))
		owners_attach(a, a->obj);
	return 0;
}

static void event(struct run *run, const struct rec *r)
{
	bys_event(run, r, tally_of(r)->key.what);
}

static bool hidden(struct run *run, const struct rec *r)
{
	return bys_hidden(run, r, tally_of(r)->key.what);
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
	.records = RECORD(TALLY),
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
