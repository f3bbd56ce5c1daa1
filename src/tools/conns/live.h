/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The table on a terminal, redrawn; keys as its last line tells them. */
#ifndef WEIR_LIVE_H
#define WEIR_LIVE_H

#include "run.h"
#include "table_sort.h"

/* What is on the screen, and what the keys have chosen. */
struct live_view {
	const struct column *columns; /* shown, and chosen among by the keys of sorting */
	u32 ncolumns;
	u32 sort;          /* which of them; ncolumns: none, as the kernel has them */
	bool up;           /* the smallest first */
	bool frozen;       /* rows stay as they are */
	bool typing;       /* keys go to the filter */
	bool expanded;     /* the selected row is told whole */
	bool quit;         /* asked for */
	u32 selected, top; /* of the rows that pass the filter */
	char filter[64];
};

/* Takes the terminal; false when it cannot be used. Given back by live_end(). */
bool live_begin(void);
void live_end(void);
/* Takes all keys that were pressed; true when the screen is to be drawn anew. */
bool live_keys(struct live_view *v);
/* Draws rows, in the order that was chosen. */
void live_draw(struct live_view *v, struct kept *rows, const struct run *run);

#endif
