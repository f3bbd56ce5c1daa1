/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A column row tells one member of a record to everybody: the table's heading, the JSON key, the
 * CSV header and the manual's line come from it.
 */
#ifndef WEIR_COLUMN_H
#define WEIR_COLUMN_H

#include <stddef.h>
#include "record.h"

struct verbs;

enum column_kind {
	COL_UINT, /* 1, 2, 4 or 8 bytes */
	COL_INT,
	COL_CLOCK,  /* u64 CLOCK_MONOTONIC ns: text local time of day 12:03:11.123456, cut to the
		     * column's width, JSON RFC 3339 UTC with nanoseconds */
	COL_NS,     /* u64 ns: text in seconds with µs, JSON and CSV the number of ns */
	COL_COMM,   /* char[size], zero-padded, chosen by a process */
	COL_STRING, /* const char *, ours */
	COL_CGROUP, /* u64 id: path where known, else the number */
	COL_ERROR,  /* s64: name of -errno when negative, else "-" (JSON null) */
	COL_PORT,   /* u16 in host order; 0: none */
	COL_NEST,   /* told by nest() with the verbs */
	COL_KINDS,
};

enum column_flag {
	COL_TEXT = 1,      /* in the text table by default */
	COL_LEFT = 2,      /* aligned left */
	COL_TEXT_ONLY = 4, /* a form for people: not in JSON */
	COL_DATA_ONLY = 8, /* not in CSV: its nested form has no flat one */
	COL_KEPT = 16,     /* the same in many rows, and told of its member alone */
	COL_MAYBE = 32,    /* of a time: 0 is none */
};

/* COL_KEPT: it is told of one more member, of which it is enough that it is in that word of 8 bytes
 * of the record. The first word is the head's: 0 means none. */
#define COL_ALSO(type, member) (offsetof(type, member) / 8 << 8)
#define COL_ALSO_WORD(flags)   ((flags) >> 8)

struct column {
	const char *name; /* JSON key and CSV header, snake_case, unit in it */
	const char *head; /* heading of the text table */
	u8 kind;          /* enum column_kind */
	u16 flags;        /* enum column_flag, COL_ALSO() */
	u16 off, size;    /* of the member */
	u16 width;        /* least width in text; 0 in the last column */
	void (*nest)(struct verbs *v, const struct rec *r);
	const char *help; /* the manual's line */
};

#define COLUMN(type, member) offsetof(type, member), sizeof(((type *)0)->member)

/* A column whose cells a function tells. */
#define NEST(name, head, flags, width, tell, help)                                                 \
	{                                                                                          \
		name, head, COL_NEST, flags, 0, 0, width, tell, help                               \
	}

#endif
