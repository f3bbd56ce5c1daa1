/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A tracepoint's format as it was worked out, and the text of fields of the record before. */
#ifndef WEIR_RECORD_TEXT_OPS_H
#define WEIR_RECORD_TEXT_OPS_H

#include "buf.h"
#include "record_text.h"

enum op_kind {
	OP_TEXT,
	OP_NUMBER,
	OP_POINTER,
	OP_PLACE,  /* %pS */
	OP_STRING, /* within the record */
	OP_DYNAMIC,
	OP_SYMBOL,
	OP_FLAGS,
	OP_IP4,
	OP_IP6,
	OP_SOCKADDR,
};

#define KEPT_TEXT 64
#define KEPT_KEY  32

struct op {
	const char *before; /* text in front of it */
	u32 nbefore;
	u8 kind;
	char conversion; /* d, u, x */
	bool sign, wide, prefix, zeros, relative;
	u8 width;
	u8 half;            /* bits of a %h or %hh, else 0 */
	u16 at, size;       /* of the field */
	struct name *names; /* in the format's order; name NULL ends them */
	const char *delim;
	/* Most fields are what they were in the record before: their text is kept, with what stands
	 * in front. */
	u8 keep;    /* enum keep */
	u8 kept;    /* bytes of text; 0: none */
	u8 length;  /* KEEP_BYTES: of the key */
	u8 changes; /* how often it was not what it had been, up to CHANGES_MANY: never mind */
	union {
		u64 word;
		u8 key[KEPT_KEY];
	};
	char text[KEPT_TEXT];
};

enum keep { KEEP_NOT, KEEP_WORD, KEEP_BYTES };

#define CHANGES_MANY 16
#define RUN_KEY      64
#define RUN_TEXT     256

/* Fields one after the other that seldom change, as one. */
struct run {
	u8 first, n;    /* ops */
	u16 from, size; /* in the record; size 0: each for itself */
	u16 kept;
	u8 key[RUN_KEY];
	char text[RUN_TEXT];
};

#define MOST_OPS 128

struct record_text {
	u32 n, nruns;
	bool changed; /* a field has changed once too often: runs are to be made anew */
	struct run *runs;
	struct op ops[];
};

/* Puts together the fields that have seldom changed until now. */
void record_text_runs(struct record_text *t);

#endif
