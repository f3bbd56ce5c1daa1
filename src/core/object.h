/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* BPF objects as the build has packed them (include/packed.h), and what is in them. */
#ifndef WEIR_OBJECT_H
#define WEIR_OBJECT_H

#include <stddef.h>

struct bpf_map;
struct bpf_object;

/* The object, to free(), and its size; NULL with errno: EINVAL when it is damaged. */
void *object_unpack(const void *packed, size_t size, size_t *unpacked);

/*
 * Of an object that is opened: the initial value of a data section (".rodata.trace"), at least size
 * bytes, which is writable until it is loaded; and a map. The object's. NULL with an error's
 * sentence where there is none, which in a tool's own object is no fault but the build's.
 */
void *object_data(struct bpf_object *obj, const char *section, size_t size);
struct bpf_map *object_map(struct bpf_object *obj, const char *name);

#endif
