/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A packet's bytes through both listeners, and a capture file through its reader. The first byte
 * says which: a file begins with its magic number, anything else is a link type and a frame.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "out.h"
#include "tools/packets/capfile.h"
#include "packet_decode.h"

static void show(const struct packet_rec *r)
{
	struct buf b = {0};
	struct verbs text = {.ops = &verbs_text, .b = &b}, json = {.ops = &verbs_json, .b = &b};
	struct packet_frame f;

	packet_line(&text, packet_layers(r), true);
	packet_tell(&text, packet_layers(r));
	packet_tell(&json, packet_layers(r));
	packet_frame(&f, r);
	packet_hex(&b, f.p, f.len < 64 ? f.len : 64);
	if (text.depth || json.depth)
		abort(); /* a box was left open */
	buf_free(&b);
}

/* In memory of exactly its size, so that reading past it is noticed. */
static void one_frame(const u8 *data, size_t size)
{
	u32 n = size - 4 < PACKET_SNAP_MAX ? size - 4 : PACKET_SNAP_MAX;
	struct packet_rec *r = calloc(1, sizeof(*r) + sizeof(struct sect) + SECT_NEXT(n));
	struct sect *s = (struct sect *)(r + 1);

	r->h = (struct rec){
		.len = sizeof(*r) + sizeof(*s) + n, .type = REC_PACKET, .fixed = sizeof(*r)};
	r->link = data[0] & 1 ? LINKTYPE_RAW : LINKTYPE_ETHERNET;
	r->bits = data[0] & 2 ? PACKET_TAGGED : 0;
	r->tag_proto = 0x8100;
	r->tag_tci = data[1];
	*s = (struct sect){.kind = SECT_DATA, .len = n, .full = n + data[2] * 8};
	memcpy(s + 1, data + 4, n);
	show(r);
	free(r);
}

static void one_file(const u8 *data, size_t size)
{
	static int file = -1;
	const struct packet_rec *r;
	struct capfile c;
	char path[32];

	if (file < 0)
		file = memfd_create("fuzz", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (ftruncate(file, 0) || pwrite(file, data, size, 0) != (ssize_t)size)
		return;
	if (!capfile_open(&c, path))
		while (capfile_next(&c, &r) > 0)
			show(r);
	capfile_close(&c);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u8 magics[][4] = {{0xd4, 0xc3, 0xb2, 0xa1},
				       {0xa1, 0xb2, 0xc3, 0xd4},
				       {0x4d, 0x3c, 0xb2, 0xa1},
				       {0x0a, 0x0d, 0x0d, 0x0a}};

	if (size < 8)
		return 0;
	for (u32 i = 0; i < 4; i++)
		if (!memcmp(data, magics[i], 4)) {
			one_file(data, size);
			return 0;
		}
	one_frame(data, size);
	return 0;
}
