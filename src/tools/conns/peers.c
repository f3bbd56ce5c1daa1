/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include <time.h>
#include "conn.h"
#include "error.h"
#include "kernel.h"
#include "peers.h"
#include "probes.h"

static const struct probe sends4 = {
	.name = "ip_send_skb",
	.ways = {{"udp_out4", PROBE_FENTRY, "ip_send_skb", 2}},
};
/* Gives each socket its cookie. */
static const struct probe binds = {
	.name = "udp_lib_get_port",
	.ways = {{"udp_bound", PROBE_FEXIT, "udp_lib_get_port", 3}},
};
static const struct probe sends6 = {
	.name = "ip6_send_skb",
	.ways = {{"udp_out6", PROBE_FENTRY, "ip6_send_skb", 1}},
};
static const struct probe receives = {
	.name = "skb_consume_udp",
	.ways = {{"udp_in", PROBE_FENTRY, "skb_consume_udp", 3}},
};

/* Without functions: each packet of a device's queue, and who sends. */
static const struct probe queues = {
	.name = "net_dev_queue",
	.ways = {{"udp_out_tp", PROBE_TP_BTF, "net_dev_queue", 1}},
};
static const struct probe sends = {
	.name = "sock_send_length",
	.ways = {{"udp_who_tp", PROBE_TP_BTF, "sock_send_length", 3}},
};

static const struct probe receives_tp = {
	.name = "sock_recv_length",
	.ways = {{"udp_in_tp", PROBE_TP_BTF, "sock_recv_length", 3}},
};

/* --way other than fexit: without functions, where the kernel has those tracepoints. */
static bool functions(const struct run *run)
{
	struct kernel_name names[] = {
		{.name = "ip_send_skb", .kind = BTF_KIND_FUNC},
		{.name = "btf_trace_sock_recv_length", .kind = BTF_KIND_TYPEDEF}};
	const char *way = run->common.way;

	if (via_refused(VIA_FENTRY) || !kernel_names(names, 2) || !names[0].id)
		return false;
	return !way || !strcmp(way, "fexit") || !names[1].id;
}

int peers_setup(struct run *run, struct attach *a, bool watch)
{
	bool by_function = watch && functions(run);
	struct conn_told *told = attach_data(a, ".rodata.conns", sizeof(*told));
	struct timespec tick;
	struct bpf_map *map = attach_map(a, "udp_peers");

	if (!told || !map)
		return FAIL;
	told->peers = watch;
	/* what CLOCK_MONOTONIC_COARSE counts in: KTIME_LOW_RES, kernel/time/posix-timers.c */
	told->tick_ns = clock_getres(CLOCK_MONOTONIC_COARSE, &tick) ? 4000000 : tick.tv_nsec;
	if (!watch)
		return 0;
	bpf_map__set_max_entries(map, UDP_PEERS);
	if (by_function) {
		probes_want(a, &binds);
		probes_want(a, &sends4);
		probes_want(a, &sends6);
		probes_want(a, &receives);
	} else {
		bpf_map__set_max_entries(bpf_object__find_map_by_name(a->obj, "udp_youngs"),
					 UDP_YOUNG);
		probes_want(a, &queues);
		probes_want(a, &sends);
		probes_want(a, &receives_tp);
	}
	bpf_program__set_autoload(bpf_object__find_program_by_name(a->obj, "udp_list"), true);
	return 0;
}

int peers_list(struct run *run, struct attach *a, u32 kind)
{
	struct udp_used used;
	int map = bpf_object__find_map_fd_by_name(a->obj, ".data.peers");
	u32 zero = 0;

	if (map < 0 || bpf_map_lookup_elem(map, &zero, &used) || used.claimed == used.freed)
		return 0;
	return table_iterate(run, a, "udp_list", "udp_peers", kind, run_emit);
}
