/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * From a tool's BPF object to attached programs: the loader says what is to be observed, and takes
 * the first way that this kernel grants, keeping why it left the others.
 */
#ifndef WEIR_ATTACH_H
#define WEIR_ATTACH_H

#include <stdbool.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "buf.h"
#include "call.h"
#include "filter.h"
#include "reader.h"
#include "shared.h"

/* Ways to a system call, best first; the default is the first that works. */
enum call_way { WAY_FEXIT, WAY_TP, WAY_RAW, WAY_MAX };
extern const char *const call_way_names[WAY_MAX + 1]; /* NULL ends them */

struct common;
struct probe;
struct probe_way;

/* A probe beside system calls (probes.h): its ways in the order they are tried. */
#define PROBES_MAX     8
#define PROBE_WAYS_MAX 6
struct attached_probe {
	const struct probe *row;
	const struct probe_way *taken; /* NULL: not attached */
	struct {
		const struct probe_way *way;
		char why[160]; /* why it was left, "" when it was not */
	} tries[PROBE_WAYS_MAX];
	u32 ntries;
};

struct attach {
	struct bpf_object *obj;
	struct shared *shared; /* mapped; the kernel half's .data.shared */
	enum call_way way;
	u64 left;              /* ends that nobody told, found out at the end (table_left()) */
	bool skips_lose;       /* what the kernel skipped is an event that is lost */
	bool calls;            /* call_wanted was set: system calls are traced */
	bool wanted[CALL_MAX]; /* enum call_id */
	bool rare;             /* they are rare beside all others: what those pay decides the way */
	char why[WAY_MAX][240];      /* why a better way was not taken, "" when it was not tried */
	char missing[CALL_MAX][160]; /* why a wanted call is not traced, "" when it is */
	struct attached_probe probes[PROBES_MAX]; /* see probes_want() */
	u32 nprobes;
	struct bpf_link *links[4 * CALL_MAX];
	u32 nlinks;
	/* What a tool has attached by itself, beside the ways above. */
	struct bpf_object *more[8]; /* its further objects, which share the first one's ring */
	u32 nmore;
	int *held; /* links, and programs that are in no object */
	u32 nheld;
	int *programs;
	u32 nprograms_held;
	void (*ending)(void); /* what a tool has attached that is no descriptor goes; or NULL */
	struct named_text {
		char *name, *text;
	} * traced, *untraced; /* how; why not */
	u32 ntraced, nuntraced;
	u64 missed; /* recursion_misses, summed at the end */
};

/*
 * Opens the object and gives its maps to the caller's setup: read-only data is still writable.
 * 0 or FAIL. attach_close() releases everything, also after a failure.
 */
int attach_open(struct attach *a, const void *object, size_t size);
/* object_data() and object_map() of it. */
void *attach_data(struct attach *a, const char *section, size_t size);
struct bpf_map *attach_map(struct attach *a, const char *name);
/* Chooses ways, loads and attaches. 0 or FAIL with the reason. */
int attach_load(struct attach *a, const struct common *common);
/* Opens the reader of what the loaded programs tell. 0 or FAIL. */
int attach_read(const struct attach *a, struct reader *r);
/* A tool's own links: closed at the end of the run, and its programs after them. */
void attach_hold(struct attach *a, int link);
void attach_program(struct attach *a, int fd);
/* For the account: a probe of the tool's own, and how it is traced or why it is not. Copied. */
void attach_traced(struct attach *a, const char *name, const char *how);
void attach_untraced(struct attach *a, const char *name, const char *why);
/* Ends all probes; after it no new record begins. Then counts what the kernel skipped. */
void attach_end(struct attach *a);
void attach_close(struct attach *a);
/* Sum of the kernel half's counters over CPUs. */
int attach_counters(struct attach *a, struct counters *sum);
/* Calls that were entered, and connections that are being made, and are not finished now. */
u64 attach_unfinished(struct attach *a);
/* Marks a task and, from then on, its children as followed (-- COMMAND). 0 or FAIL. */
int attach_follow(struct attach *a, int pid);

/* The number of a system call here, -1 when this machine has none. */
int call_number(enum call_id id);
extern const char call_names[CALL_MAX][BUF_SHORT];
extern const struct call_desc call_descs[CALL_MAX];
extern const char *const call_functions[CALL_MAX]; /* the kernel's name for the call */
extern const u8 call_groups[CALL_MAX];

#endif
