/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Whom UDP's sockets talk with (kernel/table_peers.bpf.h): how much room there is. */
#ifndef WEIR_UDP_PEERS_H
#define WEIR_UDP_PEERS_H

#define UDP_BITS  15
#define UDP_PEERS (1 << UDP_BITS)
#define UDP_YOUNG 1024 /* sockets without a cookie that send */

#endif
