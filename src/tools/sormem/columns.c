/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The rows of weir sormem: histograms, and sockets, in one set of columns. */
#include <string.h>
#include "advice.h"
#include "columns.h"
#include "decode.h"
#include "sormem.h"
#include "tallies.h"
#include "whos.h"

static const char *const whats[WHAT_MAX] = {
	[0] = "(other)",
	[WHAT_ALLOCATED] = "allocated_bytes",
	[WHAT_LIMIT] = "limit_bytes",
	[WHAT_FILL] = "fill_percent",
};

static const struct rmem_rec *rmem_of(const struct rec *r)
{
	return (const struct rmem_rec *)r;
}

bool sormem_is_socket(const struct rec *r)
{
	return r->type == REC_RMEM;
}

static void tell_kind(struct verbs *v, const struct rec *r)
{
	u16 what = sormem_is_socket(r) ? 0 : tally_of(r)->key.what;

	v->ops->word(v, sormem_is_socket(r) ? "socket" : whats[what < WHAT_MAX ? what : 0]);
}

static void tell_which(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, (sormem_is_socket(r) ? rmem_of(r)->flags & RMEM_TOTAL
					     : tally_of(r)->flags & TALLY_TOTAL)
				? "total"
				: "interval");
}

static void tell_length(struct verbs *v, const struct rec *r)
{
	v->ops->uint(v, sormem_is_socket(r) ? rmem_of(r)->s.dur : tally_of(r)->interval_ns);
}

static void tell_pid(struct verbs *v, const struct rec *r)
{
	u32 pid = sormem_is_socket(r) ? rmem_of(r)->s.who.pid : tally_of(r)->key.pid;

	if (pid)
		v->ops->uint(v, pid);
	else
		decode_none(v);
}

/* Chosen by a process. */
static void tell_comm(struct verbs *v, const struct rec *r)
{
	const char *comm = sormem_is_socket(r) ? rmem_of(r)->s.who.comm : tally_of(r)->key.comm;

	tell_chosen(v, comm, 16);
}

/* What the row's socket, or the protocol that it counts, is. */
static struct sock_id id_of(const struct rec *r)
{
	const struct tally_key *k = &tally_of(r)->key;

	if (sormem_is_socket(r))
		return rmem_of(r)->s.sock;
	return (struct sock_id){.family = k->family,
				.protocol = k->protocol,
				.flags = k->family ? SOCK_ID_VALID : 0};
}

static void tell_family(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_family(v, &id);
}

static void tell_protocol(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_protocol(v, &id);
}

static void tell_laddr(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_addr(v, &id, false);
}

static void tell_lport(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_port(v, &id, false);
}

static void tell_addr(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_addr(v, &id, true);
}

static void tell_port(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	decode_port(v, &id, true);
}

struct histogram sormem_histogram(const struct rec *r)
{
	return tally_of(r)->key.what == WHAT_FILL ? histogram_linear(r, FILL_STEP, FILL_SLOTS)
						  : histogram_of(r);
}

static void tell_percentile(struct verbs *v, const struct rec *r, u32 permille)
{
	struct histogram h;

	if (sormem_is_socket(r)) {
		decode_none(v);
		return;
	}
	h = sormem_histogram(r);
	v->ops->uint(v, histogram_percentile(&h, permille, tally_of(r)->n[N_LARGEST]));
}

static void tell_p50(struct verbs *v, const struct rec *r)
{
	tell_percentile(v, r, 500);
}

static void tell_p99(struct verbs *v, const struct rec *r)
{
	tell_percentile(v, r, 990);
}

static void tell_max(struct verbs *v, const struct rec *r)
{
	if (sormem_is_socket(r))
		decode_none(v);
	else
		v->ops->uint(v, tally_of(r)->n[N_LARGEST]);
}

static void tell_count(struct verbs *v, const struct rec *r)
{
	if (sormem_is_socket(r))
		decode_none(v);
	else
		v->ops->uint(v, tally_of(r)->events);
}

static void tell_histogram(struct verbs *v, const struct rec *r)
{
	struct histogram h;

	if (sormem_is_socket(r)) {
		v->ops->ptr(v, 0);
		return;
	}
	h = sormem_histogram(r);
	histogram_tell(v, &h);
}

#define SOCKET_NUMBER(member)                                                                      \
	static void tell_##member(struct verbs *v, const struct rec *r)                            \
	{                                                                                          \
		if (sormem_is_socket(r))                                                           \
			v->ops->uint(v, rmem_of(r)->member);                                       \
		else                                                                               \
			decode_none(v);                                                            \
	}
SOCKET_NUMBER(near)
SOCKET_NUMBER(full)
SOCKET_NUMBER(exceeded)
SOCKET_NUMBER(most)
SOCKET_NUMBER(limit)

static void tell_inode(struct verbs *v, const struct rec *r)
{
	if (sormem_is_socket(r))
		v->ops->uint(v, rmem_of(r)->s.sock.ino);
	else
		decode_none(v);
}

static void tell_advice(struct verbs *v, const struct rec *r)
{
	struct buf b = {0};

	if (!sormem_is_socket(r)) {
		decode_none(v);
		return;
	}
	advice_tell(&b, rmem_of(r));
	buf_chr(&b, 0);
	v->ops->word(v, b.base);
	buf_free(&b);
}

#define N(name, head, flags, width, fn, help)                                                      \
	{                                                                                          \
		name, head, COL_NEST, flags, 0, 0, width, fn, help                                 \
	}
#define TIME                                                                                       \
	{                                                                                          \
		"time", "TIME", COL_CLOCK, COL_TEXT, T(h.ts), 12, NULL, "end of the interval"      \
	}
#define REPORT(flags)                                                                              \
	N("report", "TIME", flags, 12, tell_which,                                                 \
	  "interval, or total: of the whole run, at its end")

/* In text: histograms, then the sockets below a heading of their own. */
const struct column sormem_columns[] = {
	TIME,
	REPORT(0),
	N("interval_ns", NULL, 0, 0, tell_length, "length of the interval"),
	N("kind", "RECEIVES", COL_TEXT | COL_LEFT, 15, tell_kind,
	  "allocated_bytes: what receives left in the buffer; limit_bytes: what may be in it; "
	  "fill_percent: the one of the other; socket: one that is near its limit, or was full"),
	N("pid", "PID", COL_TEXT, 7, tell_pid, "process that receives, or has the socket open"),
	N("comm", "COMM", COL_TEXT | COL_LEFT, 15, tell_comm, "its name"),
	N("family", "FAMILY", COL_TEXT | COL_LEFT, 10, tell_family, "address family"),
	N("protocol", "PROTOCOL", COL_TEXT | COL_LEFT, 12, tell_protocol, "transport protocol"),
	N("local_address", NULL, 0, 0, tell_laddr, "socket: its own end"),
	N("local_port", NULL, 0, 0, tell_lport, "port of it"),
	N("address", NULL, 0, 0, tell_addr, "socket: its peer"),
	N("port", NULL, 0, 0, tell_port, "port there"),
	N("inode", NULL, 0, 0, tell_inode, "socket: its inode, as in /proc/PID/fd"),
	N("count", "COUNT", COL_TEXT, 9, tell_count, "receives"),
	N("p50", "P50", COL_TEXT, 9, tell_p50, "half were not more (within 6.25 %, or 2 percent)"),
	N("p99", "P99", COL_TEXT, 9, tell_p99, "99 of 100 were not more"),
	N("max", "MAX", COL_TEXT, 9, tell_max, "the largest, exactly"),
	N("histogram", NULL, COL_DATA_ONLY, 0, tell_histogram,
	  "buckets that are not empty: low (the least value), high (the least value above), count"),
	N("near", NULL, 0, 0, tell_near, "socket: receives that left it near its limit"),
	N("full", NULL, 0, 0, tell_full, "socket: packets dropped because its buffer was full"),
	N("exceeded", NULL, 0, 0, tell_exceeded,
	  "socket: times that the protocol's memory was used up"),
	N("most_bytes", NULL, 0, 0, tell_most, "socket: the most that was seen in its buffer"),
	N("limit_bytes", NULL, 0, 0, tell_limit, "socket: what may be in it"),
	N("advice", NULL, 0, 0, tell_advice, "socket: what would help"),
	{0},
};

/* In text: where a socket is, 10.0.0.1:53. */
static void tell_where(struct verbs *v, const struct rec *r)
{
	struct sock_id id = id_of(r);

	if (!(id.flags & SOCK_ID_BOUND))
		return;
	decode_addr(v, &id, false);
	buf_chr(v->b, ':');
	decode_port(v, &id, false);
}

const struct column sormem_socket_columns[] = {
	TIME,
	N("pid", "PID", COL_TEXT, 7, tell_pid, ""),
	N("comm", "COMM", COL_TEXT | COL_LEFT, 15, tell_comm, ""),
	N("protocol", "PROTOCOL", COL_TEXT | COL_LEFT, 12, tell_protocol, ""),
	N("where", "SOCKET", COL_TEXT | COL_LEFT, 21, tell_where, ""),
	N("near", "NEAR", COL_TEXT, 6, tell_near, ""),
	N("full", "FULL", COL_TEXT, 6, tell_full, ""),
	N("exceeded", "EXCEEDED", COL_TEXT, 8, tell_exceeded, ""),
	N("most", "MOST", COL_TEXT, 9, tell_most, ""),
	N("limit", "LIMIT", COL_TEXT, 9, tell_limit, ""),
	N("advice", "ADVICE", COL_TEXT | COL_LEFT, 0, tell_advice, ""),
};
const u32 sormem_nsocket_columns = sizeof(sormem_socket_columns) / sizeof(*sormem_socket_columns);
