/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: tracepoints and kernel functions. */
#ifndef WEIR_HITS_H
#define WEIR_HITS_H

#include "buf.h"
#include "catalog.h"
#include "hit.h"
#include "raw.h"
#include "run.h"

/* One probe of this run. Its number is its place in hits[]. */
struct hit {
	char name[128];
	enum probe_sort sort;
	struct kernel_tp tp;     /* SORT_TRACEPOINT */
	struct kernel_func func; /* SORT_FUNCTION */
	struct hit_conf conf;
	u16 sock, packet; /* places of the arguments that it is about, where programs of its way
			     know their types; or NOWHERE */
	struct buf text;  /* its description, for probe_learn() and recordings */
	enum via via;     /* how it is attached; VIA_NONE: not */
	u32 tried;        /* ways that did not take it, a bit each */
	bool forced;      /* to this way, no other */
	bool attached;
	bool hidden;   /* for another probe's sake: it sends nothing */
	char why[400]; /* why it is not */
};
extern struct hit *hits;
extern u32 nhits;
/* The function's name, without its module's. */
const char *hit_function(const struct hit *h);

/* Options of trace that are about these probes. */
struct hit_options {
	bool ret, stack, many;
	const char *way;
	const char *fields; /* --arg: PATH,PATH... */
};
extern struct hit_options hit_options;

/* A match of the catalog is wanted. 0, USAGE, or FAIL without memory. */
int hits_want(const struct match *m);
/* No such probe is here, as error_text() says: it is listed with those that are not traced. */
void hits_unknown(const char *word);
/* All words are known: contradictions, limits. 0 or USAGE. */
int hits_check(struct run *run);
/* Describes them and learns; before the object is loaded. 0 or FAIL. */
int hits_setup(struct run *run, struct attach *a);
/* Loads their object beside the tool's and attaches each. 0, or FAIL when none could be. */
int hits_attach(struct run *run, struct attach *a);

/* hit_conf.c: what the kernel half copies, and the description. 0, or FAIL with
 * h->why. */
int hit_describe(struct hit *h);
/* How a value of that type is told, and how many bytes it has; NULL for what has no short form.
 * what: of a pointer to something that the kernel half looks at. */
const char *hit_kind(const struct raw_btf *btf, u32 type, u32 *size, u8 *what);
/* The names of an enum, into a description. */
void hit_put_names(struct buf *b, const struct raw_btf *btf, u32 type);
/* Which --arg lead somewhere from some probe, and why the others do not. */
#define PATHS_MOST 31
extern u32 hit_paths_used;
extern char *hit_paths_wrong[PATHS_MOST];

/* hit_path.c: --arg number, of an argument of that type at that place. 0 or USAGE. */
int hit_path(struct hit *h, const struct raw_btf *btf, u32 type, u32 at, const char *path,
	     u32 number);

/* hit_columns.c */
extern const struct column hit_columns[], hit_bare_columns[];
extern const u32 hit_ncolumns, hit_bare_ncolumns;

#endif
