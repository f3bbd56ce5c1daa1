/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A member of a type, found in another BTF by the names on the way to it. */
#ifndef WEIR_CATALOG_PATH_H
#define WEIR_CATALOG_PATH_H

#include <linux/bpf.h>
#include "raw.h"

#define STEPS_MAX 16

/* The way from a type to one of its members. */
struct path {
	const struct raw_btf *btf;
	u32 n;
	struct step {
		u32 type, index;
		const char *name; /* NULL: index is an array's */
	} steps[STEPS_MAX];
	u64 bit;
};

/* What goes into an instruction. */
struct answer {
	u32 value;
	u32 size, type; /* of the member, 0 when it is not to be loaded as a whole */
	bool sure;      /* the compiler cannot have put another value there */
};

/* "0:1:2": from type id itself, by numbers of members and elements. */
bool path_read(struct path *p, const struct raw_btf *r, u32 id, const char *access);
/* The same way by names in type id of another BTF. */
bool path_follow(struct path *p, const struct path *like, const struct raw_btf *r, u32 id);
/* Of enum bpf_core_relo_kind; false when there is no such answer. */
bool path_answer(struct answer *a, u32 kind, const struct path *p);
/* Can an instruction load the one as it loads the other? */
bool path_same_load(const struct raw_btf *a, const struct answer *x, const struct raw_btf *b,
		    const struct answer *y);
/* "cgroup___old" is another view of struct cgroup: how long the name is without that. */
u32 path_essential(const char *name);

#endif
