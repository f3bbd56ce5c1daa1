/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What both halves know of system calls that move bytes of sockets (kernel/payload.bpf.h). */
#ifndef WEIR_PAYLOAD_H
#define WEIR_PAYLOAD_H

#include "call.h"

/* How the bytes lie in user memory. */
enum payload_shape {
	PAYLOAD_NONE, /* nowhere (sendfile, splice), or not known */
	PAYLOAD_BUF,  /* at the second argument */
	PAYLOAD_IOV,  /* iovec[third argument] at the second */
	PAYLOAD_MSG,  /* a msghdr at the second */
	PAYLOAD_MMSG, /* mmsghdr[third argument] at the second: which one, the tool counts */
	PAYLOAD_SHAPES,
};

#define PAYLOAD_MOST 4096 /* bytes of one message that are looked at */

struct payload_conf {
	u8 shapes[CALL_NR_MAX]; /* by the number of the call */
};

#endif
