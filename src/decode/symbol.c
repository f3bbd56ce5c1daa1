/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Symbols of kernel addresses: those of a recording, else of whoever can ask the kernel. */
#include <stdlib.h>
#include "told.h"

#define BUCKETS  1024
#define NAMELESS 256 /* addresses that are not asked for again at once */

struct known {
	struct known *next;
	u64 address;
	char text[];
};

static struct known *table[BUCKETS];

const char *(*decode_symbol)(u64 address);

static struct known **bucket(u64 address)
{
	return &table[(address ^ address >> 10) % BUCKETS];
}

void symbol_learn(u64 address, const char *text, u32 len)
{
	struct known *k = malloc(sizeof(*k) + len + 1), **to = bucket(address);

	if (!k)
		return;
	k->next = *to;
	k->address = address;
	memcpy(k->text, text, len);
	k->text[len] = 0;
	told_clean(k->text);
	*to = k;
}

/* Without the size of what it lies in, which nobody reads. False where it has no name. */
static bool ask(u64 address)
{
	static u64 nameless[NAMELESS];
	u64 *last = &nameless[(address ^ address >> 10) % NAMELESS];
	const char *told = decode_symbol && *last != address ? decode_symbol(address) : NULL;
	struct buf b = {0};
	u32 n;

	if (!told || !strncmp(told, "0x", 2)) {
		*last = address;
		return false;
	}
	n = strcspn(told, "/");
	buf_mem(&b, told, n);
	buf_str(&b, told + n + strcspn(told + n, " "));
	symbol_learn(address, b.base, buf_len(&b));
	buf_free(&b);
	return true;
}

const char *symbol_text(u64 address)
{
	for (u32 pass = 0; pass < 2; pass++) {
		for (const struct known *k = *bucket(address); k; k = k->next)
			if (k->address == address)
				return k->text;
		if (pass || !ask(address))
			return NULL;
	}
	return NULL;
}
