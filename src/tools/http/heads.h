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

/* A message begins with n bytes: how many of them are a head that is known, 0: none. The stream,
 * whose parser need not have begun, is then where it would be had it parsed them. */
u32 heads_recall(struct stream *s, const u8 *p, u32 n);
/* Parses the bytes of a message that begins, at most up to the end of its head, which is known from
 * then on; returns how many were parsed. */
size_t heads_parse(struct stream *s, const u8 *p, u32 n);

#endif
