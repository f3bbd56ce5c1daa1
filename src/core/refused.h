/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the kernel refuses to load, and what can be done about it. */
#ifndef WEIR_REFUSED_H
#define WEIR_REFUSED_H

#include <bpf/libbpf.h>
#include <stdbool.h>

/*
 * The oldest kernel that has all that weir's programs use: bpf_loop() is of 5.17, the youngest
 * (e6f2dd0f8067). Without it: bpf_task_pt_regs() 5.15, task storage in tracing programs 5.11, the
 * ring buffer 5.8. Distributions bring some of it to older kernels, so it is not asked for before
 * something was refused.
 */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 17

/* Where the kernel tells its types, since 5.4 (341dfcf8d78e). */
#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* libbpf's words go here: shown when loud (-v), otherwise only listened to. */
extern bool refused_loud;
int refused_listen(enum libbpf_print_level level, const char *format, va_list args);

/* Each keeps the sentence and returns FAIL; err is a negative errno. */
/* Even the plainest program was refused. */
int refused_rights(int err);
/* The object was: for want of BTF, or else which program it was, if it was one, refused_listen()
 * has heard. */
int refused_object(int err);
/* what could not be done, after the load: "the kernel's socket type could not be learnt". */
int refused_run(const char *what, int err);

#endif
