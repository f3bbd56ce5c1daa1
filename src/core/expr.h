/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The words of a filter, compiled by libpcap: for the kernel and for user space. */
#ifndef WEIR_EXPR_H
#define WEIR_EXPR_H

#include <stdbool.h>
#include "cbpf.h"
#include "record.h"

#define EXPR_TOO_LARGE 8 /* not for the kernel: packets are filtered in user space */

/* Joins the words of the command line; none: everything passes. Wrong ones are told with the place
 * where libpcap stops. 0 or USAGE. */
int expr_set(char **words, int n);
/* The same filter for frames that have no link level, where the first has words that are about it.
 */
void expr_set_bare(const char *words);
/* Is there one? */
bool expr_given(void);
/*
 * A program for a hook and for frames of that link type, which goes on to the one that map has at
 * index. A descriptor of the caller's; -EXPR_TOO_LARGE: with a reason in *why; FAIL: it cannot be
 * compiled for such frames.
 */
int expr_program(u16 link, const struct cbpf_how *how, const char **why);
/* The same in user space: of a frame's first len bytes (of full). */
bool expr_passes(u16 link, const u8 *frame, u32 len, u32 full);

#endif
