/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "attempts.h"
#include "error.h"
#include "probes.h"

struct tallies_options attempts_own;

const struct option_row attempts_options[] = {
	TALLIES_OPTIONS(0),
	{0},
};

static u64 attempts(const struct tally_rec *t)
{
	return t->events - t->n[N_NO_ATTEMPTS];
}

static int order(const struct tally_rec *a, const struct tally_rec *b)
{
	return attempts(a) < attempts(b) ? 1 : attempts(a) > attempts(b) ? -1 : 0;
}

static struct counts_shape shape = {
	.events = 1 << N_CONNECTS | 1 << N_CONNECT_ERRORS | 1 << N_ACCEPTS | 1 << N_ACCEPT_ERRORS |
		  1 << N_NO_ATTEMPTS,
	.good = 1 << N_CONNECTS | 1 << N_ACCEPTS | 1 << N_NO_ATTEMPTS,
	.filters = FILTER_PID | FILTER_COMM | FILTER_FAMILY,
	.order = order,
};

int attempts_check(struct run *run)
{
	const char *name = run->tool->name;

	if (no_words(run, "it takes options alone, --help lists them"))
		return USAGE;
	if (run->common.filter.have & FILTER_SLOWER)
		return usage("%s counts and measures no time: --slower is for weir soconnlat",
			     name);
	shape.by_name = attempts_own.by_name;
	return tallies_check(run, &shape, 0);
}

int attempts_setup(struct run *run, struct attach *a)
{
	a->wanted[CALL_connect] = a->wanted[CALL_accept] = a->wanted[CALL_accept4] = true;
	a->calls = true;
	probes_want(a, &uring_connect_probe);
	probes_want(a, &uring_accept_probe);
	return tallies_setup(run, a, attempts_own.slots);
}
