/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include "error.h"
#include "refused.h"
#include "run.h"
#include "tool.h"
#include "version.h"

static void list_tools(FILE *f)
{
	fprintf(f,
		"weir: what this machine does with its network, live\n\nusage: weir TOOL [options] "
		"[-- COMMAND...]\n\nTools:\n");
	for_each_tool (t)
		fprintf(f, "  %-10s %s\n", (*t)->name, (*t)->summary);
	fprintf(f, "\nweir TOOL --help tells of each; weir --version\n");
}

/* Words that nobody looks at are none of the user's meaning. */
static bool has_more(char **words)
{
	if (*words)
		note("nothing comes after %s, '%s' does", words[-1], *words);
	return *words;
}

static int unknown_tool(const char *name)
{
	const char *near = tool_near(name);

	note("there is no tool '%s'%s%s; weir help lists them", name, near ? ", did you mean " : "",
	     near ? near : "");
	return 2;
}

/* A closed descriptor 0 to 2 must not become a file that we open: reads then see its end, writes
 * fail. */
static void keep_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/*
 * Where the kernel gives 2 MiB to whatever touches a byte (transparent_hugepage: always), it does
 * so for our static buffers, of which most runs need a few pages.
 */
static void spare_memory(void)
{
	extern char __bss_start[], _end[];
	size_t page = sysconf(_SC_PAGESIZE);
	char *from = (char *)(((size_t)__bss_start + page - 1) & -page);

	if (from < _end)
		madvise(from, _end - from, MADV_NOHUGEPAGE);
}

/* Help that could not be written is none. */
static void end_stdout(void)
{
	if (!fflush(stdout) || errno == EPIPE)
		return;
	note("cannot write to standard output: %s", strerror(errno));
	_exit(1);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const struct tool *t = tool_find(name);

	keep_standard();
	spare_memory();
	atexit(end_stdout);
	libbpf_set_print(refused_listen);
	if (!t) {
		if (argc < 2) {
			list_tools(stderr);
			return 2;
		}
		name = argv[1];
		if (!strcmp(name, "--version") || !strcmp(name, "-V"))
			return has_more(argv + 2) ? 2 : (puts("weir " WEIR_VERSION), 0);
		if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h")) {
			if (argc < 3)
				return list_tools(stdout), 0;
			if (has_more(argv + 3))
				return 2;
			if (!strcmp(argv[2], "--rows"))
				return options_rows(), 0;
			t = tool_find(argv[2]);
			return t ? options_help(t), 0 : unknown_tool(argv[2]);
		}
		t = tool_find(name);
		if (!t)
			return unknown_tool(name);
		argc--;
		argv++;
	}
	return t->main ? t->main(t, argc, argv) : run_live(t, argc, argv);
}
