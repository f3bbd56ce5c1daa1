/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir http: the user half. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "columns.h"
#include "conns.h"
#include "error.h"
#include "h2.h"
#include "http.h"
#include "kernel.h"
#include "match.h"
#include "payloads.h"
#include "probes.h"
#include "segments.h"
#include "suggest.h"
#include "summary.h"
#include "tls.h"
#include "wire.h"

TOOL_OBJECT(http);
TOOL_OBJECT(packets);

static struct {
	const char *status, *method, *path, *side, *by, *at;
	struct option_words interfaces;
	bool summary, tls;
	bool reports;    /* -i was given */
	u16 least, most; /* of --status */
	u32 snap;
	u8 only; /* enum http_side, plus 1 */
	struct run *run;
} own;

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "status", "N", OPT_STRING, OWN(status), 0, 0,
	 "only responses of this status: 404, or of a class: 5xx"},
	{0, "method", "METHOD", OPT_STRING, OWN(method), 0, 0, "only requests of this method"},
	{0, "path", "GLOB", OPT_STRING, OWN(path), 0, 0,
	 "only paths that fit: '/api/*'; with the query, '*' stands for '/' too"},
	{0, "side", "SIDE", OPT_STRING, OWN(side), 0, 0,
	 "only as the server or the client has it; both are told where both are here"},
	{0, "tls", NULL, OPT_FLAG | OPT_LIVE, OWN(tls), 0, 0,
	 "within TLS, too, where OpenSSL does it; by itself with -p and a command"},
	{0, "at", "PLACE", OPT_STRING | OPT_LIVE, OWN(at), 0, 0,
	 "from the packets of interfaces, at xdp (leaving ones at tc) or tc"},
	{0, "interface", "IF", OPT_WORDS | OPT_LIVE, OWN(interfaces), 0, 0,
	 "with --at: this interface; may be given again; any (default): all"},
	{'s', "snap", "BYTES", OPT_UINT | OPT_LIVE, OWN(snap), 128, PACKET_SNAP_MAX,
	 "with --at: look at so many bytes of each packet (65535)"},
	{0, "summary", NULL, OPT_FLAG, OWN(summary), 0, 0,
	 "counts, errors and percentiles by host and path"},
	{0, "by", "WHAT", OPT_STRING, OWN(by), 0, 0,
	 "with --summary: path (default), each template, or process"},
	{0},
};

static const struct probe sent = {
	.name = "tcp_sendmsg",
	.ways = {{"tcp_sent", PROBE_FEXIT, "tcp_sendmsg", 3},
		 {"sock_sent", PROBE_TP_BTF, "sock_send_length", 3}},
};
static const struct probe received = {
	.name = "tcp_recvmsg",
	.id = 1,
	.ways = {{"tcp_received", PROBE_FEXIT, "tcp_recvmsg", 5},
		 {"tcp_received4", PROBE_FEXIT, "tcp_recvmsg", 4},
		 {"sock_received", PROBE_TP_BTF, "sock_recv_length", 3}},
};
/* Kernels that send pages otherwise than in messages, until dc97391e6610 (6.5). */
static const struct probe page = {
	.name = "tcp_sendpage",
	.id = 2,
	.ways = {{"tcp_page", PROBE_FEXIT, "tcp_sendpage", 5}},
};

static int parse_status(const char *s)
{
	if (strlen(s) == 3 && s[0] >= '1' && s[0] <= '9' && !strcmp(s + 1, "xx")) {
		own.least = (s[0] - '0') * 100;
		own.most = own.least + 99;
		return 0;
	}
	if (strlen(s) != 3 || strspn(s, "0123456789") != 3 || *s == '0')
		return usage("--status takes a number as 404 or a class as 5xx, not '%s'", s);
	own.least = own.most = atoi(s);
	return 0;
}

static const struct tool wire;
static void done(const struct transaction *t);

static int check(struct run *run)
{
	static const char *const sides[] = {"server", "client", NULL};
	static const char *const ways[] = {"path", "process", NULL};
	int by = own.by ? one_of("--by", own.by, ways) : 0,
	    side = own.side ? one_of("--side", own.side, sides) : -1;

	own.run = run;
	own.reports = run->common.interval_ns;
	if (no_words(run, "--host, --port and --path choose requests"))
		return USAGE;
	if (own.status && parse_status(own.status))
		return USAGE;
	if ((own.method && !*own.method) || (own.path && !*own.path))
		return usage("--%s takes a word, not nothing: no request is without",
			     own.method && !*own.method ? "method" : "path");
	if (by < 0 || (own.side && side < 0))
		return USAGE;
	own.only = side + 1;
	if (own.by && !own.summary)
		return usage("--by goes with --summary");
	if (own.reports && !own.summary)
		return usage("-i is the time between reports of --summary: it goes with that");
	if (own.summary && run->common.record)
		return usage("--summary is made of what is recorded; record without it, then "
			     "weir replay FILE --summary");
	if (own.summary)
		summary_open(run, by);
	if ((own.interfaces.n || own.snap) && !own.at)
		return usage("--interface and --snap go with --at xdp or --at tc");
	if (own.at && own.tls)
		return usage("packets have TLS encrypted: --at and --tls exclude each other");
	if (!own.at)
		return 0;
	run->tool = &wire;
	http_done = done;
	return wire_check(&run->common, own.at, &own.interfaces, own.snap);
}

static bool left_out(const struct rec *r)
{
	const struct http_rec *h = (const struct http_rec *)r;
	char room[PATH_MOST + 1];

	if (own.status && (h->status < own.least || h->status > own.most))
		return true;
	if (own.only && h->side + 1 != own.only)
		return true;
	if (own.method &&
	    strcasecmp(own.method, sect_string(http_text(r, HTTP_METHOD), room, sizeof(room))))
		return true;
	return own.path &&
	       fnmatch(own.path, sect_string(http_text(r, HTTP_PATH), room, sizeof(room)), 0);
}

static bool hidden(struct run *run, const struct rec *r)
{
	(void)run;
	return left_out(r);
}

/* The kernel half knows neither results nor times. */
static bool passes(const struct filter *filter, const struct http_rec *r)
{
	struct filter f = *filter;

	f.have &= FILTER_FAILED | FILTER_SLOWER;
	return match_sock(&f, &r->s) && !left_out(&r->s.h);
}

static void done(const struct transaction *t)
{
	static struct buf b;
	struct http_rec *r;

	buf_clear(&b);
	buf_mem(&b, &t->r, sizeof(t->r));
	for (u32 i = 0; i < HTTP_TEXTS; i++) {
		const struct text *x = &t->texts[i];
		struct sect s = {.kind = SECT_TEXT,
				 .arg = i,
				 .len = x->full < x->room ? x->full : x->room,
				 .full = x->full};

		buf_mem(&b, &s, sizeof(s));
		buf_mem(&b, x->at, s.len);
		buf_mem(&b, "\0\0\0\0\0\0\0", SECT_NEXT(s.len) - s.len);
	}
	r = (struct http_rec *)b.base;
	r->s.h.len = buf_len(&b);
	r->s.h.type = REC_HTTP;
	r->s.h.fixed = sizeof(*r);
	if (passes(&own.run->common.filter, r))
		run_emit(own.run, &r->s.h);
}

static bool inner(struct run *run, const struct rec *r)
{
	if (r->type != REC_PIECE && r->type != REC_PACKET)
		return false;
	if (run->stop)
		return true;
	if (r->type == REC_PACKET)
		segments_packet((const struct packet_rec *)r);
	else if (r->len >= r->fixed &&
		 (r->fixed == PIECE_BRIEF || r->fixed == sizeof(struct piece_rec)))
		conns_piece((const struct piece_rec *)r);
	return true;
}

static void event(struct run *run, const struct rec *r)
{
	if (own.summary)
		summary_add(r);
	else
		run_row(run, r);
}

static int tick(struct run *run, struct attach *a, bool last)
{
	if (own.summary && (last || own.reports))
		summary_tell(run);
	if (!last || !a)
		return 0;
	if (http_resyncs)
		note("bytes were missing %llu times where they were needed: unsure marks the "
		     "requests",
		     (unsigned long long)http_resyncs);
	if (h2_untold)
		note("%llu requests of HTTP/2 are not told: their connections were there before "
		     "weir, and what their heads say depends on what was sent before",
		     (unsigned long long)h2_untold);
	if (h2_lost)
		note("%llu connections of HTTP/2 were left: bytes that a head was in were not seen",
		     (unsigned long long)h2_lost);
	if (http_headless)
		note("%llu requests are not told: their heads did not end, or had bytes that were "
		     "not "
		     "seen",
		     (unsigned long long)http_headless);
	if (http_dropped)
		note("%llu requests were left out: too many waited for a response",
		     (unsigned long long)http_dropped);
	return 0;
}

static bool kernel_has(const char *function)
{
	struct kernel_name name = {.name = function, .kind = BTF_KIND_FUNC};

	return kernel_names(&name, 1) && name.id;
}

static int setup(struct run *run, struct attach *a)
{
	struct http_conf *conf = attach_data(a, ".rodata.http", sizeof(*conf));

	if (!conf)
		return FAIL;
	if (payloads_setup(a))
		return FAIL;
	conf->tls = tls_wanted(run, a, own.tls);
	conf->cast = kernel_has("bpf_rdonly_cast");
	http_done = done;
	probes_want(a, &sent);
	probes_want(a, &received);
	if (kernel_has("tcp_sendpage"))
		probes_want(a, &page);
	probes_want(a, &state_probe);
	return 0;
}

static int attach(struct run *run, struct attach *a)
{
	return tls_attach(run, a, own.tls);
}

#define HTTP                                                                                       \
	.name = "http",                                                                            \
	.summary = "HTTP requests and their responses, with the process, status and times",        \
	.usage = "[options] [-- COMMAND...]", .options = options, .own = &own,                     \
	.columns = http_columns, .check = check, .event = event, .inner = inner, .tick = tick,     \
	.records = RECORD(HTTP), .hidden = hidden

/* With --at: the programs of weir packets tell what is seen. */
static const struct tool wire = {
	HTTP,
	.object = packets_bpf_o,
	.object_size = &packets_bpf_o_size,
	.setup = wire_setup,
	.attach = wire_attach,
	.poll = wire_poll,
};

static const struct tool http = {
	HTTP,           .object = http_bpf_o, .object_size = &http_bpf_o_size,
	.setup = setup, .attach = attach,
};
TOOL(http);
