/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir sofamily: connects and accepts, by process and address family. */
#include "attempt.bpf.h"

ATTEMPT_WAYS(false)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
