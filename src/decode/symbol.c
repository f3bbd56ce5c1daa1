/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Symbols of kernel addresses: those of a recording, else of whoever can ask the kernel. */
#include <stdlib.h>
#include "told.h"

#define BUCKETS 1024

struct known {
	struct known *next;
	u64 address;
	char text[];
};

static struct known *table[BUCKETS];

const char *(*decode_symbol)(u64 address, const char **module, u64 *off);

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

/* As the kernel's %pS without the size, which nobody reads. */
static bool ask(u64 address)
{
	const char *module = NULL, *name = NULL;
	struct buf b = {0};
	u64 off = 0;

	if (decode_symbol)
		name = decode_symbol(address, &module, &off);
	if (!name)
		return false;
	buf_text(&b, name);
	buf_chr(&b, '+');
	buf_hex(&b, off);
	if (module) {
		buf_str(&b, " [");
		buf_text(&b, module);
		buf_chr(&b, ']');
	}
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
