/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir soconnect agree on, beside struct connect_rec (record.h). */
#ifndef WEIR_SOCONNECT_H
#define WEIR_SOCONNECT_H

#include "call.h"

/*
 * Connections that are being made and that no call waits for. One more is not followed to its end,
 * which is counted. A machine that has more connects underway has other troubles: 2 MiB.
 */
#define PENDING_MAX 8192

struct soconnect_conf {
	u32 final;  /* follow connections to the end of their handshake */
	u32 nrs[4]; /* system call numbers: io_uring_enter, sendto, sendmsg, sendmmsg */
	u32 pad;
};

#endif
