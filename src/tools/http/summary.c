/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "columns.h"
#include "summary.h"
#include "sums.h"

static enum summary_by summary_by;

static const struct sum *row_of(const struct rec *r)
{
	return (const struct sum *)r;
}

static void tell_side(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, row_of(r)->key.side == HTTP_CLIENT ? "client" : "server");
}

static void tell_bytes(struct verbs *v, const char *text)
{
	if (v->ops == &verbs_text)
		buf_c_escaped(v->b, (const u8 *)text, strlen(text));
	else
		v->ops->bytes(v, text, strlen(text), false);
}

static void tell_host(struct verbs *v, const struct rec *r)
{
	tell_bytes(v, row_of(r)->key.what);
}

static void tell_path(struct verbs *v, const struct rec *r)
{
	tell_bytes(v, row_of(r)->key.more);
}

static void tell_p50(struct verbs *v, const struct rec *r)
{
	buf_ms(v->b, row_of(r)->p50);
}

static void tell_p90(struct verbs *v, const struct rec *r)
{
	buf_ms(v->b, row_of(r)->p90);
}

static void tell_p99(struct verbs *v, const struct rec *r)
{
	buf_ms(v->b, row_of(r)->p99);
}

#define C(member)  COLUMN(struct sum, member)
#define FOR_PEOPLE (COL_TEXT | COL_TEXT_ONLY | COL_DATA_ONLY)
#define NUMBERS                                                                                    \
	{"requests", "REQUESTS", COL_UINT, COL_TEXT, C(count), 8, NULL, "how many"},               \
		{"errors",  "ERRORS",                                                              \
		 COL_UINT,  COL_TEXT,                                                              \
		 C(failed), 6,                                                                     \
		 NULL,      "of these, failed by status, gRPC's too, or without a response"},      \
		{"p50_ms", "P50(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p50, "p50_ns in ms"},    \
		{"p90_ms", "P90(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p90, "p90_ns in ms"},    \
		{"p99_ms", "P99(ms)", COL_NEST, FOR_PEOPLE, 0, 0, 8, tell_p99, "p99_ns in ms"},    \
		{"p50_ns", NULL, COL_NS, 0, C(p50), 0, NULL, "half took less (within 6.25 %)"},    \
		{"p90_ns", NULL, COL_NS, 0, C(p90), 0, NULL, "9 of 10 took less"},                 \
		{"p99_ns", NULL, COL_NS, 0, C(p99), 0, NULL, "99 of 100 took less"},               \
		{"max_ns", NULL, COL_NS, 0, C(max), 0, NULL, "the longest"},                       \
	{                                                                                          \
		"bytes", NULL, COL_UINT, 0, C(bytes), 0, NULL, "in requests and responses"         \
	}
#define SIDE                                                                                       \
	{                                                                                          \
		"side", "SIDE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 6, tell_side,                 \
			"server or client"                                                         \
	}

static const struct column path_columns[] = {
	{"time", NULL, COL_CLOCK, 0, C(h.ts), 15, NULL, "end of the interval, or of the run"},
	SIDE,
	NUMBERS,
	{"host", "HOST", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_host, "host"},
	{"path", "PATH", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_path,
	 "path, in which numbers and ids are {n} and {id}, without the query"},
	{0},
};

static const struct column process_columns[] = {
	{"time", NULL, COL_CLOCK, 0, C(h.ts), 15, NULL, "end of the interval, or of the run"},
	{"pid", "PID", COL_UINT, COL_TEXT, C(key.pid), 7, NULL, "process"},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, C(key.comm), 15, NULL, "its name"},
	SIDE,
	NUMBERS,
	{0},
};

void summary_open(struct run *run, enum summary_by by)
{
	summary_by = by;
	run->columns = by == BY_PATH ? path_columns : process_columns;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f') || c == '-';
}

/* What stands for a part of a path: {n} for a number, {id} for hexadecimal digits with at least one
 * decimal, 8 or more of them; NULL where it stands for itself. */
static const char *part_of(const char *p, size_t n)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_hex(p[i]))
			return NULL;
		digits += p[i] >= '0' && p[i] <= '9';
	}
	if (n && digits == n)
		return "{n}";
	return n >= 8 && digits ? "{id}" : NULL;
}

static void template(char *to, size_t most, const char *p, size_t n)
{
	const char *query = memchr(p, '?', n);
	char *end = to + most - 1;

	n = query ? (size_t)(query - p) : n;
	for (size_t i = 0; i < n && to < end;) {
		const char *slash = memchr(p + i, '/', n - i), *word;
		size_t len = slash ? (size_t)(slash - p) - i : n - i, room = end - to, told;

		word = part_of(p + i, len);
		told = word ? strlen(word) : len;
		to = mempcpy(to, word ? word : p + i, told < room ? told : room);
		i += len;
		if (slash && to < end)
			*to++ = '/';
		i += slash != NULL;
	}
	*to = 0;
}

static void key_of(struct sum_key *k, const struct http_rec *h)
{
	const struct sect *host = http_text(&h->s.h, HTTP_HOST);
	const struct sect *path = http_text(&h->s.h, HTTP_PATH);

	memset(k, 0, sizeof(*k));
	k->side = h->side;
	if (summary_by == BY_PROCESS) {
		k->pid = h->s.who.pid;
		memcpy(k->comm, h->s.who.comm, sizeof(k->comm));
		return;
	}
	if (host)
		memcpy(k->what, host + 1,
		       host->len < sizeof(k->what) ? host->len : sizeof(k->what) - 1);
	if (path)
		template(k->more, sizeof(k->more), (const char *)(path + 1), path->len);
}

void summary_add(const struct rec *r)
{
	const struct http_rec *h = (const struct http_rec *)r;
	struct sum_key key;

	key_of(&key, h);
	sums_add(&key, h->s.h.ts + h->s.dur, h->s.dur, h->s.ret < 0, h->flags & HTTP_UNANSWERED,
		 h->request_bytes + h->response_bytes);
}

static void tell_row(void *run, const struct rec *r)
{
	run_row(run, r);
}

void summary_tell(struct run *run)
{
	sums_tell(tell_row, run);
}
