/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* BTF as it lies in a file, walked over without libbpf (Documentation/bpf/btf.rst). */
#ifndef WEIR_CATALOG_RAW_H
#define WEIR_CATALOG_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/btf.h>
#include "kernel.h"

struct raw_btf {
	const struct raw_btf *base; /* what a module's continues; NULL */
	const void *data;
	size_t mapped; /* 0: the data is somebody else's */
	const char *strs;
	u32 first, n;         /* its own types: ids first to n - 1 */
	u32 str_first, str_n; /* its own strings: offsets str_first to str_n - 1 */
	u32 *at;              /* of its own types, their place in data */
	u32 *chains, *next;   /* by raw_find(): types whose names begin alike */
};

/* False when it cannot be read, or has types that are not known here. */
bool raw_open(struct raw_btf *r, const char *path, const struct raw_btf *base);
/* The same of what is in memory, and stays there. To be closed, whatever it returns. */
bool raw_read(struct raw_btf *r, const void *data, size_t size, const struct raw_btf *base);
void raw_close(struct raw_btf *r);
/* The kernel's own, kept until kernel_names_drop(); NULL when it cannot be had. */
struct raw_btf *raw_kernel(void);
void raw_kernel_close(void);

/* Of a type of r or of its base; of 0, and of what is not there, one of BTF_KIND_UNKN. */
const struct btf_type *raw_type(const struct raw_btf *r, u32 id);
const char *raw_string(const struct raw_btf *r, u32 off);

/* Bytes that a value of the type takes. */
u32 raw_size(const struct raw_btf *r, u32 id);

/* Its own types of those names and kinds: calls each(arg, i, id) for each of them. */
void raw_find(struct raw_btf *r, const struct kernel_name *names, u32 n,
	      void (*each)(void *arg, u32 i, u32 id), void *arg);

#endif
