/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A kernel that refuses: a library to be put before libc (LD_PRELOAD), whose syscall() lets bpf(2)
 * fail with the error REFUSE_WITH for
 *   REFUSE_PROG   the program of this name to be loaded, "*": any
 *   REFUSE_MAP    the map of this type (a number) to be made
 *   REFUSE_RUN    programs to be run on request
 * One that skips: MISSED times each program whose name begins with MISSED_PROG, as it tells.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static int is_refused(int cmd, const union bpf_attr *attr)
{
	const char *prog = getenv("REFUSE_PROG"), *map = getenv("REFUSE_MAP");

	if (cmd == BPF_PROG_LOAD && prog)
		return *prog == '*' || !strncmp(prog, attr->prog_name, sizeof(attr->prog_name) - 1);
	if (cmd == BPF_MAP_CREATE && map)
		return (int)attr->map_type == atoi(map);
	return cmd == BPF_PROG_TEST_RUN && getenv("REFUSE_RUN");
}

static void add_missed(const union bpf_attr *attr)
{
	const char *name = getenv("MISSED_PROG"), *times = getenv("MISSED");
	struct bpf_prog_info *info = (void *)attr->info.info;

	if (name && times && info->type == BPF_PROG_TYPE_TRACING &&
	    !strncmp(info->name, name, strlen(name)))
		info->recursion_misses += atoi(times);
}

long syscall(long nr, ...)
{
	long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall"), a[6], ret;
	const char *with = getenv("REFUSE_WITH");
	va_list args;

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (nr == SYS_bpf && with && is_refused(a[0], (const void *)a[1])) {
		errno = atoi(with);
		return -1;
	}
	ret = next(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (nr == SYS_bpf && a[0] == BPF_OBJ_GET_INFO_BY_FD && !ret)
		add_missed((const void *)a[1]);
	return ret;
}
