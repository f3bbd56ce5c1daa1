/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the files of this folder share; nobody outside of it includes this. */
#ifndef WEIR_CATALOG_INSIDE_H
#define WEIR_CATALOG_INSIDE_H

#include "catalog.h"
#include "raw.h"

/* A name in BTF: a function, or a tracepoint's btf_trace_NAME (name without that). */
struct named {
	const char *name;
	u32 types; /* index into kernel_types() */
	u32 id;
};

/* All functions or all tracepoints that BTF has, sorted by name; n gets their number. */
const struct named *named_funcs(u32 *n);
const struct named *named_tps(u32 *n);

/* "NAME.isra.0" where that is all there is of a function: the first such, NULL when none. */
const char *symbol_changed(const char *name);

/* Does it take a struct sock, socket or sk_buff, after so many first parameters? */
bool func_takes_net(const struct kernel_types *types, u32 proto, u32 skip);

/*
 * A line of /proc/kallsyms, "ffffffff8197fc70 t dev_queue_xmit\t[module]", which is cut at its
 * blanks. False when it is no function of the kernel's: data, BPF programs, ftrace's trampolines.
 */
bool parse_symbol(char *line, struct kernel_symbol *s);
struct buf;
/* Types of "int (struct sock *sk, long timeout)", or of "struct sk_buff *skb, int rc" without a
 * result, in a spelling that can be compared; ends with a NUL. */
void signature(struct buf *b, const char *text, bool with_result);
/* A line of a format file, "\tfield:u32 len;\toffset:16;\tsize:4;\tsigned:0;", which is cut; the
 * name is allocated. */
bool parse_field(char *line, struct kernel_field *f);

/* catalog/groups.txt: groups of tracefs that are the network's. */
struct catalog_group {
	const char *name;
	u8 layer;
};
extern const struct catalog_group catalog_groups[];
extern const u32 ncatalog_groups;

/* catalog/layers.txt: how the names of a layer's functions begin. */
struct catalog_prefix {
	const char *prefix;
	u8 layer;
};
extern const struct catalog_prefix catalog_prefixes[];
extern const u32 ncatalog_prefixes;

void types_drop(void);
void named_drop(void);
void traceable_drop(void);
void symbols_drop(void);
void tps_drop(void);
void files_drop(void);

#endif
