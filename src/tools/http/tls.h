/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Which libssl to probe, and its probes (tls.bpf.h). */
#ifndef WEIR_HTTP_TLS_H
#define WEIR_HTTP_TLS_H

#include "run.h"

/* Is TLS to be looked at: wished, or by itself where the watched process has libssl, or is a
 * command that may? For a tool's setup, before load: marks the programs. */
bool tls_wanted(struct run *run, struct attach *a, bool wished);
/* For a tool's attach: attaches them to each libssl that was found. 0, or FAIL where it was wished
 * and there is none. */
int tls_attach(struct run *run, struct attach *a, bool wished);

#endif
