/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "unpack.h"

void *unpack(const void *packed, size_t size, size_t *unpacked)
{
	z_stream z = {.next_in = (Bytef *)packed, .avail_in = size};
	u32 n = 0; /* the last four bytes */
	void *bytes;

	if (size > sizeof(n))
		memcpy(&n, packed + size - sizeof(n), sizeof(n));
	bytes = malloc(n ? n : 1);
	if (!bytes)
		return NULL;
	z.next_out = bytes;
	z.avail_out = n;
	*unpacked = n;
	if (inflateInit2(&z, 16 + MAX_WBITS) == Z_OK) { /* 16: of gzip */
		int end = inflate(&z, Z_FINISH);

		inflateEnd(&z);
		if (end == Z_STREAM_END)
			return bytes;
	}
	free(bytes);
	errno = EINVAL;
	return NULL;
}

const char *text_at(struct texts *t, u32 at, u32 n)
{
	const char *text;
	size_t size;

	if (!t->all)
		t->all = unpack(t->packed, *t->size, &size);
	if (!t->all)
		return "";
	for (text = t->all + at; n; n--)
		text += strlen(text) + 1;
	return text;
}
