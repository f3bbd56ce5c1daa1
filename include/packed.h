/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * How the build packs BPF objects (scripts/pack.c) and the program unpacks them
 * (src/core/object.c). Most of an object is in another one, too, or further back than gzip looks.
 * So it is told by ops first: take so many bytes as they stand behind the ops, then so many from so
 * far back in what is unpacked, which begins with another object, the base. That goes through gzip.
 */
#ifndef WEIR_PACKED_H
#define WEIR_PACKED_H

#include <stdint.h>

struct packed {
	uint32_t size; /* unpacked */
	uint32_t base; /* bytes of the base in front of it; 0: it is the base */
	uint32_t ops;  /* bytes of ops; each is three numbers: bytes as they stand, bytes, how far
			  back */
	uint32_t from, to; /* there each word is the difference to the one a record before */
};

/* Relocations, of BTF and of ELF: 16 bytes, each like the one before. */
#define PACKED_RECORD 16

#endif
