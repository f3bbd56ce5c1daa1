/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Stacks by number: the names of their functions, as they were found when it was seen first. */
#ifndef WEIR_STACKS_H
#define WEIR_STACKS_H

#include "record.h"

/* Keeps len bytes of text: a line a frame, innermost first, each ended by a line feed. */
void stack_learn(u64 id, const char *text, u32 len);
/* The same text, NUL at its end; NULL when it is not known. Kept until the process ends. */
const char *stack_text(u64 id);

#endif
