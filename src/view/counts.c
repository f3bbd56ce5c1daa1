/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include "counts.h"

/* The key without its name: what rows are told apart by. */
#define KEY_BYTES offsetof(struct tally_key, name)

void counts_open(struct counts *c, const struct counts_shape *shape, u32 most)
{
	*c = (struct counts){.shape = shape, .most = most};
}

void counts_close(struct counts *c)
{
	free(c->rows);
	free(c->places);
	*c = (struct counts){.shape = c->shape, .most = c->most};
}

void counts_clear(struct counts *c)
{
	if (c->nrows)
		memset(c->places, 0, c->nplaces * sizeof(*c->places));
	memset(c->other, 0, sizeof(c->other));
	c->nrows = 0;
	c->any = false;
}

static u64 hash(const struct tally_key *key)
{
	u64 h = 0, w;

	for (size_t i = 0; i < KEY_BYTES; i += sizeof(w)) {
		memcpy(&w, (const u8 *)key + i, sizeof(w));
		h = (h ^ w) * 0x9e3779b97f4a7c15;
	}
	return h >> 32;
}

/* Where the key is, or would be. */
static u32 *place_of(const struct counts *c, const struct tally_key *key)
{
	u32 at = hash(key) & (c->nplaces - 1);

	while (c->places[at] && memcmp(&c->rows[c->places[at] - 1].key, key, KEY_BYTES))
		at = (at + 1) & (c->nplaces - 1);
	return &c->places[at];
}

/* Twice the room. False without memory: what is new is then counted with what found no room. */
static bool grow(struct counts *c)
{
	u32 n = c->nplaces ? c->nplaces * 2 : 256;
	u32 *places = calloc(n, sizeof(*places));
	struct counts_row *rows = places ? realloc(c->rows, n / 2 * sizeof(*rows)) : NULL;

	if (!rows) {
		free(places);
		return false;
	}
	free(c->places);
	c->places = places;
	c->rows = rows;
	c->nplaces = n;
	for (u32 i = 0; i < c->nrows; i++)
		*place_of(c, &rows[i].key) = i + 1;
	return true;
}

static void add(const struct counts_shape *shape, u64 *to, const u64 *n)
{
	for (u32 i = 0; i < TALLY_COUNTS; i++)
		if (!(shape->max >> i & 1))
			to[i] += n[i];
		else if (n[i] > to[i])
			to[i] = n[i];
}

void counts_add_other(struct counts *c, const u64 *n)
{
	c->any = true;
	add(c->shape, c->other, n);
}

void counts_add(struct counts *c, const struct tally_key *key, const u64 *n)
{
	u32 *place = c->nplaces ? place_of(c, key) : NULL;

	if (place && *place) {
		add(c->shape, c->rows[*place - 1].n, n);
		return;
	}
	if (c->nrows == c->most || (c->nrows * 2 == c->nplaces && !grow(c))) {
		counts_add_other(c, n);
		return;
	}
	c->rows[c->nrows] = (struct counts_row){.key = *key};
	add(c->shape, c->rows[c->nrows].n, n);
	*place_of(c, key) = ++c->nrows;
}

void counts_take(struct counts *c, struct tally_slot *table, u32 slots)
{
	static const u64 nothing[TALLY_COUNTS];
	struct tally_slot *other = &table[slots];
	u64 left = other->key.id;

	if (memcmp(other->n, nothing, sizeof(nothing)))
		counts_add_other(c, other->n);
	for (u32 i = 0; i < slots && left; i++)
		if (table[i].key.what) {
			left--;
			if (c->shape->by_name)
				table[i].key.pid = 0;
			counts_add(c, &table[i].key, table[i].n);
			memset(&table[i], 0, sizeof(table[i]));
		}
	memset(other, 0, sizeof(*other));
}

void counts_merge(struct counts *c, const struct counts *from)
{
	for (u32 i = 0; i < from->nrows; i++)
		counts_add(c, &from->rows[i].key, from->rows[i].n);
	if (from->any)
		counts_add_other(c, from->other);
}

u64 counts_events(const struct counts_shape *shape, const u64 *n)
{
	u64 events = 0;

	for (u32 i = 0; i < TALLY_COUNTS; i++)
		if (shape->events >> i & 1)
			events += n[i];
	return events;
}

/* A row to come: rows of the key that differ in their bucket, one after the other. */
struct group {
	struct tally_rec rec;
	u32 first, count;
};

static const struct counts_row *sorting; /* what order_rows() compares: qsort passes no context */
static const struct counts_shape *shape_sorting;

/* By key, then by bucket. */
static int order_rows(const void *a, const void *b)
{
	struct tally_key x = sorting[*(const u32 *)a].key, y = sorting[*(const u32 *)b].key;
	int buckets = x.bucket - y.bucket;
	int d;

	x.bucket = y.bucket = 0;
	d = memcmp(&x, &y, KEY_BYTES);
	return d ? d : buckets;
}

static int order_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int d = 0;

	if (shape_sorting->order)
		d = shape_sorting->order(&x->rec, &y->rec);
	else if (x->rec.events != y->rec.events)
		d = x->rec.events < y->rec.events ? 1 : -1;
	if (!d)
		d = memcmp(&x->rec.key, &y->rec.key, KEY_BYTES);
	return d;
}

void counts_only_failed(const struct counts_shape *shape, struct tally_rec *rec)
{
	for (u32 i = 0; i < TALLY_COUNTS; i++)
		if (shape->good >> i & 1)
			rec->n[i] = 0;
	rec->events = counts_events(shape, rec->n);
}

static void finish(struct tally_rec *rec, const struct counts_shape *shape, bool failed)
{
	if (shape->blind && shape->blind(rec->key.what))
		rec->flags |= TALLY_BLIND;
	rec->events = counts_events(shape, rec->n);
	if (failed)
		counts_only_failed(shape, rec);
}

/* The groups, in order; *n how many. NULL without memory. */
static struct group *make_groups(const struct counts *c, const struct tally_rec *head, bool failed,
				 const u32 *order, u32 *n)
{
	struct group *groups = malloc((c->nrows + 1) * sizeof(*groups)), *g = groups;

	for (u32 i = 0; groups && i < c->nrows; g++) {
		*g = (struct group){.rec = *head, .first = i};
		g->rec.key = c->rows[order[i]].key;
		g->rec.key.bucket = 0;
		for (; i < c->nrows; i++, g->count++) {
			struct tally_key key = c->rows[order[i]].key;

			key.bucket = 0;
			if (memcmp(&key, &g->rec.key, KEY_BYTES))
				break;
			add(c->shape, g->rec.n, c->rows[order[i]].n);
		}
		finish(&g->rec, c->shape, failed);
	}
	*n = groups ? g - groups : 0;
	shape_sorting = c->shape;
	if (groups)
		qsort(groups, *n, sizeof(*groups), order_groups);
	return groups;
}

/* A group's record, with a section of its buckets when it has such. */
static const struct rec *make_rec(struct buf *b, const struct counts *c, const struct group *g,
				  const u32 *order)
{
	struct sect sect = {.kind = SECT_BUCKETS};
	struct tally_rec *rec;
	u32 n = 0;

	buf_clear(b);
	buf_mem(b, &g->rec, sizeof(g->rec));
	buf_mem(b, &sect, sizeof(sect));
	for (u32 i = g->first; i < g->first + g->count; i++) {
		const struct counts_row *row = &c->rows[order[i]];
		struct tally_bucket bucket = {row->key.bucket - 1, 0,
					      counts_events(c->shape, row->n)};

		if (!row->key.bucket)
			continue;
		buf_mem(b, &bucket, sizeof(bucket));
		n++;
	}
	rec = (struct tally_rec *)b->base;
	rec->h.len = sizeof(*rec);
	if (n) {
		sect.len = n * sizeof(struct tally_bucket);
		sect.full = sect.len;
		memcpy(rec + 1, &sect, sizeof(sect));
		rec->h.len += sizeof(sect) + sect.len;
	}
	return &rec->h;
}

bool counts_tell(const struct counts *c, const struct tally_rec *head, bool failed,
		 void (*each)(void *ctx, const struct rec *r), void *ctx)
{
	u32 *order = malloc((c->nrows + 1) * sizeof(*order)), n = 0;
	struct tally_rec rec = *head;
	struct group *groups;
	struct buf b = {0};

	rec.h.len = rec.h.fixed = sizeof(rec);
	rec.h.type = REC_TALLY;
	rec.flags |= c->shape->flags;
	for (u32 i = 0; order && i < c->nrows; i++)
		order[i] = i;
	sorting = c->rows;
	if (order)
		qsort(order, c->nrows, sizeof(*order), order_rows);
	groups = order ? make_groups(c, &rec, failed, order, &n) : NULL;
	for (u32 i = 0; i < n; i++)
		if (groups[i].rec.events)
			each(ctx, make_rec(&b, c, &groups[i], order));
	rec.flags |= TALLY_OTHER;
	memcpy(rec.n, c->other, sizeof(rec.n));
	memcpy(rec.key.comm, "(other)", 7);
	finish(&rec, c->shape, failed);
	if (c->any && rec.events)
		each(ctx, &rec.h);
	buf_free(&b);
	free(groups);
	free(order);
	return groups;
}
