/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the build has packed into the program. */
#ifndef WEIR_UNPACK_H
#define WEIR_UNPACK_H

#include <stddef.h>
#include "record.h"

/* What gzip packed (RFC 1952), to free(), and its size; NULL with errno: EINVAL when it is damaged.
 */
void *unpack(const void *packed, size_t size, size_t *unpacked);

/* Texts, a NUL behind each: unpacked when the first is asked for, and kept. */
struct texts {
	const unsigned char *packed;
	const u32 *size;
	char *all;
};
/* The one behind n others from that byte on; "" when there is no memory. */
const char *text_at(struct texts *t, u32 at, u32 n);

#endif
