/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The text that the kernel prints of a record. Nobody outside src/decode includes this. */
#ifndef WEIR_RECORD_TEXT_H
#define WEIR_RECORD_TEXT_H

#include "buf.h"

struct tep_event;
struct record_text;

/* Of a parsed format, which must stay; NULL when it has what is not understood here. */
struct record_text *record_text_make(struct tep_event *e);
void record_text_free(struct record_text *t);
/* data: a record whose fields, dynamic strings too, lie within it. */
void record_text_put(struct buf *b, struct record_text *t, const u8 *data);

/* What the text has of the field at that place: its digits once, as a pointer's; a symbol. */
enum record_prints { PRINTS_NOTHING, PRINTS_POINTER, PRINTS_SYMBOL, PRINTS_OTHER };
enum record_prints record_text_prints(const struct record_text *t, u16 at);

#endif
