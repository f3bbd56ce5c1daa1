/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sockstat: the user half. What is counted, and by what. */
#include <string.h>
#include "clock.h"
#include "decode.h"
#include "error.h"
#include "probes.h"
#include "sockstat.h"
#include "suggest.h"
#include "tallies.h"

TOOL_OBJECT(sockstat);

static struct {
	struct tallies_options tallies;
	const char *by_word;
	bool errors;
	enum sockstat_by by;
	bool wanted[WHATS]; /* what is counted */
	const struct attach *attach;
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "by", "WHAT", OPT_STRING, OWN(by_word), 0, 0,
	 "count by call (default), by process or by cgroup, and call"},
	{0, "errors", NULL, OPT_FLAG, OWN(errors), 0, 0,
	 "look at the results of messages also where that costs more: before Linux 6.3"},
	TALLIES_OPTIONS(OWN(tallies)),
	{0},
};

static const char *what_name(u32 what)
{
	if (!what || what >= WHATS || (what < WHAT_DOORS && what >= CALL_MAX))
		return "(other)";
	return what < WHAT_DOORS ? call_names[what] : door_probes[what - WHAT_DOORS].name;
}

static void tell_call(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, what_name(tally_of(r)->key.what));
}

static void tell_errors(struct verbs *v, const struct rec *r)
{
	if (!(tally_of(r)->flags & TALLY_BLIND))
		v->ops->uint(v, tally_of(r)->n[N_BAD]);
	else
		decode_none(v);
}

/* With one digit after the point: of a rare thing too, it is seen that it happens. */
static void tell_rate(struct verbs *v, const struct rec *r)
{
	const struct tally_rec *t = tally_of(r);
	__uint128_t milli = (__uint128_t)t->events * 1000 * NS_PER_S;

	if (t->interval_ns)
		buf_seconds(v->b, milli / t->interval_ns * (NS_PER_S / 1000), 1);
}

/* All there are; process and cgroup are left out when it is not counted by them. */
static const struct column columns[] = {
	TALLIES_COLUMNS(12),
	TALLIES_PROCESS,
	{"call", "CALL", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 13, tell_call,
	 "system call, or sock_recvmsg and sock_sendmsg: messages, whatever call moved them"},
	{"count", "COUNT", COL_UINT, COL_TEXT, T(events), 9, NULL, "how many ended"},
	{"errors", "ERRORS", COL_NEST, COL_TEXT, 0, 0, 8, tell_errors,
	 "of these, failed; null for messages before Linux 6.3, without --errors"},
	{"per_second", "PER SECOND", COL_NEST, COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY, 0, 0, 11,
	 tell_rate, "count in a second"},
	{"cgroup", "CGROUP", COL_CGROUP, COL_TEXT | COL_LEFT, T(key.id), 0, NULL,
	 "path of the cgroup (v2), its id where it is unknown"},
	{0},
};

static void choose_columns(struct run *run, enum sockstat_by by)
{
	static struct column chosen[sizeof(columns) / sizeof(*columns)];
	u32 n = 0;

	for (const struct column *c = columns; c->name; c++) {
		bool process = !strcmp(c->name, "pid") || !strcmp(c->name, "comm");

		if ((process && by != BY_PROCESS) ||
		    (!strcmp(c->name, "cgroup") && by != BY_CGROUP))
			continue;
		chosen[n++] = *c;
	}
	chosen[n] = (struct column){0};
	run_columns(run, chosen);
}

/* Calls in the order of their numbers, the busiest process or cgroup first. */
static int order(const struct tally_rec *a, const struct tally_rec *b)
{
	if (own.by != BY_CALL && a->events != b->events)
		return a->events < b->events ? 1 : -1;
	return a->key.what - b->key.what;
}

/* Doors of which this kernel tells the results for more, and nobody asked for them. What: of
 * tally_key; 0, of all that found no room. */
static bool blind(u32 what)
{
	const struct attach *a = own.attach;

	for (u32 i = 0; a && i < a->nprobes; i++)
		if (a->probes[i].taken && a->probes[i].taken->kind == PROBE_FENTRY &&
		    (!what || what == WHAT_DOORS + (u32)a->probes[i].row->id))
			return true;
	return false;
}

static struct counts_shape shape = {
	.events = 1 << N_GOOD | 1 << N_BAD,
	.good = 1 << N_GOOD,
	.filters = FILTER_PID | FILTER_COMM | FILTER_CGROUP,
	.order = order,
	.blind = blind,
};

/* Not read, write and their like: which of them are on sockets, is not looked at; the doors tell.
 */
static bool what_used(u32 what)
{
	return what >= WHAT_DOORS || (what && what < CALL_MAX && !(call_groups[what] & GROUP_IO));
}

static int want_word(const char *word)
{
	const char *words[WHATS + 1] = {0}, *near;
	u32 n = 0;

	for (u32 i = 0; i < WHATS; i++) {
		if (!what_used(i))
			continue;
		if (!strcmp(word, what_name(i))) {
			own.wanted[i] = true;
			return 0;
		}
		words[n++] = what_name(i);
	}
	near = suggest(word, words);
	return usage("'%s' is no socket system call, nor sock_recvmsg or sock_sendmsg%s%s", word,
		     near ? "; did you mean " : "", near ? near : "");
}

static void want_default(void)
{
	static const u8 whats[] = {
		CALL_accept,
		CALL_accept4,
		CALL_bind,
		CALL_connect,
		CALL_listen,
		CALL_shutdown,
		CALL_socket,
		CALL_socketpair,
		WHAT_DOORS + DOOR_RECVMSG,
		WHAT_DOORS + DOOR_SENDMSG,
	};

	for (u32 i = 0; i < sizeof(whats); i++)
		own.wanted[whats[i]] = true;
}

static int by_named(const char *word)
{
	static const char *const words[] = {"call", "process", "cgroup", NULL};
	int by = one_of("--by", word, words);

	own.by = by < 0 ? own.by : (u32)by;
	return by < 0 ? by : 0;
}

static int check(struct run *run)
{
	struct common *c = &run->common;

	if (own.by_word && by_named(own.by_word))
		return USAGE;
	for (int i = 0; i < c->nargs; i++)
		if (want_word(c->args[i]))
			return USAGE;
	if (!c->nargs)
		want_default();
	choose_columns(run, own.by);
	if (own.errors && run->replay)
		return usage("--errors does not go with replay: what was recorded is told");
	if (own.tallies.by_name && own.by != BY_PROCESS && !run->replay)
		return usage("--by-name goes with --by process");
	shape.by_name = own.tallies.by_name;
	shape.flags = own.by == BY_CGROUP ? TALLY_CGROUP : 0;
	return tallies_check(run, &shape, NS_PER_S);
}

static int setup(struct run *run, struct attach *a)
{
	struct sockstat_conf *conf = attach_data(a, ".rodata.sockstat", sizeof(*conf));
	bool errors = own.errors || run->common.filter.have & FILTER_FAILED;

	if (!conf)
		return FAIL;
	conf->by = own.by;
	own.attach = a;
	a->rare = !run->common.nargs; /* those of want_default() */
	for (u32 i = 1; i < CALL_MAX; i++)
		if (own.wanted[i]) {
			a->wanted[i] = true;
			a->calls = true;
		}
	for (u32 i = 0; i < DOOR_MAX; i++)
		if (own.wanted[WHAT_DOORS + i])
			(errors ? doors_want : doors_want_entry)(a, i);
	return tallies_setup(run, a, own.tallies.slots);
}

static int attached(struct run *run, struct attach *a)
{
	return own.by == BY_CALL ? tallies_attach(run, a) : 0;
}

/* What a recording was counted by. */
static enum sockstat_by by_of(const struct tally_rec *t)
{
	return t->flags & TALLY_CGROUP ? BY_CGROUP : *t->key.comm ? BY_PROCESS : BY_CALL;
}

/* Replay: columns are those of the recording. */
static void event(struct run *run, const struct rec *r)
{
	const struct tally_rec *t = tally_of(r);
	static bool said;

	if (run->common.filter.have & FILTER_FAILED && t->flags & TALLY_BLIND && !said) {
		note("this recording was made without --errors: messages that failed are not "
		     "known");
		said = true;
	}
	if (!run->headed && !(t->flags & TALLY_OTHER))
		choose_columns(run, by_of(t));
	tallies_event(run, r);
}

/* Replay: only the calls that were asked for. */
static bool hidden(struct run *run, const struct rec *r)
{
	u16 what = tally_of(r)->key.what;
	u32 have = run->common.filter.have;

	if (what && have & (FILTER_PID | FILTER_COMM | FILTER_CGROUP) &&
	    by_of(tally_of(r)) != (have & FILTER_CGROUP ? BY_CGROUP : BY_PROCESS)) {
		note("this recording was not made with --by %s: its counts cannot be taken apart",
		     have & FILTER_CGROUP ? "cgroup" : "process");
		run->stop = true;
		return true;
	}
	return tallies_hidden(run, r) || (run->common.nargs && what < WHATS && !own.wanted[what]);
}

static const struct tool sockstat = {
	.name = "sockstat",
	.summary = "how often socket calls and messages happen, by call and second",
	.usage = "[CALL...] [options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(IPV4) | COMMON(IPV6) | COMMON(HOST) | COMMON(PORT) | COMMON(SLOWER),
	.lacks_why = "it counts calls, looks at no socket and measures no time; weir trace "
		     "--summary does",
	.records = RECORD(TALLY),
	.object = sockstat_bpf_o,
	.object_size = &sockstat_bpf_o_size,
	.check = check,
	.setup = setup,
	.attach = attached,
	.event = event,
	.tick = tallies_tick,
	.hidden = hidden,
};
TOOL(sockstat);
