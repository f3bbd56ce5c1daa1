/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir so1stbyte: the user half. */
#include "probes.h"
#include "so1stbyte.h"
#include "spreads.h"

TOOL_OBJECT(so1stbyte);

static struct spreads_options own;

static const struct option_row options[] = {SPREADS_OPTIONS, {0}};

static void tell_side(struct verbs *v, const struct rec *r)
{
	u16 what = tally_of(r)->key.what;

	v->ops->word(v, !what ? "(other)" : SPREAD_KIND(what) ? "accept" : "connect");
}

static const struct column columns[] = {
	SPREADS_COLUMNS("side", "SIDE", tell_side, "connect or accept: what this program did"),
	{0},
};

static const struct probe receive = {
	.name = "tcp_rcv_space_adjust",
	.id = 1,
	.ways = {{"on_receive", PROBE_TP_BTF, "tcp_rcv_space_adjust", 1}},
};

static int check(struct run *run)
{
	return spreads_check(run, &own, columns);
}

static int setup(struct run *run, struct attach *a)
{
	probes_want(a, &state_probe);
	probes_want(a, &receive);
	return spreads_setup(run, a);
}

static const struct tool so1stbyte = {
	.name = "so1stbyte",
	.summary = "how long connections take until the first byte is received, as histograms",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(FAILED),
	.lacks_why = "it is about bytes that came; weir soconnlat has failed connections",
	.records = RECORD(TALLY),
	.object = so1stbyte_bpf_o,
	.object_size = &so1stbyte_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.event = spreads_event,
	.tick = tallies_tick,
	.hidden = spreads_hidden,
};
TOOL(so1stbyte);
