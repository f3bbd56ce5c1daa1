/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdio.h>
#include "error.h"
#include "greet.h"
#include "probes.h"

static void greet_probes(const struct attach *a)
{
	for (u32 i = 0; i < a->nprobes; i++) {
		const struct attached_probe *p = &a->probes[i];

		for (u32 k = 0; k < p->ntries; k++)
			if (*p->tries[k].why)
				note("%s not by %s", p->row->name, probe_left(p, k));
		if (p->taken)
			note("%s by %s", p->row->name, probe_taken(p));
	}
}

static void greet_traced(const struct attach *a, bool verbose)
{
	for (u32 i = 0; i < a->nuntraced; i++)
		note("%s is not traced: %s", a->untraced[i].name, a->untraced[i].text);
	for (u32 i = 0; i < a->ntraced && verbose; i++)
		note("%s by %s", a->traced[i].name, a->traced[i].text);
}

/* At most resident so far, KiB; what getrusage() tells may be of who started weir. */
static u64 memory_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "VmHWM: %llu", &kib);
	if (file)
		fclose(file);
	return kib;
}

/* -v: what the start took. */
static void greet_start(const struct run *run)
{
	u64 us = (run->start_ns - run->begun_ns) / 1000;

	note("attached after %llu.%llu ms, with at most %llu KiB of memory",
	     (unsigned long long)us / 1000, (unsigned long long)us % 1000 / 100,
	     (unsigned long long)memory_kib());
}

void greet(const struct run *run, const struct attach *a, bool command)
{
	char probes[64] = "";
	u32 n = 0, more = 0;

	if (run->common.quiet)
		return;
	for (u32 i = 1; i < CALL_MAX; i++)
		n += a->wanted[i] && !*a->missing[i];
	for (u32 i = 0; i < WAY_MAX && run->common.verbose; i++)
		if (*a->why[i])
			note("not by %s: %s", call_way_names[i], a->why[i]);
	if (run->common.verbose) {
		greet_probes(a);
		greet_start(run);
	}
	greet_traced(a, run->common.verbose);
	more = a->ntraced;
	for (u32 i = 0; i < a->nprobes; i++)
		more += a->probes[i].taken != NULL;
	if (more)
		snprintf(probes, sizeof(probes), "%u probe%s", more, more == 1 ? "" : "s");
	if (command)
		return;
	if (n)
		note("tracing %u system call%s by way of %s%s%s; Ctrl-C ends", n, n == 1 ? "" : "s",
		     call_way_names[a->way], more ? ", " : "", probes);
	else if (more)
		note("tracing %s; Ctrl-C ends", probes);
}
