/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * HTTP/1 on connections, from pieces of what each side sent (struct piece_rec): messages are parsed
 * by libhttp-parser, responses paired with requests. Of a body nothing but its length is needed;
 * where bytes are missing that were, what follows is found again at the next start of a message,
 * and the transaction is marked HTTP_UNSURE.
 */
#ifndef WEIR_HTTP_STREAM_H
#define WEIR_HTTP_STREAM_H

#include <stdbool.h>
#include <http_parser.h>
#include "record.h"

#define METHOD_MOST   32
#define HOST_MOST     256
#define PATH_MOST     1024
#define QUEUE_MOST    256   /* requests of a connection without an answer: more are not followed */
#define REQUESTS_MOST 16384 /* of all connections */

struct text {
	u32 full, room; /* bytes there were; that are kept */
	char *at;
};

/* A request on its way, with what is known of the response. */
struct transaction {
	struct transaction *next;
	struct http_rec r;
	struct text texts[HTTP_TEXTS];
	bool answered; /* the head of its final response was seen */
	char method[METHOD_MOST], host[HOST_MOST], path[PATH_MOST];
};

struct conn;

/* One direction of a connection. */
struct stream {
	http_parser p;
	struct conn *conn;
	u8 state; /* enum stream_state */
	u8 dir;   /* DIR_RECEIVED or DIR_SENT */
	bool placed;
	bool ended;
	bool response; /* the message is one */
	bool headed;   /* its head is complete */
	bool h2c;      /* its header Upgrade says so */
	u8 preface;    /* how many bytes it has in common with HTTP/2's */
	u8 nfield;
	char field[24];            /* name of the header field that is read, in small letters */
	u32 next;                  /* place of the byte that comes next, when placed */
	u64 bytes, begun;          /* of the message */
	u64 left;                  /* of its body, whose length is known, when its head is read */
	const struct head *head;   /* what the last one was (heads.h), or NULL */
	struct transaction *draft; /* until its head is complete */
	struct held *held;         /* pieces whose turn it is not (order.h), by place */
	u32 nheld;
	struct transaction *of; /* the one that it belongs to, NULL when that is told already */
};

struct conn {
	u64 id;
	struct conn *same, *newer, *older; /* of a hash chain; by last use */
	struct who who;
	struct sock_id sock;
	u64 now;  /* of the piece that is being read */
	u64 used; /* when it was put before those that are older by use */
	bool tunnel, tls;
	bool mirrored; /* both directions arrive (segments.c) */
	u32 ifindex;   /* of the interface that it was seen at first, 0: of sockets */
	u32 waiting;   /* transactions in the queue */
	struct transaction *first, **last;
	struct stream streams[2];
	struct h2 *h2; /* what is known of HTTP/2, once it is spoken */
};

/* Called with each transaction when it is complete, or nothing more of it will come; it is freed
 * when that returns. Set by the tool. */
extern void (*http_done)(const struct transaction *t);

/* How often bytes were missing that were needed, and how many transactions were dropped as there
 * were too many. */
extern u64 http_resyncs, http_dropped;
/* Requests of which no more than the beginning of a head was seen. */
extern u64 http_headless;

/* A connection that is new, in memory of the caller's. */
void conn_begin(struct conn *c, u64 id);
/* A piece of it; trusts nothing in it but its length and that of its fixed part. */
void conn_piece(struct conn *c, const struct piece_rec *r);
/* Its end: what waits is told, memory is freed. */
void conn_end(struct conn *c, u64 now);

#endif
