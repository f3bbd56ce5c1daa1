/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir socketio: the user half. */
#include "ios.h"

TOOL_OBJECT(socketio);

static const struct column columns[] = {
	TALLIES_COLUMNS(8),
	TALLIES_PROCESS,
	IOS_DIRECTION,
	{"protocol", "PROTOCOL", COL_COMM, COL_TEXT | COL_LEFT, T(key.name), 11, NULL,
	 "what the kernel calls it: TCP, UDPv6, UNIX-STREAM, NETLINK"},
	{"port", "PORT", COL_UINT, COL_TEXT, T(key.port), 5, NULL,
	 "remote port; 0: not connected, or no protocol of IP"},
	{"family", NULL, COL_NEST, 0, 0, 0, 0, tell_key_family, "address family"},
	{"type", NULL, COL_NEST, 0, 0, 0, 0, tell_key_type, "type of the socket"},
	{"count", "COUNT", COL_UINT, COL_TEXT, T(events), 8, NULL, "messages, failed ones too"},
	{"errors", "ERRORS", COL_UINT, COL_TEXT, T(n[N_FAILED]), 6, NULL, "of these, failed"},
	{"bytes", "BYTES", COL_UINT, COL_TEXT, T(n[N_BYTES]), 11, NULL, "in them"},
	{0},
};

static struct counts_shape shape = {
	.events = 1 << N_DONE | 1 << N_FAILED,
	.good = 1 << N_DONE | 1 << N_BYTES,
	.filters = FILTER_PID | FILTER_COMM | FILTER_FAMILY,
};

static int check(struct run *run)
{
	return ios_check(run, &shape);
}

static const struct tool socketio = {
	.name = "socketio",
	.summary = "messages and bytes by process, direction, protocol and remote port",
	.usage = "[options] [-- COMMAND...]",
	.options = ios_options,
	.own = &ios_own,
	.columns = columns,
	.lacks = COMMON(SLOWER),
	.lacks_why = "it counts and measures no time",
	.records = RECORD(TALLY),
	.object = socketio_bpf_o,
	.object_size = &socketio_bpf_o_size,
	.check = check,
	.setup = ios_setup,
	.attach = tallies_attach,
	.event = tallies_event,
	.tick = tallies_tick,
	.hidden = tallies_hidden,
};
TOOL(socketio);
