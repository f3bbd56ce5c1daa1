/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcplife: the user half. */
#include "conn_columns.h"
#include "table.h"
#include "error.h"

TOOL_OBJECT(conns); /* the table is theirs all */

static struct {
	const char *columns;
} own;

static const struct option_row options[] = {
	TABLE_COLUMNS_OPTION(offsetof(__typeof__(own), columns)),
	{0},
};

static int check(struct run *run)
{
	if (conns_check(run))
		return USAGE;
	return table_check(run, "pid,comm,local_address,local_port,address,port,tx_kb,rx_kb,ms",
			   own.columns);
}

static int setup(struct run *run, struct attach *a)
{
	return table_setup_ends(run, a, own.columns);
}

static int attach(struct run *run, struct attach *a)
{
	(void)run;
	return table_attach(a);
}

static const struct tool tcplife = {
	.name = "tcplife",
	.summary = "each TCP connection when it is over: whose, how long, how many bytes",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = table_columns,
	.lacks = COMMON(INTERVAL),
	.lacks_why = "it prints each connection as it ends; weir tcptop has intervals",
	.records = RECORD(CONN),
	.object = conns_bpf_o,
	.object_size = &conns_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
};
TOOL(tcplife);
