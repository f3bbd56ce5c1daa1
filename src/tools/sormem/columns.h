/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_SORMEM_COLUMNS_H
#define WEIR_SORMEM_COLUMNS_H

#include "column.h"
#include "histogram.h"

/* All columns, of records REC_TALLY and REC_RMEM; those that are in text are the histograms'. */
extern const struct column sormem_columns[];
/* Text: those of the sockets. */
extern const struct column sormem_socket_columns[];
extern const u32 sormem_nsocket_columns;

/* Is the row one of a socket, not of a histogram? */
bool sormem_is_socket(const struct rec *r);
/* A row's histogram: linear where it is of percent. */
struct histogram sormem_histogram(const struct rec *r);

#endif
