/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_FILTER_OPTION_H
#define WEIR_FILTER_OPTION_H

#include "options.h"

/* Values of options; 0 or USAGE. */
int time_option(const struct option_row *row, const char *s, u64 *ns);
/* Of those that set the filter: OPT_PID and what stands behind it. */
int filter_option(struct filter *f, const struct option_row *row, const char *s);

#endif
