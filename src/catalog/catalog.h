/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The catalog: what weir knows of probes beyond what the kernel says. Rows are made from catalog/
 * at build time. And names: a word of the user's becomes what it means on this kernel.
 */
#ifndef WEIR_CATALOG_H
#define WEIR_CATALOG_H

#include "kernel.h"

struct buf;

enum probe_sort {
	SORT_CALL,       /* a system call */
	SORT_TRACEPOINT, /* GROUP:NAME */
	SORT_FUNCTION,
	SORT_NAME, /* a name that is no probe: historical, or a mistake that many make */
};

enum layer {
	LAYER_CALL,
	LAYER_SOCKET,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_IP,
	LAYER_ICMP,
	LAYER_DEVICE,
	LAYER_XDP,
	LAYER_SKB,
	LAYER_QDISC,
	LAYER_NEIGHBOUR,
	LAYER_NAPI,
	LAYER_TRACING, /* functions that tracepoints are made of */
	LAYER_MAX,
};

enum lang { LANG_EN, LANG_KO, LANG_MAX };

/* In whose context it fires. */
enum context { CONTEXT_TASK, CONTEXT_SOFTIRQ, CONTEXT_EITHER };

/* How often it fires, which decides what tracing it costs. */
enum cost { COST_RARE, COST_CONNECTION, COST_CALL, COST_PACKET };

/* What a row says; the order in which weir describe tells it. */
enum text {
	TEXT_SHORT, /* at most 34 columns */
	TEXT_WHAT,
	TEXT_WHEN,
	TEXT_CONTEXT,
	TEXT_USE,
	TEXT_MISSES,
	TEXT_RETURNS,
	TEXT_SINCE, /* begins with the version */
	TEXT_CHANGED,
	TEXT_COSTS,
	TEXT_MAX,
};

/* A version of Linux as one number: KERNEL(6, 10, 0). */
#define KERNEL(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))

/* How something looks from a version of Linux on. */
struct variant {
	u32 since;
	const char *text; /* NULL ends them */
};

struct row {
	u8 sort;           /* enum probe_sort */
	u8 layer;          /* enum layer */
	u8 context;        /* enum context */
	u8 cost;           /* enum cost */
	bool is_inline;    /* a header has it: no function, or a copy that few callers use */
	bool is_static;    /* the compiler may have put it into its callers */
	u32 since, gone;   /* KERNEL(); gone 0: still there */
	const char *group; /* of a tracepoint, else NULL */
	const char *name;
	const char *needs;            /* build option without which it is not there; NULL: none */
	const char *prototype;        /* of a system call: as in its manual page */
	const struct variant *args;   /* newest first: "struct sk_buff *skb, int rc", of a function
				       * with its result: "int (struct sock *sk)". NULL: not said */
	const struct variant *fields; /* of a tracepoint: names, blanks between */
	const char *const *instead;   /* what does its work; NULL ends them, or none */
	const char *const *near;      /* neighbours; likewise */
	struct {
		u32 at;  /* where they begin among all texts */
		u16 has; /* which there are: 1 << TEXT_WHAT, … */
	} text[LANG_MAX];
};

extern const struct row catalog_rows[];
extern const u32 catalog_nrows;

/* The row of a word as a row has it: "connect", "tcp:tcp_probe", "tcp_connect"; NULL when none. */
const struct row *row_find(enum probe_sort sort, const char *group, const char *name);
/* What it says in that language; NULL when it says nothing of it. */
const char *row_text(const struct row *row, enum text text, enum lang lang);

/* How a row compares with the running kernel. */
enum drift_state {
	DRIFT_NONE,  /* as the newest that the row knows */
	DRIFT_KNOWN, /* otherwise, in a way that the row knows of */
	DRIFT_NEW,   /* in a way that it does not: the catalog, or the kernel, has moved */
};

struct drift {
	enum drift_state state;
	char what[800]; /* half a sentence, "" when there is nothing to say */
};

void row_drift(const struct row *row, struct drift *d);

/* What a word means here. */
struct match {
	enum probe_sort sort;
	char name[128];             /* as the user is told it: "tcp:tcp_probe", "tcp_connect" */
	const struct row *row;      /* NULL: the catalog has none */
	const struct kernel_tp *tp; /* SORT_TRACEPOINT, NULL when this kernel has it not */
	struct kernel_func func;    /* SORT_FUNCTION */
	int call;                   /* SORT_CALL: enum call_id */
	char note[500]; /* what was asked for and why this is it, one sentence; else "" */
};

struct matches {
	struct match *all; /* owned; matches_free() */
	u32 n;
};

enum find {
	FIND_STRICT = 1, /* probes only: historical and wrong names are refused */
	FIND_FOLLOW = 2, /* what cannot be had here becomes what does its work, with a note */
	FIND_EACH = 4,   /* a bare word is all that it can mean, not the first only */
};

/*
 * Adds what word means: "connect" (a system call), "net:net_dev_xmit", "net_dev_xmit",
 * "tcp_connect", "MODULE:FUNCTION", or a glob of these ("tcp:*", "tcp_*send*"). A bare word is a
 * system call, else a tracepoint, else a function; "syscall:", "tracepoint:" and "function:" in
 * front choose. flags: enum find. A match may still be out of reach on this kernel: look at
 * tp->via or func.via. 0, or USAGE with a sentence that says what is nearest.
 */
int catalog_find(struct matches *m, const char *word, u32 flags);
void matches_free(struct matches *m);

/* What the running kernel makes of a match. */
struct here {
	const char
		*way; /* name of the way; NULL: none, or a system call, whose ways the core knows */
	enum lack lack;     /* then */
	const char *why;    /* the reason, half a sentence; NULL when there is none */
	const char *module; /* kernel module that it is in, NULL: none */
};
void match_here(const struct match *m, struct here *here);
/* A sentence that says why there is no way; valid until the next call. */
const char *lack_text(const struct match *m, enum lang lang);
/* Its arguments on this kernel as in C, of a system call those of the manual; false: not known. */
bool match_prototype(struct buf *b, const struct match *m);
/* Which layer it belongs to: its row says, else its group, its name, or what it takes. */
enum layer match_layer(const struct match *m);

/* The language of that name ("en", "ko"), or with NULL that of the environment. 0 or USAGE. */
int lang_named(const char *word, enum lang *lang);
/* A heading, and the words of JSON, which stay as they are. */
const char *layer_name(enum layer layer, enum lang lang);
const char *layer_word(enum layer layer);
const char *context_word(enum context context);
const char *cost_word(enum cost cost);

#endif
