/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The user half of tools that count messages (kernel/io.bpf.h). */
#ifndef WEIR_IOS_H
#define WEIR_IOS_H

#include "io.h"
#include "tallies.h"

/* A tool's setup(); its own is ios_own, its options are ios_options. */
int ios_setup(struct run *run, struct attach *a);
/* Words and filters that mean nothing to it. Then tallies_check(). */
int ios_check(struct run *run, struct counts_shape *shape);
extern struct tallies_options ios_own;
extern const struct option_row ios_options[];

void tell_direction(struct verbs *v, const struct rec *r);
#define IOS_DIRECTION                                                                              \
	{                                                                                          \
		"direction", "DIR", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 5, tell_direction,        \
			"read: received from the socket, by whatever call; write: sent to it"      \
	}

#endif
