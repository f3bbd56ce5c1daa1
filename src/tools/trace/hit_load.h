/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The programs that serve tracepoints and functions, loaded when a way is first taken. */
#ifndef WEIR_HIT_LOAD_H
#define WEIR_HIT_LOAD_H

#include "hits.h"

/* Loads the programs of a way, unless they are. 0 or FAIL. */
int hit_load(struct attach *a, enum via via);
/* Puts hits[number].conf into the kernel half, after the first load. 0 or FAIL. */
int hit_fill(u32 number);
/* The loaded program of a way that tells probes by their cookies. */
int hit_program(enum via via, bool at_return);
/* A copy for one probe, of a way that has none; a holds it. A descriptor, or -1 with errno. */
int hit_copy(struct attach *a, u32 number, bool at_return);
/* How many functions stand at a tracepoint, 2 for more, once the programs of tp_btf are loaded; -1:
 * the kernel does not tell (its symbols are of functions only without CONFIG_KALLSYMS_ALL). */
int hit_standing(const struct hit *h);

#endif
