/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A tool is one row. It is found through a linker section: no list of tools stands anywhere.
 */
#ifndef WEIR_TOOL_H
#define WEIR_TOOL_H

#include "attach.h"
#include "column.h"
#include "options.h"
#include "out.h"

struct run;

struct tool {
	const char *name;
	const char *summary; /* one line, no full stop */
	const char *usage;   /* what follows the name: "[CALL...] [options] [-- COMMAND...]" */
	const struct option_row *options; /* own rows, name NULL ends them; NULL: none */
	void *own;                        /* what the own rows write into */
	u32 lacks;                        /* COMMON() of the common rows that mean nothing to it */
	const char *lacks_why;            /* for the sentence that refuses one; no full stop */
	const struct column *columns;     /* name NULL ends them; NULL: does it itself */

	/* A tool without a kernel half does all by itself and returns the exit status. */
	int (*main)(const struct tool *t, int argc, char **argv);

	/* A tool with one. All but object may be NULL. */
	const void *object; /* the BPF object's bytes */
	const u32 *object_size;
	bool io_uring; /* what is done by io_uring is seen too, or said to be missing by itself */
	/* After parsing: words and contradictions. 0 or USAGE. */
	int (*check)(struct run *run);
	/* Object open, not loaded: read-only data, map sizes, which calls. 0 or FAIL. */
	int (*setup)(struct run *run, struct attach *a);
	/* Object loaded and attached, command not yet let go: what the tool attaches by itself. */
	int (*attach)(struct run *run, struct attach *a);
	/* One record; the default prints a row of columns. */
	void (*event)(struct run *run, const struct rec *r);
	/* A record for the user half alone, that is neither row nor part of a recording: true when
	 * r was one. */
	bool (*inner)(struct run *run, const struct rec *r);
	/* Each interval (-i) and at the end, after the last event. last: the run is over. */
	int (*tick)(struct run *run, struct attach *a, bool last);
	/* Each time before records are read: cheap when there is nothing to do. 0 or FAIL. */
	int (*poll)(struct run *run, struct attach *a);
	/* After check(): does the records come from elsewhere than the kernel? Then reads() hands
	 * all of them to run_event(), and nothing is loaded. 0 or FAIL. */
	bool (*offline)(struct run *run);
	int (*reads)(struct run *run);
	u32 records; /* RECORD() of each type that recordings have of it: replay passes over others
		      */
	/* Replay: must r, one of these, be left out although the common filter lets it pass? */
	bool (*hidden)(struct run *run, const struct rec *r);
};

#define RECORD(name) (1u << REC_##name)

#define TOOL(row)                                                                                  \
	static const struct tool *const tool_##row __attribute__((used, section("weir_tools"))) =  \
		&row

extern const struct tool *const __start_weir_tools[], *const __stop_weir_tools[];
#define for_each_tool(t)                                                                           \
	for (const struct tool *const *t = __start_weir_tools; t < __stop_weir_tools; t++)

/* The tool of that name, NULL when there is none. */
const struct tool *tool_find(const char *name);
/* The name of the tool that a word which names none was meant for, NULL when none is near. */
const char *tool_near(const char *name);

/* The bytes of a tool's BPF object, put into the program by the build. */
#define TOOL_OBJECT(name)                                                                          \
	extern const unsigned char name##_bpf_o[];                                                 \
	extern const u32 name##_bpf_o_size

#endif
