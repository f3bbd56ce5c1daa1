/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Text for a terminal of so many columns. */
#ifndef WEIR_WRAP_H
#define WEIR_WRAP_H

#include "buf.h"

/* Columns that UTF-8 text takes: letters of East Asia take two. Without controls, that is. */
u32 text_columns(const char *p, size_t n);
/* Writes text in lines that end before column width; the first begins at column indent, where the
 * cursor already is, and so do the others. Bytes that are not harmless are escaped. */
void wrap(struct buf *b, const char *text, u32 indent, u32 width);
/* Writes as much of text as fits into so many columns; what is cut ends with "..." */
void cut(struct buf *b, const char *text, u32 columns);

#endif
