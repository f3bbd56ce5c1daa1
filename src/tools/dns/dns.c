/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir dns: the user half. */
#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "clock.h"
#include "columns.h"
#include "decode.h"
#include "dns_tool.h"
#include "error.h"
#include "match.h"
#include "payloads.h"
#include "pending.h"
#include "probes.h"
#include "run.h"
#include "suggest.h"
#include "sums.h"

TOOL_OBJECT(dns);

static struct {
	const char *ports, *by, *side, *name;
	bool mdns, llmnr, summary;
	u64 timeout_ns;
	enum dns_by sum_by;
	u8 only; /* enum http_side, plus 1 */
	struct dns_conf conf;
	u32 nports;
	struct run *run;
	bool intervals;
} own = {.timeout_ns = 5000000000ull};

#define OWN(member) offsetof(__typeof__(own), member)

static const struct option_row options[] = {
	{0, "port", "N,...", OPT_STRING, OWN(ports), 0, 0,
	 "DNS is spoken on these ports, not on 53"},
	{0, "mdns", NULL, OPT_FLAG, OWN(mdns), 0, 0, "multicast DNS (port 5353), too"},
	{0, "llmnr", NULL, OPT_FLAG, OWN(llmnr), 0, 0, "LLMNR (port 5355), too"},
	{0, "timeout", "TIME", OPT_TIME | OPT_LIVE, OWN(timeout_ns), 0, 0,
	 "after this time a query is unanswered (default 5s)"},
	{0, "name", "GLOB", OPT_STRING, OWN(name), 0, 0, "only names that fit: '*.example.org'"},
	{0, "side", "SIDE", OPT_STRING, OWN(side), 0, 0,
	 "only as the server or the client has it; both are told where both are here"},
	{0, "summary", NULL, OPT_FLAG, OWN(summary), 0, 0,
	 "counts, failures and percentiles by name"},
	{0, "by", "WHAT", OPT_STRING, OWN(by), 0, 0,
	 "with --summary: name (default), server or process"},
	{0},
};

static int add_port(u32 port)
{
	if (own.nports == DNS_PORTS)
		return usage("--port takes at most %d ports, those of --mdns and --llmnr among "
			     "them",
			     DNS_PORTS);
	own.conf.ports[own.nports++] = port;
	return 0;
}

static int parse_ports(const char *s)
{
	for (;;) {
		char *end;
		unsigned long port = strtoul(s, &end, 10);

		if (!isdigit((unsigned char)*s) || !port || port > 65535 || (*end && *end != ','))
			return usage("--port takes numbers from 1 to 65535 with commas between, "
				     "not '%s'",
				     s);
		if (add_port(port))
			return USAGE;
		if (!*end)
			return 0;
		s = end + 1;
	}
}

static int check_words(void)
{
	static const char *const sides[] = {"server", "client", NULL};
	static const char *const ways[] = {"name", "server", "process", NULL};
	int by = own.by ? one_of("--by", own.by, ways) : 0,
	    side = own.side ? one_of("--side", own.side, sides) : 0;

	if (own.name && !*own.name)
		return usage("--name takes a name or a pattern, not ''; the root's name is '.'");
	if (side < 0 || by < 0)
		return USAGE;
	if (own.run->common.interval_ns && !own.summary)
		return usage("-i is the time between reports of --summary: it goes with that");
	if (own.by && !own.summary)
		return usage("--by goes with --summary");
	own.only = own.side ? side + 1 : 0;
	own.sum_by = by;
	return 0;
}

static int check(struct run *run)
{
	own.run = run;
	if (no_words(run, "--name chooses names"))
		return USAGE;
	if (own.ports ? parse_ports(own.ports) : add_port(53))
		return USAGE;
	if ((own.mdns && add_port(5353)) || (own.llmnr && add_port(5355)) || check_words())
		return USAGE;
	if (own.summary && run->common.record)
		return usage("--summary is made of what is recorded; record without it, then "
			     "weir replay FILE --summary");
	if (own.summary)
		run->columns = dns_sum_columns[own.sum_by];
	own.intervals = run->common.interval_ns;
	if (!own.intervals) /* looks for what was not answered */
		run->common.interval_ns = own.timeout_ns < 400000000 ? 100000000 : 250000000;
	return 0;
}

static bool left_out(const struct rec *r)
{
	const struct dns_rec *d = (const struct dns_rec *)r;
	char room[DNS_NAME_MOST];

	if (own.only && d->side + 1 != own.only)
		return true;
	return own.name &&
	       fnmatch(own.name, sect_string(sect_find(r, SECT_TEXT, 0, NULL), room, sizeof(room)),
		       FNM_CASEFOLD);
}

static bool has_port(u16 port)
{
	for (u32 i = 0; i < own.nports; i++)
		if (own.conf.ports[i] == port)
			return true;
	return false;
}

static bool hidden(struct run *run, const struct rec *r)
{
	const struct sock_id *id = &((const struct dns_rec *)r)->s.sock;

	(void)run;
	if (left_out(r))
		return true;
	return own.ports && !has_port(id->lport) && !has_port(id->rport);
}

static void put_sect(struct buf *b, u32 arg, const void *head, u32 nhead, const char *text, u32 n)
{
	struct sect s = {.kind = SECT_TEXT, .arg = arg, .len = nhead + n, .full = nhead + n};

	buf_mem(b, &s, sizeof(s));
	buf_mem(b, head, nhead);
	buf_mem(b, text, n);
	buf_mem(b, "\0\0\0\0\0\0\0", SECT_NEXT(s.len) - s.len);
}

static void put_answers(struct buf *b, const u8 *p, u32 n)
{
	struct dns_question question;
	struct buf text = {0};
	struct dns_answer a;
	struct dns_head h;
	u32 where;

	if (!p || !dns_parse(p, n, &h, &question, &where))
		return;
	for (u32 i = 0; i < h.answers && i < DNS_ANSWERS_MOST && dns_next(p, n, &where, &a); i++) {
		struct dns_text head = {.ttl = a.ttl, .type = a.type};

		buf_clear(&text);
		buf_room(&text, 1);
		dns_data(&text, p, n, &a);
		put_sect(b, 1, &head, sizeof(head), text.base,
			 buf_len(&text) < 4096 ? buf_len(&text) : 4096);
	}
	buf_free(&text);
}

static void done(const struct dns_rec *d, const char *name, const u8 *p, u32 n)
{
	struct filter f = own.run->common.filter;
	static struct buf b;
	struct dns_rec *r;

	buf_clear(&b);
	buf_mem(&b, d, sizeof(*d));
	put_sect(&b, 0, "", 0, name, strlen(name));
	put_answers(&b, p, n);
	r = (struct dns_rec *)b.base;
	r->s.h.len = buf_len(&b);
	r->s.h.type = REC_DNS;
	r->s.h.fixed = sizeof(*r);
	f.have &= FILTER_FAILED | FILTER_SLOWER; /* of these the kernel half knows nothing */
	if (match_sock(&f, &r->s) && !left_out(&r->s.h))
		run_emit(own.run, &r->s.h);
}

static bool inner(struct run *run, const struct rec *r)
{
	if (r->type != REC_PIECE)
		return false;
	if (!run->stop && r->len >= sizeof(struct piece_rec))
		pending_piece((const struct piece_rec *)r);
	return true;
}

static void put_server(char *to, size_t size, const struct rec *r)
{
	const struct dns_rec *d = (const struct dns_rec *)r;
	struct buf b = {0};
	struct verbs v = {.ops = &verbs_text, .b = &b};

	buf_room(&b, 64);
	decode_addr(&v, &d->s.sock, d->side == HTTP_CLIENT);
	memcpy(to, b.base, buf_len(&b) < size ? buf_len(&b) : size - 1);
	buf_free(&b);
}

static void sum_up(const struct rec *r)
{
	const struct dns_rec *d = (const struct dns_rec *)r;
	bool none = d->flags & (DNS_UNANSWERED | DNS_NO_QUERY);
	struct sum_key key = {.side = d->side};

	if (own.sum_by == BY_PROCESS) {
		key.pid = d->s.who.pid;
		memcpy(key.comm, d->s.who.comm, sizeof(key.comm));
	} else if (own.sum_by == BY_SERVER) {
		put_server(key.more, sizeof(key.more), r);
	} else {
		sect_string(sect_find(r, SECT_TEXT, 0, NULL), key.more, sizeof(key.more));
		for (char *p = key.more; *p; p++)
			*p = tolower((unsigned char)*p);
	}
	sums_add(&key, d->s.h.ts, none ? ~0ull : d->s.dur, d->s.ret < 0, d->flags & DNS_UNANSWERED,
		 d->query_bytes + d->answer_bytes);
}

static void event(struct run *run, const struct rec *r)
{
	if (own.summary)
		sum_up(r);
	else
		run_row(run, r);
}

static void tell_row(void *run, const struct rec *r)
{
	run_row(run, r);
}

static int tick(struct run *run, struct attach *a, bool last)
{
	u64 now = clock_ns();

	if (a)
		pending_expire(now > own.timeout_ns ? now - own.timeout_ns : 0, now);
	if (own.summary && (last || own.intervals))
		sums_tell(tell_row, run);
	if (!last || !a)
		return 0;
	if (pending_count())
		note("%u queries had no answer yet, and were not waited for", pending_count());
	if (dns_unread)
		note("%llu messages were no DNS, or longer than what is looked at",
		     (unsigned long long)dns_unread);
	return 0;
}

static int setup(struct run *run, struct attach *a)
{
	struct dns_conf *conf = attach_data(a, ".rodata.dns", sizeof(*conf));

	(void)run;
	if (!conf)
		return FAIL;
	if (payloads_setup(a))
		return FAIL;
	*conf = own.conf;
	dns_done = done;
	probes_want(a, &door_probes[DOOR_RECVMSG]);
	probes_want(a, &door_probes[DOOR_SENDMSG]);
	return 0;
}

static const struct tool dns = {
	.name = "dns",
	.summary = "DNS queries and their answers, with the process, result and latency",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = dns_columns,
	.lacks = COMMON(PORT), /* its own means more */
	.records = RECORD(DNS),
	.object = dns_bpf_o,
	.object_size = &dns_bpf_o_size,
	.check = check,
	.setup = setup,
	.event = event,
	.inner = inner,
	.tick = tick,
	.hidden = hidden,
};
TOOL(dns);
