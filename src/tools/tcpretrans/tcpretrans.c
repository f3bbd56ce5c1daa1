/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcpretrans: the user half. */
#include "conn_columns.h"
#include "decode.h"
#include "error.h"
#include "hit_decode.h"
#include "owners.h"
#include "probes.h"
#include "run.h"
#include "whos.h"

TOOL_OBJECT(tcpretrans);

static const struct retrans_rec *retrans_of(const struct rec *r)
{
	return (const struct retrans_rec *)r;
}

static void tell_none(struct verbs *v)
{
	if (v->ops == &verbs_text)
		v->ops->word(v, "-");
	else
		decode_none(v);
}

static void tell_kind(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {[RETRANS_DATA] = "data",
					    [RETRANS_SYN] = "SYN",
					    [RETRANS_SYNACK] = "SYN-ACK",
					    [RETRANS_FIN] = "FIN",
					    [RETRANS_PROBE] = "probe"};
	u16 kind = retrans_of(r)->kind;

	v->ops->word(v, kind < sizeof(words) / sizeof(*words) ? words[kind] : "?");
}

static void tell_state(struct verbs *v, const struct rec *r)
{
	const char *name = name_of(&names_tcp_state, retrans_of(r)->sock.id.state);

	if (name)
		v->ops->word(v, v->ops == &verbs_text ? name + 4 : name);
	else
		tell_none(v);
}

/* enum tcp_ca_state; as ss does not tell it, but /proc's and the kernel's own words do. */
static void tell_ca(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {"Open", "Disorder", "CWR", "Recovery", "Loss"};
	u8 ca = retrans_of(r)->ca;

	if (retrans_of(r)->kind == RETRANS_SYNACK || ca >= sizeof(words) / sizeof(*words))
		tell_none(v);
	else
		v->ops->word(v, words[ca]);
}

static void tell_family(struct verbs *v, const struct rec *r)
{
	decode_family(v, &retrans_of(r)->sock.id);
}

static void tell_laddr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &retrans_of(r)->sock.id, false);
}

static void tell_lport(struct verbs *v, const struct rec *r)
{
	decode_port(v, &retrans_of(r)->sock.id, false);
}

static void tell_raddr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &retrans_of(r)->sock.id, true);
}

static void tell_rport(struct verbs *v, const struct rec *r)
{
	decode_port(v, &retrans_of(r)->sock.id, true);
}

static void tell_cookie(struct verbs *v, const struct rec *r)
{
	if (retrans_of(r)->sock.cookie)
		v->ops->uint(v, retrans_of(r)->sock.cookie);
	else
		decode_none(v);
}

/* Hundredths of a per cent. */
static void tell_share(struct verbs *v, const struct rec *r)
{
	u32 sent = retrans_of(r)->sent, of = sent ? retrans_of(r)->retrans * 10000ull / sent : 0;

	if (!sent) {
		tell_none(v);
		return;
	}
	buf_u64(v->b, of / 100);
	buf_chr(v->b, '.');
	buf_chr(v->b, '0' + of / 10 % 10);
	if (v->ops != &verbs_text)
		buf_chr(v->b, '0' + of % 10);
}

static void tell_attempt(struct verbs *v, const struct rec *r)
{
	if (retrans_of(r)->attempt)
		v->ops->uint(v, retrans_of(r)->attempt);
	else
		tell_none(v);
}

/* 127.0.0.1:80->127.0.0.1:40000 */
static void tell_connection(struct verbs *v, const struct rec *r)
{
	const struct sock_id *id = &retrans_of(r)->sock.id;
	bool six = id->family == 10; /* AF_INET6 */

	for (u32 remote = 0; remote < 2; remote++) {
		if (remote)
			buf_str(v->b, "->");
		if (six)
			buf_chr(v->b, '[');
		decode_addr(v, id, remote);
		if (six)
			buf_chr(v->b, ']');
		buf_chr(v->b, ':');
		decode_port(v, id, remote);
	}
}

#define R(member) COLUMN(struct retrans_rec, member)

static const struct column columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, R(h.ts), 12, NULL, "when it was sent again"},
	WHO_COLUMNS,
	{"netns", NULL, COL_UINT, 0, R(netns), 0, NULL, "network namespace of the socket"},
	NEST("kind", "KIND", COL_TEXT | COL_LEFT, 7, tell_kind,
	     "data, SYN, SYN-ACK, FIN, or probe: a tail loss probe"),
	NEST("family", NULL, 0, 0, tell_family, "address family"),
	NEST("connection", "CONNECTION", COL_TEXT | COL_LEFT | COL_TEXT_ONLY, 34, tell_connection,
	     "local and remote end"),
	NEST("local_address", NULL, 0, 0, tell_laddr, "local address"),
	NEST("local_port", NULL, 0, 0, tell_lport, "local port"),
	NEST("address", NULL, 0, 0, tell_raddr, "remote address"),
	NEST("port", NULL, 0, 0, tell_rport, "remote port"),
	NEST("state", "STATE", COL_TEXT | COL_LEFT, 11, tell_state, "state of the connection"),
	NEST("congestion", "CONGEST", COL_TEXT | COL_LEFT, 8, tell_ca,
	     "why: Recovery, after acknowledgments that told of a loss; Loss, after a timeout; "
	     "else "
	     "Open, Disorder or CWR"),
	NEST("attempt", "TRY", COL_TEXT, 3, tell_attempt,
	     "of a timeout, which one in a row; nothing where there was none"),
	{"segments", "SEGS", COL_UINT, COL_TEXT, R(segs), 4, NULL, "how many were sent again"},
	{"sequence", NULL, COL_UINT, 0, R(seq), 0, NULL, "number of its first byte"},
	{"bytes", "BYTES", COL_UINT, COL_TEXT, R(len), 6, NULL, "of data in them"},
	{"error", NULL, COL_ERROR, 0, R(err), 0, NULL,
	 "it could not be sent: why; told since Linux 6.18"},
	{"retrans_segments", NULL, COL_UINT, 0, R(retrans), 0, NULL,
	 "that this connection has sent again until now"},
	{"sent_segments", NULL, COL_UINT, 0, R(sent), 0, NULL, "that it has sent until now"},
	NEST("share_percent", "SHARE%", COL_TEXT, 6, tell_share,
	     "the former in the latter, per cent"),
	{"rtt_us", NULL, COL_UINT, 0, R(rtt_us), 0, NULL, "its smoothed round-trip time"},
	{"cwnd", NULL, COL_UINT, 0, R(cwnd), 0, NULL, "its congestion window, segments"},
	NEST("cookie", NULL, 0, 0, tell_cookie, "of the socket, as ss -e shows it (sk:)"),
	{0},
};

static const struct probe retransmit = {
	.name = "tcp_retransmit_skb",
	.ways = {{"on_retransmit_3", PROBE_TP_BTF, "tcp_retransmit_skb", 3},
		 {"on_retransmit_2", PROBE_TP_BTF, "tcp_retransmit_skb", 2}},
};
static const struct probe synack = {
	.name = "tcp_retransmit_synack",
	.id = 1,
	.ways = {{"on_synack", PROBE_TP_BTF, "tcp_retransmit_synack", 2}},
};

static int setup(struct run *run, struct attach *a)
{
	(void)run;
	probes_want(a, &retransmit);
	probes_want(a, &synack);
	owners_load(a->obj);
	return 0;
}

static int attach(struct run *run, struct attach *a)
{
	(void)run;
	owners_attach(a, a->obj);
	return 0;
}

static const struct tool tcpretrans = {
	.name = "tcpretrans",
	.summary = "each segment that TCP sends again: whose, why, and how often",
	.usage = "[options] [-- COMMAND...]",
	.options = NULL,
	.columns = columns,
	.lacks = COMMON(FAILED) | COMMON(SLOWER) | COMMON(INTERVAL),
	.lacks_why = "it prints each segment as it is sent again, and measures no time",
	.records = RECORD(RETRANS),
	.object = tcpretrans_bpf_o,
	.object_size = &tcpretrans_bpf_o_size,
	.io_uring = true,
	.check = conns_check,
	.setup = setup,
	.attach = attach,
	.inner = owners_inner,
};
TOOL(tcpretrans);
