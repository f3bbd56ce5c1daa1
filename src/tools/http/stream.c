/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "h2.h"
#include "heads.h"
#include "http.h"
#include "order.h"
#include "transaction.h"

enum stream_state {
	STREAM_IDLE,    /* between messages */
	STREAM_MESSAGE, /* within one */
	STREAM_LOST,    /* somewhere */
};

#define TAIL 5 /* bytes of piece_rec's tail */

/* What libhttp-parser calls. */

static struct stream *stream_of(http_parser *p)
{
	return p->data;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct stream *s = stream_of(p);

	if (s->draft)
		text_add(&s->draft->texts[HTTP_PATH], at, n);
	return 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct stream *s = stream_of(p);

	if (s->nfield & 0x80) /* a value was before */
		s->nfield = 0;
	for (size_t i = 0; i < n && s->nfield < sizeof(s->field); i++)
		s->field[s->nfield++] = at[i] | 0x20;
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct stream *s = stream_of(p);

	if ((s->nfield & 0x7f) == 4 && !memcmp(s->field, "host", 4) && s->draft)
		text_add(&s->draft->texts[HTTP_HOST], at, n);
	if (s->nfield == 7 && !memcmp(s->field, "upgrade", 7))
		s->h2c = n == 3 && !memcmp(at, "h2c", 3);
	s->nfield |= 0x80;
	return 0;
}

/* http://host/path, as proxies get it: host and path are taken apart. */
static void split_url(struct transaction *t)
{
	struct text *path = &t->texts[HTTP_PATH];
	u32 n = path->full < path->room ? path->full : path->room;
	struct http_parser_url u;
	char copy[PATH_MOST];
	u32 off;

	if (!n || path->at[0] == '/' || path->at[0] == '*')
		return;
	http_parser_url_init(&u);
	if (http_parser_parse_url(path->at, n, false, &u) || !(u.field_set & 1 << UF_HOST))
		return;
	memcpy(copy, path->at, n);
	text_set(&t->texts[HTTP_HOST], copy + u.field_data[UF_HOST].off, u.field_data[UF_HOST].len);
	off = u.field_set & 1 << UF_PATH ? u.field_data[UF_PATH].off : n;
	if (off == n)
		text_set(path, "/", 1);
	else
		text_set(path, copy + off, n - off);
}

static u8 version_of(const http_parser *p)
{
	return p->http_major * 10 + p->http_minor;
}

static void request_head(struct stream *s)
{
	struct conn *c = s->conn;
	struct transaction *t = s->draft;
	const char *method = http_method_str(s->p.method);

	s->draft = NULL;
	if (!t)
		return;
	if (c->waiting >= QUEUE_MOST) {
		http_dropped++;
		transaction_free(t);
		return;
	}
	text_set(&t->texts[HTTP_METHOD], method, strlen(method));
	if (s->p.method != HTTP_CONNECT)
		split_url(t);
	t->r.s.h.ts = s->begun;
	t->r.s.who = c->who;
	t->r.s.sock = c->sock;
	t->r.version = version_of(&s->p);
	t->r.side = s->dir == DIR_RECEIVED ? HTTP_SERVER : HTTP_CLIENT;
	s->of = t;
	transaction_enqueue(c, t);
}

static bool is(const struct text *t, const char *word)
{
	return t->full == strlen(word) && !memcmp(t->at, word, t->full);
}

/* The response to the oldest request, or to one that was not seen. Returns what the parser is to
 * do: 0 the body follows, 1 none does, 2 nothing of HTTP does. */
static int response_head(struct stream *s)
{
	struct conn *c = s->conn;
	struct transaction *t = c->first;
	u32 status = s->p.status_code;
	bool head, connect;

	if (!t) {
		t = s->draft;
		s->draft = NULL;
		if (!t)
			return 0;
		t->r.s.h.ts = s->begun;
		t->r.s.who = c->who;
		t->r.s.sock = c->sock;
		t->r.flags = HTTP_NO_REQUEST;
		t->r.version = version_of(&s->p);
		t->r.side = s->dir == DIR_SENT ? HTTP_SERVER : HTTP_CLIENT;
		transaction_enqueue(c, t);
	}
	transaction_free(s->draft);
	s->draft = NULL;
	s->of = t;
	if (t->r.first_ns == ~0ull)
		t->r.first_ns = s->begun - t->r.s.h.ts;
	if (status == 101 && s->h2c) {
		s->of = NULL;
		h2_upgraded(c, t, s->dir);
		return 2;
	}
	t->r.status = status;
	t->answered = status >= 200 || status == 101;
	head = is(&t->texts[HTTP_METHOD], "HEAD");
	connect = is(&t->texts[HTTP_METHOD], "CONNECT") && status / 100 == 2;
	if (status == 101 || connect) {
		c->tunnel = true;
		return 2;
	}
	return head || status < 200 || status == 204 || status == 304; /* RFC 9112 6.3 */
}

static int on_head(http_parser *p)
{
	struct stream *s = stream_of(p);

	s->headed = true;
	s->response = p->type == HTTP_RESPONSE;
	if (s->response)
		return response_head(s);
	request_head(s);
	return 0;
}

/* So that the parser returns where the message ends. */
static int on_end(http_parser *p)
{
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_message_complete = on_end,
};

/* Messages. */

static void message_begin(struct stream *s)
{
	http_parser_init(&s->p, HTTP_BOTH);
	s->p.data = s;
	s->state = STREAM_MESSAGE;
	s->headed = s->response = s->h2c = false;
	s->preface = 0;
	s->nfield = 0;
	s->bytes = 0;
	s->begun = s->conn->now;
	if (!s->draft)
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

static void lose(struct stream *s)
{
	s->state = STREAM_LOST;
	if (!s->headed) { /* it was no message, or is not known to be one */
		transaction_free(s->draft);
		s->draft = NULL;
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
	transaction_free(s->draft);
	s->draft = NULL;
	h2_begin(s->conn, false);
	if (s->conn->h2)
		h2_feed(s->conn, s->dir, (const u8 *)H2_PREFACE, had, had, false);
	return true;
}

/* Returns how many bytes were parsed: all, unless the message ends or is none. */
static size_t parse(struct stream *s, const u8 *p, u32 n)
{
	u32 head = s->bytes ? 0 : heads_length(p, n);
	size_t parsed;

	if (head && heads_recall(s, p, head))
		return head;
	if (head)
		n = head;
	parsed = http_parser_execute(&s->p, &settings, (const char *)p, n);
	if (head && parsed == n && HTTP_PARSER_ERRNO(&s->p) == HPE_OK)
		heads_keep(s, p, n);
	return parsed < n ? parsed : n;
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
			message_begin(s);
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
		} else {
			if (s->p.content_length != ~0ull && part > s->p.content_length)
				part = s->p.content_length;
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
		http_parser_execute(&s->p, &settings, NULL, 0);
		if (HTTP_PARSER_ERRNO(&s->p) == HPE_PAUSED)
			message_end(s, 0);
	}
	if (s->of && s->response)
		transaction_finish(s->conn, s->of, s->of->answered ? HTTP_CUT : HTTP_UNANSWERED);
	transaction_free(s->draft);
	s->draft = NULL;
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
