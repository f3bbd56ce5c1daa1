/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Which process has a socket open, of those that do not receive: from /proc. */
#ifndef WEIR_OWNER_H
#define WEIR_OWNER_H

#include <stdbool.h>
#include "record.h"

/* Fills pid, tid, comm, uid and netns of a process that has the socket of this inode open; the
 * first in the order of /proc. False: none has, or it may not be known. */
bool owner_find(u64 ino, struct who *who);
/* Is the process a descendant of ours (of -- COMMAND)? */
bool owner_is_ours(u32 pid);

#endif
