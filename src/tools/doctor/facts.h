/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What can be read about this machine and this process before anything is tried. */
#ifndef WEIR_DOCTOR_FACTS_H
#define WEIR_DOCTOR_FACTS_H

#include <sys/utsname.h>
#include "parse.h"

/* linux/capability.h has them since 5.8 */
enum {
	CAP_NR_NET_ADMIN = 12,
	CAP_NR_SYS_ADMIN = 21,
	CAP_NR_SYS_RESOURCE = 24,
	CAP_NR_SYSLOG = 34,
	CAP_NR_PERFMON = 38,
	CAP_NR_BPF = 39,
};
#define CAP(name) (1ull << CAP_NR_##name)

enum space { SPACE_USER, SPACE_PID, SPACE_NET, SPACE_CGROUP, SPACE_MAX };
enum known { KNOWN_NO, KNOWN_YES, KNOWN_NOT };

struct facts {
	struct utsname uts;
	u32 release;           /* KVER() */
	char *config;          /* build options, NULL: not readable; owned */
	char config_path[128]; /* where they were read */
	char *mounts;          /* mountinfo, "" when unreadable; owned */
	u32 euid;
	u64 effective, bounding; /* capabilities; effective ones that the kernel's BPF asks about */
	u64 held;                /* as the process's own user namespace has them */
	u32 cap_last;
	s32 seccomp; /* 0 none, 1 strict, 2 filter, -1 unknown */
	enum known initial[SPACE_MAX];
	char container[96]; /* its hint, "" when there is none */
	u64 memlock;        /* bytes; RLIM_INFINITY */
	bool memcg;         /* BPF memory is counted to the cgroup, not to memlock */
	enum lockdown lockdown;
	bool lockdown_sure;     /* the kernel says so itself, now */
	char lockdown_how[200]; /* how it is known */
	s32 paranoid;           /* kernel.perf_event_paranoid; -1 when it cannot be read */
	bool loads;  /* a program was loaded: no seccomp filter refuses that, it cannot see the type
		      */
	int tracefs; /* descriptor of a readable one, mounted or not; -1 */
	char tracefs_path[96]; /* where weir's loader finds it, "" when it does not */
};

/* Fills all but memcg, which is asked of the kernel by checks. facts_free() releases what it took.
 */
void facts_read(struct facts *f);
void facts_free(struct facts *f);

/* A whole text file below dir (AT_FDCWD), NULL with errno; to be freed. */
char *read_text(int dir, const char *path);
/* A build option: 'y', 'm', 'n', '=', or '?' when no configuration is readable. */
static inline char facts_config(const struct facts *f, const char *option)
{
	return f->config ? parse_config(f->config, option) : '?';
}
/* Can a program of the kernel's be used: built in or loaded 'y', loadable 'm', absent 'n', '?'. */
char facts_module(const struct facts *f, const char *option, const char *module);

#endif
