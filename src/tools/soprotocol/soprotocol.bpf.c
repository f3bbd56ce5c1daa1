/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir soprotocol: connects and accepts, by process and transport protocol. */
#include "attempt.bpf.h"

ATTEMPT_WAYS(true)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
