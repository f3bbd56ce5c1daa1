/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The rows of weir drops: counts, and drops one by one. */
#ifndef WEIR_DROPS_COLUMNS_H
#define WEIR_DROPS_COLUMNS_H

#include "column.h"

extern const struct column drops_counted[]; /* of struct tally_rec */
extern const struct column drops_each[];    /* of struct drop_rec */

/* The number of a counted row's reason; 0: it is counted by something else. */
u32 drops_reason(const struct rec *r);

#endif
