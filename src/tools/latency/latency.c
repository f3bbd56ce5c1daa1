/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir latency: the user half. */
#include "bys.h"
#include "conn_columns.h"
#include "error.h"
#include "latency.h"
#include "probes.h"

TOOL_OBJECT(latency);

static struct {
	struct bys_options by;
	u64 over_ns;
} own;

static const struct option_row options[] = {
	BYS_OPTIONS(
		"a histogram for each process (default), remote address, port (the remote one), "
		"local (port) or connection; or one of all"),
	{0, "over", "TIME", OPT_TIME, offsetof(__typeof__(own), over_ns), 0, 0,
	 "a line for each message that took as long, with its stages; no histograms"},
	{0},
};

static const char *const stages[STAGES] = {"call", "queue", "qdisc", "ack", "wait"};

static void tell_stage(struct verbs *v, const struct rec *r)
{
	u32 stage = LATENCY_STAGE(tally_of(r)->key.what);

	v->ops->word(v, !tally_of(r)->key.what || stage >= STAGES ? "(other)" : stages[stage]);
}

static const struct column columns[] = {
	BYS_COLUMNS,
	{"stage", "STAGE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 5, tell_stage,
	 "call, queue, qdisc and ack of what was sent; wait of what was received"},
	{"messages", "MESSAGES", COL_UINT, COL_TEXT, T(events), 8, NULL,
	 "sent; of wait: segments that came in"},
	SPREADS_TIMES("the mean of these times"),
	{0},
};

static const struct latency_rec *latency_of(const struct rec *r)
{
	return (const struct latency_rec *)r;
}

static void tell_ns(struct verbs *v, const struct rec *r, u32 stage)
{
	u64 ns = latency_of(r)->stage[stage];

	if (ns != STAGE_UNKNOWN)
		v->ops->uint(v, ns / 1000);
	else
		decode_none(v);
}

#define TELL_STAGE(name, stage)                                                                    \
	static void name(struct verbs *v, const struct rec *r)                                     \
	{                                                                                          \
		tell_ns(v, r, stage);                                                              \
	}
TELL_STAGE(tell_call, STAGE_CALL)
TELL_STAGE(tell_queue, STAGE_QUEUE)
TELL_STAGE(tell_qdisc, STAGE_QDISC)
TELL_STAGE(tell_ack, STAGE_ACK)
TELL_STAGE(tell_wait, STAGE_WAIT)

#define L(member) COLUMN(struct latency_rec, member)

static const struct column each[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, L(s.h.ts), 12, NULL, "when it had ended"},
	WHO_COLUMNS,
	NEST("family", NULL, 0, 0, tell_conn_family, "address family"),
	NEST("local_address", NULL, 0, 0, tell_conn_laddr, "local address"),
	NEST("local_port", "LPORT", COL_TEXT, 5, tell_conn_lport, "local port"),
	NEST("address", "ADDRESS", COL_TEXT | COL_LEFT, 15, tell_conn_addr, "remote address"),
	NEST("port", "PORT", COL_TEXT, 5, tell_conn_port, "remote port"),
	{"bytes", "BYTES", COL_UINT, COL_TEXT, L(bytes), 7, NULL, "of the message"},
	NEST("total_us", "TOTAL(us)", COL_TEXT, 9, tell_conn_us, "how long it took, of all stages"),
	NEST("call_us", "CALL", COL_TEXT, 7, tell_call, "within the send call"),
	NEST("queue_us", "QUEUE", COL_TEXT, 7, tell_queue, "in the send queue"),
	NEST("qdisc_us", "QDISC", COL_TEXT, 7, tell_qdisc, "in the device's queue"),
	NEST("ack_us", "ACK", COL_TEXT, 7, tell_ack, "until it was acknowledged"),
	NEST("wait_us", "WAIT", COL_TEXT, 7, tell_wait, "received: until it was read"),
	{"again", "AGAIN", COL_UINT, COL_TEXT, L(again), 5, NULL,
	 "how often its end was sent again"},
	{"error", NULL, COL_ERROR, 0, L(s.ret), 0, NULL,
	 "EPIPE: the connection ended before the acknowledgment came"},
	{"cookie", NULL, COL_UINT, 0, L(cookie), 0, NULL, "of the socket, as ss -e shows it (sk:)"},
	{0},
};

enum { ENTRY, RETURN, QUEUE, XMIT, SEGMENT, HALF, READ, PROBES };

/* Functions come first where the call is: the tracepoint is behind the socket's lock. */
static const struct probe probes[PROBES] = {
	[ENTRY] = {.name = "tcp_sendmsg entry",
		   .ways = {{"send_entry", PROBE_FENTRY, "tcp_sendmsg", 3},
			    {"send_entry_tp", PROBE_TP_BTF, "tcp_sendmsg_locked", 4}}},
	[RETURN] = {.name = "tcp_sendmsg return",
		    .ways = {{"send_exit", PROBE_FEXIT, "tcp_sendmsg", 3},
			     {"send_exit_tp", PROBE_TP_BTF, "sock_send_length", 3}}},
	[QUEUE] = {.name = "net_dev_queue",
		   .ways = {{"on_queue", PROBE_TP_BTF, "net_dev_queue", 1}}},
	[XMIT] = {.name = "net_dev_start_xmit",
		  .ways = {{"on_xmit", PROBE_TP_BTF, "net_dev_start_xmit", 2}}},
	[SEGMENT] = {.name = "tcp_probe", .ways = {{"on_segment", PROBE_TP_BTF, "tcp_probe", 2}}},
	[HALF] = {.name = "tcp_rcv_state_process (connections that are half closed)",
		  .ways = {{"on_segment_half", PROBE_FENTRY, "tcp_rcv_state_process", 2}}},
	[READ] = {.name = "tcp_rcv_space_adjust",
		  .ways = {{"on_read", PROBE_TP_BTF, "tcp_rcv_space_adjust", 1}}},
};

/* By stage, those that took part most often first. */
static int order(const struct tally_rec *a, const struct tally_rec *b)
{
	u32 x = LATENCY_STAGE(a->key.what), y = LATENCY_STAGE(b->key.what);

	if (x != y)
		return x > y ? 1 : -1;
	return a->events < b->events ? 1 : a->events > b->events ? -1 : 0;
}

static struct counts_shape shape = {.order = order};

static int check(struct run *run)
{
	if (run->replay) /* messages can be told apart by all: see hidden() */
		shape.filters = ~0u;
	if (!own.over_ns)
		return bys_check(run, &own.by, "process", columns, &shape);
	if (conns_check(run))
		return USAGE;
	if (own.by.by_word)
		return usage("--over and --by exclude each other: lines have it all");
	if (run->common.filter.have & FILTER_SLOWER)
		return usage("--over and --slower exclude each other: they mean the same there");
	run_columns(run, each);
	return 0;
}

static int setup(struct run *run, struct attach *a)
{
	struct latency_conf *conf = attach_data(a, ".rodata.latency", sizeof(*conf));

	if (!conf)
		return FAIL;
	conf->over_ns = own.over_ns;
	for (u32 i = 0; i < PROBES; i++)
		probes_want(a, &probes[i]);
	probes_want(a, &state_probe);
	return own.over_ns ? 0 : bys_setup(run, a);
}

/* What cannot be told here, by the probes that are missing. */
static int attach(struct run *run, struct attach *a)
{
	const struct attached_probe *p = a->probes;
	bool entry = p[ENTRY].taken, ret = p[RETURN].taken, queue = p[QUEUE].taken;
	bool xmit = p[XMIT].taken, segment = p[SEGMENT].taken;
	struct {
		const char *what;
		bool have;
	} told[STAGES] = {
		[STAGE_CALL] = {"time inside the send call", entry && ret},
		[STAGE_QUEUE] = {"time in the send queue", ret && queue},
		[STAGE_QDISC] = {"time in the qdisc", ret && queue && xmit},
		[STAGE_ACK] = {"time to the acknowledgment", ret && segment},
		[STAGE_WAIT] = {"time until the reader came", segment && p[READ].taken},
	};

	for (u32 i = 0; i < STAGES; i++)
		if (!told[i].have && !run->common.quiet)
			note("not available on this kernel: %s (%s)", told[i].what, stages[i]);
	return 0;
}

static u32 by_of(const struct rec *r)
{
	return LATENCY_BY(tally_of(r)->key.what);
}

static void event(struct run *run, const struct rec *r)
{
	if (r->type == REC_TALLY) {
		bys_event(run, r, by_of(r));
		return;
	}
	if (run->replay && !run->headed) {
		run_columns(run, each);
		tallies_are_lines(run);
	}
	run_row(run, r);
}

static int tick(struct run *run, struct attach *a, bool last)
{
	return own.over_ns ? 0 : tallies_tick(run, a, last);
}

static bool hidden(struct run *run, const struct rec *r)
{
	if (r->type == REC_LATENCY)
		return own.over_ns && latency_of(r)->s.dur < own.over_ns;
	if (run->common.filter.have & ~(FILTER_PID | FILTER_COMM | FILTER_FAMILY | FILTER_PORT))
		return tallies_mixed(run);
	if (!own.over_ns)
		return bys_hidden(run, r, by_of(r));
	note("this recording has counts, no messages: --over is to be given while recording");
	run->stop = true;
	return true;
}

static const struct tool latency = {
	.name = "latency",
	.summary = "where the time of TCP's messages goes, as histograms or one by one",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(FAILED),
	.lacks_why = "a time has no result",
	.records = RECORD(TALLY) | RECORD(LATENCY),
	.object = latency_bpf_o,
	.object_size = &latency_bpf_o_size,
	.io_uring = true,
	.check = check,
	.setup = setup,
	.attach = attach,
	.event = event,
	.tick = tick,
	.hidden = hidden,
};
TOOL(latency);
