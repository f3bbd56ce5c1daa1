/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_ADVICE_H
#define WEIR_ADVICE_H

#include "buf.h"

/* Values of the sysctls that advice names (RMEM_SYSCTLS of them), in our network namespace. */
void advice_sysctls(u64 *values);
/* One sentence without its end: what would help this socket. */
void advice_tell(struct buf *b, const struct rmem_rec *r);

#endif
