/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What io_uring connects and accepts (programs in kernel/uring.bpf.h). */
#include "probes.h"

/* The tracepoint has three arguments since Linux 6.15 or so. */
const struct probe uring_connect_probe = {
	.name = "connect by io_uring",
	.ways = {{"uring_connect_tp", PROBE_TP_BTF, "io_uring_complete", 3},
		 {"uring_connect_tp_old", PROBE_TP_BTF, "io_uring_complete", 7}},
};

const struct probe uring_accept_probe = {
	.name = "accept by io_uring",
	.ways = {{"uring_accept", PROBE_FEXIT, "do_accept", 5},
		 {"uring_accept_tp", PROBE_TP_BTF, "io_uring_complete", 3},
		 {"uring_accept_tp_old", PROBE_TP_BTF, "io_uring_complete", 7}},
};
