/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Maps, helpers, and programs that attach through bpf(2) alone. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "trial.h"

#define LICENSE "Dual BSD/GPL"
#define NAME    "weir_try"

/* The last line that says something: the verifier ends with statistics. */
static void keep_log(struct finding *out, char *log)
{
	char *rest = log, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line && strncmp(line, "processed ", 10) &&
		    strncmp(line, "verification time", 17))
			snprintf(out->log, sizeof(out->log), "%s", line);
}

int trial_load(const struct facts *f, const struct trial *t, s32 btf_id, struct finding *out)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = t->ret},
		{.code = BPF_JMP | BPF_EXIT},
	};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = t->expected,
		    .attach_btf_id = btf_id, .log_level = 1, .log_buf = log,
		    .log_size = sizeof(log));
	int fd = bpf_prog_load(t->type, NAME, LICENSE, insns, 2, &opts);

	if (fd >= 0)
		return fd;
	explain(f, &t->need, errno, STEP_LOAD, out);
	keep_log(out, log);
	return -1;
}

/* Tells how an attachment went, and undoes it. */
static void attached(const struct facts *f, const struct trial *t, int link, const char *where,
		     struct finding *out)
{
	if (link < 0) {
		explain(f, &t->need, errno, STEP_ATTACH, out);
		return;
	}
	close(link);
	found(out, ANSWER_YES, "loaded, and attached to %s", where);
}

static void try_raw_tp(const struct facts *f, const struct trial *t, struct finding *out)
{
	int fd = trial_load(f, t, 0, out);

	if (fd < 0)
		return;
	attached(f, t, bpf_raw_tracepoint_open(t->target, fd), t->target, out);
	close(fd);
}

static void no_btf(const struct facts *f, const struct trial *t, struct finding *out)
{
	struct need need = t->need;

	need.config = "CONFIG_DEBUG_INFO_BTF";
	explain(f, &need, ENOENT, STEP_LOAD, out);
	if (facts_config(f, need.config) != 'n') {
		found(out, ANSWER_NO,
		      "the kernel's BTF cannot be read, and these programs are made of it");
		remedy(out, "see BTF above");
	}
}

/* The BTF id of the target; 0 and why when there is none. */
static s32 target_id(const struct facts *f, const struct trial *t, u32 kind, struct finding *out)
{
	struct kernel_name name = {.name = t->target, .kind = kind};

	if (!kernel_names(&name, 1)) {
		no_btf(f, t, out);
		return 0;
	}
	if (name.id)
		return name.id;
	explain(f, &t->need, ENOENT, STEP_LOAD, out);
	if (!t->need.config || facts_config(f, t->need.config) != 'n') {
		found(out, ANSWER_NO, "the kernel's BTF does not list %s", t->target);
		remedy(out, "another kernel");
		if (t->need.without)
			remedy(out, "another kernel; %s", t->need.without);
	}
	return 0;
}

/* tp_btf, fentry and fexit: the program itself knows its target. */
static void try_tracing(const struct facts *f, const struct trial *t, struct finding *out)
{
	bool tp = t->expected == BPF_TRACE_RAW_TP;
	s32 id = target_id(f, t, tp ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC, out);
	int fd = id ? trial_load(f, t, id, out) : -1;

	if (fd < 0)
		return;
	attached(f, t, bpf_raw_tracepoint_open(NULL, fd),
		 tp ? t->target + strlen("btf_trace_") : t->target, out);
	close(fd);
}

static void try_iter(const struct facts *f, const struct trial *t, struct finding *out)
{
	s32 id = target_id(f, t, BTF_KIND_FUNC, out);
	int fd = id ? trial_load(f, t, id, out) : -1;
	int link = fd < 0 ? -1 : bpf_link_create(fd, 0, BPF_TRACE_ITER, NULL);
	int iter = link < 0 ? -1 : bpf_iter_create(link);

	if (fd < 0)
		return;
	if (iter < 0)
		explain(f, &t->need, errno, STEP_ATTACH, out);
	else
		found(out, ANSWER_YES, "loaded, and opened");
	if (iter >= 0)
		close(iter);
	if (link >= 0)
		close(link);
	close(fd);
}

static void try_multi(const struct facts *f, const struct trial *t, struct finding *out)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	int fd = trial_load(f, t, 0, out);

	if (fd < 0)
		return;
	opts.kprobe_multi.syms = (const char **)&t->target;
	opts.kprobe_multi.cnt = 1;
	attached(f, t, bpf_link_create(fd, 0, BPF_TRACE_KPROBE_MULTI, &opts), t->target, out);
	close(fd);
}

static void try_load(const struct facts *f, const struct trial *t, struct finding *out)
{
	int fd = trial_load(f, t, 0, out);

	if (fd < 0)
		return;
	close(fd);
	found(out, ANSWER_YES, "loaded; not attached, which needs a cgroup of its own");
}

static void try_run(const struct facts *f, const struct trial *t, struct finding *out)
{
	u64 ctx[1] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = sizeof(ctx));
	int fd = trial_load(f, t, 0, out);

	if (fd < 0)
		return;
	if (bpf_prog_test_run_opts(fd, &opts))
		explain(f, &t->need, errno, STEP_RUN, out);
	else
		found(out, ANSWER_YES, "a raw_tp program was run once, on request");
	close(fd);
}

/* What a program was kept from seeing is counted since 5.12, and told with the program's facts. */
static void try_missed(const struct facts *f, const struct trial *t, struct finding *out)
{
	struct bpf_prog_info info = {0};
	u32 len = sizeof(info);
	int fd = trial_load(f, t, 0, out), err;

	if (fd < 0)
		return;
	err = bpf_obj_get_info_by_fd(fd, &info, &len) ? errno : 0;
	close(fd);
	if (err ||
	    len < offsetof(struct bpf_prog_info, recursion_misses) + sizeof(info.recursion_misses))
		explain(f, &t->need, err ? err : ENOTSUP, STEP_RUN, out);
	else
		found(out, ANSWER_YES, "probes that the kernel skipped are counted");
}

static void try_ring(const struct facts *f, const struct trial *t, struct finding *out)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NAME, 0, 0, sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0) {
		explain(f, &t->need, errno, STEP_MAP, out);
		return;
	}
	close(fd);
	found(out, ANSWER_YES, "created");
}

/* Storage kept with a task is described by BTF: a key that is an int, a value. */
static void try_storage(const struct facts *f, const struct trial *t, struct finding *out)
{
	struct btf *btf = btf__new_empty();
	int id = btf ? btf__add_int(btf, "int", 4, BTF_INT_SIGNED) : -1;
	int err = id < 0 ? ENOMEM : btf__load_into_kernel(btf) ? errno : 0;
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC,
		    .btf_key_type_id = id, .btf_value_type_id = id);
	int fd = -1;

	opts.btf_fd = btf ? btf__fd(btf) : -1;
	if (!err) {
		fd = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, NAME, 4, 4, 0, &opts);
		err = fd < 0 ? errno : trial_helper(t->type, BPF_FUNC_task_storage_get);
	}
	if (err)
		explain(f, &t->need, err, STEP_MAP, out);
	else
		found(out, ANSWER_YES, "created, and programs may use it");
	if (fd >= 0)
		close(fd);
	btf__free(btf);
}

int trial_helper(u32 type, u32 helper)
{
	static const char *const refusals[] = {"unknown func", "invalid func", "cannot use helper"};
	struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = helper},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_level = 1, .log_buf = log,
		    .log_size = sizeof(log));
	int fd = bpf_prog_load(type, NAME, LICENSE, insns, 3, &opts), err = errno;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	for (u32 i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (strstr(log, refusals[i]))
			return ENOENT;
	return *log ? 0 : err; /* it knows the helper, and misses its arguments */
}

static void try_helper(const struct facts *f, const struct trial *t, struct finding *out)
{
	int err = trial_helper(t->type, t->expected);

	if (!err) {
		found(out, ANSWER_YES, "programs may use %s", t->target);
		return;
	}
	explain(f, &t->need,
		err == ENOENT && f->lockdown >= t->need.locked && t->need.locked ? EPERM : err,
		STEP_LOAD, out);
}

#define TRACING (CAP(BPF) | CAP(PERFMON))
#define NETWORK (CAP(BPF) | CAP(NET_ADMIN))
#define RAW_TP  BPF_PROG_TYPE_RAW_TRACEPOINT
#define SECRET  LOCKDOWN_CONFIDENTIALITY /* that level forbids what shows the kernel's memory */

/* clang-format off */
#define HELPER(row, what, since, locked) \
	{row, try_helper, {TRACING, NULL, since, locked, NULL}, \
	 RAW_TP, BPF_FUNC_##what, "bpf_" #what, 0}

const struct trial map_trials[] = {
	{"ring_buffer", try_ring, {CAP(BPF), NULL, KVER(5, 8), 0, NULL}, 0, 0, NULL, 0},
	{"task_storage", try_storage, {TRACING, NULL, KVER(5, 11), 0, NULL}, RAW_TP, 0, NULL, 0},
	HELPER("read_kernel", probe_read_kernel, KVER(5, 5), SECRET),
	HELPER("task_btf", get_current_task_btf, KVER(5, 11), 0),
	HELPER("task_regs", task_pt_regs, KVER(5, 15), 0),
	HELPER("loop", loop, KVER(5, 17), 0),
	{"test_run", try_run, {TRACING, NULL, KVER(5, 10), 0, NULL}, RAW_TP, 0, NULL, 0},
	{"missed_count", try_missed, {TRACING, NULL, KVER(5, 12), 0, "weir then cannot count them"},
	 RAW_TP, 0, NULL, 0},
	{0},
};

#define FUNCTION  "bpf_fentry_test1" /* the kernel has it for such tries; nobody calls it */
#define NO_FEXIT  "weir does without: raw or tp serve system calls (see ways)"
#define NO_KPROBE "weir does without: it uses tracepoints"
#define NO_ITER   "weir then knows nothing of sockets older than itself"
#define NO_TP     "weir takes raw instead (see ways)"
#define KPROBE(row, option, since, try, expected) \
	{row, try, {TRACING, option, since, SECRET, NO_KPROBE}, \
	 BPF_PROG_TYPE_KPROBE, expected, FUNCTION, 0}
#define ITER(what, option, since) \
	{"iter/" #what, try_iter, {TRACING, option, since, 0, NO_ITER}, \
	 BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "bpf_iter_" #what, 0}

const struct trial program_trials[] = {
	{"raw_tp", try_raw_tp, {TRACING, "CONFIG_BPF_EVENTS", KVER(4, 17), 0, NULL},
	 RAW_TP, 0, "sys_enter", 0},
	{"tp_btf", try_tracing, {TRACING, "CONFIG_BPF_EVENTS", KVER(5, 5), 0, NULL},
	 BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "btf_trace_inet_sock_set_state", 0},
	{"tp", trial_perf, {TRACING, "CONFIG_FTRACE_SYSCALLS", KVER(4, 7), SECRET, NO_TP},
	 BPF_PROG_TYPE_TRACEPOINT, 0, "syscalls/sys_enter_setdomainname", 0},
	{"fentry", try_tracing, {TRACING, NULL, KVER(5, 5), 0, NO_FEXIT},
	 BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, FUNCTION, 0},
	{"fexit", try_tracing, {TRACING, NULL, KVER(5, 5), 0, NO_FEXIT},
	 BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, FUNCTION, 0},
	KPROBE("kprobe", "CONFIG_KPROBES", KVER(4, 17), trial_perf, 0),
	KPROBE("kretprobe", "CONFIG_KPROBES", KVER(4, 17), trial_perf, 0),
	KPROBE("kprobe.multi", "CONFIG_FPROBE", KVER(5, 18), try_multi, BPF_TRACE_KPROBE_MULTI),
	/* CAP_SYS_ADMIN: ba677dbe77af (6.16, and in stable kernels) */
	{"uprobe", trial_perf, {CAP(SYS_ADMIN), "CONFIG_UPROBE_EVENTS", KVER(4, 17), 0, NULL},
	 BPF_PROG_TYPE_KPROBE, 0, "a function of weir's own", 0},
	ITER(tcp, "CONFIG_INET", KVER(5, 9)),
	ITER(udp, "CONFIG_INET", KVER(5, 9)),
	ITER(unix, "CONFIG_UNIX", KVER(5, 15)),
	ITER(task_file, NULL, KVER(5, 8)),
	{"xdp", trial_net, {NETWORK, NULL, KVER(5, 9), 0, NULL},
	 BPF_PROG_TYPE_XDP, BPF_XDP, NULL, XDP_PASS},
	{"tc", trial_net, {NETWORK, "CONFIG_NET_CLS_BPF", KVER(4, 5), 0, NULL},
	 BPF_PROG_TYPE_SCHED_CLS, 0, NULL, -1},
	{"tcx", trial_net, {NETWORK, "CONFIG_NET_XGRESS", KVER(6, 6), 0, "weir takes tc instead"},
	 BPF_PROG_TYPE_SCHED_CLS, 46 /* BPF_TCX_INGRESS */, NULL, -1},
	{"cgroup_skb", try_load, {NETWORK, "CONFIG_CGROUP_BPF", KVER(4, 10), 0, NULL},
	 BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS, NULL, 1},
	{"sockops", try_load, {NETWORK, "CONFIG_CGROUP_BPF", KVER(4, 13), 0, NULL},
	 BPF_PROG_TYPE_SOCK_OPS, BPF_CGROUP_SOCK_OPS, NULL, 0},
	{0},
};
