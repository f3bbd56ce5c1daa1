/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/klog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "facts.h"
#include "ways.h"

#define TEXT_MAX (4 << 20) /* a build configuration is 300 KB, modules.dep 1 MB */

char *read_text(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(TEXT_MAX + 1);
	gzFile file =
		text ? gzdopen(fd, "r") : NULL; /* text that is not compressed it reads as it is */
	int n = file ? gzread(file, text, TEXT_MAX) : -1;
	int err = errno;

	if (file)
		gzclose(file);
	else if (fd >= 0)
		close(fd);
	errno = err;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	return realloc(text, n + 1);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static void read_config(struct facts *f)
{
	static const char *const places[] = {"/proc/config.gz", "/boot/config-%s",
					     "/lib/modules/%s/config", "/usr/lib/kernel/config-%s",
					     "/usr/lib/ostree-boot/config-%s"};

	for (u32 i = 0; i < sizeof(places) / sizeof(*places) && !f->config; i++) {
		snprintf(f->config_path, sizeof(f->config_path), places[i], f->uts.release);
		f->config = read_text(AT_FDCWD, f->config_path);
		if (f->config && !strstr(f->config, "CONFIG_BPF")) {
			free(f->config);
			f->config = NULL;
		}
	}
}

static bool module_listed(const struct facts *f, const char *list, const char *module)
{
	char path[160];
	char *text;
	bool found;

	snprintf(path, sizeof(path), "/lib/modules/%s/%s", f->uts.release, list);
	text = read_text(AT_FDCWD, path);
	found = text && parse_module(text, module);
	free(text);
	return found;
}

char facts_module(const struct facts *f, const char *option, const char *module)
{
	char answer = facts_config(f, option), path[96];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	if (answer == 'y' || exists(path))
		return 'y';
	if (answer == 'n' || !exists("/proc/modules"))
		return answer == 'm' ? 'n' : answer;
	if (module_listed(f, "modules.builtin", module))
		return 'y';
	return module_listed(f, "modules.dep", module) ? 'm' : answer == 'm' ? 'n' : '?';
}

static void read_status(struct facts *f)
{
	char *text = read_text(AT_FDCWD, "/proc/self/status"), *last, *paranoid;
	u64 v;

	f->seccomp = -1;
	f->euid = geteuid();
	if (text) {
		parse_status(text, "CapEff", 16, &f->held);
		parse_status(text, "CapBnd", 16, &f->bounding);
		if (parse_status(text, "Seccomp", 10, &v))
			f->seccomp = v;
	}
	free(text);
	last = read_text(AT_FDCWD, "/proc/sys/kernel/cap_last_cap");
	f->cap_last = last ? strtoul(last, NULL, 10) : CAP_NR_BPF;
	free(last);
	paranoid = read_text(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid");
	f->paranoid = paranoid ? strtol(paranoid, NULL, 10) : -1;
	free(paranoid);
}

/* The initial namespaces have numbers of their own (include/linux/proc_ns.h). */
static enum known is_initial(const char *space, u32 ino)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", space);
	if (stat(path, &st))
		return KNOWN_NOT;
	return st.st_ino == ino ? KNOWN_YES : KNOWN_NO;
}

static void read_spaces(struct facts *f)
{
	f->initial[SPACE_USER] = is_initial("user", 0xeffffffd);
	f->initial[SPACE_PID] = is_initial("pid", 0xeffffffc);
	f->initial[SPACE_CGROUP] = is_initial("cgroup", 0xeffffffb);
	/* The network's has none before 6.18, but only there net.core has all its settings. */
	f->initial[SPACE_NET] = is_initial("net", 0xeffffff9);
	if (f->initial[SPACE_NET] != KNOWN_YES && exists("/proc/sys/net/core/somaxconn"))
		f->initial[SPACE_NET] =
			exists("/proc/sys/net/core/netdev_budget") ? KNOWN_YES : KNOWN_NO;
	f->effective = f->initial[SPACE_USER] == KNOWN_NO ? 0 : f->held;
}

static void read_container(struct facts *f)
{
	const char *name = getenv("container");
	char *systemd = read_text(AT_FDCWD, "/run/systemd/container");
	size_t size = sizeof(f->container);

	if (exists("/.dockerenv"))
		snprintf(f->container, size, "/.dockerenv exists (Docker)");
	else if (exists("/run/.containerenv"))
		snprintf(f->container, size, "/run/.containerenv exists (Podman)");
	else if (getenv("KUBERNETES_SERVICE_HOST"))
		snprintf(f->container, size, "KUBERNETES_SERVICE_HOST is set (Kubernetes)");
	else if (name && *name)
		snprintf(f->container, size, "the environment says container=%.60s", name);
	else if (systemd)
		snprintf(f->container, size, "/run/systemd/container says %.*s",
			 (int)strcspn(systemd, "\n"), systemd);
	free(systemd);
}

static bool lockdown_file(struct facts *f, char *text, const char *how)
{
	if (text)
		f->lockdown = parse_lockdown(text);
	free(text);
	if (f->lockdown != LOCKDOWN_UNKNOWN)
		snprintf(f->lockdown_how, sizeof(f->lockdown_how), "%s", how);
	return f->lockdown != LOCKDOWN_UNKNOWN;
}

static bool lockdown_securityfs(struct facts *f)
{
	int fd;

	if (lockdown_file(f, read_text(AT_FDCWD, "/sys/kernel/security/lockdown"),
			  "/sys/kernel/security/lockdown says so"))
		return true;
	fd = mount_nowhere("securityfs");
	if (fd < 0)
		return false;
	if (!lockdown_file(f, read_text(fd, "lockdown"),
			   "securityfs says so (not mounted: it was looked into without)")) {
		f->lockdown = faccessat(fd, "lockdown", F_OK, 0) ? LOCKDOWN_NONE : LOCKDOWN_UNKNOWN;
		snprintf(f->lockdown_how, sizeof(f->lockdown_how),
			 "securityfs has no lockdown file: it is not among the kernel's security "
			 "modules");
	}
	close(fd);
	return true;
}

/* A level that is asked for at boot or built in; it can be raised later, never lowered. */
static bool lockdown_asked(struct facts *f)
{
	char *cmdline = read_text(AT_FDCWD, "/proc/cmdline");
	bool boot = true;

	if (facts_config(f, "CONFIG_SECURITY_LOCKDOWN_LSM") == 'n') {
		f->lockdown = LOCKDOWN_NONE;
		snprintf(f->lockdown_how, sizeof(f->lockdown_how),
			 "the kernel is built without (CONFIG_SECURITY_LOCKDOWN_LSM)");
		free(cmdline);
		return true;
	}
	if (facts_config(f, "CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY") == 'y')
		f->lockdown = LOCKDOWN_CONFIDENTIALITY, boot = false;
	else if (cmdline && parse_cmdline(cmdline, "lockdown=confidentiality"))
		f->lockdown = LOCKDOWN_CONFIDENTIALITY;
	else if (facts_config(f, "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY") == 'y')
		f->lockdown = LOCKDOWN_INTEGRITY, boot = false;
	else if (cmdline && parse_cmdline(cmdline, "lockdown=integrity"))
		f->lockdown = LOCKDOWN_INTEGRITY;
	free(cmdline);
	if (f->lockdown != LOCKDOWN_UNKNOWN)
		snprintf(f->lockdown_how, sizeof(f->lockdown_how), "%s at least that",
			 boot ? "/proc/cmdline asks for"
			      : "the kernel's build configuration forces");
	return f->lockdown != LOCKDOWN_UNKNOWN;
}

/* The kernel's log, as long as its first lines are still there. */
static void lockdown_log(struct facts *f)
{
	int n = klogctl(10, NULL, 0); /* SYSLOG_ACTION_SIZE_BUFFER */
	char *text = n > 0 ? malloc(n + 1) : NULL;

	n = text ? klogctl(3, text, n) : -1; /* SYSLOG_ACTION_READ_ALL */
	if (n > 0) {
		text[n] = 0;
		if (strstr(text, "Kernel is locked down from ")) {
			f->lockdown = LOCKDOWN_SOME;
			snprintf(
				f->lockdown_how, sizeof(f->lockdown_how),
				"the kernel's log says \"Kernel is locked down\", but not how far");
		}
	}
	free(text);
}

static void read_lockdown(struct facts *f)
{
	f->lockdown_sure = lockdown_securityfs(f);
	if (!f->lockdown_sure && !lockdown_asked(f))
		lockdown_log(f);
}

static void read_tracefs(struct facts *f)
{
	const char *place = tracefs();

	if (place)
		snprintf(f->tracefs_path, sizeof(f->tracefs_path), "%s", place);
	f->tracefs =
		place ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : mount_nowhere("tracefs");
}

void facts_read(struct facts *f)
{
	struct rlimit limit = {0};

	memset(f, 0, sizeof(*f));
	uname(&f->uts);
	f->release = parse_release(f->uts.release);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	f->memlock = limit.rlim_cur;
	f->mounts = read_text(AT_FDCWD, "/proc/self/mountinfo");
	read_config(f);
	read_status(f);
	read_spaces(f);
	read_container(f);
	read_lockdown(f);
	read_tracefs(f);
}

void facts_free(struct facts *f)
{
	if (f->tracefs >= 0)
		close(f->tracefs);
	free(f->config);
	free(f->mounts);
}
