/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "heads.h"
#include "parsed.h"
#include "transaction.h"

#define HEADS 256 /* a power of two; two with the same place take it from each other */

static struct head {
	u32 len; /* but for the last byte, with which the parser asks what the message is */
	u8 nfield;
	bool h2c;
	bool simple;           /* what follows is no more than what the head says */
	http_parser p, behind; /* before that byte; after it, where it is simple */
	u32 host, path;        /* their lengths */
	u8 bytes[HEAD_MOST];
	char texts[HEAD_MOST]; /* host, then path: parts of the head */
} heads[HEADS];

/* The length of the head that n bytes begin with, but for its last byte; 0: it is not whole, or too
 * long. */
static u32 length_of(const u8 *p, u32 n)
{
	const u8 *end = p + (n < HEAD_MOST ? n : HEAD_MOST), *line = p;

	while ((line = memchr(line, '\n', end - line))) {
		if (end - line > 2 && line[1] == '\r' && line[2] == '\n')
			return line + 2 - p;
		line++;
	}
	return 0;
}

static struct head *place_of(const u8 *p, u32 len)
{
	u64 hash = len, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, p, len);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return &heads[hash >> 56];
}

/* Returns how many bytes it has. */
static u32 recall(struct stream *s, const struct head *h)
{
	struct transaction *t = s->draft;

	s->p = h->simple ? h->behind : h->p;
	s->p.data = s;
	s->nfield = h->nfield;
	s->h2c = h->h2c;
	if (t) {
		text_set(&t->texts[HTTP_HOST], h->texts, h->host);
		text_set(&t->texts[HTTP_PATH], h->texts + h->host, h->path);
	}
	if (!h->simple)
		return h->len;
	if (parsed_settings.on_headers_complete(&s->p) && HTTP_PARSER_ERRNO(&s->p) == HPE_OK)
		http_parser_pause(&s->p, 1); /* no body follows that */
	return h->len + 1;
}

/* Another may have taken the place since: then its bytes are others. */
static bool is_head(const struct head *h, const u8 *p, u32 n)
{
	return h->len && h->len < n && p[h->len] == '\n' && !memcmp(h->bytes, p, h->len);
}

u32 heads_recall(struct stream *s, const u8 *p, u32 n)
{
	const struct head *h = s->head; /* what it was last */
	u32 len;

	if (h && is_head(h, p, n))
		return recall(s, h);
	len = length_of(p, n);
	h = place_of(p, len);
	if (!len || h->len != len || !is_head(h, p, n))
		return 0;
	s->head = h;
	return recall(s, h);
}

static struct head *keep(const struct stream *s, const u8 *p, u32 len)
{
	static const struct transaction none;
	const struct transaction *t = s->draft ? s->draft : &none;
	const struct text *host = &t->texts[HTTP_HOST], *path = &t->texts[HTTP_PATH];
	struct head *h = place_of(p, len);

	if (!s->draft && s->p.type != HTTP_RESPONSE)
		return NULL; /* nobody kept what it asks for */
	h->len = 0;
	if (host->full > host->room || path->full > path->room ||
	    host->full + path->full > sizeof(h->texts))
		return NULL;
	h->p = s->p;
	h->simple = false;
	h->nfield = s->nfield;
	h->h2c = s->h2c;
	h->host = host->full;
	h->path = path->full;
	if (s->draft) {
		memcpy(h->texts, host->at, host->full);
		memcpy(h->texts + h->host, path->at, path->full);
	}
	memcpy(h->bytes, p, len);
	h->len = len;
	return h;
}

/* Does what follows hang on nothing but the head: the message ends, or has a body of that length?
 */
static bool is_simple(const struct stream *s)
{
	const http_parser *p = &s->p;

	if (!s->headed || p->upgrade || p->flags & (F_CHUNKED | F_SKIPBODY))
		return false;
	return HTTP_PARSER_ERRNO(p) == HPE_PAUSED ||
	       (HTTP_PARSER_ERRNO(p) == HPE_OK && p->content_length != ~0ull);
}

size_t heads_parse(struct stream *s, const u8 *p, u32 n)
{
	u32 len = length_of(p, n);
	size_t parsed =
		http_parser_execute(&s->p, &parsed_settings, (const char *)p, len ? len : n);
	struct head *h;

	if (!len || parsed != len || HTTP_PARSER_ERRNO(&s->p) != HPE_OK)
		return parsed;
	h = keep(s, p, len);
	parsed += http_parser_execute(&s->p, &parsed_settings, (const char *)p + len, 1);
	if (h) {
		h->behind = s->p;
		h->simple = is_simple(s);
	}
	return parsed;
}
