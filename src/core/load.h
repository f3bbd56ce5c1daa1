/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * libbpf reads the kernel's whole BTF to load a program that is attached by its types (fentry,
 * fexit, tp_btf, iter), which takes 11 MB and 7 ms, looks through all of it once more for each such
 * program, and for each type that CO-RE relocations speak of. Here the names are looked up in the
 * file (kernel_names(), kernel_relocate()), and libbpf is told.
 */
#ifndef WEIR_LOAD_H
#define WEIR_LOAD_H

#include <bpf/libbpf.h>

/* An object from memory, packed, NULL with errno. bpf_object__close() frees it. */
struct bpf_object *load_open(const void *packed, size_t size);
/* What a program is to be attached to whose section does not say so: a function's name or a
 * tracepoint's. Instead of bpf_program__set_attach_target(); name outlives the load. */
void load_target(const struct bpf_program *prog, const char *name);
/* Loads the programs that are marked for it; instead of bpf_object__load(). 0 or -errno. */
int load_object(struct bpf_object *obj);
/* Attaches a program to what its section, or load_target(), names; instead of
 * bpf_program__attach(). NULL with errno. */
struct bpf_link *load_attach(const struct bpf_program *prog);

#endif
