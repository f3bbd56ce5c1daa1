/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The map of sockets' owners (kernel/owner.bpf.h): filled while the run goes on, and from what is
 * there at its start. For any object that includes it. */
#ifndef WEIR_OWNERS_H
#define WEIR_OWNERS_H

#include "attach.h"

/* Marks the programs that this kernel grants; before the object is loaded. */
void owners_load(struct bpf_object *obj);
/* Attaches them, then looks through all descriptors once. What fails costs owners, not events: a
 * note says so. */
void owners_attach(struct attach *a, struct bpf_object *obj);
struct run;
/* A tool's inner: a socket was met of which nobody is known, so all descriptors are looked through
 * again. */
bool owners_inner(struct run *run, const struct rec *r);

#endif
