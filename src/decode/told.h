/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A probe's description, parsed; shared by the files that tell hits. */
#ifndef WEIR_DECODE_TOLD_H
#define WEIR_DECODE_TOLD_H

#include "hit.h"
#include "hit_decode.h"
#include "tell.h"

enum value_kind {
	VALUE_INT,
	VALUE_UINT,
	VALUE_HEX,
	VALUE_BOOL,
	VALUE_CHAR,
	VALUE_ENUM,
	VALUE_PTR,
	VALUE_STRING,
	VALUE_SOCK,
	VALUE_SOCKET,
	VALUE_PACKET,
	VALUE_MSGHDR,
	VALUE_SOCKADDR,
	VALUE_DEVICE,
	VALUE_KINDS,
};

/* Something that is told by name: an argument, a --arg, the result. */
struct value {
	char *name;
	u16 at;             /* in the context */
	u16 size;           /* bytes */
	u8 kind;            /* enum value_kind */
	u8 number;          /* of the argument or of the --arg */
	struct names names; /* VALUE_ENUM; rows are ours */
};

struct tep_event;

struct told {
	char *name; /* NULL: not described */
	bool function;
	struct value *args, *fields;
	u32 nargs, nfields;
	u32 message;           /* 1 + place in args of one that is a msghdr, or 0 */
	struct value ret;      /* size 0: none */
	struct tracepoint *tp; /* fields of a record, when there is a format */
};

const struct told *told_of(u32 number);
/* Makes a name, which may come from a damaged recording, one that needs no escape; returns it. */
char *told_clean(char *name);

/* tracepoint.c: what tracefs says of a record. NULL when the format cannot be parsed. */
struct tracepoint *tracepoint_parse(const char *name, const char *format, u32 len);
void tracepoint_free(struct tracepoint *t);
/* The kernel's own text of the record, fields by name. */
void tell_record_text(struct verbs *v, const struct tracepoint *t, const struct sect *raw);
void tell_record_fields(struct verbs *v, const struct tracepoint *t, const struct sect *raw);
/* Writes the line of a record that says what one before said, but for pointers; else, what is told
 * of it from start on is kept. */
bool record_told_before(struct verbs *v, const struct tracepoint *t, const struct hit_rec *r,
			const struct sect *raw);
void keep_record_told(struct verbs *v, const struct tracepoint *t, size_t start,
		      const struct sect *raw);
void symbols_of_hit(const struct hit_rec *r, void (*each)(void *arg, u64 address), void *arg);
void record_symbols(const struct tracepoint *t, const struct sect *raw,
		    void (*each)(void *arg, u64 address), void *arg);

/* value.c: one value of size bytes at p, of a hit. */
void tell_value(struct verbs *v, const struct value *val, const void *p, const struct hit_rec *r);

/* packet.c */
/* As text, in angle brackets. */
void tell_packet_text(struct verbs *v, const struct packet_id *p);
void tell_packet(struct verbs *v, const struct packet_id *p);
void tell_hit_sock(struct verbs *v, const struct hit_sock *s);

#endif
