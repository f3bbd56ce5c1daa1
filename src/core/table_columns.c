/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What is told of a connection, a column each, for all tools over the connection table. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "table.h"
#include "decode.h"
#include "error.h"
#include "reason.h"
#include "suggest.h"
#include "whos.h"

static const struct sock_id *sock_of(const struct rec *r)
{
	return &table_rec(r)->s.sock;
}

static bool has(const struct rec *r, u32 flag)
{
	return table_rec(r)->flags & flag;
}

static void tell_word(struct verbs *v, const char *word)
{
	if (word)
		v->ops->word(v, word);
	else
		decode_none(v);
}

static void tell_event(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {
		[CONN_OPENED] = "opened",
		[CONN_ESTABLISHED] = "established",
		[CONN_CLOSED] = "closed",
		[CONN_LISTENS] = "listens",
		[CONN_IS] = "is",
		[CONN_WAS] = "was",
		[CONN_INTERVAL] = "interval",
		[CONN_TAKEN] = "accepted",
		[CONN_PEER] = "peer",
	};
	u32 event = table_rec(r)->event;

	tell_word(v, event < sizeof(words) / sizeof(*words) ? words[event] : NULL);
}

/* Of the kernel's name, in text without what all begin with. */
static void tell_state(struct verbs *v, const struct rec *r)
{
	const char *name = name_of(&names_tcp_state, sock_of(r)->state);

	if (sock_of(r)->type != SOCK_STREAM)
		name = NULL;
	tell_word(v, name && v->ops == &verbs_text ? name + 4 : name);
}

static void tell_protocol(struct verbs *v, const struct rec *r)
{
	if (has(r, CONN_MPTCP))
		v->ops->word(v, "IPPROTO_MPTCP");
	else
		decode_protocol(v, sock_of(r));
}

static void tell_proto(struct verbs *v, const struct rec *r)
{
	u16 p = sock_of(r)->protocol;

	tell_word(v, has(r, CONN_MPTCP)     ? "mptcp"
		     : p == IPPROTO_TCP     ? "tcp"
		     : p == IPPROTO_UDP     ? "udp"
		     : p == IPPROTO_UDPLITE ? "udpl"
					    : NULL);
}

static void tell_family(struct verbs *v, const struct rec *r)
{
	decode_family(v, sock_of(r));
}

static void tell_laddr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, sock_of(r), false);
}

static void tell_raddr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, sock_of(r), true);
}

static void tell_direction(struct verbs *v, const struct rec *r)
{
	tell_word(v, has(r, CONN_ACTIVE) ? "opened" : has(r, CONN_PASSIVE) ? "accepted" : NULL);
}

static void tell_since(struct verbs *v, const struct rec *r)
{
	tell_word(v, has(r, CONN_BEFORE) ? "before" : NULL);
}

static void tell_user(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->user.pid)
		v->ops->uint(v, table_rec(r)->user.pid);
	else
		decode_none(v);
}

static void tell_user_comm(struct verbs *v, const struct rec *r)
{
	const struct who *user = &table_rec(r)->user;

	if (user->pid)
		tell_chosen(v, user->comm, sizeof(user->comm));
	else
		decode_none(v);
}

static void tell_age(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->opened)
		v->ops->uint(v, table_rec(r)->s.dur);
	else
		decode_none(v);
}

static void tell_connect(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->connect_ns != CONNECT_UNKNOWN)
		v->ops->uint(v, table_rec(r)->connect_ns);
	else
		decode_none(v);
}

static void tell_idle(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->last)
		v->ops->uint(v, table_rec(r)->s.h.ts - table_rec(r)->last);
	else
		decode_none(v);
}

/* A number with two places behind the point. */
static void put_hundredths(struct buf *b, u64 n)
{
	buf_u64(b, n / 100);
	buf_chr(b, '.');
	buf_digits(b, n % 100, 2);
}

static void tell_kb(struct verbs *v, const struct rec *r, u64 bytes)
{
	if (has(r, CONN_COUNTERS | CONN_DATAGRAMS))
		put_hundredths(v->b, (bytes * 100 + 512) / 1024);
}

static void tell_tx_kb(struct verbs *v, const struct rec *r)
{
	tell_kb(v, r, table_rec(r)->c.tx);
}

static void tell_rx_kb(struct verbs *v, const struct rec *r)
{
	tell_kb(v, r, table_rec(r)->c.rx);
}

static void tell_dtx_kb(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->interval_ns)
		tell_kb(v, r, table_rec(r)->dtx);
}

static void tell_drx_kb(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->interval_ns)
		tell_kb(v, r, table_rec(r)->drx);
}

/* An end has what it moved since the last interval, also where there are none. */
#define OF_INTERVAL(member)                                                                        \
	static void tell_##member(struct verbs *v, const struct rec *r)                            \
	{                                                                                          \
		if (table_rec(r)->interval_ns)                                                     \
			v->ops->uint(v, table_rec(r)->member);                                     \
		else                                                                               \
			decode_none(v);                                                            \
	}
OF_INTERVAL(interval_ns)
OF_INTERVAL(dtx)
OF_INTERVAL(drx)

static void tell_ms(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->opened)
		put_hundredths(v->b, (table_rec(r)->s.dur + 5000) / 10000);
}

/* Counters: where there are none, nothing. */
#define COUNTED(name, member, flags)                                                               \
	static void tell_##name(struct verbs *v, const struct rec *r)                              \
	{                                                                                          \
		if (has(r, flags))                                                                 \
			v->ops->uint(v, table_rec(r)->c.member);                                   \
		else                                                                               \
			decode_none(v);                                                            \
	}
#define COUNTER(member) COUNTED(member, member, CONN_COUNTERS)
COUNTED(tx, tx, CONN_COUNTERS | CONN_DATAGRAMS)
COUNTED(rx, rx, CONN_COUNTERS | CONN_DATAGRAMS)
COUNTED(datagrams_out, data_segs_out, CONN_DATAGRAMS)
COUNTED(datagrams_in, data_segs_in, CONN_DATAGRAMS)
COUNTER(sent)
COUNTER(retrans_bytes)
COUNTER(segs_out)
COUNTER(segs_in)
COUNTER(data_segs_out)
COUNTER(data_segs_in)
COUNTER(retrans)
COUNTER(lost)
COUNTER(reordering)
COUNTER(rtt_us)
COUNTER(rttvar_us)
COUNTER(min_rtt_us)
COUNTER(cwnd)
COUNTER(ssthresh)
COUNTER(mss)
COUNTER(rate)

static void tell_dropped(struct verbs *v, const struct rec *r)
{
	if (has(r, CONN_DROPS))
		v->ops->uint(v, table_rec(r)->dropped);
	else
		decode_none(v);
}

static void tell_drop_reason(struct verbs *v, const struct rec *r)
{
	if (table_rec(r)->dropped)
		decode_reason(v, table_rec(r)->drop_reason);
	else
		decode_none(v);
}

/* What is the socket's: a row of less than a whole socket has none of it. */
#define OF_SOCKET(member)                                                                          \
	static void tell_##member(struct verbs *v, const struct rec *r)                            \
	{                                                                                          \
		if (has(r, CONN_NO_QUEUES))                                                        \
			decode_none(v);                                                            \
		else                                                                               \
			v->ops->uint(v, table_rec(r)->member);                                     \
	}
OF_SOCKET(send_queue)
OF_SOCKET(send_limit)
OF_SOCKET(recv_queue)
OF_SOCKET(recv_limit)
OF_SOCKET(drops)

static bool is_closed(const struct rec *r)
{
	return sock_of(r)->type == SOCK_STREAM && table_rec(r)->event == CONN_CLOSED &&
	       sock_of(r)->state != 10; /* TCP_LISTEN */
}

/* Why it ended. */
static void tell_close(struct verbs *v, const struct rec *r)
{
	const char *word = "fin";

	if (!is_closed(r)) {
		decode_none(v);
		return;
	}
	switch (-table_rec(r)->s.ret) {
	case 0: word = has(r, CONN_ABORTED) ? "reset" : "fin"; break;
	case EPIPE:
	case ECONNRESET: word = "reset"; break;
	case ECONNREFUSED: word = "refused"; break;
	case ETIMEDOUT: word = "timeout"; break;
	case CONNECT_GIVEN_UP: word = "given up"; break;
	default: word = "error"; break;
	}
	v->ops->word(v, word);
}

/* Which side ended it: sent the first FIN, or the reset. */
static void tell_closed_by(struct verbs *v, const struct rec *r)
{
	s64 err = -table_rec(r)->s.ret;
	const char *word = NULL;

	if (err == EPIPE || err == ECONNRESET || err == ECONNREFUSED)
		word = "remote";
	else if (!err && has(r, CONN_ABORTED))
		word = "local";
	else if (has(r, CONN_FIN_LOCAL | CONN_FIN_REMOTE))
		word = has(r, CONN_FIN_LOCAL) ? "local" : "remote";
	tell_word(v, word);
}

/* Of data that was not read, tcp_close() asks first; the other side's FIN is counted as a byte. */
static void tell_reset_reason(struct verbs *v, const struct rec *r)
{
	bool aborted = is_closed(r) && !table_rec(r)->s.ret && has(r, CONN_ABORTED);

	tell_word(v, !aborted                                             ? NULL
		     : has(r, CONN_UNTAKEN)                               ? "not accepted"
		     : table_rec(r)->recv_queue > has(r, CONN_FIN_REMOTE) ? "unread"
		     : has(r, CONN_LINGER)                                ? "linger"
									  : NULL);
}

#define C(member)    COLUMN(struct conn_rec, member)
#define ALSO(member) COL_ALSO(struct conn_rec, member)
#define FOR_PEOPLE   (COL_TEXT_ONLY | COL_DATA_ONLY)
#define N(name, head, width, tell, help)                                                           \
	{                                                                                          \
		name, head, COL_NEST, 0, 0, 0, width, tell, help                                   \
	}

const struct column table_columns[] = {
	{"time", "TIME", COL_CLOCK, 0, C(s.h.ts), 15, NULL,
	 "when it was so; of an end, when it ended; tcptop: the end of the interval"},
	{"event", "EVENT", COL_NEST, COL_LEFT | COL_KEPT, C(event), 11, tell_event,
	 "opened, established, accepted (a program has it), listens, closed; is: as it is now; "
	 "was: there when weir began; interval; peer: UDP exchanges datagrams with it"},
	{"proto", "PROTO", COL_NEST, FOR_PEOPLE | COL_LEFT | COL_KEPT | ALSO(flags),
	 C(s.sock.protocol), 5, tell_proto, "protocol"},
	{"state", "STATE", COL_NEST, COL_LEFT | COL_KEPT | ALSO(s.sock.type), C(s.sock.state), 11,
	 tell_state, "of TCP; at the end the one before it"},
	{"pid", "PID", COL_NEST, COL_KEPT, C(s.who.pid), 7, tell_who_pid,
	 "process that opened or accepted it; unknown: none"},
	{"tid", "TID", COL_NEST, COL_KEPT | ALSO(s.who.pid), C(s.who.tid), 7, tell_who_tid,
	 "thread"},
	{"uid", "UID", COL_NEST, COL_KEPT | ALSO(s.who.pid), C(s.who.uid), 5, tell_who_uid,
	 "effective user, as the initial user namespace has it"},
	{"comm", "COMM", COL_NEST, COL_LEFT | COL_KEPT | ALSO(s.who.pid), C(s.who.comm), 15,
	 tell_who_comm, "the thread's name"},
	{"cgroup", "CGROUP", COL_NEST, COL_LEFT | COL_KEPT | ALSO(s.who.pid), C(s.who.cgroup), 20,
	 tell_who_cgroup, "path of the cgroup (v2), its id where it is unknown"},
	{"netns", "NETNS", COL_UINT, COL_KEPT, C(netns), 10, NULL,
	 "inode number of the socket's network namespace"},
	{"user_pid", "USER", COL_NEST, COL_KEPT, C(user.pid), 7, tell_user,
	 "process that used it last, when another"},
	{"user_comm", "USERCOMM", COL_NEST, COL_LEFT | COL_KEPT | ALSO(user.pid), C(user.comm), 15,
	 tell_user_comm, "its name"},
	{"family", "FAMILY", COL_NEST, COL_LEFT | COL_KEPT, C(s.sock.family), 8, tell_family,
	 "address family; of an IPv4 address within IPv6, AF_INET"},
	{"protocol", "PROTOCOL", COL_NEST, COL_LEFT | COL_KEPT | ALSO(flags), C(s.sock.protocol),
	 13, tell_protocol, "transport protocol; of MPTCP each path is a row"},
	{"local_address", "LADDR", COL_NEST, COL_LEFT | COL_KEPT | ALSO(s.sock.family),
	 C(s.sock.laddr), 15, tell_laddr, "local address"},
	{"local_port", "LPORT", COL_PORT, 0, C(s.sock.lport), 5, NULL, "local port"},
	{"address", "RADDR", COL_NEST, COL_LEFT | COL_KEPT | ALSO(s.sock.family), C(s.sock.raddr),
	 15, tell_raddr, "remote address"},
	{"port", "RPORT", COL_PORT, 0, C(s.sock.rport), 5, NULL, "remote port"},
	{"direction", "DIR", COL_NEST, COL_LEFT | COL_KEPT, C(flags), 8, tell_direction,
	 "opened by this side, or accepted"},
	{"since", "SINCE", COL_NEST, COL_LEFT | COL_KEPT, C(flags), 6, tell_since,
	 "before: it was there when weir began"},
	{"opened", "OPENED", COL_CLOCK, COL_MAYBE, C(opened), 15, NULL,
	 "when it was, or began to listen; UDP: the first datagram"},
	{"ms", "MS", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_ms, "age_ns in ms"},
	N("age_ns", "AGE(ns)", 14, tell_age,
	  "from opening to time, or until it ended; UDP: from the first datagram"),
	N("connect_ns", "CONN(ns)", 11, tell_connect, "from opening until it was established"),
	{"tx_kb", "TX_KB", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_tx_kb, "tx_bytes in KiB"},
	{"rx_kb", "RX_KB", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_rx_kb, "rx_bytes in KiB"},
	N("tx_bytes", "TX", 10, tell_tx,
	  "bytes sent that were acknowledged, without SYN and FIN; UDP: payload"),
	N("rx_bytes", "RX", 10, tell_rx,
	  "bytes that came in order, without SYN and FIN; UDP: payload"),
	N("interval_ns", "INTERVAL", 11, tell_interval_ns,
	  "tcptop: length of the interval; else none"),
	{"interval_tx_kb", "TX_KB", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_dtx_kb,
	 "interval_tx_bytes in KiB"},
	{"interval_rx_kb", "RX_KB", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_drx_kb,
	 "interval_rx_bytes in KiB"},
	N("interval_tx_bytes", "TX/I", 10, tell_dtx, "tx_bytes of the interval"),
	N("interval_rx_bytes", "RX/I", 10, tell_drx, "rx_bytes of the interval"),
	N("datagrams_out", "DGOUT", 8, tell_datagrams_out, "UDP: datagrams sent"),
	N("datagrams_in", "DGIN", 8, tell_datagrams_in, "UDP: datagrams received"),
	N("idle_ns", "IDLE(ns)", 12, tell_idle, "UDP: from the last datagram to time"),
	N("sent_bytes", "SENT", 10, tell_sent, "bytes put on the wire, those sent again too"),
	N("retrans_bytes", "RETRB", 8, tell_retrans_bytes, "of these, bytes sent again"),
	N("segs_out", "SEGOUT", 8, tell_segs_out, "segments sent, those without data too"),
	N("segs_in", "SEGIN", 8, tell_segs_in, "segments received"),
	N("data_segs_out", "DSEGOUT", 8, tell_data_segs_out, "segments sent that have data"),
	N("data_segs_in", "DSEGIN", 8, tell_data_segs_in, "segments received that have data"),
	N("retrans", "RETR", 5, tell_retrans, "segments sent again"),
	N("lost", "LOST", 5, tell_lost, "segments that were taken for lost"),
	N("reordering", "REORD", 5, tell_reordering, "segments by which order may differ"),
	N("rtt_us", "RTT(us)", 8, tell_rtt_us, "round trip time, smoothed"),
	N("rttvar_us", "VAR(us)", 8, tell_rttvar_us, "its mean deviation"),
	N("min_rtt_us", "MIN(us)", 8, tell_min_rtt_us, "the shortest of late"),
	N("cwnd", "CWND", 5, tell_cwnd, "congestion window, segments"),
	N("ssthresh", "SSTHR", 10, tell_ssthresh, "slow start threshold, segments"),
	N("mss", "MSS", 5, tell_mss, "largest segment, bytes"),
	N("delivery_rate", "RATE(B/s)", 12, tell_rate, "bytes per second that were delivered"),
	N("send_queue", "SENDQ", 7, tell_send_queue, "bytes written that are not acknowledged"),
	N("send_limit", "SNDBUF", 8, tell_send_limit, "limit of the send buffer"),
	N("recv_queue", "RECVQ", 7, tell_recv_queue,
	  "bytes that wait to be read; of a listener connections to be accepted"),
	N("recv_limit", "RCVBUF", 8, tell_recv_limit,
	  "limit of the receive buffer; of a listener, of its queue"),
	N("drops", "DROPS", 5, tell_drops, "packets that the socket dropped"),
	N("dropped", "DROPPED", 7, tell_dropped,
	  "packets of or for it that were dropped anywhere in the kernel while weir watched"),
	{"drop_reason", "DROPREASON", COL_NEST, COL_LEFT, 0, 0, 18, tell_drop_reason,
	 "why, of the last of these: the running kernel's name; weir drops tells each"},
	{"close", "CLOSE", COL_NEST, COL_LEFT, 0, 0, 8, tell_close,
	 "why it ended: fin, reset, refused, timeout, given up, error"},
	{"closed_by", "BY", COL_NEST, COL_LEFT, 0, 0, 6, tell_closed_by,
	 "the side whose FIN or reset came first"},
	{"reset_reason", "RESETFOR", COL_NEST, COL_LEFT, 0, 0, 12, tell_reset_reason,
	 "why this side reset it: unread (data that had come), linger (SO_LINGER without a time), "
	 "not accepted (what listened was closed)"},
	{"error", "ERROR", COL_ERROR, COL_LEFT, C(s.ret), 12, NULL,
	 "the socket's error: of the end, before that the one SO_ERROR would tell"},
	{"cookie", "COOKIE", COL_UINT, 0, C(cookie), 8, NULL, "the socket's number, as in ss -e"},
	{0},
};

#define MOST (sizeof(table_columns) / sizeof(*table_columns))

const struct column *table_column(const struct column *columns, const char *name)
{
	const char *words[MOST + 1] = {NULL}, *near;
	u32 n = 0;

	for (const struct column *c = columns; c->name; c++) {
		if (!strcmp(c->name, name))
			return c;
		if (n < MOST)
			words[n++] = c->name;
	}
	near = suggest(name, words);
	usage("there is no column '%s'%s%s; --help lists them", name, near ? ", did you mean " : "",
	      near ? near : "");
	return NULL;
}

static const struct column *named(const struct column *columns, u32 n, const char *name)
{
	for (u32 i = 0; i < n; i++)
		if (!strcmp(columns[i].name, name))
			return columns + i;
	return NULL;
}

/* One after the other into to, shown in text. text: nothing else is told. */
static int choose(struct column *to, u32 *count, const char *words, bool text)
{
	while (*words) {
		size_t n = strcspn(words, ",");
		const struct column *c;
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, words);
		c = table_column(table_columns, name);
		if (!c)
			return USAGE;
		if (named(to, *count, name))
			return usage("--columns names '%s' twice", name);
		if (!text && c->flags & COL_TEXT_ONLY)
			return usage("the column '%s' is in text alone; --help lists the others",
				     name);
		to[*count] = *c;
		to[*count].flags |= COL_TEXT;
		to[(*count)++].flags &= ~FOR_PEOPLE;
		words += n + (words[n] == ',');
	}
	return 0;
}

int table_check(struct run *run, const char *usual, const char *words)
{
	static struct column chosen[MOST];
	bool text = run->common.format == OUT_TEXT;
	u32 n = 0;

	if (!text && !words) {
		run_columns(run, table_columns);
		return 0;
	}
	memset(chosen, 0, sizeof(chosen));
	if (choose(chosen, &n, words ? words : usual, text))
		return USAGE;
	if (!n)
		return usage("--columns names none");
	run_columns(run, chosen);
	return 0;
}
