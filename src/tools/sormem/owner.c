/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "owner.h"

static bool has_socket(const char *pid, const char *link)
{
	char path[300], to[64];
	bool found = false;
	struct dirent *e;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	fds = opendir(path);
	while (fds && !found && (e = readdir(fds))) {
		ssize_t n = readlinkat(dirfd(fds), e->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = 0;
		found = !strcmp(to, link);
	}
	if (fds)
		closedir(fds);
	return found;
}

static void fill(struct who *who, const char *pid)
{
	char path[64], line[32] = "";
	struct stat st;
	ssize_t n;
	int fd;

	memset(who, 0, sizeof(*who));
	who->pid = who->tid = strtoul(pid, NULL, 10);
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (n > 0 && line[n - 1] == '\n')
		n--;
	if (n > 0)
		memcpy(who->comm, line, n < 16 ? n : 15);
	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	if (!stat(path, &st))
		who->netns = st.st_ino;
	snprintf(path, sizeof(path), "/proc/%.20s", pid);
	if (!stat(path, &st))
		who->uid = st.st_uid;
}

bool owner_find(u64 ino, struct who *who)
{
	DIR *proc = opendir("/proc");
	bool found = false;
	struct dirent *e;
	char link[40];

	snprintf(link, sizeof(link), "socket:[%llu]", (unsigned long long)ino);
	while (proc && ino && !found && (e = readdir(proc))) {
		if (!isdigit((unsigned char)*e->d_name) || !has_socket(e->d_name, link))
			continue;
		fill(who, e->d_name);
		found = true;
	}
	if (proc)
		closedir(proc);
	return found;
}

bool owner_is_ours(u32 pid)
{
	u32 ours = getpid();

	for (u32 i = 0; i < 64 && pid > 1 && pid != ours; i++) {
		char path[32], line[512];
		const char *after;
		FILE *f;
		size_t n;

		snprintf(path, sizeof(path), "/proc/%u/stat", pid);
		f = fopen(path, "re");
		n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
		if (f)
			fclose(f);
		line[n] = 0;
		after = strrchr(line, ')'); /* a name may hold anything */
		if (!after || sscanf(after, ") %*c %u", &pid) != 1)
			return false;
	}
	return pid == ours;
}
