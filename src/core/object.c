/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "error.h"
#include "object.h"
#include "packed.h"
#include "tool.h"
#include "unpack.h"

TOOL_OBJECT(base);

static u32 number(const unsigned char **at)
{
	u32 n = 0, shift = 0;

	for (; **at & 128; shift += 7)
		n |= (u32)(*(*at)++ & 127) << shift;
	return n | (u32) * (*at)++ << shift;
}

/* Behind what stands in front of it, at is where it begins. gzip's checksum says that it is whole.
 */
static void expand(unsigned char *at, const struct packed *p)
{
	const unsigned char *op = (const void *)(p + 1), *plain = op + p->ops, *end = plain;
	unsigned char *last = at + p->size;

	while (op < end) {
		u32 n = number(&op), again = number(&op), back = number(&op);

		memcpy(at, plain, n);
		at += n;
		plain += n;
		memcpy(at, at - back, again);
		at += again;
	}
	memcpy(at, plain, last - at);
}

/* Adds up what is told by differences. */
static void add_up(unsigned char *object, const struct packed *p)
{
	u32 *words = (u32 *)object;
	const u32 record = PACKED_RECORD / sizeof(*words);

	for (u32 i = p->from / sizeof(*words) + record; i < p->to / sizeof(*words); i++)
		words[i] += words[i - record];
}

void *object_unpack(const void *packed, size_t size, size_t *unpacked)
{
	struct packed *p = unpack(packed, size, unpacked), *base = NULL;
	unsigned char *all = p ? calloc(1, p->base + p->size) : NULL;

	if (all && p->base)
		base = unpack(base_bpf_o, base_bpf_o_size, unpacked);
	if (all && (base || !p->base)) {
		if (base)
			expand(all, base);
		expand(all + p->base, p);
		add_up(all + p->base, p);
		memmove(all, all + p->base, p->size);
		*unpacked = p->size;
	} else {
		free(all);
		all = NULL;
	}
	free(base);
	free(p);
	return all;
}

struct bpf_map *object_map(struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (!map)
		fail("a BPF object has no %s: this build is broken", name);
	return map;
}

void *object_data(struct bpf_object *obj, const char *section, size_t size)
{
	struct bpf_map *map = object_map(obj, section);
	size_t have = 0;
	void *data = map ? (void *)bpf_map__initial_value(map, &have) : NULL;

	if (data && have >= size)
		return data;
	if (map)
		fail("%s of a BPF object is too small: this build is broken", section);
	return NULL;
}
