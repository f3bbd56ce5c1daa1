/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sormem: the user half. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "advice.h"
#include "clock.h"
#include "columns.h"
#include "door.h"
#include "error.h"
#include "histogram.h"
#include "match.h"
#include "owner.h"
#include "probes.h"
#include "sormem.h"
#include "suggest.h"
#include "tallies.h"

TOOL_OBJECT(sormem);

#define COLUMNS 40

static struct {
	struct tallies_options tallies;
	const char *by_word;
	u32 near;
	bool plain;
	enum sormem_by by;
	struct column chosen[COLUMNS];
	bool intervals, done;
	u64 from_ns;       /* of the interval that ends next */
	bool socks_headed; /* text: in this report, their heading was told */
} own = {.near = 75};

static struct known {
	struct rmem_id id;
	struct who who;        /* from /proc, pid 0: unknown */
	bool wanted;           /* it passes the filters */
	struct rmem_sock told; /* as it was in the last interval */
} knowns[SOCKETS_MAX];
static u32 nknowns;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "by", "WHAT", OPT_STRING, OWN(by_word), 0, 0,
	 "histograms of all (default), or of each process or protocol"},
	{0, "near", "PERCENT", OPT_UINT, OWN(near), 1, 1000,
	 "how full makes a socket one that is near its limit (default 75)"},
	{0, "no-hist", NULL, OPT_FLAG, OWN(plain), 0, 0, "text: only the numbers, no histograms"},
	TALLIES_OPTIONS(OWN(tallies)),
	{0},
};

/* In text, the columns that all rows would leave empty are not there. */
static void choose(struct run *run, enum sormem_by by)
{
	u32 n = 0;

	own.by = by;
	for (const struct column *c = sormem_columns; c->name && n < COLUMNS - 1; c++) {
		bool process = !strcmp(c->name, "pid") || !strcmp(c->name, "comm");
		bool protocol = !strcmp(c->name, "family") || !strcmp(c->name, "protocol");

		own.chosen[n] = *c;
		if ((process && by != BY_PROCESS) || (protocol && by != BY_PROTOCOL))
			own.chosen[n].flags &= ~COL_TEXT;
		n++;
	}
	own.chosen[n] = (struct column){0};
	run_columns(run, own.chosen);
}

static int by_named(const char *word)
{
	static const char *const words[] = {"all", "process", "protocol", NULL};
	int by = one_of("--by", word, words);

	own.by = by < 0 ? own.by : (u32)by;
	return by < 0 ? by : 0;
}

static struct counts_shape shape = {
	.max = 1 << N_LARGEST,
	.events = 1 << N_COUNT,
	.filters = FILTER_PID | FILTER_COMM,
};

static int check(struct run *run)
{
	const struct common *c = &run->common;

	if (no_words(run, "--host and --port choose sockets"))
		return USAGE;
	if (own.by_word && by_named(own.by_word))
		return USAGE;
	if (own.tallies.by_name && own.by != BY_PROCESS)
		return usage("--by-name goes with --by process");
	shape.by_name = own.tallies.by_name;
	choose(run, own.by);
	own.intervals = c->interval_ns || c->count;
	return tallies_check(run, &shape, 0);
}

static const struct probe full = {
	.name = "sock_rcvqueue_full",
	.id = 2,
	.ways = {{"on_full", PROBE_TP_BTF, "sock_rcvqueue_full", 2}},
};
static const struct probe exceeded = {
	.name = "sock_exceed_buf_limit",
	.id = 3,
	.ways = {{"on_exceeded", PROBE_TP_BTF, "sock_exceed_buf_limit", 4}},
};
static const struct probe udp_fail = {
	.name = "udp_fail_queue_rcv_skb",
	.id = 4,
	.ways = {{"on_udp_fail", PROBE_TP_BTF, "udp_fail_queue_rcv_skb", 3},
		 {"on_udp_fail_old", PROBE_TP_BTF, "udp_fail_queue_rcv_skb", 2}},
};

static int setup(struct run *run, struct attach *a)
{
	struct sormem_conf *conf = attach_data(a, ".rodata.sormem", sizeof(*conf));

	if (!conf)
		return FAIL;
	conf->by = own.by;
	conf->near = own.near;
	probes_want(a, &door_probes[DOOR_RECVMSG]);
	probes_want(a, &full);
	probes_want(a, &exceeded);
	probes_want(a, &udp_fail);
	return tallies_setup(run, a, own.tallies.slots);
}

/* Does somebody who was found in /proc pass the filters on tasks, which the kernel half could not
 * ask? With none of them, unknown ones do, too. */
static bool owner_wanted(const struct run *run, const struct who *who)
{
	struct filter f = run->common.filter;

	f.have &= FILTER_TASK & ~FILTER_FOLLOW;
	if (!f.have && !run->common.command)
		return true;
	return who->pid && match_task(&f, who) && (!run->common.command || owner_is_ours(who->pid));
}

/* What came since it was told last; false when nothing did. */
static bool difference(struct rmem_sock *s, const struct rmem_sock *before)
{
	s->near -= before->near;
	s->full -= before->full;
	s->exceeded -= before->exceeded;
	return s->near || s->full || s->exceeded;
}

/* What is known of a socket here, NULL without memory for one more. */
static struct known *known(u64 sk, u64 ino)
{
	struct known *k = knowns;

	for (u32 i = 0; i < nknowns; i++, k++)
		if (k->id.sk == sk && k->id.ino == ino)
			return k;
	if (nknowns == SOCKETS_MAX)
		return NULL;
	*k = (struct known){.id = {sk, ino}};
	nknowns++;
	return k;
}

static void tell_one(struct run *run, const struct rmem_sock *s, u64 from, u64 to, bool total)
{
	struct rmem_rec r = {
		.s = {.h = {.len = sizeof(r), .type = REC_RMEM, .fixed = sizeof(r), .ts = to},
		      .dur = to - from,
		      .who = s->who,
		      .sock = s->sock},
		.near = s->near,
		.full = s->full,
		.exceeded = s->exceeded,
		.most = s->most,
		.limit = s->limit,
		.flags = (s->locked ? RMEM_LOCKED : 0) | (total ? RMEM_TOTAL : 0),
	};

	advice_sysctls(r.sysctls);
	run_emit(run, &r.s.h);
}

/* The sockets of an interval, or of the whole run. They are read, never cleared: what is told of an
 * interval is the difference to what was told before. */
static void tell_sockets(struct run *run, struct attach *a, u64 from, u64 to, bool total)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "sockets");
	struct rmem_id id, *at = NULL;

	own.socks_headed = false;
	for (; !bpf_map_get_next_key(map, at, &id); at = &id) {
		struct known *k = known(id.sk, id.ino);
		struct rmem_sock s;

		if (!k || bpf_map_lookup_elem(map, &id, &s))
			continue;
		if (!s.who.pid && !k->wanted) {
			if (total && !k->who.pid)
				run->lost[LOST_OWNER] += s.near + s.full + s.exceeded;
			continue;
		}
		if (!s.who.pid)
			s.who = k->who;
		if (!total) {
			struct rmem_sock all = s;
			bool any = difference(&s, &k->told);

			k->told = all;
			if (!any)
				continue;
		}
		tell_one(run, &s, from, to, total);
	}
}

static int tick(struct run *run, struct attach *a, bool last)
{
	u64 now = clock_ns();
	bool stop;

	if (!a || own.done)
		return 0;
	if (own.intervals)
		tell_sockets(run, a, own.from_ns ? own.from_ns : run->start_ns, now, false);
	own.from_ns = now;
	if (tallies_tick(run, a, last))
		return FAIL;
	if (!last && !run->stop)
		return 0;
	if (run->keep) /* each receive is in three histograms */
		run->events /= WHAT_MAX - 1;
	stop = run->stop;
	run->stop = false; /* these belong to the report that was the last */
	tell_sockets(run, a, run->start_ns, now, true);
	run->stop = stop;
	own.done = true;
	return 0;
}

/* A socket that is new among them: who has it open is looked for while it is. */
static bool inner(struct run *run, const struct rec *r)
{
	const struct hint_rec *h = (const struct hint_rec *)r;
	struct known *k;

	if (r->type != REC_HINT)
		return false;
	k = known(h->a, h->b);
	if (!k)
		return true;
	owner_find(h->b, &k->who);
	k->wanted = owner_wanted(run, &k->who);
	return true;
}

static void event(struct run *run, const struct rec *r)
{
	bool text = run->common.format == OUT_TEXT;
	struct histogram h;
	struct buf b = {0};

	if (sormem_is_socket(r) && text) {
		if (!own.socks_headed)
			out_head(run->out, sormem_socket_columns, sormem_nsocket_columns,
				 run->common.quiet);
		own.socks_headed = true;
		run_row_in(run, sormem_socket_columns, sormem_nsocket_columns, r);
		return;
	}
	if (sormem_is_socket(r)) {
		run_row(run, r);
		return;
	}
	own.socks_headed = false;
	if (tally_of(r)->key.what != WHAT_ALLOCATED) /* each receive is in three */
		run->events -= run_events_of(r);
	if (run->replay && !run->headed && tally_of(r)->key.what)
		choose(run, tally_of(r)->key.pid      ? BY_PROCESS
			    : tally_of(r)->key.family ? BY_PROTOCOL
						      : BY_ALL);
	tallies_event(run, r);
	if (run->stop || !text || own.plain)
		return;
	h = sormem_histogram(r);
	histogram_draw(&b, &h);
	buf_chr(&b, '\n');
	out_line(run->out, b.base, buf_len(&b));
	buf_free(&b);
}

static bool hidden(struct run *run, const struct rec *r)
{
	return sormem_is_socket(r) ? false : tallies_hidden(run, r);
}

static const struct tool sormem = {
	.name = "sormem",
	.summary = "how full receive buffers are, and which sockets need larger ones",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = sormem_columns,
	.lacks = COMMON(FAILED) | COMMON(SLOWER),
	.lacks_why = "it looks at receives that went well, and at no time; weir trace has both",
	.records = RECORD(TALLY) | RECORD(RMEM),
	.object = sormem_bpf_o,
	.object_size = &sormem_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.event = event,
	.tick = tick,
	.hidden = hidden,
	.inner = inner,
};
TOOL(sormem);
