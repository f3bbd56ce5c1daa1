/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Reading the kernel's ring (BPF_MAP_TYPE_RINGBUF) without being woken for each record. */
#ifndef WEIR_READER_H
#define WEIR_READER_H

#include <signal.h>
#include <stdbool.h>
#include "lanes.h"
#include "record.h"
#include "shared.h"

struct reader {
	bool open;
	u64 *consumed; /* positions of both sides, mapped; the kernel writes the other */
	const u64 *produced;
	const u8 *data;
	size_t mapped; /* bytes from produced on */
	int wake;      /* an epoll descriptor: readable when the kernel half has woken us */
	struct shared *shared;
	void (*each)(void *ctx, const struct rec *r);
	void *ctx;
	u64 read;           /* records handed on */
	u32 size;           /* of the ring, bytes */
	u32 nap;            /* ns that a busy reader sleeps */
	struct lanes lanes; /* the caller's to open, where the kernel half has some */
};

/* map: the ring's descriptor, size: its bytes. each() and ctx are the caller's to set: each is
 * called with every record, in the ring's order, valid until it returns. 0 or FAIL. */
int reader_open(struct reader *r, int map, u32 size, struct shared *shared);
void reader_close(struct reader *r);
/* Hands on what is there now; returns how many records. */
u32 reader_drain(struct reader *r);
/* Is there a record that was begun and is not handed on yet? */
bool reader_behind(const struct reader *r);
/*
 * Sleeps until there may be something to read, at most timeout_ns (0: no limit), or until a signal
 * of those that sigmask lets through. busy: the last drain found records: then 1 to 8 milliseconds,
 * and the kernel half wakes nobody; else until the kernel half wakes us.
 */
void reader_wait(struct reader *r, bool busy, u64 timeout_ns, const sigset_t *sigmask);

#endif
