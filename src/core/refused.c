/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "error.h"
#include "refused.h"

bool refused_loud;
static char part[80]; /* "program NAME" that the kernel refused last, or "map NAME" */

int refused_listen(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[256], name[64], rest;
	va_list again;

	if (level == LIBBPF_DEBUG) /* thousands, and failures are never told so */
		return 0;
	va_copy(again, args);
	vsnprintf(text, sizeof(text), format, again);
	va_end(again);
	/* "libbpf: prog 'NAME': BPF program load failed: ...", "libbpf: map 'NAME': failed to
	 * create: ..." */
	if (sscanf(text, "libbpf: prog '%63[^']': BPF program load %c", name, &rest) == 2)
		snprintf(part, sizeof(part), "program %s", name);
	else if (sscanf(text, "libbpf: map '%63[^']': failed to creat%c", name, &rest) == 2)
		snprintf(part, sizeof(part), "map %s", name);
	if (strstr(text, "line info")) /* there is none (scripts/slim.c) */
		return 0;
	return refused_loud ? vfprintf(stderr, format, args) : 0;
}

/* What helps: another kernel, or else doctor and a report. */
static const char *advice(void)
{
	static char text[192];
	unsigned int major, minor;
	struct utsname uts;

	if (!uname(&uts) && sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
	    (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR)))
		snprintf(text, sizeof(text), "weir needs Linux %u.%u or newer, and this is %.64s",
			 KERNEL_MAJOR, KERNEL_MINOR, uts.release);
	else
		snprintf(text, sizeof(text),
			 "weir doctor tells what is missing here; if nothing is, it is a bug of "
			 "weir's, and what -v shows is worth a report");
	return text;
}

int refused_rights(int err)
{
	if (geteuid())
		return fail("the kernel refused to load a BPF program (%s): run as root, or give "
			    "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; weir doctor says which is "
			    "missing",
			    strerror(-err));
	return fail("the kernel refused to load a BPF program (%s), though for root: a container, "
		    "a user namespace or a seccomp filter takes the right away; weir doctor says "
		    "which is missing",
		    strerror(-err));
}

int refused_object(int err)
{
	if (access(KERNEL_BTF, R_OK))
		return fail("the kernel's types cannot be read (" KERNEL_BTF ": %s); weir takes a "
			    "kernel built with CONFIG_DEBUG_INFO_BTF, and its /sys",
			    strerror(errno));
	if (*part)
		return fail("the kernel refused the BPF %s (%s); %s", part, strerror(-err),
			    advice());
	return fail("the kernel refused a part of the BPF programs (%s); %s", strerror(-err),
		    advice());
}

int refused_run(const char *what, int err)
{
	return fail("%s (%s); %s", what, strerror(-err), advice());
}
