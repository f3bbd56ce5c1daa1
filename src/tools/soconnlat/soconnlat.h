/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir soconnlat agree on. */
#ifndef WEIR_SOCONNLAT_H
#define WEIR_SOCONNLAT_H

#include "spread.h"

/* The kinds of a histogram. */
enum soconnlat_kind { KIND_CONNECTED, KIND_FAILED };

/* Connections that are being made, 2 MiB. One more is not measured, which is counted. */
#define PENDING_MAX 16384

#endif
