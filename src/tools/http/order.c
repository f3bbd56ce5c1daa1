/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "http.h"
#include "order.h"

struct held {
	struct held *next;
	struct piece_rec r; /* a whole one; its bytes follow */
};

static u64 sum;

static u32 dir_of(const struct piece_rec *r)
{
	return r->flags & PIECE_SENT ? DIR_SENT : DIR_RECEIVED;
}

/* The first one goes to the stream, with a hole before it or not. */
static void release(struct conn *c, struct stream *s)
{
	struct held *h = s->held;

	s->held = h->next;
	s->nheld--;
	sum -= h->r.h.len;
	h->r.h.ts = c->now;
	conn_piece(c, &h->r);
	free(h);
}

/* What has its turn now. */
static void go_on(struct conn *c, struct stream *s)
{
	while (s->held && (s32)(s->held->r.seq - s->next) <= 0)
		release(c, s);
}

static void hold(struct conn *c, struct stream *s, const struct piece_rec *r)
{
	struct held **at = &s->held, *h;

	while (s->held && (s->nheld == HELD_MOST || sum + r->h.len > HELD_SUM)) {
		release(c, s);
		go_on(c, s);
	}
	h = sum + r->h.len > HELD_SUM ? NULL : malloc(sizeof(*h) + r->h.len - sizeof(*r));
	if (!h) {
		conn_piece(c, r);
		return;
	}
	memcpy(&h->r, r, r->h.len);
	while (*at && (s32)((*at)->r.seq - r->seq) <= 0)
		at = &(*at)->next;
	h->next = *at;
	*at = h;
	s->nheld++;
	sum += r->h.len;
}

void order_piece(struct conn *c, const struct piece_rec *r)
{
	struct stream *s = &c->streams[dir_of(r)];
	s32 gap = s->placed ? r->seq - s->next : 0;

	if (gap > HOLE_MOST)
		return;
	if (gap > 0)
		hold(c, s, r);
	else
		conn_piece(c, r);
	go_on(c, s);
}

void order_passed(struct conn *c, u32 dir, u32 seq)
{
	struct stream *s = &c->streams[dir];

	while (s->held && (s32)(seq - s->held->r.seq) > 0)
		release(c, s);
}

void order_drop(struct conn *c)
{
	for (u32 dir = 0; dir < 2; dir++) {
		struct stream *s = &c->streams[dir];

		while (s->held) {
			struct held *h = s->held;

			s->held = h->next;
			sum -= h->r.h.len;
			free(h);
		}
		s->nheld = 0;
	}
}
