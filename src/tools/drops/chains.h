/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What netfilter's hooks are called, and what stands there. */
#ifndef WEIR_DROPS_CHAINS_H
#define WEIR_DROPS_CHAINS_H

#include "decode.h"
#include "run.h"

/* The hook that a function asks, by its symbol: "PREROUTING"; NULL when it asks none. */
const char *hook_of(const char *symbol);
/* Keeps what a REC_HOOK tells, in the recording or for what follows; false: r is none. */
bool hooks_inner(struct run *run, const struct rec *r);
/* What may have dropped a packet: an ARRAY; none when id is not known. */
void chains_tell(struct verbs *v, u64 id);
/* The same for people; nothing when id is not known. */
void chains_text(struct buf *b, u64 id);

#endif
