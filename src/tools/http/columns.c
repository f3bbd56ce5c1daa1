/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "columns.h"
#include "conn_columns.h"
#include "out.h"

static const struct http_rec *rec_of(const struct rec *r)
{
	return (const struct http_rec *)r;
}

/* Of packets, nobody may be known. */
static void tell_who(struct verbs *v, const struct rec *r, u32 n)
{
	if (rec_of(r)->s.who.pid)
		v->ops->uint(v, n);
	else
		decode_none(v);
}

static void tell_pid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->s.who.pid);
}

static void tell_tid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->s.who.tid);
}

static void tell_uid(struct verbs *v, const struct rec *r)
{
	tell_who(v, r, rec_of(r)->s.who.uid);
}

static void tell_text(struct verbs *v, const struct rec *r, enum http_text which)
{
	const struct sect *s = http_text(r, which);

	if (!s || !s->len)
		decode_none(v);
	else
		v->ops->bytes(v, s + 1, s->len, s->full > s->len);
}

static void tell_method(struct verbs *v, const struct rec *r)
{
	tell_text(v, r, HTTP_METHOD);
}

static void tell_host(struct verbs *v, const struct rec *r)
{
	tell_text(v, r, HTTP_HOST);
}

static void tell_path(struct verbs *v, const struct rec *r)
{
	tell_text(v, r, HTTP_PATH);
}

/* For people: method, host and path as one. */
static void tell_request(struct verbs *v, const struct rec *r)
{
	for (u32 i = 0; i < HTTP_TEXTS; i++) {
		const struct sect *s = http_text(r, i);

		if (s)
			buf_c_escaped(v->b, (const u8 *)(s + 1), s->len);
		if (s && s->full > s->len)
			buf_str(v->b, "...");
		if (!i && s && s->len)
			buf_chr(v->b, ' ');
	}
	if (rec_of(r)->grpc > 0) {
		buf_str(v->b, " gRPC ");
		buf_u64(v->b, rec_of(r)->grpc);
	}
}

static void tell_side(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, rec_of(r)->side == HTTP_CLIENT ? "client" : "server");
}

static void tell_version(struct verbs *v, const struct rec *r)
{
	u32 version = rec_of(r)->version;

	v->ops->word(v, version == 20 ? "2" : version == 10 ? "1.0" : version == 11 ? "1.1" : "?");
}

static void tell_status(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->status)
		v->ops->uint(v, rec_of(r)->status);
	else
		decode_none(v);
}

static void tell_grpc(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->grpc >= 0)
		v->ops->uint(v, rec_of(r)->grpc);
	else
		decode_none(v);
}

static void tell_stream(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->stream)
		v->ops->uint(v, rec_of(r)->stream);
	else
		decode_none(v);
}

static void tell_first(struct verbs *v, const struct rec *r)
{
	if (rec_of(r)->first_ns != ~0ull)
		v->ops->uint(v, rec_of(r)->first_ns);
	else
		decode_none(v);
}

static void tell_ms(struct verbs *v, const struct rec *r)
{
	buf_ms(v->b, rec_of(r)->s.dur);
}

/* What is to be known besides, as words. */
static void tell_notes(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {"unanswered", "cut",        "upgraded",
					    "unsure",     "no_request", "tls"};

	decode_notes(v, words, sizeof(words) / sizeof(*words), rec_of(r)->flags);
}

#define C(member)    COLUMN(struct http_rec, member)
#define ALSO(member) COL_ALSO(struct http_rec, member)
#define FOR_PEOPLE   (COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY)

const struct column http_columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, C(s.h.ts), 12, NULL, "the request's first byte"},
	{"pid", "PID", COL_NEST, COL_TEXT | COL_KEPT, C(s.who.pid), 7, tell_pid,
	 "process that sent or received the request; - or null: nobody knows (--at)"},
	{"tid", NULL, COL_NEST, COL_KEPT | ALSO(s.who.pid), C(s.who.tid), 0, tell_tid, "thread"},
	{"uid", NULL, COL_NEST, COL_KEPT | ALSO(s.who.pid), C(s.who.uid), 0, tell_uid,
	 "effective user, as the initial user namespace has it"},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT | COL_KEPT, C(s.who.comm), 11, NULL,
	 "the thread's name"},
	{"cgroup", NULL, COL_CGROUP, COL_KEPT, C(s.who.cgroup), 0, NULL,
	 "path of the cgroup (v2), its id where it is unknown"},
	{"netns", NULL, COL_UINT, COL_KEPT, C(s.who.netns), 0, NULL,
	 "inode number of the network namespace"},
	{"side", "SIDE", COL_NEST, COL_TEXT | COL_LEFT | COL_KEPT | ALSO(status), C(side), 6,
	 tell_side, "server or client: which one the process is"},
	{"status", "STATUS", COL_NEST, COL_TEXT | COL_KEPT, C(status), 6, tell_status,
	 "of the response; null: none came"},
	{"ms", "MS", COL_NEST, FOR_PEOPLE, 0, 0, 9, tell_ms, "total_ns in ms"},
	{"request", "REQUEST", COL_NEST, FOR_PEOPLE | COL_LEFT, 0, 0, 0, tell_request,
	 "method, host and path; the status of gRPC where it is not 0"},
	{"method", NULL, COL_NEST, 0, 0, 0, 0, tell_method, "method"},
	{"host", NULL, COL_NEST, 0, 0, 0, 0, tell_host, "host that was asked for"},
	{"path", NULL, COL_NEST, 0, 0, 0, 0, tell_path, "path and query, at most 1024 bytes"},
	{"version", NULL, COL_NEST, COL_KEPT, C(version), 0, tell_version, "of HTTP: 1.0, 1.1, 2"},
	{"stream", NULL, COL_NEST, 0, 0, 0, 0, tell_stream, "HTTP/2: the stream's number"},
	{"grpc_status", NULL, COL_NEST, 0, 0, 0, 0, tell_grpc, "grpc-status, null: none"},
	{"request_bytes", NULL, COL_UINT, 0, C(request_bytes), 0, NULL,
	 "of the request, with its head"},
	{"response_bytes", NULL, COL_UINT, 0, C(response_bytes), 0, NULL,
	 "of the response, with its head"},
	{"first_byte_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_first,
	 "from the request's first byte to the response's"},
	{"total_ns", NULL, COL_NS, 0, C(s.dur), 0, NULL,
	 "from the request's first byte to the response's last"},
	{"local_address", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_laddr, "the process's end"},
	{"local_port", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_lport, "port of it"},
	{"address", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_addr, "the other end"},
	{"port", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_port, "port of it"},
	{"notes", NULL, COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell_notes,
	 "unanswered: the connection ended before a response; cut: within it; upgraded: another "
	 "protocol follows; unsure: bytes were not seen, the end was guessed; no_request: the "
	 "response alone was seen; tls: within TLS"},
	{0},
};
