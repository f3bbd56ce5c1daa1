/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* From a failure to its reason and its remedy: pure, so that every kernel can be played through. */
#ifndef WEIR_DOCTOR_REASON_H
#define WEIR_DOCTOR_REASON_H

#include "facts.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

struct finding {
	enum answer answer;
	int err;         /* errno of what failed, 0: none */
	const char *way; /* tools: the way to system calls */
	char detail[320];
	char remedy[320]; /* of a no or unknown, never empty */
	char log[200];    /* the verifier's last words, for -v */
};

/* What failed. */
enum step { STEP_MAP, STEP_LOAD, STEP_ATTACH, STEP_RUN, STEP_READ };

/* What a thing needs of the kernel and of the process. */
struct need {
	u64 caps;             /* CAP() bits */
	const char *config;   /* build option, NULL: none of its own */
	u32 since;            /* KVER() */
	enum lockdown locked; /* from which level on upstream's lockdown forbids it;
				 LOCKDOWN_UNKNOWN: none */
	const char *without;  /* what weir does without it, to end the remedy: "weir …" */
};

void found(struct finding *out, enum answer answer, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void remedy(struct finding *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A no: why step is refused with err, and what helps. */
void explain(const struct facts *f, const struct need *need, int err, enum step step,
	     struct finding *out);
/* Of these capabilities, those that the kernel will miss. CAP_SYS_ADMIN has BPF and PERFMON in it.
 */
u64 caps_missing(const struct facts *f, u64 caps);
/* How to get them. */
void remedy_caps(const struct facts *f, u64 missing, struct finding *out);
/* "CAP_BPF and CAP_PERFMON"; join NULL: "cap_bpf,cap_perfmon". */
void caps_name(u64 caps, const char *join, char *text, size_t size);
/* Is locked memory what fails? Only where it counts, and it is small. */
bool memlock_short(const struct facts *f);
const char *lockdown_name(enum lockdown level);

/* What a run takes: the ring (8 MiB by default), programs and maps. */
#define MEMLOCK_WANTED (16ull << 20)

#endif
