/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The reader of recordings, and all that replay does with a record, on bytes from anywhere. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "account.h"
#include "cgroups.h"
#include "decode.h"
#include "file.h"
#include "histogram.h"
#include "hit_decode.h"
#include "match.h"
#include "out.h"
#include "run.h"

static int file = -1;

/* libtraceevent forgets some bytes of formats that it cannot parse. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libtraceevent\n";
}

/* The sum of src/ring/file.c once more: with wrong ones nothing behind them would be reached. */
typedef u64 lanes __attribute__((vector_size(16)));

static u32 checksum(const void *p, u64 n, u32 size)
{
	const u8 *b = p;
	lanes sum = {0x9e3779b97f4a7c15 ^ size, size}, sums = {0, 0}, w;
	u64 h = size;

	for (; n >= sizeof(w); n -= sizeof(w), b += sizeof(w)) {
		memcpy(&w, b, sizeof(w));
		sum += w;
		sums += sum;
	}
	w = (lanes){0, 0};
	memcpy(&w, b, n);
	sum += w;
	sums += sum;
	for (u32 i = 0; i < 4; i++) {
		h = (h ^ (i < 2 ? sum[i] : sums[i - 2])) * 0xff51afd7ed558ccd;
		h ^= h >> 29;
	}
	return h ^ h >> 32;
}

/* Puts right sums wherever there is a frame. */
static void mend(u8 *p, size_t size)
{
	struct file_head h;
	u32 frame[2], sum;
	size_t at, n;

	if (size < sizeof(h))
		return;
	memcpy(&h, p, sizeof(h));
	if (h.size > size || h.size < sizeof(h))
		return;
	memset(p + offsetof(struct file_head, sum), 0, 4);
	sum = checksum(p, h.size, h.size);
	memcpy(p + offsetof(struct file_head, sum), &sum, 4);
	for (at = h.size; size - at >= sizeof(frame); at += sizeof(frame) + SECT_NEXT(n)) {
		memcpy(frame, p + at, sizeof(frame));
		n = FRAME_SIZE(frame[1]);
		if (n > size - at - sizeof(frame))
			return;
		sum = checksum(p + at + sizeof(frame), n, frame[1]);
		memcpy(p + at, &sum, 4);
		if (SECT_NEXT(n) > size - at - sizeof(frame))
			return;
	}
}

static const char *path_of(const void *data, size_t size)
{
	static char path[64];
	u8 *copy = malloc(size + 1);
	bool good;

	if (file < 0)
		file = memfd_create("fuzz", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	memcpy(copy, data, size);
	mend(copy, size);
	good = !ftruncate(file, 0) && pwrite(file, copy, size, 0) == (ssize_t)size;
	free(copy);
	return good ? path : NULL;
}

/* A counted row, as each tool that counts would print it. */
static void show_counts(struct out *o, const struct rec *r)
{
	static const char *const names[] = {"sockstat", "sofamily",  "soprotocol", "socketio",
					    "socksize", "soconnlat", "so1stbyte",  "sormem",
					    "drops",    "tcprtt",    "latency"};
	struct histogram h = histogram_of(r);
	struct buf b = {0};

	for (u32 i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct tool *t = tool_find(names[i]);
		struct run run = {.tool = t};
		u32 n = 0;

		while (t->columns[n].name)
			n++;
		if (!t->hidden(&run, r))
			out_row(o, t->columns, n, r);
	}
	histogram_draw(&b, &h);
	buf_free(&b);
}

/* Probes are what the recording says they are. */
static void show_hit(const struct tool *t, struct out *o, const struct rec *r)
{
	static const struct filter filter = {.have = FILTER_PORT | FILTER_FAILED, .port = 80};
	const struct name_rec *name = (const void *)r;
	struct run run = {.tool = t, .out = o, .headed = true};

	if (r->type == REC_HIT) {
		match_hit(&filter, (const struct hit_rec *)r);
		t->event(&run, r);
	} else if (name->len > r->len - r->fixed) {
		return;
	} else if (name->space == NAME_PROBE) {
		probe_learn(name->id, name->name, name->len);
	} else if (name->space == NAME_SYMBOL) {
		symbol_learn(name->id, name->name, name->len);
	}
}

/* As replay.c: what passes a filter is printed, by the tool whose records these are. */
static void show(struct out *o, const struct rec *r)
{
	static const struct filter filter = {.have = FILTER_PORT | FILTER_FAILED, .port = 80};
	static const char *const tools[REC_MAX] = {
		[REC_CALL] = "trace",  [REC_CONNECT] = "soconnect", [REC_ACCEPT] = "soaccept",
		[REC_RMEM] = "sormem", [REC_HTTP] = "http",         [REC_PACKET] = "packets",
	};
	const char *name = r->type < REC_MAX ? tools[r->type] : NULL; /* else of a newer weir */
	const struct tool *t = name ? tool_find(name) : NULL;
	struct run run = {.tool = t};
	u32 n = 0;

	if (r->type == REC_TALLY)
		show_counts(o, r);
	if (r->type == REC_NAME || r->type == REC_HIT)
		show_hit(tool_find("trace"), o, r);
	match_rec(&filter, r);
	if (!t || (t->hidden && t->hidden(&run, r)))
		return;
	while (t->columns[n].name)
		n++;
	out_row(o, t->columns, n, r);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const struct out_world world = {0};
	const char *path = path_of(data, size);
	static int null = -1;
	struct file_reader f;

	if (null < 0)
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	for (enum out_format format = OUT_TEXT; path && format <= OUT_CSV; format++) {
		struct out *o = out_open(format, null, &world, false);
		const struct rec *r;

		if (!file_open(&f, path))
			while (file_next(&f, &r) > 0)
				show(o, r);
		file_close(&f);
		out_close(o);
	}
	return 0;
}
