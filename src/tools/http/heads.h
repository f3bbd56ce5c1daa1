/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Heads that were parsed before, kept with what the parser made of them: one that has the same
 * bytes need not be parsed again. Connections mostly ask and answer what they did a moment ago, and
 * the parser takes 27 instructions a byte.
 */
#ifndef WEIR_HTTP_HEADS_H
#define WEIR_HTTP_HEADS_H

#include "stream.h"

#define HEAD_MOST 1024 /* bytes; a longer one is parsed each time */

/* The length of the head that n bytes begin with, but for its last byte; 0: it is not whole, or too
 * long. That byte is the parser's, which asks then what the message is. */
u32 heads_length(const u8 *p, u32 n);
/* A message begins with len bytes: true when they are known, and the stream is where it would be
 * had it parsed them. */
bool heads_recall(struct stream *s, const u8 *p, u32 len);
/* As both, when the head is the one that this stream had last: its length, else 0. */
u32 heads_again(struct stream *s, const u8 *p, u32 n);
/* It has parsed them now. */
void heads_keep(const struct stream *s, const u8 *p, u32 len);

#endif
