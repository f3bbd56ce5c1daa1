/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Which addresses are this network namespace's own: the kernel's table of local routes, in a map of
 * the kernel half. A socket that takes packets to every address has none but to these.
 */
#ifndef WEIR_LOCALS_H
#define WEIR_LOCALS_H

/* Fills map, whose keys are struct packets_prefix. A descriptor for locals_poll(), -1: none. */
int locals_open(int map);
/* Fills it anew when the table has changed. */
void locals_poll(int fd, int map);

#endif
