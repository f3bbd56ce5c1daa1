/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: the user half. Which calls, which columns, and the summary. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "error.h"
#include "hits.h"
#include "percentile.h"
#include "hit_decode.h"
#include "run.h"
#include "trace.h"

TOOL_OBJECT(trace);

static struct {
	u32 snap;
	bool io, bare, summary, strict;
	bool wanted[CALL_MAX];
	int unknown; /* words that no probe here has */
	struct hit_options hit;
} own = {.snap = 32};

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{'s', "snap", "N", OPT_UINT, OWN(snap), 0, TRACE_SNAP_MAX,
	 "bytes of payload shown (default 32), 0 hides it"},
	{0, "io", NULL, OPT_FLAG, OWN(io), 0, 0,
	 "also read, write, ... close on descriptors that are sockets"},
	{0, "bare", NULL, OPT_FLAG, OWN(bare), 0, 0,
	 "only call(arguments) = result, as strace prints it"},
	{0, "summary", NULL, OPT_FLAG, OWN(summary), 0, 0,
	 "count in the kernel, print a table by call at the end"},
	{0, "ret", NULL, OPT_FLAG | OPT_LIVE, OWN(hit.ret), 0, 0,
	 "functions: when they return, with result and time"},
	{0, "stack", NULL, OPT_FLAG | OPT_LIVE, OWN(hit.stack), 0, 0,
	 "tracepoints, functions: what called them"},
	{0, "arg", "PATH,...", OPT_STRING | OPT_LIVE, OWN(hit.fields), 0, 0,
	 "also these fields, as sk.sk_sndbuf"},
	{0, "many", NULL, OPT_FLAG | OPT_LIVE, OWN(hit.many), 0, 0,
	 "allow more than 100 functions"},
	{0, "strict", NULL, OPT_FLAG | OPT_LIVE, OWN(strict), 0, 0,
	 "refuse names that are no probes, and take nothing in their place"},
	{0},
};

static const struct call_rec *call_of(const struct rec *r)
{
	return (const struct call_rec *)r;
}

static void tell_line(struct verbs *v, const struct rec *r)
{
	decode_line(v, call_names[call_of(r)->call], call_of(r));
	if (!v->notes)
		return;
	buf_str(v->b, " <");
	buf_seconds(v->b, call_of(r)->dur, 6);
	buf_chr(v->b, '>');
}

static void tell_call(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, call_names[call_of(r)->call]);
}

static void tell_args(struct verbs *v, const struct rec *r)
{
	decode_args(v, call_of(r));
}

static void tell_socket(struct verbs *v, const struct rec *r)
{
	decode_socket(v, call_of(r));
}

#define C(member) COLUMN(struct call_rec, member)

static const struct column columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, C(h.ts), 15, NULL, "when the call began"},
	{"pid", "PID", COL_UINT, COL_TEXT | COL_KEPT, C(who.pid), 7, NULL,
	 "process (thread group)"},
	{"tid", NULL, COL_UINT, COL_KEPT, C(who.tid), 7, NULL, "thread"},
	{"uid", NULL, COL_UINT, COL_KEPT, C(who.uid), 5, NULL,
	 "effective user, as the initial user namespace has it"},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT | COL_KEPT, C(who.comm), 15, NULL,
	 "the thread's name"},
	{"cgroup", NULL, COL_CGROUP, COL_KEPT, C(who.cgroup), 0, NULL,
	 "path of the cgroup (v2), its id where it is unknown"},
	{"netns", NULL, COL_UINT, COL_KEPT, C(who.netns), 0, NULL,
	 "inode number of the network namespace"},
	{"line", "CALL", COL_NEST, COL_TEXT | COL_LEFT | COL_TEXT_ONLY, 0, 0, 0, tell_line,
	 "call(arguments) = result <seconds>"},
	{"call", NULL, COL_NEST, COL_KEPT, C(call), 0, tell_call, "system call"},
	{"args", NULL, COL_NEST, 0, 0, 0, 0, tell_args, "its arguments by name"},
	{"ret", NULL, COL_INT, 0, C(ret), 0, NULL, "result; -errno when it failed"},
	{"error", NULL, COL_ERROR, 0, C(ret), 0, NULL, "name of the error, null when it went well"},
	{"latency_ns", NULL, COL_NS, 0, C(dur), 0, NULL, "time from entry to exit"},
	{"socket", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_socket,
	 "what the first descriptor is, read in the kernel"},
	{0},
};

static const struct column bare_columns[] = {
	{"line", "CALL", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_line,
	 "call(arguments) = result"},
	{0},
};

/* A row of the summary. */
struct sum_rec {
	struct rec h;
	const char *call;
	u64 calls, errors, total_ns, p50_ns, p99_ns, max_ns, bytes;
};
#define S(member) COLUMN(struct sum_rec, member)

static const struct column sum_columns[] = {
	{"call", "CALL", COL_STRING, COL_TEXT | COL_LEFT, S(call), 13, NULL, "system call"},
	{"calls", "CALLS", COL_UINT, COL_TEXT, S(calls), 9, NULL, "how often"},
	{"errors", "ERRORS", COL_UINT, COL_TEXT, S(errors), 7, NULL, "of these, failed"},
	{"total_ns", "TOTAL(s)", COL_NS, COL_TEXT, S(total_ns), 11, NULL, "time within it"},
	{"p50_ns", "P50(s)", COL_NS, COL_TEXT, S(p50_ns), 9, NULL,
	 "half took less (within 6.25 %)"},
	{"p99_ns", "P99(s)", COL_NS, COL_TEXT, S(p99_ns), 9, NULL,
	 "99 of 100 took less (within 6.25 %)"},
	{"max_ns", "MAX(s)", COL_NS, COL_TEXT, S(max_ns), 9, NULL, "the longest"},
	{"bytes", "BYTES", COL_UINT, COL_TEXT, S(bytes), 11, NULL,
	 "payload that successful calls moved"},
	{0},
};

static int want(u32 groups)
{
	for (u32 i = 1; i < CALL_MAX; i++)
		if (call_groups[i] & groups)
			own.wanted[i] = true;
	return 0;
}

static int unknown_group(const char *word)
{
	static const char *const words[] = {"%socket", "%send", "%recv", "%name", "%io", NULL};
	const char *near = suggest(word, words);

	return usage("there is no group '%s' of system calls%s%s; weir help trace lists them", word,
		     near ? ", did you mean " : "", near ? near : "");
}

/* A word that is no system call: what the catalog knows by it, several where it is a glob. */
static int want_probe(const char *word)
{
	struct matches m = {0};
	int err = catalog_find(&m, word, own.strict ? FIND_STRICT : FIND_FOLLOW);

	if (err == USAGE) {
		hits_unknown(word);
		own.unknown++;
		err = 0;
	}
	for (u32 i = 0; i < m.n && !err; i++) {
		if (*m.all[i].note)
			note("%s", m.all[i].note);
		if (m.all[i].sort == SORT_CALL)
			own.wanted[m.all[i].call] = true;
		else
			err = hits_want(&m.all[i]);
	}
	matches_free(&m);
	return err;
}

/* Of a recording: its probes are not known yet, see check_words(). */
static int want_recorded(const char *word)
{
	for (u32 i = 1; i < CALL_MAX; i++)
		own.wanted[i] |= !fnmatch(word, call_names[i], 0);
	return 0;
}

static int want_word(const char *word, bool replay)
{
	static const struct {
		const char *name;
		u32 groups;
	} groups[] = {{"%socket", GROUP_SOCKET},
		      {"%send", GROUP_SEND},
		      {"%recv", GROUP_RECV},
		      {"%name", GROUP_NAME},
		      {"%io", GROUP_IO}};

	for (u32 i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (!strcmp(word, groups[i].name))
			return want(groups[i].groups);
	if (!own.strict && (!strcmp(word, "recv") || !strcmp(word, "send"))) {
		note("%s is no system call here: libc's %s() calls %s, which is traced", word, word,
		     *word == 'r' ? "recvfrom" : "sendto");
		own.wanted[*word == 'r' ? CALL_recvfrom : CALL_sendto] = true;
		return 0;
	}
	for (u32 i = 1; i < CALL_MAX; i++)
		if (!strcmp(word, call_names[i])) {
			own.wanted[i] = true;
			return 0;
		}
	if (*word == '%')
		return unknown_group(word);
	return replay ? want_recorded(word) : want_probe(word);
}

static int check(struct run *run)
{
	struct common *c = &run->common;
	int err;

	hit_options = own.hit;
	for (int i = 0; i < c->nargs; i++)
		if ((err = want_word(c->args[i], run->replay)))
			return err;
	if (own.unknown && own.unknown == c->nargs)
		return USAGE;
	if (!c->nargs)
		want(GROUP_SOCKET | GROUP_SEND | GROUP_RECV | GROUP_NAME);
	if (own.io && run->replay && !c->nargs)
		return usage("--io adds to the calls that are named: name some, or leave it out, "
			     "and replay tells all that the recording has");
	if (own.io)
		want(GROUP_IO);
	if (own.bare && c->format != OUT_TEXT)
		return usage("--bare is a form of text; leave out -o %s",
			     c->format == OUT_JSON ? "json" : "csv");
	if (own.summary && own.bare)
		return usage("--summary and --bare exclude each other");
	if (own.summary && c->record)
		return usage("--summary sends no records, so --record would stay empty; record "
			     "without it, "
			     "then weir replay FILE --summary");
	if (own.summary && nhits)
		return usage("--summary counts system calls; leave out %s", hits[0].name);
	if (!run->replay && hits_check(run))
		return USAGE;
	decode_snap = own.snap;
	run->bare = own.bare;
	if (own.bare)
		run->columns = bare_columns;
	if (own.summary)
		run->columns = sum_columns;
	return 0;
}

static u32 slot(u32 sections, u32 bytes)
{
	return (sizeof(struct call_rec) + sections * sizeof(struct sect) + bytes + 7) & ~7u;
}

static int setup(struct run *run, struct attach *a)
{
	struct trace_conf *conf = attach_data(a, ".rodata.trace", sizeof(*conf));
	u32 snap = (own.snap + 1 + 7) & ~7u;

	if (!conf)
		return FAIL;
	conf->snap = own.snap;
	conf->snap_read = own.snap ? own.snap + 1 : 0;
	conf->small = conf->snap_read <= TRACE_SNAP_SMALL;
	conf->who = run->common.format != OUT_TEXT || run->common.record;
	conf->summary = own.summary;
	/* --bare too: what a payload means is the socket's affair */
	conf->sockets = !own.summary || run->common.filter.have & FILTER_SOCK;
	conf->straight = conf->small && !own.summary &&
			 !(run->common.filter.have & (FILTER_SOCK | FILTER_FAILED | FILTER_SLOWER));
	conf->slot_any =
		slot(8, TRACE_OPT_MAX + snap + TRACE_ADDR_MAX + 2 * 112 + sizeof(struct sock_id));
	/* one message, its name, some control data, two iovecs; and what follows a walk */
	conf->slot_small = slot(8, 56 + TRACE_ADDR_MAX + TRACE_CTL_MAX + 2 * (16 + snap) + 680);
	/* 32 iovecs, or as many messages of an ordinary kind */
	_Static_assert(32 * (2 * 8 + 56 + 32 + 16 + TRACE_SNAP_MAX + 8) + 8192 < REC_LONGEST,
		       "the reader sees it in one piece");
	conf->slot_big =
		slot(8, 32 * (2 * 8 + 56 + 32 + 16 + snap) + TRACE_CTL_BIG + TRACE_ADDR_MAX + 680);
	conf->slot_netlink = slot(4, TRACE_NETLINK_MAX + TRACE_ADDR_MAX);
	memcpy(a->wanted, own.wanted, sizeof(own.wanted));
	for (u32 i = 1; i < CALL_MAX; i++) {
		if (!own.wanted[i])
			continue;
		a->calls = true;
		conf->vectors |= call_descs[i].cls == CALL_VECTOR;
		conf->flags |= call_descs[i].flags;
	}
	return hits_setup(run, a);
}

static struct tally sums[CALL_MAX];

/* A recorded call, as the kernel half counts one. */
static void tally_add(const struct call_rec *r)
{
	struct tally *t = &sums[r->call];

	t->calls++;
	t->total_ns += r->dur;
	if (r->dur > t->max_ns)
		t->max_ns = r->dur;
	t->hist[hist_slot(r->dur)]++;
	if (r->ret < 0)
		t->errors++;
	else if (call_descs[r->call].buf != NO &&
		 !(call_descs[r->call].flags & (CALL_OPT | CALL_PAIR | CALL_MMSG)))
		t->bytes += r->ret;
}

static void event(struct run *run, const struct rec *r)
{
	if (own.summary)
		tally_add(call_of(r));
	else if (r->type == REC_HIT)
		run_row_in(run, own.bare ? hit_bare_columns : hit_columns,
			   own.bare ? hit_bare_ncolumns : hit_ncolumns, r);
	else
		run_row(run, r);
}

static int collect(struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "tally"),
	    ncpus = libbpf_num_possible_cpus();
	struct tally *all = calloc(ncpus > 0 ? ncpus : 1, sizeof(*all));

	for (u32 call = 1; all && call < CALL_MAX; call++) {
		if (bpf_map_lookup_elem(map, &call, all))
			continue;
		for (int cpu = 0; cpu < ncpus; cpu++) {
			u64 max = sums[call].max_ns > all[cpu].max_ns ? sums[call].max_ns
								      : all[cpu].max_ns;

			for (u32 i = 0; i < sizeof(*all) / sizeof(u64); i++)
				((u64 *)&sums[call])[i] += ((u64 *)&all[cpu])[i];
			sums[call].max_ns = max;
		}
	}
	free(all);
	return all ? 0 : fail("no memory for the summary");
}

static int by_total(const void *a, const void *b)
{
	const struct sum_rec *x = a, *y = b;

	return x->total_ns < y->total_ns   ? 1
	       : x->total_ns > y->total_ns ? -1
					   : strcmp(x->call, y->call);
}

static int summarize(struct run *run, struct attach *a)
{
	struct sum_rec rows[CALL_MAX];
	u32 n = 0;

	if (a && collect(a))
		return FAIL;
	for (u32 i = 1; i < CALL_MAX; i++) {
		const struct tally *t = &sums[i];

		if (!t->calls)
			continue;
		rows[n++] = (struct sum_rec){
			.call = call_names[i],
			.calls = t->calls,
			.errors = t->errors,
			.bytes = t->bytes,
			.total_ns = t->total_ns,
			.p50_ns = percentile(t->hist, 500, t->max_ns),
			.p99_ns = percentile(t->hist, 990, t->max_ns),
			.max_ns = t->max_ns,
		};
		run->events += a ? t->calls : 0;
	}
	qsort(rows, n, sizeof(*rows), by_total);
	for (u32 i = 0; i < n; i++)
		run_row(run, &rows[i].h);
	return 0;
}

/* "tcp_probe" names "tcp:tcp_probe". */
static bool names(const char *word, const char *name)
{
	const char *colon = strchr(name, ':');

	return !fnmatch(word, name, 0) || (colon && !fnmatch(word, colon + 1, 0));
}

/* Does a word of the user's name this probe of the recording? */
static bool named(const struct run *run, const char *name)
{
	for (int i = 0; i < run->common.nargs; i++)
		if (names(run->common.args[i], name))
			return true;
	return !run->common.nargs;
}

/* The recording's probes are known: a word that names neither a call nor one of them is told. */
static int check_words(const struct common *c)
{
	const char *calls[CALL_MAX] = {0}, *near;

	for (u32 k = 1; k < CALL_MAX; k++)
		calls[k - 1] = call_names[k];
	for (int i = 0; i < c->nargs; i++) {
		const char *word = c->args[i];
		bool found = *word == '%' || !strcmp(word, "recv") || !strcmp(word, "send");

		for (u32 k = 1; k < CALL_MAX && !found; k++)
			found = !fnmatch(word, call_names[k], 0);
		for (u32 k = 0; k < HITS_MAX && !found; k++)
			found = names(word, probe_name(k));
		if (found)
			continue;
		near = suggest(word, calls);
		return fail("nothing in the recording is named '%s'%s%s", word,
			    near ? ", did you mean " : "", near ? near : "");
	}
	return 0;
}

static int tick(struct run *run, struct attach *a, bool last)
{
	int err = last && own.summary ? summarize(run, a) : 0;

	/* what stands behind the last that -n wants is not looked at */
	return !err && last && run->replay && !run->stop ? check_words(&run->common) : err;
}

/* Replay: only the calls and probes that were asked for. */
static bool hidden(struct run *run, const struct rec *r)
{
	const struct call_rec *c = call_of(r);

	if (r->type == REC_HIT)
		return own.summary || !named(run, probe_name(((const struct hit_rec *)r)->probe));
	return c->call == CALL_NONE || c->call >= CALL_MAX ||
	       (run->common.nargs && !own.wanted[c->call]);
}

static const struct tool trace = {
	.name = "trace",
	.summary = "socket system calls, tracepoints and kernel functions, decoded, live",
	.usage = "[CALL|PROBE...] [options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(INTERVAL),
	.lacks_why = "it prints each call when it has ended; weir sockstat reports in intervals",
	.records = RECORD(CALL) | RECORD(HIT),
	.object = trace_bpf_o,
	.object_size = &trace_bpf_o_size,
	.check = check,
	.setup = setup,
	.attach = hits_attach,
	.event = event,
	.tick = tick,
	.hidden = hidden,
};
TOOL(trace);
