/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Functions and tracepoints of BTF by name: one walk over its types, as there are 150 000. */
#include <stdlib.h>
#include "inside.h"

#define TP_PREFIX "btf_trace_"

struct list {
	struct named *rows;
	u32 n, room;
};

static struct list funcs, tps;
static bool walked;

static void add(struct list *l, const char *name, u32 types, u32 id)
{
	if (l->n == l->room) {
		u32 room = l->room ? 2 * l->room : 1024;
		struct named *rows = realloc(l->rows, room * sizeof(*rows));

		if (!rows)
			return;
		l->rows = rows;
		l->room = room;
	}
	l->rows[l->n++] = (struct named){name, types, id};
}

/* Of one name, the kernel's own before those of modules. */
static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c                      ? c
	       : x->types != y->types ? (x->types > y->types) - (x->types < y->types)
				      : (x->id > y->id) - (x->id < y->id);
}

static void walk(void)
{
	const struct kernel_types *types;
	u32 n;

	if (walked)
		return;
	walked = true;
	types = kernel_types(&n);
	for (u32 i = 0; i < n; i++)
		for (u32 id = types[i].btf->first; id < types[i].btf->n; id++) {
			const struct btf_type *t = raw_type(types[i].btf, id);
			const char *name;

			if (!btf_is_func(t) && !btf_is_typedef(t))
				continue;
			name = raw_string(types[i].btf, t->name_off);
			if (btf_is_func(t))
				add(&funcs, name, i, id);
			else if (!strncmp(name, TP_PREFIX, strlen(TP_PREFIX)))
				add(&tps, name + strlen(TP_PREFIX), i, id);
		}
	if (funcs.n)
		qsort(funcs.rows, funcs.n, sizeof(*funcs.rows), by_name);
	if (tps.n)
		qsort(tps.rows, tps.n, sizeof(*tps.rows), by_name);
}

const struct named *named_funcs(u32 *n)
{
	walk();
	*n = funcs.n;
	return funcs.rows;
}

const struct named *named_tps(u32 *n)
{
	walk();
	*n = tps.n;
	return tps.rows;
}

void named_drop(void)
{
	free(funcs.rows);
	free(tps.rows);
	funcs = tps = (struct list){0};
	walked = false;
}
