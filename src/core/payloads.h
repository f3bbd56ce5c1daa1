/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Tools that look at the bytes which system calls send and receive (kernel/payload.bpf.h). */
#ifndef WEIR_PAYLOADS_H
#define WEIR_PAYLOADS_H

#include "attach.h"
#include "payload.h"

/* For a tool's setup: tells the kernel half where each call has its bytes. 0 or FAIL. */
int payloads_setup(struct attach *a);

#endif
