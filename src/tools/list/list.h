/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_LIST_H
#define WEIR_LIST_H

#include "catalog.h"
#include "raw.h"
#include "tool.h"

/* --check: the catalog against the kernel. 0: nothing new, 1: drift; or FAIL. */
int list_check(const struct common *common);

#endif
