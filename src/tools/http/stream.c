/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "http.h"
#include "stream.h"

enum stream_state {
	STREAM_IDLE,    /* between messages */
	STREAM_MESSAGE, /* within one */
	STREAM_LOST,    /* somewhere */
};

void (*http_done)(const struct transaction *t);
u64 http_resyncs, http_dropped;

#define TAIL 5 /* bytes of piece_rec's tail */

static u32 transactions; /* there are */

static struct transaction *transaction_new(void)
{
	struct transaction *t = transactions < REQUESTS_MOST ? calloc(1, sizeof(*t)) : NULL;

	if (!t) {
		http_dropped++;
		return NULL;
	}
	transactions++;
	t->r.first_ns = ~0ull;
	t->r.grpc = -1;
	t->texts[HTTP_METHOD] = (struct text){0, METHOD_MOST, t->method};
	t->texts[HTTP_HOST] = (struct text){0, HOST_MOST, t->host};
	t->texts[HTTP_PATH] = (struct text){0, PATH_MOST, t->path};
	return t;
}

static void transaction_free(struct transaction *t)
{
	if (t)
		transactions--;
	free(t);
}

static void text_add(struct text *t, const char *p, size_t n)
{
	if (t->full < t->room)
		memcpy(t->at + t->full, p, n < t->room - t->full ? n : t->room - t->full);
	t->full += n;
}

static void text_set(struct text *t, const char *p, size_t n)
{
	t->full = 0;
	text_add(t, p, n);
}

/* Tells a transaction, which is the queue's or the stream's alone. */
static void finish(struct conn *c, struct transaction *t, u32 flags)
{
	for (struct transaction **at = &c->first; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			if (!t->next)
				c->last = at;
			c->waiting--;
			break;
		}
	for (u32 dir = 0; dir < 2; dir++) {
		struct stream *s = &c->streams[dir];

		if (s->of != t)
			continue;
		if (s->response)
			t->r.response_bytes += s->bytes;
		else
			t->r.request_bytes = s->bytes;
		s->of = NULL;
	}
	t->r.flags |= flags | (c->tls ? HTTP_TLS : 0);
	t->r.s.dur = c->now - t->r.s.h.ts;
	t->r.s.ret = !t->r.status ? -1 : t->r.status >= 400 ? -t->r.status : 0;
	if (t->r.flags & HTTP_UNANSWERED)
		t->r.s.ret = -1;
	http_resyncs += t->r.flags & HTTP_UNSURE ? 1 : 0;
	http_done(t);
	transaction_free(t);
}

static void enqueue(struct conn *c, struct transaction *t)
{
	t->next = NULL;
	*c->last = t;
	c->last = &t->next;
	c->waiting++;
}

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
	enqueue(c, t);
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
		enqueue(c, t);
	}
	transaction_free(s->draft);
	s->draft = NULL;
	s->of = t;
	if (t->r.first_ns == ~0ull)
		t->r.first_ns = s->begun - t->r.s.h.ts;
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
	s->headed = s->response = false;
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
		finish(s->conn, t, s->conn->tunnel ? HTTP_UPGRADED : 0);
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

static void feed(struct stream *s, const u8 *p, u32 n)
{
	while (n && !s->conn->tunnel) {
		size_t parsed;

		if (s->state == STREAM_LOST) {
			if (!begins(s, p, n)) {
				s->bytes += n;
				return;
			}
			found(s);
		}
		if (s->state == STREAM_IDLE)
			message_begin(s);
		parsed = http_parser_execute(&s->p, &settings, (const char *)p, n);
		if (parsed > n)
			parsed = n;
		s->bytes += parsed;
		p += parsed;
		n -= parsed;
		if (HTTP_PARSER_ERRNO(&s->p) == HPE_PAUSED) {
			message_end(s, 0);
		} else if (HTTP_PARSER_ERRNO(&s->p) != HPE_OK) {
			lose(s);
			s->bytes += n;
			return;
		}
	}
}

/* Bytes that were moved and not seen: of a body the parser looks at none. */
static void unseen(struct stream *s, u32 n)
{
	static const u8 nothing[1 << 16];

	if (s->state == STREAM_IDLE && n) {
		s->state = STREAM_LOST;
		s->headed = false;
	}
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
		if (s->state == STREAM_IDLE && n) {
			s->state = STREAM_LOST;
			s->headed = false;
		}
	}
	if (s->state == STREAM_LOST)
		s->bytes += n;
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

static void stream_piece(struct stream *s, const struct piece_rec *r, u32 have)
{
	const u8 *p = (const u8 *)(r + 1);
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
	} else {
		unseen(s, gap);
	}
	feed(s, p, have);
	if (size > have)
		unseen_but_tail(s, size - have, r->tail);
	if (ends_chunks(s, have >= TAIL && size == have ? p + have - TAIL : r->tail)) {
		s->of->r.flags &= ~HTTP_UNSURE;
		message_end(s, 0);
	}
}

/* Nothing more comes: a body without a length is complete, another is cut off. */
static void stream_end(struct stream *s)
{
	if (s->state == STREAM_MESSAGE && !s->conn->tunnel) {
		http_parser_execute(&s->p, &settings, NULL, 0);
		if (HTTP_PARSER_ERRNO(&s->p) == HPE_PAUSED)
			message_end(s, 0);
	}
	if (s->of && s->response)
		finish(s->conn, s->of, s->of->answered ? HTTP_CUT : HTTP_UNANSWERED);
	transaction_free(s->draft);
	s->draft = NULL;
	s->of = NULL;
	s->state = STREAM_LOST;
	s->headed = false;
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
	u32 have = r->h.len > sizeof(*r) ? r->h.len - sizeof(*r) : 0;

	c->now = r->h.ts;
	if (r->sock.flags)
		c->sock = r->sock;
	if (r->who.pid)
		c->who = r->who;
	c->tls |= r->flags & PIECE_TLS ? 1 : 0;
	if (r->size)
		stream_piece(s, r, have < r->have ? have : r->have);
	if (r->flags & PIECE_END)
		stream_end(s);
}

void conn_end(struct conn *c, u64 now)
{
	c->now = now;
	for (u32 dir = 0; dir < 2; dir++)
		stream_end(&c->streams[dir]);
	while (c->first)
		finish(c, c->first, c->first->answered ? HTTP_CUT : HTTP_UNANSWERED);
}
