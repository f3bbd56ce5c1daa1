/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Programs that attach through a perf event: tracepoints, kprobes, uprobes. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "trial.h"

/* Nobody calls it: a uprobe on it is never hit. */
static __attribute__((noinline, used)) void uprobe_target(void)
{
	__asm__ volatile("nop");
}

/* Where in this program's file a function is. */
static int in_file(struct dl_phdr_info *info, size_t size, void *data)
{
	u64 *at = data;

	(void)size;
	for (u32 i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		u64 start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && *at >= start && *at < start + ph->p_memsz) {
			*at = *at - start + ph->p_offset;
			return 1;
		}
	}
	return 0;
}

/* A number in a file of one line; -1 with errno when it cannot be read. */
static s64 read_number(int dir, const char *path)
{
	char *text = read_text(dir, path);
	s64 n = text ? strtoll(text, NULL, 0) : -1;

	free(text);
	return n;
}

/* The type of event that kprobes or uprobes are here; -1 with errno. */
static s64 event_source(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	return read_number(AT_FDCWD, path);
}

static int event_open(struct perf_event_attr *attr, bool own)
{
	attr->size = sizeof(*attr);
	return syscall(SYS_perf_event_open, attr, own ? 0 : -1, own ? -1 : 0, -1,
		       PERF_FLAG_FD_CLOEXEC);
}

static int open_tracepoint(const struct facts *f, const struct trial *t)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT};
	char path[96];
	s64 id;

	if (f->tracefs < 0) {
		errno = ENODEV;
		return -1;
	}
	snprintf(path, sizeof(path), "events/%s/id", t->target);
	id = read_number(f->tracefs, path);
	if (id < 0)
		return -1;
	attr.config = id;
	return event_open(&attr, false);
}

static int open_kprobe(const struct trial *t, bool ret)
{
	struct perf_event_attr attr = {.config1 = (unsigned long)t->target, .config = ret};
	s64 type = event_source("kprobe");

	if (type < 0)
		return -1;
	attr.type = type;
	return event_open(&attr, false);
}

static int open_uprobe(void)
{
	u64 at = (unsigned long)uprobe_target;
	struct perf_event_attr attr = {.config1 = (unsigned long)"/proc/self/exe"};
	s64 type = event_source("uprobe");

	if (type < 0 || !dl_iterate_phdr(in_file, &at))
		return -1;
	attr.type = type;
	attr.config2 = at;
	return event_open(&attr, true);
}

static int open_event(const struct facts *f, const struct trial *t)
{
	if (t->type == BPF_PROG_TYPE_TRACEPOINT)
		return open_tracepoint(f, t);
	if (*t->name == 'u')
		return open_uprobe();
	return open_kprobe(t, !strcmp(t->name, "kretprobe"));
}

/* Kinds of events that the kernel does not have at all, and tracefs that is not there. */
static void no_event(const struct facts *f, const struct trial *t, int err, struct finding *out)
{
	bool tp = t->type == BPF_PROG_TYPE_TRACEPOINT;

	explain(f, &t->need, err, STEP_ATTACH, out);
	if (t->need.config && facts_config(f, t->need.config) == 'n')
		return;
	if (err == EACCES && f->paranoid > 2 && caps_missing(f, CAP(SYS_ADMIN))) {
		/* A level that Debian added, and Android. */
		found(out, ANSWER_NO,
		      "CAP_SYS_ADMIN is missing, which kernel.perf_event_paranoid = %d asks for",
		      f->paranoid);
		remedy(out, "run weir as root (sudo), or sysctl kernel.perf_event_paranoid=2");
	} else if (tp && f->tracefs < 0) {
		found(out, ANSWER_NO,
		      "there is no tracefs that could be read, which tells a tracepoint's number");
		remedy(out, "see tracefs above");
	} else if (err == ENOENT && !tp) {
		found(out, ANSWER_NO,
		      "the kernel has no such events: there is no %s in "
		      "/sys/bus/event_source/devices",
		      *t->name == 'u' ? "uprobe" : "kprobe");
		remedy(out, "another kernel, built with %s; no right and no limit changes this%s%s",
		       t->need.config, t->need.without ? "; " : "",
		       t->need.without ? t->need.without : "");
	}
}

/* Weir's loader reads tracefs where it is mounted, which a try need not. */
static void unmounted(const struct facts *f, const struct trial *t, struct finding *out)
{
	if (t->type != BPF_PROG_TYPE_TRACEPOINT || *f->tracefs_path || out->answer != ANSWER_YES)
		return;
	found(out, ANSWER_NO, "works, but only once tracefs is mounted (it was tried without)");
	remedy(out, "see tracefs above; %s", t->need.without);
}

void trial_perf(const struct facts *f, const struct trial *t, struct finding *out)
{
	int fd = trial_load(f, t, 0, out);
	int event = fd < 0 ? -1 : open_event(f, t);

	if (fd < 0)
		return;
	if (event < 0)
		no_event(f, t, errno, out);
	else if (ioctl(event, PERF_EVENT_IOC_SET_BPF, fd) || ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		explain(f, &t->need, errno, STEP_ATTACH, out);
	else
		found(out, ANSWER_YES, "loaded, and attached to %s", t->target);
	unmounted(f, t, out);
	if (event >= 0)
		close(event);
	close(fd);
}
