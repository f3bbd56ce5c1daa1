/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcpsynbl: the queues of sockets that listen. All is in the connection table. */
#include "table_iter.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
