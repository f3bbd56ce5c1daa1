/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include "conns.h"

#define CHAINS 4096
#define STALE  100000000 /* ns: who was used later than that is as new as any */

static struct conn *chains[CHAINS], *newest, *oldest;
static u32 conns;

static struct conn **chain_of(u64 id)
{
	return &chains[id * 0x9e3779b97f4a7c15 >> 52];
}

static void unlink_use(struct conn *c)
{
	*(c->newer ? &c->newer->older : &newest) = c->older;
	*(c->older ? &c->older->newer : &oldest) = c->newer;
}

static void link_use(struct conn *c, u64 now)
{
	c->used = now;
	c->newer = NULL;
	c->older = newest;
	*(newest ? &newest->newer : &oldest) = c;
	newest = c;
}

void conns_drop(struct conn *c, u64 now)
{
	struct conn **at = chain_of(c->id);

	while (*at != c)
		at = &(*at)->same;
	*at = c->same;
	unlink_use(c);
	conn_end(c, now);
	free(c);
	conns--;
}

struct conn *conns_find(u64 id, u64 now, bool add)
{
	struct conn **chain = chain_of(id), *c = *chain;

	while (c && c->id != id)
		c = c->same;
	if (c && c != newest && now - c->used > STALE) {
		unlink_use(c);
		link_use(c, now);
	}
	if (c || !add)
		return c;
	if (conns == CONNS_MOST)
		conns_drop(oldest, now);
	c = malloc(sizeof(*c));
	if (!c)
		return NULL;
	conn_begin(c, id);
	c->same = *chain;
	*chain = c;
	link_use(c, now);
	conns++;
	return c;
}

void conns_piece(const struct piece_rec *r)
{
	bool closed = r->flags & PIECE_CLOSED;
	struct conn *c = conns_find(r->conn, r->h.ts, !closed && r->size);

	if (!c)
		return;
	if (closed)
		conns_drop(c, r->h.ts);
	else
		conn_piece(c, r);
}
