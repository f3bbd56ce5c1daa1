/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Tracepoints and kernel functions: what a struct hit_rec means. Each probe is described once by a
 * text, the same live and in a recording, so that replay needs nothing of the kernel that was
 * traced. Lines; what begins with # is left out:
 *
 *	tracepoint GROUP:NAME | function NAME
 *	arg AT SIZE KIND NAME [TYPE]	in the order in which they are told; AT in the context
 *	value N NAME			of the arg, ret or field before, when its KIND is enum
 *	field K SIZE KIND NAME		--arg number K
 *	ret SIZE KIND
 *	format				the text of tracefs follows to the end
 *
 * KIND: int uint hex bool char enum ptr string, and of pointers: sock socket packet msghdr sockaddr
 * device.
 */
#ifndef WEIR_HIT_DECODE_H
#define WEIR_HIT_DECODE_H

#include "decode.h"

/* Keeps a description; a later one of that number takes its place. Damaged lines are passed over.
 */
void probe_learn(u32 number, const char *text, u32 len);
/* Descriptions come from the running kernel, not from a recording that may be damaged. */
extern bool decode_trusted;
/* "net:net_dev_xmit", "tcp_connect"; "probe 7" where nothing describes it. Kept. */
const char *probe_name(u32 number);

/* The line: name, arguments, result; with v->notes also what packet and socket are. */
void decode_hit_line(struct verbs *v, const struct hit_rec *r);
/* The arguments, or a tracepoint's fields, by name. */
void decode_hit_args(struct verbs *v, const struct hit_rec *r);
/* The socket and the packet that it is about; a null ptr when it is about none. */
void decode_hit_socket(struct verbs *v, const struct hit_rec *r);
void decode_hit_packet(struct verbs *v, const struct hit_rec *r);
/* The result of a function, "" in text and null in JSON where there is none. */
void decode_hit_ret(struct verbs *v, const struct hit_rec *r);
/* The name of the error that the result is; as decode_none() when it is none. */
void decode_hit_error(struct verbs *v, const struct hit_rec *r);
/* Frames, innermost first: an ARRAY; a null ptr without --stack. */
void decode_hit_stack(struct verbs *v, const struct hit_rec *r);
/* The same of any record that has SECT_STACK; and in text, a line of its own for each frame. */
void decode_stack(struct verbs *v, const struct rec *r);
void decode_frames(struct buf *b, const struct rec *r);
/* n addresses, of which the last may be 0, as lines: "tcp_v4_rcv+0x1c". */
void decode_frame_lines(struct buf *b, const u64 *ip, u32 n);

/* A packet and a socket as STRUCT; a null ptr when nothing is known of them. */
void decode_packet(struct verbs *v, const struct packet_id *p);
void decode_hit_sock(struct verbs *v, const struct hit_sock *s);
/* "lo TCP 127.0.0.1:40000->127.0.0.1:80 SYN 60" */
void decode_packet_text(struct buf *b, const struct packet_id *p);

/*
 * Who knows what lies at a kernel address: as its %pS, "nf_hook+0x8/0x90 [nf_tables]", "0xffff..."
 * where it has no name; NULL when it cannot be asked. Set by whoever can ask; symbol_learn() of a
 * recording goes before it.
 */
extern const char *(*decode_symbol)(u64 address);
/* "tcp_sendmsg+0x1c", "nf_hook+0x8 [nf_tables]". */
void symbol_learn(u64 address, const char *text, u32 len);
/* The same text of an address, kept; NULL when it cannot be looked up. */
const char *symbol_text(u64 address);
/* Addresses that a record's text tells by symbol go through here, once each record. */
void symbols_of(const struct rec *r, void (*each)(void *arg, u64 address), void *arg);

#endif
