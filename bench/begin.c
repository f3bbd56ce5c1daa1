// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * begin [-q] COMMAND [ARG...]: becomes the command, a tracer, and lets a process beside it write to
 * descriptor 3 "attached" when it has attached, or "ended". It has attached when it says so on
 * stderr, a file; one that says nothing (-q) when it has had the same number of probes for 300 ms
 * in which it slept. From the exec until then is a window of bench/places.c.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mark.h"

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* State of a process (proc_pid_stat(5)), 'Z' where there is none. */
static char state_of(pid_t pid)
{
	char path[64], text[512], *after;
	size_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[n] = 0;
	after = strrchr(text, ')');
	return after ? after[2] : 'Z';
}

/* Descriptors that hold probes: links, events of perf, sockets that take packets. */
static int probes_of(pid_t pid)
{
	static const char *const kinds[] = {"bpf_link", "bpf-prog", "perf_event", "socket:"};
	char path[64], to[256];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = 0;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			count += !!strstr(to, kinds[i]);
	}
	if (dir)
		closedir(dir);
	return count;
}

static bool said(int fd)
{
	char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return strstr(text, "tracing") || strstr(text, "attached");
}

static bool attaches(pid_t pid)
{
	int fd = open("/proc/self/fd/2", O_RDONLY);
	bool is = false;
	char state;

	do {
		wait_ms(1);
		is = said(fd);
		state = state_of(pid);
	} while (!is && state != 'Z');
	return is;
}

/* One that looks at its buffers all the time may be about to run whenever this looks. */
static bool attaches_quietly(pid_t pid)
{
	int last = 0, slept = 0;
	char state;

	do {
		int now = probes_of(pid);

		state = state_of(pid);
		slept = now && now == last ? slept + (state == 'S') : 0;
		last = now;
		wait_ms(10);
	} while (slept < 30 && state != 'Z');
	return state != 'Z';
}

/* A grandchild: the tracer may wait for children of its own. */
static void watch(bool quiet)
{
	pid_t tracer = getpid(), child = fork();
	bool attached;

	if (child) {
		waitpid(child, NULL, 0);
		return;
	}
	if (fork())
		_exit(0);
	attached = quiet ? attaches_quietly(tracer) : attaches(tracer);
	mark_stop();
	dprintf(3, attached ? "attached\n" : "ended\n");
	_exit(0);
}

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && !strcmp(argv[1], "-q");

	argv += 1 + quiet;
	if (!*argv)
		return 2;
	/* A shell starts what runs in the background deaf to it. */
	signal(SIGINT, SIG_DFL);
	watch(quiet);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	mark_start();
	execvp(*argv, argv);
	perror(*argv);
	return 1;
}
