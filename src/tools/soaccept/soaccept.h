/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir soaccept agree on, beside struct accept_rec (record.h). */
#ifndef WEIR_SOACCEPT_H
#define WEIR_SOACCEPT_H

#include "call.h"

/* Connections that wait in accept queues, on the whole machine: four of the largest queues that
 * net.core.somaxconn lets a program have by itself; 1 MiB. Of more, the time is unknown. */
#define WAITING_MAX 16384

#endif
