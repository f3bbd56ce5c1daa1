/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "http.h"
#include "transaction.h"

void (*http_done)(const struct transaction *t);
u64 http_resyncs, http_dropped, http_headless;

static u32 transactions; /* there are */

#define SPARE_MOST 64

static struct transaction *spare; /* that were freed last, for the next: most are short */
static u32 spares;

struct transaction *transaction_new(void)
{
	struct transaction *t = spare;

	if (!t)
		t = transactions < REQUESTS_MOST ? malloc(sizeof(*t)) : NULL;
	if (!t) {
		http_dropped++;
		return NULL;
	}
	if (t == spare) {
		spare = t->next;
		spares--;
	}
	memset(t, 0, offsetof(struct transaction, method)); /* what texts have says their lengths */
	transactions++;
	t->r.first_ns = ~0ull;
	t->r.grpc = -1;
	t->texts[HTTP_METHOD] = (struct text){0, METHOD_MOST, t->method};
	t->texts[HTTP_HOST] = (struct text){0, HOST_MOST, t->host};
	t->texts[HTTP_PATH] = (struct text){0, PATH_MOST, t->path};
	return t;
}

void transaction_free(struct transaction *t)
{
	if (!t)
		return;
	transactions--;
	if (spares == SPARE_MOST) {
		free(t);
		return;
	}
	t->next = spare;
	spare = t;
	spares++;
}

void text_add(struct text *t, const char *p, size_t n)
{
	if (t->full < t->room)
		memcpy(t->at + t->full, p, n < t->room - t->full ? n : t->room - t->full);
	t->full += n;
}

void text_set(struct text *t, const char *p, size_t n)
{
	t->full = 0;
	text_add(t, p, n);
}

void transaction_finish(struct conn *c, struct transaction *t, u32 flags)
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
	if (!t->r.s.who.pid) /* a packet came before its socket was accepted */
		t->r.s.who = c->who;
	t->r.flags |= flags | (c->tls ? HTTP_TLS : 0);
	t->r.s.dur = c->now - t->r.s.h.ts;
	t->r.s.ret = !t->r.status ? -1 : t->r.status >= 400 ? -t->r.status : 0;
	if (t->r.flags & HTTP_UNANSWERED || t->r.grpc > 0)
		t->r.s.ret = -1;
	http_resyncs += t->r.flags & HTTP_UNSURE ? 1 : 0;
	http_done(t);
	transaction_free(t);
}

void transactions_doubt(struct conn *c, u8 dir)
{
	for (struct transaction *t = c->first; t; t = t->next)
		if (dir == (t->r.side == HTTP_SERVER ? DIR_SENT : DIR_RECEIVED))
			t->r.flags |= HTTP_UNSURE;
}

void transaction_enqueue(struct conn *c, struct transaction *t)
{
	t->next = NULL;
	*c->last = t;
	c->last = &t->next;
	c->waiting++;
}
