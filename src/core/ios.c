/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "error.h"
#include "ios.h"
#include "probes.h"

struct tallies_options ios_own;

const struct option_row ios_options[] = {
	TALLIES_OPTIONS(0),
	{0},
};

void tell_direction(struct verbs *v, const struct rec *r)
{
	static const char *const words[] = {[WHAT_READ] = "read", [WHAT_WRITE] = "write"};
	u16 what = tally_of(r)->key.what;

	if (what == WHAT_READ || what == WHAT_WRITE)
		v->ops->word(v, words[what]);
}

int ios_check(struct run *run, struct counts_shape *shape)
{
	if (no_words(run, "it takes options alone, --help lists them"))
		return USAGE;
	shape->by_name = ios_own.by_name;
	return tallies_check(run, shape, 0);
}

int ios_setup(struct run *run, struct attach *a)
{
	doors_want(a, DOOR_RECVMSG);
	doors_want(a, DOOR_SENDMSG);
	return tallies_setup(run, a, ios_own.slots);
}
