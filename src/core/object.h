/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* BPF objects as the build has packed them (include/packed.h). */
#ifndef WEIR_OBJECT_H
#define WEIR_OBJECT_H

#include <stddef.h>

/* The object, to free(), and its size; NULL with errno: EINVAL when it is damaged. */
void *object_unpack(const void *packed, size_t size, size_t *unpacked);

#endif
