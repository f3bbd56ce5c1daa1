/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What the running kernel has: types (BTF, modules too), tracepoints with their fields, functions
 * with their prototypes, symbols, and by which ways a program can be put there. It is asked, never
 * assumed. Everything is read when it is first asked for, kept, and given back by kernel_drop();
 * pointers in results stay valid until then.
 */
#ifndef WEIR_KERNEL_H
#define WEIR_KERNEL_H

#include <stdbool.h>
#include <bpf/btf.h>
#include "record.h"

/* Types */

/* A name in the kernel's own BTF. */
struct kernel_name {
	const char *name;
	u32 kind;  /* BTF_KIND_FUNC, BTF_KIND_TYPEDEF (btf_trace_NAME), BTF_KIND_STRUCT, … */
	u32 id;    /* found: the first of them; it is 0 before */
	int nargs; /* of a function, or of a tracepoint with its own first one; -1: it has none */
};
/*
 * Finds names in the file as it is: 2 ms once and a megabyte, where libbpf takes 8 ms and 12
 * MB, and a millisecond for each name. False when the file is not to be had.
 */
bool kernel_names(struct kernel_name *names, u32 n);
/*
 * Puts what the CO-RE relocations of a BPF object ask for, as the running kernel and its modules
 * have it, into the object's instructions, and takes the relocations out. False: nothing is
 * changed, and libbpf must look for itself.
 */
bool kernel_relocate(void *object, size_t size);
/*
 * Calls each for every value of an enum, of the kernel's own (module NULL) or of a module's; names
 * are good for the call only. False when there is no such enum, or no BTF.
 */
bool kernel_enum(const char *module, const char *name,
		 void (*each)(void *arg, const char *name, u32 value), void *arg);

/* One BTF: the kernel's own, or a module's, which continues it. */
struct kernel_types {
	const char *module; /* NULL: the kernel's own */
	struct raw_btf *btf;
};

/* The kernel's own; NULL without BTF. */
const struct kernel_types *kernel_types_own(void);

/*
 * All of them, the kernel's own first; n gets their number, 0 without BTF. Modules that were
 * loaded later than the first call are not among them.
 */
const struct kernel_types *kernel_types(u32 *n);
/*
 * Gives back the 6 MB and more that were read for all of the above; they are read anew by
 * kernel_types() and kernel_types_own(). Names out of it are no longer good then.
 */
void kernel_names_drop(void);
/* How many types of that name and kind it has of its own; id gets the first of them, or 0. */
u32 kernel_type(const struct kernel_types *types, const char *name, u32 kind, u32 *id);
/*
 * What bpf(2) wants as attach_btf_obj_fd for a type of a module; 0 for the kernel's own; -errno.
 * To be closed by the caller when greater than 0.
 */
int kernel_types_fd(const struct kernel_types *types);

/* The type that is left without typedefs, const, volatile, restrict and tags; 0 is void. */
u32 kernel_plain(const struct raw_btf *btf, u32 id);
/* The struct's name behind a pointer argument: "sk_buff"; NULL when it is something else. */
const char *kernel_pointee(const struct raw_btf *btf, u32 id);
struct buf;
/* A declaration as in C: "struct sk_buff *skb", "int (*fn)(void *)"; "" as name leaves the type. */
void kernel_declare(struct buf *b, const struct kernel_types *types, u32 id, const char *name);
/* "int tcp_connect(struct sock *sk)" of a FUNC_PROTO. */
void kernel_prototype(struct buf *b, const struct kernel_types *types, u32 proto, const char *name);
/* "struct sock *sk", "void" when there are none; skip leaves out so many first parameters. */
void kernel_arguments(struct buf *b, const struct kernel_types *types, u32 proto, u32 skip);

/* Ways */

/* How a program is put at a tracepoint or a function. */
enum via {
	VIA_NONE,
	VIA_TP,     /* a record, with fields */
	VIA_TP_BTF, /* the arguments, with types */
	VIA_RAW_TP, /* the arguments */
	VIA_FENTRY, /* and fexit */
	VIA_KPROBE_MULTI,
	VIA_KPROBE, /* and kretprobe */
	VIA_MAX,
};
extern const char *const via_names[VIA_MAX]; /* tp, tp_btf, raw_tp, fentry, … */

/*
 * Does this kernel grant that way at all, to this process? Tried once each, with a program that
 * does nothing, at a function that nobody calls or a tracepoint that fires rarely. NULL when it
 * does, else the reason: half a sentence.
 */
const char *via_refused(enum via via);

/* Why a probe cannot be had here; the words of `weir list`. */
enum lack {
	LACK_NOTHING,
	LACK_ABSENT,  /* this kernel has nothing of that name */
	LACK_INLINE,  /* not a function of its own here: the compiler put it into its callers */
	LACK_RENAMED, /* the compiler changed it: NAME.isra.0, NAME.constprop.0 */
	LACK_TWINS,   /* several functions bear the name, and nothing tells them apart */
	LACK_NOTRACE, /* the kernel does not let this one be traced */
	LACK_REFUSED, /* the kernel, or the rights of this process, grant no way */
	LACK_MAX,
};
extern const char *const lack_names[LACK_MAX]; /* "", absent, inline, renamed, twins, … */

/* Tracepoints */

struct kernel_field {
	const char *type; /* as tracefs tells it: "const void *", "__u8[28]", "__data_loc char[]" */
	const char *name;
	u32 offset, size; /* bytes in the record */
	bool is_signed;
};

struct kernel_tp {
	const char *group; /* of tracefs; "" where tracefs is out of reach and no row knows it */
	const char *name;
	const struct kernel_types *types; /* where its BTF is; NULL: it has none */
	u32 btf_id;                       /* of the typedef btf_trace_NAME, for tp_btf */
	u32 proto;  /* the FUNC_PROTO behind it; its first parameter is not the probe's; 0 */
	bool event; /* tracefs has events/GROUP/NAME: VIA_TP */
	enum via via;
	enum lack lack; /* when via is VIA_NONE */
	char why[200];  /* the reason, half a sentence, then; else "" */
};

/*
 * All tracepoints of the groups that catalog/groups.txt lists, sorted by group and name. Without
 * tracefs: those that BTF has and a row knows, or that take a socket or a packet. n gets their
 * number.
 */
const struct kernel_tp *kernel_tps(u32 *n);
/* Any tracepoint, of any group, "GROUP:NAME" or "NAME". NULL when this kernel has none such. */
const struct kernel_tp *kernel_tp(const char *name);
/*
 * A FUNC_PROTO with the same arguments as proto and their names as well, which are those of the
 * kernel's own __traceiter_NAME(); proto where that is not to be had. Its first parameter is not
 * the probe's, either.
 */
u32 kernel_tp_named(const struct kernel_tp *tp);
/* The text of its format file in tracefs, to be freed; NULL with errno. */
char *kernel_tp_format(const struct kernel_tp *tp);
/*
 * Its fields without the common ones: as tracefs tells them, else as BTF does (then types are C's).
 * n gets their number; NULL and 0 when neither does.
 */
const struct kernel_field *kernel_tp_fields(const struct kernel_tp *tp, u32 *n);

/* Functions */

struct kernel_func {
	const char *name;
	const char *module;               /* NULL: the kernel itself */
	const struct kernel_types *types; /* NULL: no BTF, so arguments are unknown */
	u32 btf_id;                       /* BTF_KIND_FUNC */
	u32 proto;                        /* BTF_KIND_FUNC_PROTO, 0 without BTF */
	u32 twins;   /* functions of that name in BTF, 1 mostly; more with other prototypes */
	u32 symbols; /* places in the kernel that bear just this name; 0: none, or not readable;
			but see kernel_thorough() */
	const char *renamed; /* "NAME.isra.0" when only that is there, else NULL */
	enum via via;
	enum lack lack;
	char why[200];
};

/* "NAME" or "MODULE:NAME". False when neither BTF nor the symbols have it; *f is filled so far
 * that lack and why tell the reason. */
bool kernel_func(const char *name, struct kernel_func *f);
/*
 * From now on functions are judged by all symbols, of which reading takes 40 ms. Else one that the
 * kernel lists once among those that can be traced is taken as it is: another symbol of its name
 * could not be traced.
 */
void kernel_thorough(void);
/* Each function that takes a struct sock, socket or sk_buff, by name; not yet judged. f is good for
 * the call only. */
void kernel_funcs(void (*each)(const struct kernel_func *f, void *arg), void *arg);
/* Fills in what its symbols tell, and by which way it can be had, or why not. */
void kernel_func_judge(struct kernel_func *f);

/* Symbols */

struct kernel_symbol {
	u64 address; /* 0 when the kernel hides it (kptr_restrict) */
	const char *name;
	const char *module; /* NULL: the kernel itself */
	char type;          /* as in /proc/kallsyms: T global, t local, W weak, … */
};

/* All functions of /proc/kallsyms, sorted by name; n gets their number. To read it takes 40 ms. */
const struct kernel_symbol *kernel_symbols(u32 *n);
/* Those of just this name; n gets their number. */
const struct kernel_symbol *kernel_symbol(const char *name, u32 *n);
/* How often available_filter_functions has the function, of the kernel's own (module NULL) or of a
 * module; -1 when that cannot be read. */
int kernel_traceable(const char *name, const char *module);
/* Forgets the lists that names are looked for in, 1.5 MB, until they are asked again. */
void kernel_lists_drop(void);

/* Files */

/* A directory descriptor of tracefs, also where it is not mounted; -1 with errno. Not to be closed.
 */
int kernel_tracefs(void);
/* A file system that is mounted nowhere: it goes away with the descriptor; -1 with errno. */
int mount_nowhere(const char *type);
/* A whole text file below dir (AT_FDCWD), NULL with errno; to be freed. */
char *kernel_text(int dir, const char *path);

/* Gives everything back. */
void kernel_drop(void);

#endif
