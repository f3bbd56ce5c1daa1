/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "h2.h"
#include "heads.h"
#include "http.h"
#include "order.h"
#include "parsed.h"
#include "transaction.h"

enum stream_state {
	STREAM_IDLE,    /* between messages */
	STREAM_MESSAGE, /* within one */
	STREAM_LOST,    /* somewhere */
};

#define TAIL 5 /* bytes of piece_rec's tail */

/* What answers needs no draft. */
static bool is_answer(const struct stream *s, const u8 *p, u32 n)
{
	return s->conn->first && n >= 5 && !memcmp(p, "HTTP/", 5);
}

static void parser_begin(struct stream *s)
{
	http_parser_init(&s->p, HTTP_BOTH);
	s->p.data = s;
}

/* A head that is known needs no parser. */
static void message_begin(struct stream *s, const u8 *p, u32 n)
{
	s->state = STREAM_MESSAGE;
	s->headed = s->response = s->h2c = false;
	s->preface = 0;
	s->nfield = 0;
	s->bytes = s->left = 0;
	s->begun = s->conn->now;
	if (!s->draft && !is_answer(s, p, n))
		s->draft = transaction_new();
}

static void message_end(struct stream *s, u32 flags)
{
	struct transaction *t = s->of;

	s->state = STREAM_IDLE;
	if (!t)
		return;
	t->r.flags |= flags;
	if (!s->response) {
		t->r.request_bytes = s->bytes;
		s->of = NULL;
	} else if (!t->answered) { /* 1xx: the answer is still to come */
		t->r.response_bytes += s->bytes;
		s->of = NULL;
	} else {
		transaction_finish(s->conn, t, s->conn->tunnel ? HTTP_UPGRADED : 0);
	}
	s->bytes = 0;
}

/* Nobody will know what it asked for. */
static void drop_draft(struct stream *s)
{
	if (s->draft && s->draft->texts[HTTP_PATH].full)
		http_headless++;
	transaction_free(s->draft);
	s->draft = NULL;
}

static void lose(struct stream *s)
{
	s->state = STREAM_LOST;
	if (!s->headed) { /* it was no message, or is not known to be one */
		drop_draft(s);
		return;
	}
	if (s->of)
		s->of->r.flags |= HTTP_UNSURE;
}

/* May n bytes be the start of a message, here where one is looked for? */
static bool begins(const struct stream *s, const u8 *p, u32 n)
{
	u32 i = 0;

	if (n >= 5 && !memcmp(p, "HTTP/", 5))
		return s->response || !s->headed;
	while (i < n && i < TOKEN_MOST && ((p[i] >= 'A' && p[i] <= 'Z') || (i && p[i] == '-')))
		i++;
	return i >= 3 && i < n && p[i] == ' ' && !(s->headed && s->response);
}

/* A message begins that was looked for: what was before has ended. */
static void found(struct stream *s)
{
	if (s->of)
		message_end(s, HTTP_UNSURE);
	s->state = STREAM_IDLE;
}

/* Does HTTP/2 begin here? No method begins like its preface. */
static bool begins_h2(struct stream *s, const u8 *p, u32 n)
{
	u32 had = s->preface;

	while (s->preface < 3 && s->preface - had < n && s->bytes == had &&
	       p[s->preface - had] == H2_PREFACE[s->preface])
		s->preface++;
	if (s->preface < 3)
		return false;
	parser_begin(s);
	transaction_free(s->draft);
	s->draft = NULL;
	h2_begin(s->conn, false);
	if (s->conn->h2)
		h2_feed(s->conn, s->dir, (const u8 *)H2_PREFACE, had, had, false);
	return true;
}

/* Returns how many bytes were parsed: all, unless the head or the message ends or is none. */
static size_t parse(struct stream *s, const u8 *p, u32 n)
{
	size_t parsed = s->bytes ? 0 : heads_recall(s, p, n);

	if (parsed)
		return parsed;
	if (!s->bytes) {
		parser_begin(s);
		parsed = heads_parse(s, p, n);
	} else {
		parsed = http_parser_execute(&s->p, &parsed_settings, (const char *)p, n);
	}
	return parsed < n ? parsed : n;
}

/* The next n bytes, or less, of a body whose length is known; nobody needs to look at them. */
static u32 body(struct stream *s, u32 n)
{
	u32 part = n < s->left ? n : s->left;

	s->left -= part;
	s->bytes += part;
	if (!s->left)
		message_end(s, 0);
	return part;
}

/* The parser has all of the head: what follows it? */
static void body_begin(struct stream *s)
{
	if (s->headed && !(s->p.flags & F_CHUNKED) && s->p.content_length != ~0ull)
		s->left = s->p.content_length;
}

/* Returns how many bytes are left when another protocol begins. */
static u32 feed(struct stream *s, const u8 *p, u32 n)
{
	while (n && !s->conn->tunnel && !s->conn->h2) {
		size_t parsed;

		if (s->state == STREAM_LOST) {
			if (!begins(s, p, n)) {
				s->bytes += n;
				return 0;
			}
			found(s);
		}
		if (s->state == STREAM_IDLE)
			message_begin(s, p, n);
		if (s->left) {
			u32 part = body(s, n);

			p += part;
			n -= part;
			continue;
		}
		if (begins_h2(s, p, n))
			break;
		parsed = parse(s, p, n);
		s->bytes += parsed;
		p += parsed;
		n -= parsed;
		if (HTTP_PARSER_ERRNO(&s->p) == HPE_PAUSED) {
			message_end(s, 0);
		} else if (HTTP_PARSER_ERRNO(&s->p) != HPE_OK) {
			lose(s);
			s->bytes += n;
			return 0;
		} else {
			body_begin(s);
		}
	}
	return n;
}

/* Bytes that were moved and not seen: of a body the parser looks at none. */
static void unseen(struct stream *s, u32 n)
{
	static u8 nothing[1 << 16]; /* never written; not const: the file would hold it */

	while (n && s->state == STREAM_MESSAGE && !s->conn->tunnel) {
		u64 chunk = s->p.flags & F_CHUNKED ? s->p.content_length : 0;
		u32 part = n < sizeof(nothing) ? n : sizeof(nothing);

		if (!s->headed) {
			lose(s);
			break;
		}
		if (chunk && chunk != ~0ull) {
			if (part > chunk)
				part = chunk;
			feed(s, nothing, part);
			n -= part;
			if (part < chunk)
				continue;
			part = n < 2 ? n : 2;
			feed(s, (const u8 *)"\r\n", part);
		} else if (s->p.flags & F_CHUNKED) {
			lose(s);
			break;
		} else if (s->left) {
			part = body(s, n);
		} else {
			feed(s, nothing, part);
		}
		n -= part;
	}
	if (s->state == STREAM_IDLE && n) {
		s->state = STREAM_LOST;
		s->headed = false;
		transactions_doubt(s->conn, s->dir);
	}
	if (s->state == STREAM_LOST)
		s->bytes += n;
}

/* Is this a connection of HTTP/2 whose begin was not seen? */
static bool h2_joined(const struct stream *s, const u8 *p, u32 n)
{
	return s->state == STREAM_IDLE && !s->headed && h2_looks_so(p, n);
}

/* What was moved and follows on the bytes that were seen; its last few were. */
static void unseen_but_tail(struct stream *s, u32 n, const u8 *tail)
{
	static const u8 none[TAIL];
	u32 known = n < TAIL ? n : TAIL;

	if (!memcmp(tail, none, TAIL))
		known = 0;
	unseen(s, n - known);
	feed(s, tail + TAIL - known, known);
}

/* A chunked body whose chunks were lost ends where a message ends so. */
static bool ends_chunks(const struct stream *s, const u8 *tail)
{
	return s->state == STREAM_LOST && s->of && s->p.flags & F_CHUNKED &&
	       !memcmp(tail, "0\r\n\r\n", TAIL);
}

/* The next size bytes, of which the first were seen; frames: see PIECE_FRAMES. */
static void stream_bytes(struct stream *s, const u8 *p, u32 have, u32 size,
			 const struct piece_rec *r)
{
	struct conn *c = s->conn;
	bool frames = r->flags & PIECE_FRAMES;
	u32 left = have;

	if (!c->h2 && !c->tunnel && (h2_joined(s, p, have) || (frames && !begins(s, p, have))))
		h2_begin(c, true);
	if (!c->h2)
		left = feed(s, p, have);
	if (c->h2)
		h2_feed(c, s->dir, p + have - left, left, size - (have - left), frames);
	else if (size > have)
		unseen_but_tail(s, size - have, r->tail);
	if (ends_chunks(s, have >= TAIL && size == have ? p + have - TAIL : r->tail)) {
		s->of->r.flags &= ~HTTP_UNSURE;
		message_end(s, 0);
	}
}

static void stream_piece(struct stream *s, const struct piece_rec *r, u32 have)
{
	const u8 *p = (const u8 *)r + r->h.fixed;
	u32 size = r->size < have ? have : r->size;
	s32 gap = s->placed ? r->seq - s->next : 0;

	if (gap == 1 && s->dir == DIR_RECEIVED) /* a FIN is read with what is before it */
		gap = 0;
	s->placed = true;
	s->next = r->seq + size;
	if (gap < 0) {
		u32 old = -(s64)gap;

		if (old >= size)
			return;
		size -= old;
		p += old < have ? old : have;
		have -= old < have ? old : have;
	} else if (s->conn->h2) {
		h2_feed(s->conn, s->dir, (const u8 *)"", 0, gap, false);
	} else {
		unseen(s, gap);
	}
	stream_bytes(s, p, have, size, r);
}

/* Nothing more comes: a body without a length is complete, another is cut off. */
static void stream_end(struct stream *s)
{
	s->ended = true;
	if (s->state == STREAM_MESSAGE && !s->conn->tunnel) {
		http_parser_execute(&s->p, &parsed_settings, NULL, 0);
		if (HTTP_PARSER_ERRNO(&s->p) == HPE_PAUSED)
			message_end(s, 0);
	}
	if (s->of && s->response)
		transaction_finish(s->conn, s->of, s->of->answered ? HTTP_CUT : HTTP_UNANSWERED);
	drop_draft(s);
	s->of = NULL;
	s->state = STREAM_LOST;
	s->headed = false;
	if (s->conn->h2)
		h2_half_end(s->conn, s->dir);
}

void conn_begin(struct conn *c, u64 id)
{
	memset(c, 0, sizeof(*c));
	c->id = id;
	c->last = &c->first;
	for (u32 dir = 0; dir < 2; dir++) {
		c->streams[dir].conn = c;
		c->streams[dir].dir = dir;
		c->streams[dir].state = STREAM_IDLE;
	}
}

void conn_piece(struct conn *c, const struct piece_rec *r)
{
	struct stream *s = &c->streams[r->flags & PIECE_SENT ? DIR_SENT : DIR_RECEIVED];
	u32 have = r->h.len - r->h.fixed;

	if (r->h.ts > c->now) /* who took the time first may come to the ring later */
		c->now = r->h.ts;
	if (r->h.fixed != PIECE_BRIEF && r->sock.flags)
		c->sock = r->sock;
	if (r->h.fixed != PIECE_BRIEF && r->who.pid)
		c->who = r->who;
	c->tls |= r->flags & PIECE_TLS ? 1 : 0;
	if (r->size)
		stream_piece(s, r, have < r->have ? have : r->have);
	if (r->flags & PIECE_END)
		stream_end(s);
}

void conn_end(struct conn *c, u64 now)
{
	if (now > c->now)
		c->now = now;
	for (u32 dir = 0; dir < 2; dir++)
		stream_end(&c->streams[dir]);
	h2_end(c);
	order_drop(c);
	while (c->first)
		transaction_finish(c, c->first, c->first->answered ? HTTP_CUT : HTTP_UNANSWERED);
}
