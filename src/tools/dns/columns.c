/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "columns.h"
#include "conn_columns.h"
#include "decode.h"
#include "out.h"
#include "sums.h"

static const struct dns_rec *rec_of(const struct rec *r)
{
	return (const struct dns_rec *)r;
}

/* Names are text that is made harmless by their decoder. */
static void tell_plain(struct verbs *v, const void *p, u32 n)
{
	if (v->ops == &verbs_text)
		buf_c_escaped(v->b, p, n);
	else
		v->ops->bytes(v, p, n, false);
}

static void tell_name(struct verbs *v, const struct rec *r)
{
	const struct sect *s = sect_find(r, SECT_TEXT, 0, NULL);

	if (s)
		tell_plain(v, s + 1, s->len);
	else
		decode_none(v);
}

static void tell_type(struct verbs *v, const struct rec *r)
{
	v->ops->name(v, &names_dns_type, rec_of(r)->type);
}

static void tell_side(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, rec_of(r)->side == HTTP_CLIENT ? "client" : "server");
}

static void tell_transport(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, rec_of(r)->s.sock.protocol == 6 ? "tcp" : "udp");
}

static void tell_rcode(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->flags & DNS_UNANSWERED)
		decode_none(v);
	else
		v->ops->name(v, &names_dns_rcode, rec_of(r)->rcode);
}

static void tell_latency(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->flags & (DNS_UNANSWERED | DNS_NO_QUERY))
		decode_none(v);
	else
		v->ops->uint(v, rec_of(r)->s.dur);
}

static void tell_ms(struct verbs *v, const struct rec *r)
{
	if (!(rec_of(r)->flags & (DNS_UNANSWERED | DNS_NO_QUERY)))
		buf_ms(v->b, rec_of(r)->s.dur);
}

/* The end that answers: the other one of a client, the own of a server. */
static void tell_server(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &rec_of(r)->s.sock, rec_of(r)->side == HTTP_CLIENT);
}

static void tell_server_port(struct verbs *v, const struct rec *r)
{
	decode_port(v, &rec_of(r)->s.sock, rec_of(r)->side == HTTP_CLIENT);
}

static void tell_client(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &rec_of(r)->s.sock, rec_of(r)->side != HTTP_CLIENT);
}

static void tell_client_port(struct verbs *v, const struct rec *r)
{
	decode_port(v, &rec_of(r)->s.sock, rec_of(r)->side != HTTP_CLIENT);
}

/* Each answer that the record has: in text what they say, in JSON all of it. */
static void tell_answers(struct verbs *v, const struct rec *r)
{
	const struct sect *s = sect_find(r, SECT_TEXT, 0, NULL);
	bool text = v->ops == &verbs_text, first = true;
	struct dns_text t;

	if (!text)
		v->ops->open(v, BOX_ARRAY);
	while (s && (s = sect_find(r, SECT_TEXT, 1, s))) {
		if (s->len < sizeof(t))
			continue;
		memcpy(&t, s + 1, sizeof(t));
		if (text && !first)
			buf_chr(v->b, ' ');
		first = false;
		if (!text) {
			v->ops->item(v);
			v->ops->open(v, BOX_STRUCT);
			v->ops->field(v, "type");
			v->ops->name(v, &names_dns_type, t.type);
			v->ops->field(v, "ttl");
			v->ops->uint(v, t.ttl);
			v->ops->field(v, "data");
		}
		tell_plain(v, (const u8 *)(s + 1) + sizeof(t), s->len - sizeof(t));
		if (!text)
			v->ops->close(v);
	}
	if (!text)
		v->ops->close(v);
}

/* For people: what was asked for, and what the answer was. */
static void tell_line(struct verbs *v, const struct rec *r)
{
	size_t start;

	tell_name(v, r);
	start = buf_len(v->b);
	buf_str(v->b, " -> ");
	tell_answers(v, r);
	if (buf_len(v->b) == start + 4)
		v->b->at = v->b->base + start;
}

static void tell_notes(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {"unanswered", "truncated", "no_query"};

	decode_notes(v, words, sizeof(words) / sizeof(*words), rec_of(r)->flags);
}

#define C(member)  COLUMN(struct dns_rec, member)
#define FOR_PEOPLE (COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY)

const struct column dns_columns[] = {
	CONNS_WHO("of the query", 12, "process that sent or received the query", 11),
	{"side", "SIDE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 6, tell_side,
	 "client or server: which one the process is"},
	{"transport", NULL, COL_NEST, 0, 0, 0, 0, tell_transport, "udp or tcp"},
	{"server", "SERVER", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 12, tell_server,
	 "address of the server"},
	{"server_port", NULL, COL_NEST, 0, 0, 0, 0, tell_server_port, "port of it"},
	{"client", NULL, COL_NEST, 0, 0, 0, 0, tell_client,
	 "address of the client; null where it was not seen"},
	{"client_port", NULL, COL_NEST, 0, 0, 0, 0, tell_client_port, "port of it"},
	{"id", NULL, COL_UINT, 0, C(id), 0, NULL, "number of the query"},
	{"ms", "MS", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_ms, "latency_ns in ms"},
	{"latency_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_latency,
	 "from the query to its answer; null: there was none, or no query"},
	{"rcode", "RCODE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 8, tell_rcode,
	 "result; null: there was no answer"},
	{"type", "TYPE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 5, tell_type, "type that was asked"},
	{"line", "NAME", COL_NEST, FOR_PEOPLE | COL_LEFT, 0, 0, 0, tell_line,
	 "the name, and what the answers say"},
	{"name", NULL, COL_NEST, 0, 0, 0, 0, tell_name, "name that was asked for"},
	{"answer_count", NULL, COL_UINT, 0, C(answers), 0, NULL, "records that answer"},
	{"answers", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_answers,
	 "the first 16 of them: type, ttl, data"},
	{"query_bytes", NULL, COL_UINT, 0, C(query_bytes), 0, NULL, "size of the query"},
	{"answer_bytes", NULL, COL_UINT, 0, C(answer_bytes), 0, NULL, "size of the answer"},
	{"notes", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_notes,
	 "unanswered: no answer came in time; truncated: the answer says that it is; no_query: the "
	 "answer alone was seen"},
	{0},
};

static const struct sum *sum_of(const struct rec *r)
{
	return (const struct sum *)r;
}

static void tell_what(struct verbs *v, const struct rec *r)
{
	tell_plain(v, sum_of(r)->key.more, strlen(sum_of(r)->key.more));
}

static void tell_sum_side(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, sum_of(r)->key.side == HTTP_CLIENT ? "client" : "server");
}

/* Of queries that all have no answer, or none that was seen, there is no time. */
static void tell_time(struct verbs *v, const struct rec *r, u64 ns)
{
	if (sum_of(r)->timed)
		v->ops->uint(v, ns);
	else
		decode_none(v);
}

#define TIME(name)                                                                                 \
	static void tell_##name(struct verbs *v, const struct rec *r)                              \
	{                                                                                          \
		tell_time(v, r, sum_of(r)->name);                                                  \
	}                                                                                          \
	static void tell_##name##_ms(struct verbs *v, const struct rec *r)                         \
	{                                                                                          \
		if (sum_of(r)->timed)                                                              \
			buf_ms(v->b, sum_of(r)->name);                                             \
	}
TIME(p50)
TIME(p90)
TIME(p99)

static void tell_max(struct verbs *v, const struct rec *r)
{
	tell_time(v, r, sum_of(r)->max);
}

#define S(member) COLUMN(struct sum, member)
#define BEGIN                                                                                      \
	{"time", NULL, COL_CLOCK, 0, S(h.ts), 15, NULL, "of the last query"},                      \
	{                                                                                          \
		"side", "SIDE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 6, tell_sum_side,             \
			"client or server"                                                         \
	}
#define NUMBERS                                                                                    \
	{"queries", "QUERIES", COL_UINT, COL_TEXT, S(count), 7, NULL, "how many"},                 \
		{"failed",  "FAILED",                                                              \
		 COL_UINT,  COL_TEXT,                                                              \
		 S(failed), 6,                                                                     \
		 NULL,      "of these, with another result than NOERROR, or no answer"},           \
		{"unanswered",  "UNANSWERED", COL_UINT, COL_TEXT,                                  \
		 S(unanswered), 10,           NULL,     "of these, without an answer"},            \
		{"p50_ms", "P50(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p50_ms, "p50_ns in ms"}, \
		{"p90_ms", "P90(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p90_ms, "p90_ns in ms"}, \
		{"p99_ms", "P99(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p99_ms, "p99_ns in ms"}, \
		{"p50_ns", NULL,     COL_NEST,                                                     \
		 0,        0,        0,                                                            \
		 0,        tell_p50, "half took less (within 6.25 %); null: none has a time"},     \
		{"p90_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_p90, "9 of 10 took less"},             \
		{"p99_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_p99, "99 of 100 took less"},           \
	{                                                                                          \
		"max_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_max, "the longest"                      \
	}

static const struct column by_name[] = {
	BEGIN,
	NUMBERS,
	{"name", "NAME", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_what,
	 "name, in small letters"},
	{0},
};

static const struct column by_server[] = {
	BEGIN,
	NUMBERS,
	{"server", "SERVER", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_what, "server's address"},
	{0},
};

static const struct column by_process[] = {
	BEGIN,
	NUMBERS,
	{"pid", "PID", COL_UINT, COL_TEXT, S(key.pid), 7, NULL, "process"},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, S(key.comm), 15, NULL, "its name"},
	{0},
};

const struct column *const dns_sum_columns[] = {by_name, by_server, by_process};
