/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "error.h"
#include "reader.h"

/* Shortest and longest sleep of a busy reader. It sleeps longer as long as what it finds is small
 * against the ring: a sixteenth in 8 ms leaves room for a burst of 16 times as much. */
#define NAP_MIN 1000000
#define NAP_MAX 8000000

/* The kernel's own side of the ring, BPF_RINGBUF_HDR_SZ bytes before each record (linux/bpf.h). */
struct slot {
	u32 len; /* with BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT */
	u32 pg_off;
	struct rec rec;
};

int reader_open(struct reader *r, int map, u32 size, struct shared *shared)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct epoll_event event = {.events = EPOLLIN};
	u8 *p;

	*r = (struct reader){.shared = shared, .size = size, .nap = NAP_MIN, .wake = -1};
	r->consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	/* The producer's position, then the data, which the kernel maps twice in a row: a record is
	 * in one piece wherever it begins (kernel/bpf/ringbuf.c). Of the second time as much as one
	 * may need: all that is mapped counts as resident. */
	r->mapped = page + size + (size < REC_LONGEST ? size : REC_LONGEST);
	p = mmap(NULL, r->mapped, PROT_READ, MAP_SHARED, map, page);
	r->produced = (const u64 *)p;
	r->data = p + page;
	r->wake = epoll_create1(EPOLL_CLOEXEC);
	if (r->consumed != MAP_FAILED && p != MAP_FAILED && r->wake >= 0 &&
	    !epoll_ctl(r->wake, EPOLL_CTL_ADD, map, &event)) {
		r->open = true;
		return 0;
	}
	return fail("the ring cannot be read: %s", strerror(errno));
}

void reader_close(struct reader *r)
{
	size_t page = sysconf(_SC_PAGESIZE);

	if (!r->open)
		return;
	munmap(r->consumed, page);
	munmap((void *)r->produced, r->mapped);
	close(r->wake);
	lanes_close(&r->lanes);
	r->open = false;
}

u32 reader_drain(struct reader *r)
{
	const u64 mask = r->size - 1, begin = *r->consumed, before = r->read;
	u64 at = begin, end, size = r->size, found;

	/* At most once the whole ring: whoever asks for more has other things to do in between. */
	while (at != (end = __atomic_load_n(r->produced, __ATOMIC_ACQUIRE)) &&
	       at - begin <= r->size) {
		while (at != end) {
			const struct slot *s = (const struct slot *)(r->data + (at & mask));
			u32 len = __atomic_load_n(&s->len, __ATOMIC_ACQUIRE);

			if (len & BPF_RINGBUF_BUSY_BIT)
				goto out;
			at += ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7U;
			if (!(len & BPF_RINGBUF_DISCARD_BIT) && s->rec.len <= len) {
				r->read++;
				r->each(r->ctx, &s->rec);
			}
			__atomic_store_n(r->consumed, at, __ATOMIC_RELEASE);
		}
	}
out:
	found = at - begin;
	if (r->lanes.at) {
		found = lanes_drain(&r->lanes, r->each, r->ctx, &r->read);
		size = 2 * (r->lanes.mask + 1); /* one that is full leaves it to the others */
	}
	if (found > size / 16)
		r->nap = NAP_MIN;
	else if (r->nap < NAP_MAX)
		r->nap *= 2;
	return r->read - before;
}

bool reader_behind(const struct reader *r)
{
	return *r->consumed != __atomic_load_n(r->produced, __ATOMIC_ACQUIRE) ||
	       lanes_behind(&r->lanes);
}

void reader_wait(struct reader *r, bool busy, u64 timeout_ns, const sigset_t *sigmask)
{
	struct pollfd fd = {.fd = r->wake, .events = POLLIN};
	struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};

	if (busy) {
		ts = (struct timespec){0, timeout_ns && timeout_ns < r->nap ? timeout_ns : r->nap};
		ppoll(NULL, 0, &ts, sigmask);
		return;
	}
	__atomic_store_n(&r->shared->idle, 1, __ATOMIC_SEQ_CST);
	r->nap = NAP_MIN;
	/* A record committed before idle was seen wakes nobody: look once more. In a lane it may
	 * have been begun. */
	if (reader_drain(r))
		;
	else if (lanes_behind(&r->lanes))
		ppoll(NULL, 0, &(struct timespec){0, NAP_MIN}, sigmask);
	else
		ppoll(&fd, 1, timeout_ns ? &ts : NULL, sigmask);
	__atomic_store_n(&r->shared->idle, 0, __ATOMIC_SEQ_CST);
}
