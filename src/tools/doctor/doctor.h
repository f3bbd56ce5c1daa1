/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_DOCTOR_H
#define WEIR_DOCTOR_H

#include "options.h"
#include "reason.h"

/* A run of doctor. */
struct doctor {
	struct facts facts;
	struct common common;
	struct out *out;
	const char *group;     /* of the row that was told last */
	char remedy[320];      /* its remedy */
	struct finding raw_tp; /* without raw tracepoints nothing works */
	char lacks[128];       /* names of the maps rows that are a no */
	bool btf;              /* the kernel's types can be read */
	const char *tool;      /* the one that is asked about, NULL: all, and above all trace */
	bool works;            /* that one works here */
	char verdict[768];     /* the sentence at the end */
};

/* A question that needs no program. */
struct check {
	const char *group, *name;
	void (*ask)(const struct facts *f, u64 arg, struct finding *out);
	u64 arg;
};
extern const struct check checks[]; /* name NULL ends them */

/* Tells a finding as a row. */
void doctor_row(struct doctor *d, const char *group, const char *check, const struct finding *f);
/* The ways to system calls as the loader takes them, then each tool, really loaded and attached. */
void doctor_tools(struct doctor *d);

#endif
