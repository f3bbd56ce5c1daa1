/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Messages of DNS, each by itself and as pieces of what sockets send and receive. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "tools/dns/pending.h"

static void read_all(const u8 *p, u32 n)
{
	struct dns_question q;
	struct dns_answer a;
	struct dns_head h;
	struct buf b = {0};
	u32 where, before = 0;

	if (!dns_parse(p, n, &h, &q, &where))
		return;
	if (strlen(q.name) >= DNS_NAME_MOST || !*q.name)
		abort();
	for (const char *c = q.name; *c; c++)
		if (*c <= ' ' || *c > '~')
			abort(); /* it is to be plain text */
	buf_room(&b, 1);
	while (dns_next(p, n, &where, &a)) {
		if (where <= before || where > n || a.at + a.len > n)
			abort();
		before = where;
		dns_data(&b, p, n, &a);
	}
	buf_free(&b);
}

static void done(const struct dns_rec *r, const char *name, const u8 *p, u32 n)
{
	if (r->s.dur > 1ull << 32 || !*name)
		abort();
	if (p)
		read_all(p, n);
}

/* A piece: a byte of flags, one of connection, two of bytes that follow. */
static size_t piece(u64 now, const u8 *p, size_t n)
{
	u32 have = (p[2] | p[3] << 8) % 5000;
	struct piece_rec *r;

	if (have > n - 4)
		have = n - 4;
	r = calloc(1, sizeof(*r) + have); /* of just that size: what lies behind is found */
	r->h = (struct rec){.len = sizeof(*r) + have, .fixed = sizeof(*r), .ts = now};
	r->flags = p[0] & PIECE_SENT;
	r->sock.protocol = p[0] & 2 ? IPPROTO_TCP : IPPROTO_UDP;
	r->size = have + (p[0] & 4 ? p[1] * 64 : 0);
	r->have = p[0] & 8 ? 65535 : have; /* a lie */
	r->conn = p[1] & 7;
	memcpy(r + 1, p + 4, have);
	pending_piece(r);
	free(r);
	return 4 + have;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 now = 1;

	dns_done = done;
	read_all(data, size);
	for (size_t at = 0; at + 4 < size; now++)
		at += piece(now, data + at, size - at);
	pending_expire(now / 2, now);
	pending_clear();
	if (pending_count())
		abort();
	return 0;
}
