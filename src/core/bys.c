/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "bys.h"
#include "conn_columns.h"
#include "error.h"

/* In the order of enum by_key. */
static const char *const words[] = {"remote",  "port", "local", "connection",
				    "process", "all",  NULL};

static struct {
	struct bys_options *options;
	const struct column *columns;
} own;

static void tell_key_port(struct verbs *v, const struct rec *r, u16 port)
{
	if (tally_of(r)->flags & TALLY_OTHER)
		decode_none(v);
	else
		v->ops->uint(v, port);
}

void tell_by_port(struct verbs *v, const struct rec *r)
{
	tell_key_port(v, r, tally_of(r)->key.port);
}

void tell_by_local(struct verbs *v, const struct rec *r)
{
	tell_key_port(v, r, tally_of(r)->key.type);
}

void tell_by_cookie(struct verbs *v, const struct rec *r)
{
	if (tally_of(r)->key.id)
		v->ops->uint(v, tally_of(r)->key.id);
	else
		decode_none(v);
}

static void choose(struct run *run, u32 by)
{
	static const struct column_need needs[] = {
		{"pid", BY_TASK | BY_CONNECTION},
		{"comm", BY_TASK | BY_CONNECTION},
		{"local_port", BY_LOCAL | BY_CONNECTION},
		{"address", BY_REMOTE | BY_CONNECTION},
		{"port", BY_PORT | BY_CONNECTION},
		{"cookie", BY_CONNECTION},
		{0},
	};

	own.options->by = by;
	chosen_columns(run, own.columns, needs, by);
}

int bys_check(struct run *run, struct bys_options *o, const char *usual,
	      const struct column *columns, struct counts_shape *shape)
{
	u32 by = 0;

	if (conns_check(run))
		return USAGE;
	if (chosen_words(o->by_word ? o->by_word : usual, words, &by))
		return USAGE;
	if (by & (by - 1))
		return usage("--by takes one word: a connection has them all");
	if (o->tallies.by_name && by != BY_TASK)
		return usage("--by-name goes with --by process");
	own.options = o;
	own.columns = columns;
	shape->max = 1 << SPREAD_MAX;
	shape->events = 1 << SPREAD_COUNT;
	shape->by_name = o->tallies.by_name;
	shape->filters |= FILTER_PID | FILTER_COMM | FILTER_FAMILY | FILTER_PORT;
	choose(run, by);
	return tallies_check(run, shape, 0);
}

int bys_setup(struct run *run, struct attach *a)
{
	struct by_conf *conf = attach_data(a, ".rodata.by", sizeof(*conf));

	if (!conf)
		return FAIL;
	conf->by = own.options->by;
	return tallies_setup(run, a, own.options->tallies.slots);
}

bool bys_owners(const struct run *run)
{
	return own.options->by & (BY_TASK | BY_CONNECTION) ||
	       run->common.filter.have & FILTER_OWNER || run->common.command;
}

void bys_event(struct run *run, const struct rec *r, u32 what)
{
	struct histogram h = histogram_of(r);

	if (run->replay && !run->headed && what)
		choose(run, what);
	if (own.options->plain)
		tallies_event(run, r);
	else
		tallies_event_drawn(run, r, &h);
}

bool bys_hidden(struct run *run, const struct rec *r, u32 what)
{
	static const struct {
		u32 filter, by;
	} needs[] = {
		{FILTER_PID | FILTER_COMM, BY_TASK | BY_CONNECTION},
		{FILTER_FAMILY, BY_REMOTE | BY_CONNECTION},
		{FILTER_PORT, BY_PORT | BY_CONNECTION},
	};

	for (u32 i = 0; i < sizeof(needs) / sizeof(*needs); i++)
		if (run->common.filter.have & needs[i].filter && what && !(what & needs[i].by))
			return tallies_mixed(run);
	return tallies_hidden(run, r);
}
