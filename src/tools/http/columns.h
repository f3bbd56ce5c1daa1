/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Rows of weir http: a transaction (struct http_rec). */
#ifndef WEIR_HTTP_COLUMNS_H
#define WEIR_HTTP_COLUMNS_H

#include "column.h"
#include "decode.h"

extern const struct column http_columns[];

/* One of a record's words, NULL where it has none. */
static inline const struct sect *http_text(const struct rec *r, enum http_text which)
{
	return sect_find(r, SECT_TEXT, which, NULL);
}

#endif
