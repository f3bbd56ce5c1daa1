/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Questions that are answered by reading: the kernel, the rights, the container, the file systems.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "doctor.h"
#include "raw.h"
#include "refused.h"
#include "trial.h"

#define NONE_NEEDED "none needed"

/* A number in /proc/sys, -1 when it cannot be read. */
static s64 setting(const char *path)
{
	char *text = read_text(AT_FDCWD, path);
	s64 v = text ? strtoll(text, NULL, 10) : -1;

	free(text);
	return v;
}

static void ask_release(const struct facts *f, u64 arg, struct finding *out)
{
	if (f->release >= arg) {
		found(out, ANSWER_YES, "Linux %s on %s", f->uts.release, f->uts.machine);
		return;
	}
	found(out, ANSWER_UNKNOWN,
	      "Linux %s on %s: upstream has all that weir wants from %u.%u on; distributions bring "
	      "some of it to older kernels, as below shows",
	      f->uts.release, f->uts.machine, (u32)arg >> 8, (u32)arg & 255);
	remedy(out, "where a no below is about that: Debian 12, Ubuntu 24.04 or newer");
}

static void ask_config(const struct facts *f, u64 arg, struct finding *out)
{
	(void)arg;
	found(out, f->config ? ANSWER_YES : ANSWER_NO, "%s",
	      f->config ? f->config_path
			: "the kernel's build options are in none of the usual files, so reasons "
			  "below cannot name them");
	if (!f->config)
		remedy(out, "modprobe configs, or in a container: show it the host's /boot");
}

static void ask_btf(const struct facts *f, u64 arg, struct finding *out)
{
	int err = access(KERNEL_BTF, R_OK) ? errno : 0;
	const struct raw_btf *btf = err ? NULL : raw_kernel();

	(void)arg;
	if (btf) {
		found(out, ANSWER_YES, "%u types in " KERNEL_BTF, btf->n - 1);
		return;
	}
	explain(f, &(struct need){.config = "CONFIG_DEBUG_INFO_BTF"}, err ? err : EINVAL, STEP_READ,
		out);
	if (facts_config(f, "CONFIG_DEBUG_INFO_BTF") == 'n') {
		remedy(out, "a kernel built with it: Debian 11, Ubuntu 20.10, Fedora 31, RHEL 8.2 "
			    "and newer");
		return;
	}
	found(out, ANSWER_NO, KERNEL_BTF " cannot be read: %s", strerror(out->err));
	if (facts_config(f, "CONFIG_DEBUG_INFO_BTF") == 'y')
		remedy(out, "this kernel has it: mount -t sysfs sysfs /sys, or in a container: "
			    "show it the host's /sys/kernel/btf");
}

static u32 count_files(const char *path)
{
	DIR *dir = opendir(path);
	u32 n = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		n += *e->d_name != '.';
	if (dir)
		closedir(dir);
	return n;
}

static void ask_module_btf(const struct facts *f, u64 arg, struct finding *out)
{
	u32 n = count_files("/sys/kernel/btf");

	(void)f, (void)arg;
	if (n > 1) {
		found(out, ANSWER_YES, "of %u modules that are loaded", n - 1);
	} else if (access("/proc/modules", F_OK)) {
		found(out, ANSWER_NO,
		      "this kernel takes no modules (CONFIG_MODULES): all it has is in BTF above");
		remedy(out, NONE_NEEDED);
	} else {
		found(out, ANSWER_NO,
		      "no module that is loaded has BTF: sockets of families in modules stay "
		      "without details");
		remedy(out, "a kernel built with CONFIG_DEBUG_INFO_BTF_MODULES, and its modules");
	}
}

static void ask_lockdown(const struct facts *f, u64 arg, struct finding *out)
{
	(void)arg;
	switch (f->lockdown) {
	case LOCKDOWN_UNKNOWN:
		found(out, ANSWER_UNKNOWN, "%s%s", f->lockdown_how,
		      "securityfs is not mounted or not readable, and nothing else tells");
		remedy(out, "as root, on the host: mount -t securityfs securityfs "
			    "/sys/kernel/security; cat "
			    "/sys/kernel/security/lockdown");
		break;
	case LOCKDOWN_NONE:
		found(out, ANSWER_NO, "%s", f->lockdown_how);
		remedy(out, NONE_NEEDED);
		break;
	default: found(out, ANSWER_YES, "%s: %s", lockdown_name(f->lockdown), f->lockdown_how);
	}
}

/* Root only may read the setting, and only in the initial network namespace. */
static void ask_jit(const struct facts *f, u64 arg, struct finding *out)
{
	s64 on = setting("/proc/sys/net/core/bpf_jit_enable");

	(void)arg;
	if (facts_config(f, "CONFIG_BPF_JIT_ALWAYS_ON") == 'y') {
		found(out, ANSWER_YES, "programs are compiled, always (CONFIG_BPF_JIT_ALWAYS_ON)");
	} else if (facts_config(f, "CONFIG_BPF_JIT") == 'n') {
		found(out, ANSWER_NO,
		      "this kernel is built without: programs are interpreted, slowly");
		remedy(out, "a kernel built with CONFIG_BPF_JIT");
	} else if (on < 0) {
		found(out, ANSWER_UNKNOWN,
		      "net.core.bpf_jit_enable cannot be read by this user here");
		remedy(out, "run doctor as root, in the initial network namespace");
	} else {
		found(out, on ? ANSWER_YES : ANSWER_NO, "net.core.bpf_jit_enable = %lld",
		      (long long)on);
		if (!on)
			remedy(out, "sysctl net.core.bpf_jit_enable=1");
	}
}

static void ask_unprivileged(const struct facts *f, u64 arg, struct finding *out)
{
	s64 off = setting("/proc/sys/kernel/unprivileged_bpf_disabled");

	(void)f, (void)arg;
	found(out,
	      off < 0 ? ANSWER_UNKNOWN
	      : off   ? ANSWER_NO
		      : ANSWER_YES,
	      off < 0 ? "kernel.unprivileged_bpf_disabled cannot be read"
		      : "kernel.unprivileged_bpf_disabled = %lld",
	      (long long)off);
	if (off)
		remedy(out, "none needed: what weir loads takes rights in any case");
}

static void ask_stats(const struct facts *f, u64 arg, struct finding *out)
{
	s64 on = setting("/proc/sys/kernel/bpf_stats_enabled");

	(void)f, (void)arg;
	found(out,
	      on < 0 ? ANSWER_UNKNOWN
	      : on   ? ANSWER_YES
		     : ANSWER_NO,
	      "%s",
	      on < 0 ? "kernel.bpf_stats_enabled cannot be read"
	      : on   ? "kernel.bpf_stats_enabled = 1: each run of a program is timed, which costs"
		     : "kernel.bpf_stats_enabled = 0");
	if (on <= 0)
		remedy(out, "none needed: weir does not use them");
}

static void ask_io_uring(const struct facts *f, u64 arg, struct finding *out)
{
	const char *told =
		"what programs do through it makes no system calls: weir trace tells when it "
		"meets one, and does not see that work";

	(void)arg;
	if (syscall(SYS_io_uring_setup, 1, NULL) >= 0 || (errno != ENOSYS && errno != EPERM)) {
		found(out, ANSWER_YES, "%s", told);
	} else if (errno == ENOSYS) {
		found(out, ANSWER_NO, "this kernel is built without, or a seccomp filter hides it");
		remedy(out, NONE_NEEDED);
	} else {
		found(out, ANSWER_NO, "forbidden to this process (kernel.io_uring_disabled%s)",
		      f->seccomp > 0 ? ", or the seccomp filter" : "");
		remedy(out, "none needed; others may use it all the same");
	}
}

static void ask_root(const struct facts *f, u64 arg, struct finding *out)
{
	bool root = !f->euid && f->initial[SPACE_USER] != KNOWN_NO;

	(void)arg;
	found(out, root ? ANSWER_YES : ANSWER_NO, "user id %u%s", f->euid,
	      root == !f->euid ? "" : ", in a user namespace of its own only");
	if (!root)
		remedy(out,
		       "run weir as root (sudo); CAP_BPF and CAP_PERFMON alone do for many things");
}

/* What a capability is for. Those that only help have no remedy. */
static const struct {
	u64 cap;
	const char *with, *lacking;
	bool wanted;
} uses[] = {
	{CAP(BPF), "to load programs", "no program can be loaded", true},
	{CAP(PERFMON), "for programs that trace", "no program that traces can be loaded", true},
	{CAP(NET_ADMIN), "for programs that see packets (xdp, tc)",
	 "no program may see packets (xdp, tc)", true},
	{CAP(SYS_ADMIN), "has CAP_BPF and CAP_PERFMON in it",
	 "not needed where CAP_BPF and CAP_PERFMON are held", false},
	{CAP(SYSLOG), "for the kernel's log and addresses",
	 "weir needs neither the kernel's log nor addresses", false},
	{CAP(SYS_RESOURCE), "to raise limits", "weir raises no limit from Linux 5.11 on", false},
};

static void ask_cap(const struct facts *f, u64 arg, struct finding *out)
{
	u32 i = 0;

	while (uses[i].cap != arg)
		i++;
	if (f->effective & arg) {
		found(out, ANSWER_YES, "%s", uses[i].with);
		return;
	}
	if (uses[i].wanted && !caps_missing(f, arg)) {
		found(out, ANSWER_NO, "but CAP_SYS_ADMIN, which has it in it");
		remedy(out, NONE_NEEDED);
		return;
	}
	found(out, ANSWER_NO, "%s%s", uses[i].lacking,
	      f->held & arg ? "; it is held in this user namespace, which does not count" : "");
	if (uses[i].wanted)
		remedy_caps(f, caps_missing(f, arg), out);
	else
		remedy(out, NONE_NEEDED);
}

static void ask_seccomp(const struct facts *f, u64 arg, struct finding *out)
{
	(void)arg;
	if (f->seccomp < 0) {
		found(out, ANSWER_UNKNOWN, "/proc/self/status does not tell");
		remedy(out, "mount /proc, on a kernel with CONFIG_SECCOMP");
	} else if (f->seccomp) {
		found(out, ANSWER_YES,
		      "a filter is on this process: it may refuse system calls that the kernel "
		      "would grant");
	} else {
		found(out, ANSWER_NO, "no filter is on this process");
		remedy(out, NONE_NEEDED);
	}
}

static void ask_memlock(const struct facts *f, u64 arg, struct finding *out)
{
	char limit[48] = "unlimited";

	(void)arg;
	if (f->memlock != RLIM_INFINITY)
		snprintf(limit, sizeof(limit), "%llu KiB", (unsigned long long)f->memlock / 1024);
	if (f->memcg) {
		found(out, ANSWER_YES,
		      "does not matter: this kernel counts BPF memory to the cgroup, not to "
		      "ulimit -l (%s)",
		      limit);
	} else if (memlock_short(f)) {
		found(out, ANSWER_NO,
		      "BPF memory counts against ulimit -l before Linux 5.11, and that is %s: too "
		      "little",
		      limit);
		remedy(out, "ulimit -l unlimited, or run weir as root with CAP_SYS_RESOURCE");
	} else {
		found(out, ANSWER_YES,
		      "BPF memory counts against ulimit -l before Linux 5.11: %s, %s", limit,
		      f->memlock >= MEMLOCK_WANTED ? "enough"
						   : "which CAP_SYS_RESOURCE lets weir raise");
	}
}

static void ask_container(const struct facts *f, u64 arg, struct finding *out)
{
	bool inside = *f->container || f->initial[SPACE_PID] == KNOWN_NO;

	(void)arg;
	found(out, inside ? ANSWER_YES : ANSWER_NO, "%s",
	      *f->container ? f->container
	      : inside      ? "nothing says which, but processes have a namespace of their own"
			    : "nothing speaks for one");
	if (!inside)
		remedy(out, NONE_NEEDED);
}

static void ask_space(const struct facts *f, u64 arg, struct finding *out)
{
	static const char *const yes[] = {"the initial one: rights count", "the initial one",
					  "the initial one", "the initial one"};
	static const char *const no[] = {
		"one of its own: rights held in it do not count for BPF",
		"one of its own: what runs outside of it is traced as well",
		"one of its own: interfaces of the host are not seen; system calls of all are",
		"one of its own: paths of cgroups begin at its root",
	};
	static const char *const remedies[] = {
		"run weir outside of it, as root of the host",
		"none needed; to see with the host's eyes, share its (docker: --pid=host)",
		"none needed; for packets, share the host's (docker: --network=host)",
		"none needed; for the host's paths, share its (docker: --cgroupns=host)",
	};

	switch (f->initial[arg]) {
	case KNOWN_YES: found(out, ANSWER_YES, "%s", yes[arg]); return;
	case KNOWN_NO: found(out, ANSWER_NO, "%s", no[arg]); break;
	default: found(out, ANSWER_UNKNOWN, "/proc does not tell");
	}
	remedy(out, "%s", f->initial[arg] == KNOWN_NO ? remedies[arg] : "mount /proc");
}

static void ask_tracefs(const struct facts *f, u64 arg, struct finding *out)
{
	char path[160] = "";
	u32 n = f->mounts ? parse_mounts(f->mounts, "tracefs", path, sizeof(path)) : 0;

	(void)arg;
	if (*f->tracefs_path) {
		found(out, ANSWER_YES, "mounted and readable at %s", f->tracefs_path);
	} else if (facts_config(f, "CONFIG_TRACING") == 'n') {
		explain(f, &(struct need){.config = "CONFIG_TRACING"}, ENODEV, STEP_READ, out);
	} else if (!n) {
		found(out, ANSWER_NO, "not mounted");
		remedy(out, "as root: mount -t tracefs tracefs /sys/kernel/tracing");
	} else if (f->tracefs >= 0) {
		found(out, ANSWER_NO, "mounted at %s, where it is not looked for", path);
		remedy(out, "as root: mount --bind %s /sys/kernel/tracing", path);
	} else {
		found(out, ANSWER_NO, "mounted at %s, but this user may not read it", path);
		remedy(out, "run weir as root (sudo)");
	}
}

/* Can a file of tracefs be opened, mounted or not? */
static void ask_traced(const struct facts *f, const struct need *need, const char *path,
		       const char *what, struct finding *out)
{
	int fd = f->tracefs < 0 ? -1 : openat(f->tracefs, path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		found(out, ANSWER_YES, "%s%s", what,
		      *f->tracefs_path ? "" : ", once tracefs is mounted (looked into without)");
	} else if (f->tracefs >= 0) {
		explain(f, need, errno, STEP_READ, out);
	} else {
		found(out, ANSWER_UNKNOWN, "there is no tracefs that could be read");
		remedy(out, "see tracefs");
	}
}

static void ask_events(const struct facts *f, u64 arg, struct finding *out)
{
	static const struct need need = {.config = "CONFIG_FTRACE_SYSCALLS",
					 .locked = LOCKDOWN_CONFIDENTIALITY,
					 .without = "weir takes raw_tp instead"};

	(void)arg;
	ask_traced(f, &need, "events/syscalls/sys_enter_connect/id",
		   "system calls have tracepoints", out);
}

static void ask_functions(const struct facts *f, u64 arg, struct finding *out)
{
	static const struct need need = {.config = "CONFIG_DYNAMIC_FTRACE",
					 .locked = LOCKDOWN_CONFIDENTIALITY,
					 .without = "weir does without: it asks BTF"};

	(void)arg;
	ask_traced(f, &need, "available_filter_functions",
		   "the functions that can be traced are listed", out);
}

static void ask_cgroups(const struct facts *f, u64 arg, struct finding *out)
{
	char path[160] = "";
	u32 v1 = f->mounts ? parse_mounts(f->mounts, "cgroup", NULL, 0) : 0;
	u32 v2 = f->mounts ? parse_mounts(f->mounts, "cgroup2", path, sizeof(path)) : 0;

	(void)arg;
	if (v2) {
		found(out, ANSWER_YES, "at %s%s", path,
		      v1 ? "; version 1 holds controllers beside it (hybrid)" : "");
		return;
	}
	found(out, ANSWER_NO, "%s",
	      v1 ? "only version 1 is mounted: --cgroup and paths are of version 2"
		 : "no cgroup file system is mounted: --cgroup and paths need it");
	remedy(out, "as root: mkdir -p /sys/fs/cgroup/unified; mount -t cgroup2 cgroup2 "
		    "/sys/fs/cgroup/unified");
}

const struct check checks[] = {
	{"kernel", "release", ask_release, KVER(KERNEL_MAJOR, KERNEL_MINOR)},
	{"kernel", "config", ask_config, 0},
	{"kernel", "btf", ask_btf, 0},
	{"kernel", "module_btf", ask_module_btf, 0},
	{"kernel", "lockdown", ask_lockdown, 0},
	{"kernel", "jit", ask_jit, 0},
	{"kernel", "unprivileged_bpf", ask_unprivileged, 0},
	{"kernel", "run_stats", ask_stats, 0},
	{"kernel", "io_uring", ask_io_uring, 0},
	{"rights", "root", ask_root, 0},
	{"rights", "CAP_BPF", ask_cap, CAP(BPF)},
	{"rights", "CAP_PERFMON", ask_cap, CAP(PERFMON)},
	{"rights", "CAP_NET_ADMIN", ask_cap, CAP(NET_ADMIN)},
	{"rights", "CAP_SYS_ADMIN", ask_cap, CAP(SYS_ADMIN)},
	{"rights", "CAP_SYSLOG", ask_cap, CAP(SYSLOG)},
	{"rights", "CAP_SYS_RESOURCE", ask_cap, CAP(SYS_RESOURCE)},
	{"rights", "seccomp", ask_seccomp, 0},
	{"rights", "memlock", ask_memlock, 0},
	{"container", "container", ask_container, 0},
	{"container", "user_namespace", ask_space, SPACE_USER},
	{"container", "pid_namespace", ask_space, SPACE_PID},
	{"container", "net_namespace", ask_space, SPACE_NET},
	{"container", "cgroup_namespace", ask_space, SPACE_CGROUP},
	{"files", "tracefs", ask_tracefs, 0},
	{"files", "syscall_events", ask_events, 0},
	{"files", "function_list", ask_functions, 0},
	{"files", "cgroup2", ask_cgroups, 0},
	{0},
};
