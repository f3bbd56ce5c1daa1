// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * A BPF program that does nothing (or, for "ports", only reads the ports of a function's packet),
 * at the entry or exit of kernel functions, at tracepoints, or at an interface: what the kernel
 * itself takes for having one there. empty {fentry|ports|fexit|kprobe FUNCTION...|tp_btf NAME...|tp
 * GROUP/NAME...}..., empty tc|xdp|xdpgeneric INTERFACE
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

#include <linux/perf_event.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Verdict "go on", both ways at tc or before the stack: in the driver where it can do that. */
static int at_interface(int xdp, int generic, const char *name)
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
	LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);

	if (fd < 0)
		return -errno;
	if (xdp) {
		int in_driver =
			generic ? -EOPNOTSUPP : bpf_link_create(fd, ifindex, BPF_XDP, &native);

		return in_driver < 0 ? bpf_link_create(fd, ifindex, BPF_XDP, &link) : in_driver;
	}
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
	sigset_t end, before;

	sigemptyset(&end);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, &before); /* it may come before it is waited for */
	signal(SIGINT, on_end);
	fprintf(stderr, "empty: attached\n");
	sigdelset(&before, SIGINT);
	sigsuspend(&before);
	if (name)
		bpf_tc_hook_destroy(&both);
	return 0;
}

static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* Bytes from the beginning of a type to its member of that name, also in one that has none; -1: it
 * has none such. */
static int member_at(const struct btf *btf, __u32 id, const char *name)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const struct btf_member *m = btf_members(t);

	for (__u32 i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
		int at = btf_member_bit_offset(t, i) / 8, within = -1;

		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), name))
			return at;
		if (!m[i].name_off)
			within = member_at(btf, m[i].type, name);
		if (within >= 0)
			return at + within;
	}
	return -1;
}

#define LOADS(size, to, from, at)                                                                  \
	{                                                                                          \
		.code = BPF_LDX | BPF_MEM | (size), .dst_reg = (to), .src_reg = (from),            \
		.off = (at)                                                                        \
	}

/* Reads the ports of the packet that is the function's first argument. */
static int read_ports(const struct btf *btf, struct bpf_insn *insns)
{
	__u32 skb = btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT);
	const struct bpf_insn reads[] = {
		LOADS(BPF_DW, 2, 1, 0),
		LOADS(BPF_H, 4, 2, member_at(btf, skb, "transport_header")),
		LOADS(BPF_DW, 3, 2, member_at(btf, skb, "head")),
		{.code = BPF_ALU64 | BPF_ADD | BPF_X, .dst_reg = 3, .src_reg = 4},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 4},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel},
		nothing[0],
		nothing[1],
	};

	memcpy(insns, reads, sizeof(reads));
	return sizeof(reads) / sizeof(*reads);
}

/* Programs that are attached by what BTF has of that name. */
static int by_btf(enum bpf_attach_type kind, const char *name, int ports)
{
	static struct btf *btf;
	struct bpf_insn insns[16];
	int n = 2;
	char full[200];
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = kind);
	int fd;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	snprintf(full, sizeof(full), "%s%s", kind == BPF_TRACE_RAW_TP ? "btf_trace_" : "", name);
	opts.attach_btf_id = btf__find_by_name_kind(
		btf, full, kind == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC);
	memcpy(insns, nothing, sizeof(nothing));
	if (ports)
		n = read_ports(btf, insns);
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", insns, n, &opts);
	return fd < 0 ? fd : bpf_raw_tracepoint_open(NULL, fd);
}

static int number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	int n = -1;

	if (file && fscanf(file, "%d", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

/* At a perf event: a tracepoint's record, a function's int3 or ftrace handler. */
static int by_event(int kprobe, const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	char path[300];
	int fd = bpf_prog_load(kprobe ? BPF_PROG_TYPE_KPROBE : BPF_PROG_TYPE_TRACEPOINT, "empty",
			       "GPL", nothing, 2, NULL);
	int event;

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s/id", name);
	if (kprobe) {
		attr.type = number_in("/sys/bus/event_source/devices/kprobe/type");
		attr.kprobe_func = (unsigned long)name;
	} else {
		attr.config = number_in(path);
	}
	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 || event < 0 ? -1 : bpf_link_create(fd, event, BPF_PERF_EVENT, NULL);
}

static int attach(const char *way, const char *name)
{
	if (!strcmp(way, "fentry"))
		return by_btf(BPF_TRACE_FENTRY, name, 0);
	if (!strcmp(way, "ports"))
		return by_btf(BPF_TRACE_FENTRY, name, 1);
	if (!strcmp(way, "fexit"))
		return by_btf(BPF_TRACE_FEXIT, name, 0);
	if (!strcmp(way, "tp_btf"))
		return by_btf(BPF_TRACE_RAW_TP, name, 0);
	return by_event(!strcmp(way, "kprobe"), name);
}

int main(int argc, char **argv)
{
	static const char *const ways[] = {"fentry", "ports", "fexit", "tp_btf", "tp", "kprobe"};
	const char *way = *ways;

	if (argc == 3 && (!strcmp(argv[1], "tc") || !strncmp(argv[1], "xdp", 3))) {
		int err = at_interface(*argv[1] == 'x', !strcmp(argv[1], "xdpgeneric"), argv[2]);

		if (err < 0)
			fprintf(stderr, "empty: %s: %s\n", argv[2], strerror(-err));
		return err < 0 ? 1 : stay(*argv[1] == 'x' ? NULL : argv[2]);
	}
	for (int i = 1; i < argc; i++) {
		unsigned k = 0;

		while (k < sizeof(ways) / sizeof(*ways) && strcmp(argv[i], ways[k]))
			k++;
		if (k < sizeof(ways) / sizeof(*ways)) {
			way = ways[k];
		} else if (attach(way, argv[i]) < 0) {
			fprintf(stderr, "empty: %s: %s\n", argv[i], strerror(errno));
			return 1;
		}
	}
	return stay(NULL);
}
