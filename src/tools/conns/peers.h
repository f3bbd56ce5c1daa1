/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Peers of UDP's sockets, which the kernel keeps nothing of: kernel/table_peers.bpf.h. */
#ifndef WEIR_PEERS_H
#define WEIR_PEERS_H

#include "table.h"

/* For the tool's setup, after table_setup(). watch: they are counted; else nothing of it is loaded.
 * 0 or FAIL. */
int peers_setup(struct run *run, struct attach *a, bool watch);
/* Tells what is new of them and what is over (CONN_PEER), or those that are there (CONN_IS). 0 or
 * FAIL. */
int peers_list(struct run *run, struct attach *a, u32 kind);

#endif
