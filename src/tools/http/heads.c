/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "heads.h"
#include "transaction.h"

#define HEADS 256 /* a power of two; two with the same place take it from each other */

static struct head {
	u32 len;
	u8 nfield;
	bool h2c;
	http_parser p;
	u32 host, path; /* their lengths */
	u8 bytes[HEAD_MOST];
	char texts[HEAD_MOST]; /* host, then path: parts of the head */
} heads[HEADS];

u32 heads_length(const u8 *p, u32 n)
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

static void recall(struct stream *s, const struct head *h)
{
	struct transaction *t = s->draft;

	s->p = h->p;
	s->p.data = s;
	s->nfield = h->nfield;
	s->h2c = h->h2c;
	if (!t)
		return;
	text_set(&t->texts[HTTP_HOST], h->texts, h->host);
	text_set(&t->texts[HTTP_PATH], h->texts + h->host, h->path);
}

bool heads_recall(struct stream *s, const u8 *p, u32 len)
{
	struct head *h = place_of(p, len);

	if (h->len != len || memcmp(h->bytes, p, len))
		return false;
	s->head = h;
	recall(s, h);
	return true;
}

/* Another may have taken the place since: then its bytes are others. */
u32 heads_again(struct stream *s, const u8 *p, u32 n)
{
	const struct head *h = s->head;

	if (!h || !h->len || h->len > n || memcmp(h->bytes, p, h->len))
		return 0;
	recall(s, h);
	return h->len;
}

void heads_keep(const struct stream *s, const u8 *p, u32 len)
{
	static const struct transaction none;
	const struct transaction *t = s->draft ? s->draft : &none;
	const struct text *host = &t->texts[HTTP_HOST], *path = &t->texts[HTTP_PATH];
	struct head *h = place_of(p, len);

	if (!s->draft && s->p.type != HTTP_RESPONSE)
		return; /* nobody kept what it asks for */
	h->len = 0;
	if (host->full > host->room || path->full > path->room ||
	    host->full + path->full > sizeof(h->texts))
		return;
	h->p = s->p;
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
}
