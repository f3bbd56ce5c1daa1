/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Names of functions in running processes: from the files that they have mapped. */
#ifndef WEIR_SYMBOLS_H
#define WEIR_SYMBOLS_H

#include "buf.h"

/*
 * Appends a line for each frame of a stack, innermost first: "connect+23 (libc.so.6)", the distance
 * in bytes; "0x4f12 (app)", an offset in the file, where it has no symbol there; "0x7f3a5c4410"
 * where the process is gone or no file is mapped. At most limit bytes: whole lines.
 */
void symbols_stack(struct buf *b, const struct stack_rec *r, u32 limit);

/* From now on, kernel addresses are told by the running kernel's names. */
void symbols_kernel(void);

#endif
