/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#ifndef WEIR_DESCRIBE_H
#define WEIR_DESCRIBE_H

#include "buf.h"
#include "catalog.h"
#include "raw.h"

/* All that is told of one probe. */
struct page {
	const struct match *match;
	enum lang lang;
	const char *name, *kind, *layer, *module, *prototype, *way, *lack, *why, *here;
	s64 number; /* of a system call; -1 */
	struct buf prototype_text;
};

/* The page for people: 80 columns wide. */
void page_text(struct buf *b, const struct page *p);

/* A word of the pages in the user's language. */
enum word {
	WORD_WHEN,
	WORD_CONTEXT,
	WORD_USE,
	WORD_MISSES,
	WORD_ARGUMENTS,
	WORD_FIELDS,
	WORD_RETURNS,
	WORD_SINCE,
	WORD_CHANGED,
	WORD_COST,
	WORD_HERE,
	WORD_INSTEAD,
	WORD_NEAR,
	WORD_NUMBER,
	WORD_MAX,
};

#endif
