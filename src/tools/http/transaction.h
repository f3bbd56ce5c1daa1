/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Requests on their way, of HTTP/1 and HTTP/2 alike: in the queue of their connection until they
 * are told. */
#ifndef WEIR_HTTP_TRANSACTION_H
#define WEIR_HTTP_TRANSACTION_H

#include "stream.h"

/* A new one, in no queue; NULL when there are too many, which is counted. */
struct transaction *transaction_new(void);
/* Frees one that is in no queue, or none. */
void transaction_free(struct transaction *t);
/* Puts it at the end of the connection's queue. */
void transaction_enqueue(struct conn *c, struct transaction *t);
/* Tells it, with more flags (enum http_flag), and frees it; it may be in the queue or not. */
void transaction_finish(struct conn *c, struct transaction *t, u32 flags);

/* Adds bytes to a text, as far as there is room; makes them all of it. */
void text_add(struct text *t, const char *p, size_t n);
void text_set(struct text *t, const char *p, size_t n);

/* Bytes between two messages of that direction were not seen: a response may be among them, and the
 * next that is seen be another's. */
void transactions_doubt(struct conn *c, u8 dir);

#endif
