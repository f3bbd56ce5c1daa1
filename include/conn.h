/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The connection table: what its two halves say to each other, but for records. */
#ifndef WEIR_CONN_H
#define WEIR_CONN_H

#include "record.h"

/* .rodata.conns: set by the loader. */
struct conn_told {
	u32 events;  /* that a tool wants, 1 << enum conn_event */
	u32 accepts; /* conn_grafted() or conn_accepted() sees who accepts */
	u32 peers;   /* UDP's are counted (kernel/table_peers.bpf.h) */
	u32 tick_ns; /* how long a jiffy is */
	u32 dropped; /* packets that are dropped are counted (kernel/table_drops.bpf.h) */
};

/* Sockets of which packets were dropped: places. A power of two. 512 KiB */
#define DROPPED 16384

/* Whom UDP's sockets talk with: places, and how many are taken, which is the difference. */
#define UDP_BITS  15
#define UDP_PEERS (1 << UDP_BITS)
#define UDP_YOUNG 1024 /* sockets without a cookie that send */

/* .data.peers */
struct udp_used {
	u64 claimed, freed;
};

#endif
