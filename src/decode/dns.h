/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Messages of DNS (RFC 1035), of mDNS and LLMNR: read with bounds. A compressed name may only point
 * backwards, and each time further; so it ends, and takes no more than 255 bytes, as the RFC has
 * it.
 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#include <stdbool.h>
#include "buf.h"

/* A name as text: escapes double or quadruple a byte. */
#define DNS_NAME_MOST (255 * 4 + 1)
#define DNS_HEAD      12 /* bytes before the first question */

struct dns_question {
	char name[DNS_NAME_MOST]; /* "." the root; bytes that are no plain text as \DDD */
	u16 type, class;
};

struct dns_head {
	u16 id;
	bool response, truncated;
	u8 opcode;
	u16 rcode; /* with the upper bits that EDNS has */
	u16 questions, answers, authorities, more;
};

/* A record of the answer section. */
struct dns_answer {
	u16 type, class;
	u32 ttl;
	const u8 *data; /* within the message */
	u16 len;
	u32 at; /* place of data in the message */
};

/*
 * Head and first question; false when the n bytes are no message. A message without a question (a
 * response of mDNS) has the name of its first answer instead. where: place behind the question.
 */
bool dns_parse(const u8 *p, u32 n, struct dns_head *head, struct dns_question *q, u32 *where);
/* The question at *at, which is moved on; false where none can be read. q: NULL, where it is only
 * passed. */
bool dns_question(const u8 *p, u32 n, u32 *at, struct dns_question *q);
/* The record at *where, which is moved on; false where none can be read. */
bool dns_next(const u8 *p, u32 n, u32 *where, struct dns_answer *a);
/* What an answer says, as text: an address, a name, else its bytes in hexadecimal. */
void dns_data(struct buf *b, const u8 *p, u32 n, const struct dns_answer *a);
/* The name at *at, which is moved behind it; false when it is none. to: room for DNS_NAME_MOST
 * bytes, or NULL, where the name is only passed. */
bool dns_name(const u8 *p, u32 n, u32 *at, char *to);

#endif
