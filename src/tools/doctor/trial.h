/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Things that are known only by trying: a harmless program, map or link, gone again at once. */
#ifndef WEIR_DOCTOR_TRIAL_H
#define WEIR_DOCTOR_TRIAL_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include "ways.h"
#include "reason.h"

struct trial {
	const char *name;
	void (*try)(const struct facts *f, const struct trial *t, struct finding *out);
	struct need need;
	u32 type;           /* enum bpf_prog_type */
	u32 expected;       /* enum bpf_attach_type; of a helper, its number */
	const char *target; /* what it attaches to, as the try understands it */
	s32 ret;            /* what the program returns: what changes nothing */
};

/* Maps and helper functions; then programs and ways to attach. NULL name ends them. */
extern const struct trial map_trials[], program_trials[];

/* A program that only returns t->ret. Its descriptor, or -1 and why. */
int trial_load(const struct facts *f, const struct trial *t, s32 btf_id, struct finding *out);
/* XDP and tc, on the loopback device of a network namespace that ends with the try. */
void trial_net(const struct facts *f, const struct trial *t, struct finding *out);
/* Perf events: tracepoint, kprobe, uprobe. */
void trial_perf(const struct facts *f, const struct trial *t, struct finding *out);

/* Does the kernel offer a helper to programs of this type? 0, or errno (ENOENT: it does not). */
int trial_helper(u32 type, u32 helper);

#endif
