/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "clock.h"
#include "error.h"
#include "lanes.h"

static struct lane *lane_of(const struct lanes *l, u32 i)
{
	return (struct lane *)(l->at + i * l->stride);
}

int lanes_open(struct lanes *l, int map, u32 count, u32 size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p;

	*l = (struct lanes){
		.count = count, .stride = size, .mask = size - LANE_HEAD - LANE_REC - 1};
	l->bytes = (count * l->stride + page - 1) / page * page;
	p = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (p == MAP_FAILED)
		return fail("the lanes cannot be read: %s", strerror(errno));
	l->at = p;
	return 0;
}

void lanes_close(struct lanes *l)
{
	if (l->at)
		munmap(l->at, l->bytes);
	l->at = NULL;
}

/* The record that is next in a lane, NULL: none is whole. */
static struct rec *next_of(const struct lanes *l, const struct lane *lane, u64 end)
{
	u64 at = lane->consumed;
	struct rec *r = (struct rec *)(lane->data + (at & l->mask));
	u64 first;

	if (at == end)
		return NULL;
	first = __atomic_load_n((u64 *)r, __ATOMIC_ACQUIRE);
	return first && r->len >= sizeof(*r) && r->len < LANE_REC ? r : NULL;
}

static void pass(struct lane *lane, struct rec *r)
{
	u32 room = (r->len + 7) & ~7u;

	memset(r, 0, room);
	__atomic_store_n(&lane->consumed, lane->consumed + room, __ATOMIC_RELEASE);
}

/* The earliest record of all lanes but one (LANES: of all), and which lane has it. */
static struct rec *earliest(const struct lanes *l, const u64 *ends, u32 but, u32 *of)
{
	struct rec *first = NULL;

	for (u32 i = 0; i < l->count; i++) {
		struct rec *r = i == but ? NULL : next_of(l, lane_of(l, i), ends[i]);

		if (r && (!first || r->ts < first->ts)) {
			first = r;
			*of = i;
		}
	}
	return first;
}

/* From one lane, as long as its records are no later than that. */
static u64 take(struct lanes *l, u32 of, u64 end, u64 until, each_fn *each, void *ctx)
{
	struct lane *lane = lane_of(l, of);
	u64 read = 0;

	for (struct rec *r; (r = next_of(l, lane, end)) && r->ts <= until; pass(lane, r)) {
		if (!r->type)
			continue;
		each(ctx, r);
		read++;
	}
	return read;
}

/*
 * What follows from something has a later time, and was begun when that was there. So all that is
 * earlier than a moment is there, or hangs on nothing that is there, once the ends of all lanes are
 * read after that moment.
 */
u64 lanes_drain(struct lanes *l, each_fn *each, void *ctx, u64 *read)
{
	u64 ends[LANES], most = 0, moment;
	struct rec *first, *second;
	u32 of, other;

	if (!l->at)
		return 0;
	moment = clock_ns();
	for (u32 i = 0; i < l->count; i++) {
		struct lane *lane = lane_of(l, i);

		ends[i] = __atomic_load_n(&lane->produced, __ATOMIC_ACQUIRE);
		if (ends[i] - lane->consumed > most)
			most = ends[i] - lane->consumed;
	}
	while ((first = earliest(l, ends, LANES, &of)) && first->ts <= moment) {
		second = earliest(l, ends, of, &other);
		*read += take(l, of, ends[of], second && second->ts < moment ? second->ts : moment,
			      each, ctx);
	}
	return most;
}

bool lanes_behind(const struct lanes *l)
{
	for (u32 i = 0; l->at && i < l->count; i++) {
		const struct lane *lane = lane_of(l, i);

		if (__atomic_load_n(&lane->produced, __ATOMIC_SEQ_CST) != lane->consumed)
			return true;
	}
	return false;
}
