/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include "error.h"
#include "reader.h"

/* Shortest and longest sleep of a busy reader. It sleeps longer as long as what it finds is small
 * against the ring: a sixteenth in 8 ms leaves room for a burst of 16 times as much. */
#define NAP_MIN 1000000
#define NAP_MAX 8000000

static int on_record(void *ctx, void *data, size_t size)
{
	struct reader *r = ctx;
	const struct rec *rec = data;

	if (size < sizeof(*rec) || rec->len > size)
		return 0;
	r->read++;
	r->bytes += size;
	r->each(r->ctx, rec);
	return 0;
}

int reader_open(struct reader *r, int map, u32 size, struct shared *shared)
{
	r->shared = shared;
	r->size = size;
	r->nap = NAP_MIN;
	r->ring = ring_buffer__new(map, on_record, r, NULL);
	return r->ring ? 0 : fail("the ring cannot be read: %s", strerror(errno));
}

void reader_close(struct reader *r)
{
	ring_buffer__free(r->ring);
	r->ring = NULL;
}

u32 reader_drain(struct reader *r)
{
	u64 before = r->read;

	r->bytes = 0;
	ring_buffer__consume(r->ring);
	if (r->bytes > r->size / 16)
		r->nap = NAP_MIN;
	else if (r->nap < NAP_MAX)
		r->nap *= 2;
	return r->read - before;
}

void reader_wait(struct reader *r, bool busy, u64 timeout_ns, const sigset_t *sigmask)
{
	struct pollfd fd = {.fd = ring_buffer__epoll_fd(r->ring), .events = POLLIN};
	struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};

	if (busy) {
		ts = (struct timespec){0, timeout_ns && timeout_ns < r->nap ? timeout_ns : r->nap};
		ppoll(NULL, 0, &ts, sigmask);
		return;
	}
	__atomic_store_n(&r->shared->idle, 1, __ATOMIC_SEQ_CST);
	r->nap = NAP_MIN;
	/* A record committed before idle was seen wakes nobody: look once more. */
	if (!reader_drain(r))
		ppoll(&fd, 1, timeout_ns ? &ts : NULL, sigmask);
	__atomic_store_n(&r->shared->idle, 0, __ATOMIC_SEQ_CST);
}
