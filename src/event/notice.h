/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_NOTICE_H
#define WEIR_NOTICE_H

#include "record.h"

/* Says on standard error what is not seen, and of whom; of each kind once. */
void notice_tell(const struct notice_rec *r);

#endif
