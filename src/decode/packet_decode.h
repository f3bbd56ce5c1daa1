/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Whole packets (struct packet_rec): the line for people, and all fields of all headers. */
#ifndef WEIR_DECODE_PACKET_H
#define WEIR_DECODE_PACKET_H

#include "decode.h"
#include "layers.h"

/* A frame as the wire had it. */
struct packet_frame {
	const u8 *p;
	u32 len, full;
	u16 link;
};

void packet_frame_any(struct packet_frame *f, const struct packet_rec *r);

/* Of a record; a tag that the kernel kept beside it is put back, in memory that is valid until the
 * next call. */
static inline void packet_frame(struct packet_frame *f, const struct packet_rec *r)
{
	const struct sect *s = (const struct sect *)(r + 1);

	if (r->bits & PACKET_TAGGED || r->h.fixed != sizeof(*r) ||
	    r->h.len < sizeof(*r) + sizeof(*s) || s->kind != SECT_DATA ||
	    s->len > r->h.len - sizeof(*r) - sizeof(*s)) {
		packet_frame_any(f, r);
		return;
	}
	f->p = (const u8 *)(s + 1);
	f->len = s->len;
	f->full = s->full > s->len ? s->full : s->len;
	f->link = r->link;
}

/* Its headers, in memory that is valid until the next call. */
const struct layers *packet_layers(const struct packet_rec *r);

/* IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1, win 64240, length 0. ether: with addresses. */
void packet_line(struct verbs *v, const struct layers *l, bool ether);
/* All fields, as a STRUCT; what is in a tunnel as "inner". */
void packet_tell(struct verbs *v, const struct layers *l);
/* tcpdump -X: 16 bytes a line, in hexadecimal and ASCII. */
void packet_hex(struct buf *b, const u8 *p, u32 n);
/* What the payload of TCP or UDP is, in one line that is put to b: its name as a key ("http",
 * "tls"), NULL when it is nothing that is known. */
const char *packet_payload(struct buf *b, const struct layer *l4, const struct layer *data);

/* What the files above share. */
static inline void packet_put_length(struct buf *b, u32 n)
{
	buf_str(b, "length ");
	buf_u64(b, n);
}

void packet_put_mac(struct buf *b, const u8 *p);
void packet_put_icmp(struct buf *b, const struct layer *l);
void packet_put_icmp6(struct buf *b, const struct layer *l);
const char *packet_ethertype(u16 type);
const char *packet_kind(u8 kind);
extern const struct names packet_protos, packet_chunks;
/* Bytes of the SCTP chunk at that place of the payload, padded; 0: there is none. */
u32 packet_chunk(const struct layer *data, u32 at);

#endif
