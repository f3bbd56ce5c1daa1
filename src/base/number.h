/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_NUMBER_H
#define WEIR_NUMBER_H

#include "record.h"

/* What a user writes; 0, or -1 where it is something else. */

/* Digits only, whole, within bounds. */
int number(const char *s, u64 least, u64 most, u64 *v);
/* A time, more than 0: a decimal number and ns, us, ms, s or m. unit: ns of a number alone; 0: it
 * is none. */
int span(const char *s, u64 unit, u64 *ns);

#endif
