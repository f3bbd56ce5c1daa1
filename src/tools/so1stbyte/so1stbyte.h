/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir so1stbyte agree on. */
#ifndef WEIR_SO1STBYTE_H
#define WEIR_SO1STBYTE_H

#include "spread.h"

/* The kinds of a histogram: which side of the connection received. */
enum so1stbyte_kind { KIND_CONNECT, KIND_ACCEPT };

/* Connections that nothing was received on yet, 4 MiB. One more is not measured, which is counted.
 */
#define WAITING_MAX 65536

#endif
