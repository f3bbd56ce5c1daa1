/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Rows of weir dns: a query and its answer (struct dns_rec), and those of --summary. */
#ifndef WEIR_DNS_COLUMNS_H
#define WEIR_DNS_COLUMNS_H

#include "column.h"
#include "record.h"

enum dns_by { BY_NAME, BY_SERVER, BY_PROCESS };

extern const struct column dns_columns[];
extern const struct column *const dns_sum_columns[]; /* by enum dns_by */

#endif
