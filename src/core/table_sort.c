/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "buf.h"
#include "decode.h"
#include "error.h"
#include "out.h"
#include "suggest.h"
#include "table.h"
#include "table_sort.h"
#include "tallies.h"

bool kept_add(struct kept *k, const struct rec *r, u32 size)
{
	if (k->n == k->room) {
		u32 room = k->room ? k->room * 2 : 64;
		char *more = realloc(k->rows, (size_t)room * size);

		if (!more)
			return false;
		k->rows = more;
		k->room = room;
		k->size = size;
	}
	memcpy(k->rows + (size_t)k->n++ * size, r, size);
	return true;
}

void kept_free(struct kept *k)
{
	free(k->rows);
	*k = (struct kept){0};
}

/* What a row is put in order by: the cell as JSON has it. */
struct key {
	u32 row;
	enum { IS_NUMBER, IS_WORD, IS_NOTHING } kind;
	double number;
	char word[48];
};

static u64 member(const struct column *c, const struct rec *r)
{
	u64 v = 0;

	memcpy(&v, (const char *)r + c->off, c->size < 8 ? c->size : 8);
	return v;
}

static void key_of(struct key *k, const struct column *c, const struct rec *r)
{
	struct buf b = {0};
	struct verbs v = {.ops = &verbs_json, .b = &b};

	k->kind = IS_NUMBER;
	switch (c->kind) {
	case COL_INT: k->number = (double)(s64)member(c, r); return;
	case COL_ERROR: k->number = -(double)(s64)member(c, r); return;
	case COL_COMM:
		k->kind = IS_WORD;
		memcpy(k->word, (const char *)r + c->off, c->size < 16 ? c->size : 16);
		return;
	case COL_PORT:
		k->number = (double)member(c, r);
		k->kind = k->number > 0 ? IS_NUMBER : IS_NOTHING;
		return;
	case COL_NEST: break;
	default: k->number = (double)member(c, r); return;
	}
	/* those that are in text only have no quotes, and are told as text */
	if (c->flags & COL_TEXT_ONLY)
		v.ops = &verbs_text;
	c->nest(&v, r);
	buf_chr(&b, 0);
	if (!*b.base || !strcmp(b.base, "null")) {
		k->kind = IS_NOTHING;
	} else if (*b.base == '"' || (*b.base >= 'a' && *b.base <= 'z')) {
		k->kind = IS_WORD;
		strncpy(k->word, b.base, sizeof(k->word) - 1);
	} else {
		k->number = strtod(b.base, NULL);
	}
	buf_free(&b);
}

static bool sort_up;

static int compare(const void *one, const void *other)
{
	const struct key *a = one, *b = other;
	int order = 0;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == IS_NUMBER)
		order = a->number > b->number ? -1 : a->number < b->number;
	else if (a->kind == IS_WORD)
		order = strcmp(a->word, b->word);
	if (order)
		return sort_up ? -order : order;
	return a->row < b->row ? -1 : 1;
}

void kept_sort(struct kept *k, const struct column *by, bool up)
{
	struct key *keys = calloc(k->n ? k->n : 1, sizeof(*keys));
	char *rows = k->n ? malloc((size_t)k->n * k->size) : NULL;

	if (keys && rows) {
		for (u32 i = 0; i < k->n; i++) {
			keys[i].row = i;
			key_of(&keys[i], by, kept_at(k, i));
		}
		sort_up = up;
		qsort(keys, k->n, sizeof(*keys), compare);
		for (u32 i = 0; i < k->n; i++)
			memcpy(rows + (size_t)i * k->size, kept_at(k, keys[i].row), k->size);
		free(k->rows);
		k->rows = rows;
		k->room = k->n;
		rows = NULL;
	}
	free(rows);
	free(keys);
}

enum group group_named(const char *word)
{
	static const char *const words[] = {"process", "remote", "port", "cgroup", NULL};
	int i = one_of("--by", word, words);

	return i < 0 ? GROUP_NONE : (enum group)(i + 1);
}

static void key_fill(struct tally_key *key, enum group by, const struct conn_rec *r)
{
	const struct sock_id *id = &r->s.sock;

	memset(key, 0, sizeof(*key));
	key->what = by;
	switch (by) {
	case GROUP_PROCESS: key->pid = r->s.who.pid; break;
	case GROUP_CGROUP: key->id = r->s.who.cgroup; break;
	case GROUP_REMOTE:
		key->family = id->flags & SOCK_ID_PEER ? id->family : 0;
		memcpy(key->addr, id->raddr, id->flags & SOCK_ID_PEER ? 16 : 0);
		break;
	/* the server's: of what this side opened the remote one */
	case GROUP_PORT: key->port = r->flags & CONN_ACTIVE ? id->rport : id->lport; break;
	default: break;
	}
}

bool group_add(struct kept *groups, enum group by, const struct conn_rec *r, bool interval)
{
	struct tally_rec fresh = {.h = r->s.h}, *g = NULL;
	struct tally_key key;

	key_fill(&key, by, r);
	for (u32 i = 0; i < groups->n && !g; i++) {
		struct tally_rec *at = (struct tally_rec *)groups->rows + i;

		if (!memcmp(&at->key, &key, offsetof(struct tally_key, comm)))
			g = at;
	}
	if (!g) {
		fresh.h.len = fresh.h.fixed = sizeof(fresh);
		fresh.h.type = REC_TALLY;
		fresh.flags = by == GROUP_CGROUP ? TALLY_CGROUP : 0;
		fresh.key = key;
		if (by == GROUP_PROCESS)
			memcpy(fresh.key.comm, r->s.who.comm, sizeof(fresh.key.comm));
		if (!kept_add(groups, &fresh.h, sizeof(fresh)))
			return false;
		g = (struct tally_rec *)groups->rows + groups->n - 1;
	}
	g->h.ts = r->s.h.ts;
	g->events++;
	g->n[GROUP_CONNS]++;
	g->n[GROUP_TX] += interval ? r->dtx : r->c.tx;
	g->n[GROUP_RX] += interval ? r->drx : r->c.rx;
	g->n[GROUP_RETRANS] += r->c.retrans;
	g->n[GROUP_SENDQ] += r->send_queue;
	g->n[GROUP_RECVQ] += r->s.sock.state == 10 ? 0 : r->recv_queue;
	g->n[GROUP_DROPS] += r->drops;
	return true;
}

static void tell_pid(struct verbs *v, const struct rec *r)
{
	if (tally_of(r)->key.pid)
		v->ops->uint(v, tally_of(r)->key.pid);
	else
		decode_none(v);
}

static void tell_remote(struct verbs *v, const struct rec *r)
{
	struct sock_id id = {.family = tally_of(r)->key.family, .flags = SOCK_ID_PEER};

	memcpy(id.raddr, tally_of(r)->key.addr, 16);
	if (id.family)
		decode_addr(v, &id, true);
	else
		decode_none(v);
}

#define NUMBERS                                                                                    \
	{"conns", "CONNS", COL_UINT, COL_TEXT, T(n[GROUP_CONNS]), 7, NULL, "connections"},         \
		{"tx_bytes",     "TX",                                                             \
		 COL_UINT,       COL_TEXT,                                                         \
		 T(n[GROUP_TX]), 12,                                                               \
		 NULL,           "bytes sent that were acknowledged, without SYN and FIN"},        \
		{"rx_bytes",     "RX", COL_UINT, COL_TEXT,                                         \
		 T(n[GROUP_RX]), 12,   NULL,     "bytes that came in order"},                      \
		{"retrans",           "RETR", COL_UINT, COL_TEXT,                                  \
		 T(n[GROUP_RETRANS]), 7,      NULL,     "segments sent again"},                    \
		{"send_queue",      "SENDQ", COL_UINT, COL_TEXT,                                   \
		 T(n[GROUP_SENDQ]), 9,       NULL,     "bytes not acknowledged"},                  \
		{"recv_queue",      "RECVQ", COL_UINT, COL_TEXT,                                   \
		 T(n[GROUP_RECVQ]), 9,       NULL,     "bytes not read"},                          \
		{"drops",           "DROPS", COL_UINT, COL_TEXT,                                   \
		 T(n[GROUP_DROPS]), 0,       NULL,     "packets that sockets dropped"},            \
	{                                                                                          \
		0                                                                                  \
	}

const struct column *group_columns(enum group by, bool timed)
{
	static struct column chosen[16];

	static const struct column time = {"time",  "TIME", COL_CLOCK, 0,
					   T(h.ts), 8,      NULL,      "when it was so"};
	static const struct column process[] = {
		{"pid", "PID", COL_NEST, COL_TEXT, 0, 0, 7, tell_pid, "process"},
		{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, T(key.comm), 15, NULL, "its name"},
		NUMBERS};
	static const struct column remote[] = {{"address", "RADDR", COL_NEST, COL_TEXT | COL_LEFT,
						0, 0, 23, tell_remote, "remote address"},
					       NUMBERS};
	static const struct column port[] = {
		{"port", "PORT", COL_UINT, COL_TEXT, T(key.port), 7, NULL, "port of the server"},
		NUMBERS};
	static const struct column cgroup[] = {{"cgroup", "CGROUP", COL_CGROUP, COL_TEXT | COL_LEFT,
						T(key.id), 30, NULL, "path of the cgroup"},
					       NUMBERS};
	static const struct column *const all[] = {
		[GROUP_PROCESS] = process,
		[GROUP_REMOTE] = remote,
		[GROUP_PORT] = port,
		[GROUP_CGROUP] = cgroup,
	};

	u32 n = 1;

	chosen[0] = time;
	chosen[0].flags = timed ? COL_TEXT : 0;
	for (const struct column *c = all[by]; c->name && n < 15; c++)
		chosen[n++] = *c;
	chosen[n] = (struct column){0};
	return chosen;
}
