// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * A BPF program that does nothing, at the entry or exit of kernel functions, or at an interface:
 * what the kernel itself takes for having one there. empty {fentry|fexit FUNCTION...}...,
 * empty tc|xdp INTERFACE
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Verdict "go on", both ways at tc or before the stack. */
static int at_interface(int xdp, const char *name)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = xdp ? 2 : -1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int ifindex = if_nametoindex(name);
	int fd = bpf_prog_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL",
			       insns, 2, NULL);
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex);
	LIBBPF_OPTS(bpf_link_create_opts, link, .flags = XDP_FLAGS_SKB_MODE);

	if (fd < 0)
		return -errno;
	if (xdp)
		return bpf_link_create(fd, ifindex, BPF_XDP, &link);
	bpf_tc_hook_create(&both);
	for (int out = 0; out < 2; out++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = fd);

		hook.attach_point = out ? BPF_TC_EGRESS : BPF_TC_INGRESS;
		if (bpf_tc_attach(&hook, &opts))
			return -errno;
	}
	return 0;
}

/* What was attached at tc stays without its process. */
static void on_end(int sig)
{
	(void)sig;
}

static int stay(const char *name)
{
	LIBBPF_OPTS(bpf_tc_hook, both, .ifindex = name ? if_nametoindex(name) : 0,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	signal(SIGINT, on_end);
	fprintf(stderr, "empty: attached\n");
	pause();
	if (name)
		bpf_tc_hook_destroy(&both);
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	enum bpf_attach_type kind = BPF_TRACE_FENTRY;
	struct btf *btf;

	if (argc == 3 && (!strcmp(argv[1], "tc") || !strcmp(argv[1], "xdp"))) {
		int err = at_interface(*argv[1] == 'x', argv[2]);

		if (err < 0)
			fprintf(stderr, "empty: %s: %s\n", argv[2], strerror(-err));
		return err < 0 ? 1 : stay(*argv[1] == 'x' ? NULL : argv[2]);
	}
	btf = btf__load_vmlinux_btf();

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "fentry") || !strcmp(argv[i], "fexit")) {
			kind = argv[i][2] == 'n' ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT;
			continue;
		}
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = kind,
			    .attach_btf_id = btf__find_by_name_kind(btf, argv[i], BTF_KIND_FUNC));
		int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", insns, 2, &opts);

		if (fd < 0 || bpf_raw_tracepoint_open(NULL, fd) < 0) {
			fprintf(stderr, "empty: %s: %s\n", argv[i], strerror(errno));
			return 1;
		}
	}
	return stay(NULL);
}
