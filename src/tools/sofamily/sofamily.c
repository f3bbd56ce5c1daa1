/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sofamily: the user half. */
#include "attempts.h"

TOOL_OBJECT(sofamily);

static const struct column columns[] = {
	TALLIES_COLUMNS(8),
	TALLIES_PROCESS,
	{"family_number", "FAM", COL_UINT, COL_TEXT, T(key.family), 3, NULL,
	 "address family of the socket, of an accept that of the accepted one; 0: no socket"},
	{"family", "FAMILY", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 12, tell_key_family, "its name"},
	ATTEMPTS_COLUMNS,
	{0},
};

static const struct tool sofamily = {
	.name = "sofamily",
	.summary = "connects and accepts by process and address family",
	.usage = "[options] [-- COMMAND...]",
	.options = attempts_options,
	.own = &attempts_own,
	.columns = columns,
	.lacks = COMMON(SLOWER),
	.lacks_why = "it counts and measures no time",
	.records = RECORD(TALLY),
	.object = sofamily_bpf_o,
	.object_size = &sofamily_bpf_o_size,
	.io_uring = true,
	.check = attempts_check,
	.setup = attempts_setup,
	.event = tallies_event,
	.tick = tallies_tick,
	.hidden = tallies_hidden,
};
TOOL(sofamily);
