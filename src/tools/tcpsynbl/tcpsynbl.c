/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcpsynbl: the user half. */
#include <stdio.h>
#include <stdlib.h>
#include "clock.h"
#include "decode.h"
#include "error.h"
#include "hit_decode.h"
#include "table.h"
#include "whos.h"

TOOL_OBJECT(conns); /* the table is theirs all */

#define TCP_LISTEN 10 /* include/net/tcp_states.h, ABI */

/* A socket that listens, by its cookie. */
struct listener {
	u64 cookie;
	struct synbl_rec rec;
	u32 before,
		first; /* drops by the kernel's count: when it was told last, when it was found */
	bool seen;
};

static struct {
	bool all;
	struct listener *list;
	u32 n, room;
	u32 intervals; /* -n; 0: all */
	u64 from_ns;   /* of the interval that ends next */
	u32 somaxconn, netns;
	bool begun, done;
} own;

static const struct option_row options[] = {
	{0, "all", NULL, OPT_FLAG, offsetof(__typeof__(own), all), 0, 0,
	 "each interval tells all that listen; else only those with something in a queue, or "
	 "dropped"},
	{'n', "count", "COUNT", OPT_COMMON, 0, 0, 0, "end after this many intervals"},
	{0},
};

static const struct synbl_rec *synbl_of(const struct rec *r)
{
	return (const struct synbl_rec *)r;
}

static void tell_report(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, synbl_of(r)->flags & SYNBL_TOTAL ? "total" : "interval");
}

static void tell_addr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &synbl_of(r)->s.sock, false);
}

static void tell_port(struct verbs *v, const struct rec *r)
{
	decode_port(v, &synbl_of(r)->s.sock, false);
}

/*
 * What to change. The accept queue is full with limit + 1 connections (sk_acceptq_is_full()). A
 * limit of somaxconn is mostly what that made of a larger one.
 */
static void tell_advice(struct verbs *v, const struct rec *r)
{
	const struct synbl_rec *s = synbl_of(r);
	char text[160];

	if (!s->drops && s->accept_most <= s->limit / 2 && s->shakes_most <= s->limit / 2) {
		decode_none(v);
		return;
	}
	if (s->shakes_most > s->accept_most && s->shakes_most > s->limit / 2)
		snprintf(text, sizeof(text),
			 "handshakes are not ended: a SYN flood? net.ipv4.tcp_syncookies, and a "
			 "larger backlog");
	else if (s->somaxconn && s->limit >= s->somaxconn)
		snprintf(text, sizeof(text),
			 "accept faster; net.core.somaxconn (now %u) holds the backlog",
			 s->somaxconn);
	else
		snprintf(text, sizeof(text),
			 "accept faster; or a larger backlog in listen(), up to net.core.somaxconn "
			 "(now %u)",
			 s->somaxconn);
	v->ops->word(v, text);
}

#define S(member) COLUMN(struct synbl_rec, member)

static const struct column columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, S(s.h.ts), 8, NULL, "end of the interval"},
	NEST("report", NULL, 0, 0, tell_report, "interval, or total: of the whole run, at its end"),
	{"interval_ns", NULL, COL_NS, 0, S(s.dur), 0, NULL, "length of the interval"},
	WHO_COLUMNS,
	{"netns", NULL, COL_UINT, 0, S(netns), 0, NULL, "network namespace of the socket"},
	NEST("address", "ADDRESS", COL_TEXT | COL_LEFT, 15, tell_addr, "where it listens"),
	NEST("port", "PORT", COL_TEXT, 5, tell_port, "port there"),
	{"accept_queue", "ACCEPT", COL_UINT, COL_TEXT, S(accept), 6, NULL,
	 "connections that wait to be accepted, now"},
	{"accept_queue_max", "MOST", COL_UINT, COL_TEXT, S(accept_most), 5, NULL,
	 "the most that was seen, of a total"},
	{"syn_queue", "SYN", COL_UINT, COL_TEXT, S(handshakes), 5, NULL,
	 "handshakes that are not ended, now"},
	{"syn_queue_max", "MOST", COL_UINT, COL_TEXT, S(shakes_most), 5, NULL,
	 "the most that was seen, of a total"},
	{"limit", "LIMIT", COL_UINT, COL_TEXT, S(limit), 5, NULL,
	 "of both queues: listen()'s backlog, as the kernel took it"},
	{"drops", "DROPS", COL_UINT, COL_TEXT, S(drops), 6, NULL,
	 "what came and was dropped in this time: SYNs and ends of handshakes"},
	NEST("advice", "ADVICE", COL_TEXT | COL_LEFT, 0, tell_advice,
	     "what to change, when a queue was more than half full, or something was dropped"),
	{0},
};

static int check(struct run *run)
{
	struct common *c = &run->common;

	if (no_words(run, "--host and --port choose sockets"))
		return USAGE;
	own.intervals = c->count;
	c->count = 0;
	if (!c->interval_ns)
		c->interval_ns = 1000000000;
	return 0;
}

static int setup(struct run *run, struct attach *a)
{
	(void)run;
	return table_setup(a, 0, false);
}

static struct listener *find(u64 cookie)
{
	struct listener *more;

	for (u32 i = 0; i < own.n; i++)
		if (own.list[i].cookie == cookie)
			return &own.list[i];
	if (own.n == own.room) {
		more = realloc(own.list, (own.room * 2 + 64) * sizeof(*more));
		if (!more)
			return NULL;
		own.list = more;
		own.room = own.room * 2 + 64;
	}
	own.list[own.n] = (struct listener){.cookie = cookie};
	return &own.list[own.n++];
}

/* Of the namespace that is visited now (table_list()). */
static u32 somaxconn(u32 netns)
{
	FILE *f;

	if (netns == own.netns)
		return own.somaxconn;
	f = fopen("/proc/sys/net/core/somaxconn", "re");
	own.netns = netns;
	own.somaxconn = 0;
	if (f && fscanf(f, "%u", &own.somaxconn) != 1)
		own.somaxconn = 0;
	if (f)
		fclose(f);
	return own.somaxconn;
}

static u32 most(u32 a, u32 b)
{
	return a > b ? a : b;
}

static void look(struct run *run, const struct rec *r)
{
	const struct conn_rec *c = table_rec(r);
	struct listener *l;

	(void)run;
	if (c->s.sock.state != TCP_LISTEN)
		return;
	l = find(c->cookie);
	if (!l)
		return;
	if (!l->rec.s.h.type) { /* what came up since the start had no drops before */
		l->first = l->before = own.begun ? 0 : c->drops;
		l->rec.s.h = (struct rec){
			.len = sizeof(l->rec), .type = REC_SYNBL, .fixed = sizeof(l->rec)};
		l->rec.netns = c->netns;
		l->rec.somaxconn = somaxconn(c->netns);
	}
	l->seen = true;
	l->rec.s.sock = c->s.sock;
	if (c->s.who.pid)
		l->rec.s.who = c->s.who;
	l->rec.limit = c->recv_limit;
	l->rec.accept = c->recv_queue;
	l->rec.handshakes = c->send_queue;
	l->rec.accept_most = most(l->rec.accept_most, c->recv_queue);
	l->rec.shakes_most = most(l->rec.shakes_most, c->send_queue);
	l->rec.drops = c->drops;
}

static void tell(struct run *run, struct listener *l, u64 from, u64 now, bool total)
{
	struct synbl_rec r = l->rec;

	r.s.h.ts = now;
	r.s.dur = now - from;
	r.flags = total ? SYNBL_TOTAL : 0;
	r.drops = l->rec.drops - (total ? l->first : l->before);
	if (!total) {
		r.accept_most = r.accept;
		r.shakes_most = r.handshakes;
	}
	if (total || own.all || r.accept || r.handshakes || r.drops)
		run_emit(run, &r.s.h);
}

static int sample(struct run *run, struct attach *a)
{
	for (u32 i = 0; i < own.n; i++)
		own.list[i].seen = false;
	return table_scan(a) || table_list(run, a, CONN_IS, false, look) ? FAIL : 0;
}

static int attach(struct run *run, struct attach *a)
{
	int err = table_attach(a) || sample(run, a) ? FAIL : 0;

	own.begun = true;
	if (!err && !run->common.quiet && !run->common.command)
		note("looking at what listens each %.6g s, tracing nothing; Ctrl-C ends",
		     run->common.interval_ns / 1e9);
	return err;
}

static int tick(struct run *run, struct attach *a, bool last)
{
	u64 now;

	if (!a || own.done)
		return 0;
	if (sample(run, a))
		return FAIL;
	now = clock_ns();
	for (u32 i = 0; i < own.n; i++) {
		struct listener *l = &own.list[i];

		if (l->seen)
			tell(run, l, own.from_ns ? own.from_ns : run->start_ns, now, false);
		l->before = l->rec.drops;
	}
	own.from_ns = now;
	if (!last && (!own.intervals || --own.intervals))
		return 0;
	own.done = true;
	for (u32 i = 0; i < own.n; i++)
		tell(run, &own.list[i], run->start_ns, now, true);
	run->stop = true;
	return 0;
}

static void event(struct run *run, const struct rec *r)
{
	bool stop = run->stop;

	run->stop = false; /* these belong to the report that was the last */
	run_row(run, r);
	run->stop |= stop;
}

static const struct tool tcpsynbl = {
	.name = "tcpsynbl",
	.summary = "SYN and accept queues of what listens, against their limits",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(FAILED) | COMMON(SLOWER),
	.lacks_why = "a queue has no result, and no time is measured",
	.records = RECORD(SYNBL),
	.object = conns_bpf_o,
	.object_size = &conns_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.tick = tick,
};
TOOL(tcpsynbl);
