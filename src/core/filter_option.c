/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The options that say what a filter lets pass. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "error.h"
#include "filter_option.h"
#include "number.h"

static int set_host(struct filter *f, const char *s)
{
	char addr[64];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	u64 bits, most = 128;

	if (n >= sizeof(addr))
		return -1;
	memcpy(addr, s, n);
	addr[n] = 0;
	if (inet_pton(AF_INET, addr, f->host + 12) == 1) {
		memset(f->host, 0, 10);
		memset(f->host + 10, 0xff, 2);
		most = 32;
		f->host_family = AF_INET;
	} else if (inet_pton(AF_INET6, addr, f->host) != 1) {
		return -1;
	} else {
		f->host_family = AF_INET6;
	}
	bits = most;
	if (slash && number(slash + 1, 0, most, &bits))
		return -1;
	bits += 128 - most;
	for (u32 i = 0; i < 16; i++) {
		u32 left = bits > 8 * i ? bits - 8 * i : 0;

		f->mask[i] = left >= 8 ? 0xff : 0xff00 >> left;
		f->host[i] &= f->mask[i];
	}
	return 0;
}

static int set_pid(struct filter *f, const char *s)
{
	u64 pid;

	if (number(s, 1, 1 << 22, &pid))
		return usage("-p takes a process id, not '%s'", s);
	f->pid = pid;
	return 0;
}

/* A C library that is linked in cannot ask what the system's would (NSS: LDAP and the like), and
 * the linker warns of getpwnam: weak, it is not there then. /etc/passwd can always be read. */
#pragma weak getpwnam

static struct passwd *user(const char *name)
{
	struct passwd *pw = getpwnam ? getpwnam(name) : NULL;
	FILE *file = pw ? NULL : fopen("/etc/passwd", "re");

	if (!file)
		return pw;
	do {
		pw = fgetpwent(file);
	} while (pw && strcmp(pw->pw_name, name));
	fclose(file);
	return pw;
}

static int set_uid(struct filter *f, const char *s)
{
	struct passwd *pw;
	u64 uid;

	if (!number(s, 0, ~0u - 1, &uid)) {
		f->uid = uid;
		return 0;
	}
	pw = user(s);
	if (!pw)
		return usage("--uid takes a number or a user's name; '%s' is neither", s);
	f->uid = pw->pw_uid;
	return 0;
}

/* The id that the kernel gives a cgroup is its inode number in the v2 file system. */
static int set_cgroup(struct filter *f, const char *s)
{
	struct statfs fs;
	struct stat st;

	if (statfs(s, &fs) || stat(s, &st))
		return usage("--cgroup %s: %s; give a directory below the cgroup2 mount", s,
			     strerror(errno));
	if (fs.f_type != 0x63677270 || !S_ISDIR(st.st_mode)) /* CGROUP2_SUPER_MAGIC */
		return usage("--cgroup %s is no cgroup v2 directory; findmnt -t cgroup2 tells "
			     "where they are",
			     s);
	f->cgroup = st.st_ino;
	return 0;
}

/* A namespace file of another kind looks the same but for this (ioctl_ns(2), Linux 4.11). */
static bool is_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int type = fd < 0 ? -1 : ioctl(fd, NS_GET_NSTYPE);

	if (fd >= 0)
		close(fd);
	return type == CLONE_NEWNET;
}

static int set_netns(struct filter *f, const char *s)
{
	char path[64];
	struct statfs fs;
	struct stat st;
	u64 pid;

	if (!number(s, 1, 1 << 22, &pid)) {
		snprintf(path, sizeof(path), "/proc/%s/ns/net", s);
		s = path;
	}
	if (stat(s, &st) || statfs(s, &fs))
		return usage("--netns %s: %s; give a process id or a path as in /run/netns", s,
			     strerror(errno));
	if (fs.f_type != 0x6e736673 || !is_netns(s)) /* NSFS_MAGIC */
		return usage(
			"--netns %s is no network namespace; ip netns list tells which there are",
			s);
	f->netns = st.st_ino;
	return 0;
}

static int set_family(struct filter *f, u16 family)
{
	if (f->have & FILTER_FAMILY && f->family != family)
		return usage("-4 and -6 exclude each other; leave both out for all families");
	f->family = family;
	f->have |= FILTER_FAMILY;
	return 0;
}

int time_option(const struct option_row *row, const char *s, u64 *ns)
{
	return span(s, 0, ns)
		       ? usage("--%s takes a time above 0 with its unit, as 5ms, 100us or 2s, not "
			       "'%s'",
			       row->name, s)
		       : 0;
}

int filter_option(struct filter *f, const struct option_row *row, const char *s)
{
	static const u32 bits[] = {
		[OPT_PID] = FILTER_PID,       [OPT_COMM] = FILTER_COMM,
		[OPT_UID] = FILTER_UID,       [OPT_CGROUP] = FILTER_CGROUP,
		[OPT_NETNS] = FILTER_NETNS,   [OPT_HOST] = FILTER_HOST,
		[OPT_PORT] = FILTER_PORT,     [OPT_FAILED] = FILTER_FAILED,
		[OPT_SLOWER] = FILTER_SLOWER,
	};
	u64 v;

	if (row->kind == OPT_IPV4 || row->kind == OPT_IPV6)
		return set_family(f, row->kind == OPT_IPV4 ? AF_INET : AF_INET6);
	f->have |= bits[row->kind];
	switch (row->kind) {
	case OPT_PID: return set_pid(f, s);
	case OPT_UID: return set_uid(f, s);
	case OPT_CGROUP: return set_cgroup(f, s);
	case OPT_NETNS: return set_netns(f, s);
	case OPT_COMM:
		if (!*s || strlen(s) > 15)
			return usage("-c takes a name of 1 to 15 bytes: the kernel keeps no more "
				     "of '%s'",
				     s);
		memcpy(f->comm, s, strlen(s));
		return 0;
	case OPT_HOST:
		return set_host(f, s) ? usage("--host takes an address or a prefix as 10.0.0.0/8, "
					      "not '%s'",
					      s)
				      : 0;
	case OPT_PORT:
		if (number(s, 1, 65535, &v))
			return usage("--port takes a number from 1 to 65535, not '%s'", s);
		f->port = v;
		return 0;
	case OPT_SLOWER: return time_option(row, s, &f->slower_ns);
	}
	return 0;
}
