/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir soprotocol: the user half. */
#include <sys/socket.h>
#include "attempts.h"
#include "decode.h"

TOOL_OBJECT(soprotocol);

/* The number's name, in the families whose numbers have one. */
static void tell_number(struct verbs *v, const struct rec *r)
{
	const struct tally_key *k = &tally_of(r)->key;

	if (k->family == AF_INET || k->family == AF_INET6)
		v->ops->name(v, &names_ipproto, k->protocol);
	else if (k->family == AF_NETLINK)
		v->ops->name(v, &names_netlink_proto, k->protocol);
}

static const struct column columns[] = {
	TALLIES_COLUMNS(8),
	TALLIES_PROCESS,
	{"number", "NUM", COL_UINT, COL_TEXT, T(key.protocol), 3, NULL,
	 "protocol of the socket, of an accept that of the accepted one"},
	{"number_name", "NAME", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 13, tell_number,
	 "the number's name: IPPROTO_TCP, NETLINK_ROUTE; none in other families"},
	{"protocol", "PROTOCOL", COL_COMM, COL_TEXT | COL_LEFT, T(key.name), 11, NULL,
	 "what the kernel calls it: TCP, UDPv6, UNIX-STREAM, MPTCP"},
	{"family", NULL, COL_NEST, 0, 0, 0, 0, tell_key_family, "address family"},
	{"type", NULL, COL_NEST, 0, 0, 0, 0, tell_key_type, "type of the socket"},
	ATTEMPTS_COLUMNS,
	{0},
};

static const struct tool soprotocol = {
	.name = "soprotocol",
	.summary = "connects and accepts by process and transport protocol",
	.usage = "[options] [-- COMMAND...]",
	.options = attempts_options,
	.own = &attempts_own,
	.columns = columns,
	.lacks = COMMON(SLOWER),
	.lacks_why = "it counts and measures no time",
	.records = RECORD(TALLY),
	.object = soprotocol_bpf_o,
	.object_size = &soprotocol_bpf_o_size,
	.io_uring = true,
	.check = attempts_check,
	.setup = attempts_setup,
	.event = tallies_event,
	.tick = tallies_tick,
	.hidden = tallies_hidden,
};
TOOL(soprotocol);
