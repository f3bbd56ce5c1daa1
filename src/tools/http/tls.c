/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "error.h"
#include "refused.h"
#include "tls.h"

#define LIBRARIES 16 /* containers have their own; more are said to be left out */

/* Where distributions keep it: found there when no process has it yet. */
static const char *const places[] = {
	"/usr/lib/x86_64-linux-gnu/libssl.so.3",
	"/usr/lib/aarch64-linux-gnu/libssl.so.3",
	"/usr/lib64/libssl.so.3",
	"/usr/lib/libssl.so.3",
	"/usr/lib/x86_64-linux-gnu/libssl.so.1.1",
	"/usr/lib64/libssl.so.1.1",
};

static struct library {
	char path[256]; /* as seen from here: below /proc/PID/root where it is another's */
	dev_t dev;
	ino_t ino;
} libraries[LIBRARIES];
static u32 nlibraries, left_out;

static void add(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return;
	for (u32 i = 0; i < nlibraries; i++)
		if (libraries[i].dev == st.st_dev && libraries[i].ino == st.st_ino)
			return;
	if (nlibraries == LIBRARIES) {
		left_out++;
		return;
	}
	snprintf(libraries[nlibraries].path, sizeof(libraries->path), "%s", path);
	libraries[nlibraries].dev = st.st_dev;
	libraries[nlibraries++].ino = st.st_ino;
}

/* The libssl that a process has mapped. */
static void add_of(const char *pid)
{
	char path[320], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		char *file = strchr(line, '/'), *name = file ? strrchr(file, '/') : NULL;

		if (!name || strncmp(name, "/libssl.so", 10))
			continue;
		file[strcspn(file, "\n")] = 0;
		snprintf(path, sizeof(path), "/proc/%.20s/root%.240s", pid, file);
		add(path);
		break;
	}
	if (maps)
		fclose(maps);
}

static void add_all(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc)))
		if (d->d_name[0] >= '0' && d->d_name[0] <= '9')
			add_of(d->d_name);
	if (proc)
		closedir(proc);
}

static const struct tls_probe {
	const char *program, *function;
	bool ret, needed;
} probes[] = {
	/* ends before beginnings: no call is left without its end */
	{"tls_read", "SSL_read", true, true},
	{"tls_write", "SSL_write", true, true},
	{"tls_read", "SSL_read_ex", true, false},
	{"tls_write", "SSL_write_ex", true, false},
	{"tls_free", "SSL_free", false, true},
	{"tls_enter_plain", "SSL_read", false, true},
	{"tls_enter_plain", "SSL_write", false, true},
	{"tls_enter_ex", "SSL_read_ex", false, false},
	{"tls_enter_ex", "SSL_write_ex", false, false},
};

bool tls_wanted(struct run *run, struct attach *a, bool wished)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%u", run->common.filter.pid);
	if (run->common.filter.have & FILTER_PID)
		add_of(pid);
	else if (wished)
		add_all();
	if (!(run->common.filter.have & FILTER_PID) && (wished || run->common.command))
		for (u32 i = 0; i < sizeof(places) / sizeof(*places); i++)
			add(places[i]);
	for (u32 i = 0; nlibraries && i < sizeof(probes) / sizeof(*probes); i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(a->obj, probes[i].program), true);
	return nlibraries;
}

/* All of a library's probes; false with the reason in errno. */
static bool attach_library(struct attach *a, const char *path)
{
	for (u32 i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		const struct tls_probe *p = &probes[i];
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = p->function, .retprobe = p->ret);
		struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, p->program);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(prog, -1, path, 0, &opts);

		if (link)
			attach_hold(a, bpf_link__fd(link)); /* link itself lives as long as we */
		else if (p->needed)
			return false;
	}
	return true;
}

int tls_attach(struct run *run, struct attach *a, bool wished)
{
	u32 done = 0;

	for (u32 i = 0; i < nlibraries; i++) {
		if (attach_library(a, libraries[i].path)) {
			attach_traced(a, "TLS", libraries[i].path);
			done++;
		} else {
			attach_untraced(a, libraries[i].path, strerror(errno));
		}
	}
	if (left_out)
		note("%u more libraries libssl are in use; -p chooses a process", left_out);
	if (done || !wished)
		return 0;
	return run->common.filter.have & FILTER_PID
		       ? fail("process %u has no libssl of OpenSSL mapped: TLS of Go, of "
			      "BoringSSL, GnuTLS or one linked in cannot be seen",
			      run->common.filter.pid)
		       : fail("no libssl of OpenSSL was found, or it cannot be probed: %s",
			      strerror(errno));
}
