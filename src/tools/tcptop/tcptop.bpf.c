/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir tcptop: what connections move, from the connection table. */
#include "table_iter.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
