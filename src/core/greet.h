/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a run says when all is attached: what is traced and how, with -v why not otherwise, and what
 * the start took. */
#ifndef WEIR_GREET_H
#define WEIR_GREET_H

#include "run.h"

/* command: there is one, whose own words come next, so only what -v asks for is said. */
void greet(const struct run *run, const struct attach *a, bool command);

#endif
