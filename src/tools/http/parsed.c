/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include <strings.h>
#include "h2.h"
#include "http.h"
#include "parsed.h"
#include "transaction.h"

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
		t = s->draft ? s->draft : transaction_new();
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

const http_parser_settings parsed_settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_message_complete = on_end,
};
