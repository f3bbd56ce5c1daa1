/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "decode.h"
#include "histogram.h"
#include "percentile.h"

#define LABEL 16
#define COUNT 8
#define BAR   52

static struct histogram histogram_in(const struct rec *r, u64 step, u32 slots)
{
	const struct sect *s = sect_find(r, SECT_BUCKETS, ANY_ARG, NULL);
	struct histogram h = {.step = step, .slots = slots};
	u32 most = slots ? slots : HIST_SLOTS;

	if (!s)
		return h;
	h.buckets = (const struct tally_bucket *)(s + 1);
	/* Up to the first that is none: a recording may be damaged. */
	while (h.n < s->len / sizeof(*h.buckets) && h.buckets[h.n].bucket < most &&
	       (!h.n || h.buckets[h.n].bucket > h.buckets[h.n - 1].bucket))
		h.n++;
	return h;
}

struct histogram histogram_of(const struct rec *r)
{
	return histogram_in(r, 0, 0);
}

struct histogram histogram_linear(const struct rec *r, u64 step, u32 slots)
{
	return histogram_in(r, step, slots);
}

u64 histogram_low(const struct histogram *h, u32 bucket)
{
	return h->slots ? bucket * h->step : hist_low(bucket);
}

u64 histogram_high(const struct histogram *h, u32 bucket)
{
	u32 slots = h->slots ? h->slots : HIST_SLOTS;

	return bucket + 1 < slots ? histogram_low(h, bucket + 1) : 0;
}

/* The drawn line that a bucket belongs to: its octave, 0 for 0; and the least value of a line. */
static u32 line_of(const struct histogram *h, u32 bucket)
{
	u64 low = histogram_low(h, bucket);

	return h->slots ? bucket : low ? hist_log2(low) + 1 : 0;
}

static u64 line_low(const struct histogram *h, u32 line)
{
	return h->slots ? line * h->step : line ? 1ull << (line - 1) : 0;
}

/* 512, 1K, 1M: whole numbers of a unit only, so that it is exact. */
static void put_bound(struct buf *b, u64 v)
{
	static const char units[] = " KMGTPE";
	u32 unit = 0;

	while (v && !(v & 1023) && unit < sizeof(units) - 2) {
		v >>= 10;
		unit++;
	}
	buf_u64(b, v);
	if (unit)
		buf_chr(b, units[unit]);
}

static void put_label(struct buf *b, const struct histogram *h, u32 line, bool open)
{
	u64 low = line_low(h, line), high = line_low(h, line + 1);

	buf_chr(b, '[');
	put_bound(b, low);
	if (open) {
		buf_str(b, ", ...)");
	} else if (high == low + 1) {
		buf_chr(b, ']');
	} else {
		buf_str(b, ", ");
		put_bound(b, high);
		buf_chr(b, ')');
	}
}

static void put_blanks(struct buf *b, size_t n)
{
	memset(buf_room(b, n), ' ', n);
	b->at += n;
}

static void put_line(struct buf *b, const struct histogram *h, u32 line, u64 count, u64 most,
		     bool open)
{
	size_t start = buf_len(b), taken;
	u32 bar = most ? (__uint128_t)count * BAR / most : 0;
	struct buf number = {0};

	put_label(b, h, line, open);
	buf_u64(&number, count);
	taken = buf_len(b) - start + buf_len(&number);
	put_blanks(b, taken < LABEL + COUNT ? LABEL + COUNT - taken : 1);
	buf_mem(b, number.base, buf_len(&number));
	buf_free(&number);
	buf_str(b, " |");
	memset(buf_room(b, BAR), '@', bar);
	b->at += bar;
	put_blanks(b, BAR - bar);
	buf_str(b, "|\n");
}

/* Of a line, from the bucket *i on, which is then the next line's. */
static u64 line_count(const struct histogram *h, u32 line, u32 *i)
{
	u64 count = 0;

	for (; *i < h->n && line_of(h, h->buckets[*i].bucket) == line; ++*i)
		count += h->buckets[*i].count;
	return count;
}

void histogram_draw(struct buf *b, const struct histogram *h)
{
	u32 first, last, i = 0;
	u64 most = 0, count;

	if (!h->n)
		return;
	first = line_of(h, h->buckets[0].bucket);
	last = line_of(h, h->buckets[h->n - 1].bucket);
	for (u32 line = first; line <= last; line++) {
		count = line_count(h, line, &i);
		most = count > most ? count : most;
	}
	i = 0;
	for (u32 line = first; line <= last; line++) {
		count = line_count(h, line, &i);
		put_line(b, h, line, count, most,
			 line == last && !histogram_high(h, h->buckets[h->n - 1].bucket));
	}
}

void histogram_tell(struct verbs *v, const struct histogram *h)
{
	v->ops->open(v, BOX_ARRAY);
	for (u32 i = 0; i < h->n; i++) {
		u64 high = histogram_high(h, h->buckets[i].bucket);

		v->ops->item(v);
		v->ops->open(v, BOX_STRUCT);
		v->ops->field(v, "low");
		v->ops->uint(v, histogram_low(h, h->buckets[i].bucket));
		if (high) {
			v->ops->field(v, "high");
			v->ops->uint(v, high);
		}
		v->ops->field(v, "count");
		v->ops->uint(v, h->buckets[i].count);
		v->ops->close(v);
	}
	v->ops->close(v);
}

static u64 linear_percentile(const struct histogram *h, u32 permille, u64 max)
{
	u64 total = 0, seen = 0, rank, v = 0;

	for (u32 i = 0; i < h->n; i++)
		total += h->buckets[i].count;
	rank = (total * permille + 999) / 1000;
	for (u32 i = 0; i < h->n && seen < rank; i++) {
		u64 low = histogram_low(h, h->buckets[i].bucket);

		seen += h->buckets[i].count;
		v = low + (h->step - 1) / 2;
	}
	return v < max ? v : max;
}

u64 histogram_percentile(const struct histogram *h, u32 permille, u64 max)
{
	u64 all[HIST_SLOTS] = {0};

	if (h->slots)
		return linear_percentile(h, permille, max);
	for (u32 i = 0; i < h->n; i++)
		all[h->buckets[i].bucket] = h->buckets[i].count;
	return percentile(all, permille, max);
}
