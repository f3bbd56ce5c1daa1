/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Ways to put a program at a tracepoint or a function: does this kernel grant them? By trying. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "inside.h"

/* The kernel has it for such tries (net/bpf/test_run.c, 5.5); nobody calls it. */
#define FUNCTION   "bpf_fentry_test1"
#define TRACEPOINT "inet_sock_set_state"
#define KPROBES    "/sys/bus/event_source/devices"

const char *const via_names[VIA_MAX] = {"",       "tp",           "tp_btf", "raw_tp",
					"fentry", "kprobe.multi", "kprobe"};
const char *const lack_names[LACK_MAX] = {"",      "absent",  "inline", "renamed",
					  "twins", "notrace", "refused"};

/* A program of that type that does nothing: its descriptor, or -1 with errno. */
static int load(enum bpf_prog_type type, enum bpf_attach_type expected, s32 btf_id)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = expected,
		    .attach_btf_id = btf_id);

	return bpf_prog_load(type, "weir_try", "GPL", insns, 2, &opts);
}

static const char *refusal(enum via via, int err)
{
	static char texts[VIA_MAX][160];

	if (err == EPERM && geteuid())
		snprintf(texts[via], sizeof(*texts),
			 "this process may load no %s programs: run as root", via_names[via]);
	else
		snprintf(texts[via], sizeof(*texts),
			 "this kernel refuses %s programs: %s (see weir doctor)", via_names[via],
			 strerror(err));
	return texts[via];
}

/* tp_btf and fentry: a type of BTF is the target. To be loaded is enough. */
static const char *try_tracing(enum via via)
{
	bool tp = via == VIA_TP_BTF;
	struct kernel_name name = {.name = tp ? "btf_trace_" TRACEPOINT : FUNCTION,
				   .kind = tp ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC};
	int fd;

	if (!kernel_names(&name, 1))
		return "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)";
	if (!name.id)
		return "this kernel's BTF does not list " FUNCTION;
	fd = load(BPF_PROG_TYPE_TRACING, tp ? BPF_TRACE_RAW_TP : BPF_TRACE_FENTRY, name.id);
	if (fd < 0)
		return refusal(via, errno);
	close(fd);
	return NULL;
}

static const char *try_load(enum via via, enum bpf_prog_type type)
{
	int fd = load(type, 0, 0);

	if (fd < 0)
		return refusal(via, errno);
	close(fd);
	return NULL;
}

static const char *try_tp(void)
{
	if (kernel_tracefs() < 0)
		return "there is no tracefs that could be read, which tells a tracepoint's number";
	return try_load(VIA_TP, BPF_PROG_TYPE_TRACEPOINT);
}

static const char *try_multi(void)
{
	const char *symbol = FUNCTION;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi.syms = &symbol,
		    .kprobe_multi.cnt = 1);
	int fd = load(BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0);
	int link = fd < 0 ? -1 : bpf_link_create(fd, 0, BPF_TRACE_KPROBE_MULTI, &opts);
	const char *why = link < 0 ? refusal(VIA_KPROBE_MULTI, errno) : NULL;

	if (link >= 0)
		close(link);
	if (fd >= 0)
		close(fd);
	return why;
}

static const char *try_kprobe(void)
{
	/* the file tells the number that perf_event_open(2) wants */
	if (!access(KPROBES, F_OK) && access(KPROBES "/kprobe/type", F_OK))
		return "this kernel has no kprobes (CONFIG_KPROBE_EVENTS)";
	return try_load(VIA_KPROBE, BPF_PROG_TYPE_KPROBE);
}

const char *via_refused(enum via via)
{
	static const char *why[VIA_MAX];
	static bool asked[VIA_MAX];

	if (asked[via])
		return why[via];
	asked[via] = true;
	switch (via) {
	case VIA_TP_BTF:
	case VIA_FENTRY: why[via] = try_tracing(via); break;
	case VIA_RAW_TP: why[via] = try_load(via, BPF_PROG_TYPE_RAW_TRACEPOINT); break;
	case VIA_TP: why[via] = try_tp(); break;
	case VIA_KPROBE_MULTI: why[via] = try_multi(); break;
	case VIA_KPROBE: why[via] = try_kprobe(); break;
	default: why[via] = "none";
	}
	return why[via];
}
