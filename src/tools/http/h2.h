/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * HTTP/2 (RFC 9113) on a connection, from the bytes of its frames; heads are uncompressed by
 * libnghttp2 (HPACK, RFC 7541). What a head says depends on all heads before it: where bytes of one
 * were not seen, nothing that follows on the connection is told, and that is counted.
 */
#ifndef WEIR_HTTP_H2_H
#define WEIR_HTTP_H2_H

#include "stream.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" /* 3.4: what the client begins with */

/* Connections that could not be followed, from their begin or at all, and the requests on them
 * whose heads came by. */
extern u64 h2_lost, h2_untold;

/* The connection speaks it from the next byte on, in both directions; joined: since when is not
 * known. Without memory it is a tunnel. */
void h2_begin(struct conn *c, bool joined);
/* It was asked for by request t, which is stream 1 now, in no stream of HTTP/1 any more (RFC 7540
 * 3.2); dir: the server's. */
void h2_upgraded(struct conn *c, struct transaction *t, u32 dir);
/*
 * The next size bytes of a direction, of which n were seen: the first ones, or with frames all
 * that are no payload of DATA.
 */
void h2_feed(struct conn *c, u32 dir, const u8 *p, u32 n, u32 size, bool frames);
/* Nothing more comes in a direction. */
void h2_half_end(struct conn *c, u32 dir);
/* Frees what the connection has of it. */
void h2_end(struct conn *c);

/* Do n bytes look like the begin of a frame, as a connection has them that is joined? */
bool h2_looks_so(const u8 *p, u32 n);

#endif
