/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Packets that were dropped, by connection: kernel/table_drops.bpf.h. */
#include <string.h>
#include "conn.h"
#include "error.h"
#include "reasons.h"
#include "table.h"

/* Where a packet does not say which socket it is for: as many are found by their addresses. */
#define ENDS 65536

/* The map that the kernel half has one element of. */
static void set_size(struct attach *a, const char *name, u32 n)
{
	struct bpf_map *map = bpf_object__find_map_by_name(a->obj, name);

	if (map)
		bpf_map__set_max_entries(map, n);
}

bool table_drops_shown(const struct run *run)
{
	for (u32 i = 0; i < run->ncolumns; i++)
		if (!strncmp(run->columns[i].name, "drop", 4) &&
		    strcmp(run->columns[i].name, "drops"))
			return true;
	return false;
}

int table_drops_setup(struct run *run, struct attach *a)
{
	struct conn_told *told = attach_data(a, ".rodata.conns", sizeof(*told));
	u64 losses[REASON_WORDS] = {0};

	if (!told)
		return FAIL;
	if (reasons_ask(run)) {
		note("what is dropped of a connection is not seen: %s", error_text());
		return 0;
	}
	told->dropped = 1;
	set_size(a, "ends", ENDS);
	set_size(a, "conns_dropped", DROPPED);
	reasons_losses(losses);
	return reasons_want(a, losses);
}

int table_setup_ends(struct run *run, struct attach *a, const char *columns)
{
	if (table_setup(a, 1 << CONN_CLOSED, true))
		return FAIL;
	return columns && table_drops_shown(run) ? table_drops_setup(run, a) : 0;
}
