/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Paths of cgroups by id: from the running kernel, or from a recording. */
#ifndef WEIR_CGROUPS_H
#define WEIR_CGROUPS_H

#include "record.h"

/* The path of a cgroup v2 id below its mount, "/" first; NULL when it cannot be known (any more).
 * Kept here until the process ends. */
const char *cgroup_path(u64 id);
/* Tells a path, as a recording has it; live look-ups are then no longer made. */
void cgroup_learn(u64 id, const char *path, u32 len);

#endif
