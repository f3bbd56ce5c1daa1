/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir http --at: requests from the packets of interfaces, by the programs of weir packets. */
#ifndef WEIR_HTTP_WIRE_H
#define WEIR_HTTP_WIRE_H

#include "hook.h"

/* at: xdp or tc; names: interfaces; bytes: of each packet that are looked at, 0: all. What the
 * filters ask of addresses becomes the kernel's filter of packets. 0, FAIL or USAGE. */
int wire_check(struct common *c, const char *at, const struct option_words *names, u32 bytes);
/* For the tool's row, as there. */
int wire_setup(struct run *run, struct attach *a);
int wire_attach(struct run *run, struct attach *a);
/* Looks for interfaces that come and go, now and then; ends the run when none is left. */
int wire_poll(struct run *run, struct attach *a);

#endif
