/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "conn_columns.h"
#include "decode.h"
#include "error.h"
#include "spreads.h"
#include "stacks.h"
#include "suggest.h"

#define COLUMNS     40
#define RING_STACKS (1 << 20) /* bytes: some 1800 stacks in one go */

static const char *const words[] = {"process", "destination", "stack", NULL};

static struct {
	const struct spreads_options *options;
	const struct column *columns;
	struct column chosen[COLUMNS];
	enum spread_by by;
} own;

static struct counts_shape shape = {.max = 1 << SPREAD_MAX, .events = 1 << SPREAD_COUNT};

/* What found no room has no histogram, and so no percentiles. */
static void tell_percentile(struct verbs *v, const struct rec *r, u32 permille)
{
	struct histogram h = histogram_of(r);

	if (h.n)
		v->ops->uint(v, histogram_percentile(&h, permille, tally_of(r)->n[SPREAD_MAX]));
	else
		decode_none(v);
}

void tell_mean(struct verbs *v, const struct rec *r)
{
	const u64 *n = tally_of(r)->n;

	v->ops->uint(v, n[SPREAD_COUNT] ? n[SPREAD_SUM] / n[SPREAD_COUNT] : 0);
}

void tell_p50(struct verbs *v, const struct rec *r)
{
	tell_percentile(v, r, 500);
}

void tell_p90(struct verbs *v, const struct rec *r)
{
	tell_percentile(v, r, 900);
}

void tell_p99(struct verbs *v, const struct rec *r)
{
	tell_percentile(v, r, 990);
}

void tell_histogram(struct verbs *v, const struct rec *r)
{
	struct histogram h = histogram_of(r);

	histogram_tell(v, &h);
}

/* A key's address as the decoder wants it. */
static struct sock_id end_of(const struct rec *r)
{
	const struct tally_key *k = &tally_of(r)->key;
	struct sock_id id = {.family = k->family, .rport = k->port};

	id.flags = k->family ? SOCK_ID_VALID | SOCK_ID_PEER : 0;
	memcpy(id.raddr, k->addr, sizeof(id.raddr));
	return id;
}

void tell_end_addr(struct verbs *v, const struct rec *r)
{
	struct sock_id id = end_of(r);

	decode_addr(v, &id, true);
}

void tell_end_port(struct verbs *v, const struct rec *r)
{
	struct sock_id id = end_of(r);

	decode_port(v, &id, true);
}

void tell_stack(struct verbs *v, const struct rec *r)
{
	decode_lines(v, stack_text(tally_of(r)->key.id));
}

static void choose(struct run *run, enum spread_by by)
{
	static const char *const without[BY_MAX][4] = {
		[BY_PROCESS] = {"address", "port", "stack"},
		[BY_DESTINATION] = {"pid", "comm", "stack"},
		[BY_STACK] = {"address", "port"},
	};
	u32 n = 0;

	own.by = by;
	for (const struct column *c = own.columns; c->name && n < COLUMNS - 1; c++) {
		const char *const *w = without[by];

		while (*w && strcmp(*w, c->name))
			w++;
		if (!*w)
			own.chosen[n++] = *c;
	}
	own.chosen[n] = (struct column){0};
	run_columns(run, own.chosen);
}

int spreads_check(struct run *run, const struct spreads_options *o, const struct column *columns)
{
	int by = o->by_word ? one_of("--by", o->by_word, words) : o->stack ? BY_STACK : BY_PROCESS;

	if (conns_check(run))
		return USAGE;
	if (by < 0)
		return USAGE;
	if (o->stack && by != BY_STACK)
		return usage("--stack and --by %s exclude each other", o->by_word);
	if (o->tallies.by_name && by == BY_DESTINATION)
		return usage("--by-name goes with --by process or stack");
	shape.by_name = o->tallies.by_name;
	own.options = o;
	own.columns = columns;
	choose(run, by);
	shape.filters = FILTER_PID | FILTER_COMM | FILTER_FAMILY | FILTER_PORT;
	return tallies_check(run, &shape, 0);
}

int spreads_setup(struct run *run, struct attach *a)
{
	struct spread_conf *conf = attach_data(a, ".rodata.spread", sizeof(*conf));
	struct bpf_map *ring = attach_map(a, "ring");

	if (!conf || !ring)
		return FAIL;
	conf->by = own.by;
	if (tallies_setup(run, a, own.options->tallies.slots))
		return FAIL;
	if (own.by == BY_STACK && !run->common.ring_kib)
		bpf_map__set_max_entries(ring, RING_STACKS);
	return 0;
}

bool spreads_hidden(struct run *run, const struct rec *r)
{
	u32 have = run->common.filter.have, what = tally_of(r)->key.what;
	bool ends = what && SPREAD_BY(what) == BY_DESTINATION;

	if (what && have & (ends ? FILTER_PID | FILTER_COMM : FILTER_FAMILY | FILTER_PORT))
		return tallies_mixed(run);
	return tallies_hidden(run, r);
}

static void put(struct run *run, struct buf *b)
{
	if (buf_len(b))
		out_line(run->out, b->base, buf_len(b));
	buf_free(b);
}

void spreads_event(struct run *run, const struct rec *r)
{
	const struct tally_key *k = &tally_of(r)->key;
	struct histogram h = histogram_of(r);
	struct buf b = {0};

	if (run->replay && !run->headed && k->what && SPREAD_BY(k->what) < BY_MAX)
		choose(run, SPREAD_BY(k->what));
	tallies_event(run, r);
	if (run->stop || run->common.format != OUT_TEXT)
		return;
	if (own.by == BY_STACK) {
		const char *text = stack_text(k->id);

		decode_indented(&b, text ? text : "(its stack is not known)\n", "    ");
	}
	if (!own.options->plain) {
		histogram_draw(&b, &h);
		buf_chr(&b, '\n');
	}
	put(run, &b);
}
