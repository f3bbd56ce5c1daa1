/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "payload.h"
#include "pending.h"

#define CHAINS         1024
#define QUESTIONS_MOST 32 /* of a message; mDNS has several, others one */
#define TYPE_ANY       255

struct query {
	struct query *same, *newer, *older;
	u64 conn;
	struct dns_rec r;
	char name[];
};

/* One direction of a TCP connection: two bytes of length before each message. */
struct stream {
	u64 id;
	u32 have, skip;
	u8 bytes[2 + PAYLOAD_MOST];
};

void (*dns_done)(const struct dns_rec *r, const char *name, const u8 *p, u32 n);
u64 dns_unread;

static struct query *chains[CHAINS], *newest, *oldest;
static u32 waiting;
static struct stream streams[STREAMS_MOST];

static struct query **chain_of(u64 conn, u16 id)
{
	return &chains[(conn * 0x9e3779b97f4a7c15 >> 40 ^ id) % CHAINS];
}

static void drop(struct query *q)
{
	struct query **at = chain_of(q->conn, q->r.id);

	while (*at != q)
		at = &(*at)->same;
	*at = q->same;
	*(q->newer ? &q->newer->older : &newest) = q->older;
	*(q->older ? &q->older->newer : &oldest) = q->newer;
	waiting--;
	free(q);
}

static struct query *find(u64 conn, u16 id, u8 side, const struct dns_head *h,
			  const struct dns_question *question)
{
	for (struct query *q = *chain_of(conn, id); q; q = q->same) {
		if (q->conn != conn || q->r.id != id || q->r.side != side)
			continue;
		if (h->response && !h->questions && h->rcode)
			return q; /* FORMERR need not repeat the question */
		if (q->r.type == question->type && !strcasecmp(q->name, question->name))
			return q;
	}
	return NULL;
}

static void give_up(struct query *q, u64 now)
{
	q->r.s.dur = now > q->r.s.h.ts ? now - q->r.s.h.ts : 0;
	q->r.s.ret = -1;
	q->r.flags |= DNS_UNANSWERED;
	dns_done(&q->r, q->name, NULL, 0);
	drop(q);
}

static void fill(struct dns_rec *d, const struct piece_rec *r, const struct dns_head *h,
		 const struct dns_question *question)
{
	d->s.h.ts = r->h.ts;
	d->s.who = r->who;
	d->s.sock = r->sock;
	d->id = h->id;
	d->type = question->type;
	d->class = question->class;
}

static void on_query(const struct piece_rec *r, const struct dns_head *h,
		     const struct dns_question *question, u32 n)
{
	u8 side = r->flags & PIECE_SENT ? HTTP_CLIENT : HTTP_SERVER;
	struct query **chain = chain_of(r->conn, h->id), *q;
	size_t len = strlen(question->name) + 1;

	if (find(r->conn, h->id, side, h, question))
		return; /* asked again: the answer is to the first */
	if (waiting == QUERIES_MOST)
		give_up(oldest, r->h.ts);
	q = calloc(1, sizeof(*q) + len);
	if (!q)
		return;
	q->conn = r->conn;
	fill(&q->r, r, h, question);
	q->r.side = side;
	q->r.query_bytes = n;
	memcpy(q->name, question->name, len);
	q->same = *chain;
	*chain = q;
	q->older = newest;
	*(newest ? &newest->newer : &oldest) = q;
	newest = q;
	waiting++;
}

static u8 side_of_answer(const struct piece_rec *r)
{
	return r->flags & PIECE_SENT ? HTTP_SERVER : HTTP_CLIENT;
}

/* q: what it answers, NULL where that was not seen. */
static void tell_answer(const struct piece_rec *r, const struct dns_head *h,
			const struct dns_question *question, struct query *q, const u8 *p, u32 n)
{
	struct dns_rec d = {.flags = DNS_NO_QUERY, .side = side_of_answer(r)};

	if (q)
		d = q->r;
	else
		fill(&d, r, h, question);
	if (!(d.s.sock.flags & SOCK_ID_PEER)) /* whom a server has heard it says by its answer */
		d.s.sock = r->sock;
	/* who took the time first may come to the ring later */
	d.s.dur = r->h.ts > d.s.h.ts ? r->h.ts - d.s.h.ts : 0;
	d.s.ret = h->rcode ? -1 - h->rcode : 0;
	d.rcode = h->rcode;
	d.answers = h->answers;
	d.answer_bytes = n;
	d.flags |= h->truncated ? DNS_TRUNCATED : 0;
	dns_done(&d, q ? q->name : question->name, p, n);
	if (q)
		drop(q);
}

/* Is a record of that name and type among the answers, which begin at at? */
static bool is_answered(const struct query *q, const struct dns_head *h, const u8 *p, u32 n, u32 at)
{
	char name[DNS_NAME_MOST];
	struct dns_answer a;

	for (u32 i = 0; i < h->answers; i++) {
		u32 named = at;

		if (!dns_next(p, n, &at, &a))
			return false;
		if ((a.type == q->r.type || q->r.type == TYPE_ANY) &&
		    dns_name(p, n, &named, name) && !strcasecmp(name, q->name))
			return true;
	}
	return false;
}

/* A response of mDNS does not repeat the questions, and may answer several. */
static bool answers_some(const struct piece_rec *r, const struct dns_head *h,
			 const struct dns_question *question, const u8 *p, u32 n, u32 at)
{
	u8 side = side_of_answer(r);
	bool some = false;

	for (struct query *q = *chain_of(r->conn, h->id), *next; q; q = next) {
		next = q->same;
		if (q->conn != r->conn || q->r.id != h->id || q->r.side != side ||
		    !is_answered(q, h, p, n, at))
			continue;
		tell_answer(r, h, question, q, p, n);
		some = true;
	}
	return some;
}

static void on_answer(const struct piece_rec *r, const struct dns_head *h,
		      const struct dns_question *question, const u8 *p, u32 n, u32 at)
{
	if (h->questions || h->rcode)
		tell_answer(r, h, question, find(r->conn, h->id, side_of_answer(r), h, question), p,
			    n);
	else if (!answers_some(r, h, question, p, n, at))
		tell_answer(r, h, question, NULL, p, n);
}

/* The message asks more than the first question. */
static void on_queries(const struct piece_rec *r, const struct dns_head *h, const u8 *p, u32 n,
		       u32 full)
{
	struct dns_question question;
	u32 at = DNS_HEAD;
	bool more = dns_question(p, n, &at, NULL);

	for (u32 i = 1; more && i < h->questions && i < QUESTIONS_MOST; i++) {
		more = dns_question(p, n, &at, &question);
		if (more)
			on_query(r, h, &question, full);
	}
	if (h->questions > QUESTIONS_MOST)
		dns_unread++;
}

/* n bytes of a message that had full. */
static void message(const struct piece_rec *r, const u8 *p, u32 n, u32 full)
{
	struct dns_question question;
	struct dns_head h;
	u32 where;

	if (!dns_parse(p, n, &h, &question, &where) || (!h.response && !h.questions)) {
		dns_unread++;
		return;
	}
	if (h.response)
		on_answer(r, &h, &question, p, full < n ? full : n, where);
	else
		on_query(r, &h, &question, full);
	if (!h.response && h.questions > 1)
		on_queries(r, &h, p, n, full);
}

static struct stream *stream_of(const struct piece_rec *r)
{
	u64 id = r->conn << 1 | (r->flags & PIECE_SENT ? 1 : 0);
	struct stream *s = &streams[id % STREAMS_MOST];

	if (s->id != id)
		*s = (struct stream){.id = id};
	return s;
}

/* Appends up to want bytes in all; returns how many it took. */
static u32 fill_up(struct stream *s, u32 want, const u8 *p, u32 n)
{
	u32 part = want > s->have ? want - s->have : 0;

	part = part < n ? part : n;
	memcpy(s->bytes + s->have, p, part);
	s->have += part;
	return part;
}

static void stream_feed(struct stream *s, const struct piece_rec *r, const u8 *p, u32 n)
{
	while (n) {
		u32 part = s->skip < n ? s->skip : n, len, want;

		s->skip -= part;
		part += fill_up(s, 2, p + part, n - part);
		p += part;
		n -= part;
		if (s->have < 2)
			return;
		len = 2 + (s->bytes[0] << 8 | s->bytes[1]);
		want = len < sizeof(s->bytes) ? len : sizeof(s->bytes);
		part = fill_up(s, want, p, n);
		p += part;
		n -= part;
		if (s->have < want)
			return;
		message(r, s->bytes + 2, want - 2, len - 2);
		s->skip = len - want;
		s->have = 0;
	}
}

void pending_piece(const struct piece_rec *r)
{
	const u8 *p = (const u8 *)(r + 1);
	u32 have = r->h.len > sizeof(*r) ? r->h.len - sizeof(*r) : 0;
	struct stream *s;

	if (have > r->have)
		have = r->have;
	if (r->sock.protocol != IPPROTO_TCP) {
		message(r, p, have, r->size);
		return;
	}
	s = stream_of(r);
	stream_feed(s, r, p, have);
	if (r->size <= have)
		return;
	if (r->size - have <= s->skip) {
		s->skip -= r->size - have;
		return;
	}
	dns_unread++; /* the next piece is taken for the start of a message */
	*s = (struct stream){.id = s->id};
}

void pending_expire(u64 before, u64 now)
{
	while (oldest && oldest->r.s.h.ts < before)
		give_up(oldest, now);
}

u32 pending_count(void)
{
	return waiting;
}

void pending_clear(void)
{
	while (oldest)
		drop(oldest);
	memset(streams, 0, sizeof(streams));
}
