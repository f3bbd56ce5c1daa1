/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Before Linux 6.6 a tc program is attached as a filter, which stays when its process is gone. So a
 * second process notes what was attached, waits until the first has ended in whatever way, and
 * takes it away.
 */
#ifndef WEIR_TIDY_H
#define WEIR_TIDY_H

#include <stdbool.h>

/* Attaches a tc program to an interface, in front of all filters there. 0 or -errno. */
int tidy_attach(int ifindex, int prog, bool out);
/* Takes all of them away; returns when that is done. */
void tidy_end(void);

#endif
