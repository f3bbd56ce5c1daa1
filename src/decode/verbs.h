/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * How a nested value is told: once, with these verbs. The text backend makes strace's notation of
 * it, the JSON backend one object. A decoder never looks which of them listens, but for notes.
 */
#ifndef WEIR_VERBS_H
#define WEIR_VERBS_H

#include <stdbool.h>
#include "buf.h"
#include "memo.h"
#include "names.h"

enum verbs_box {
	BOX_ARGS,   /* text (a, b)      JSON {"name": a, …} */
	BOX_STRUCT, /* text {x=a, y=b}  JSON {"x": a, …} */
	BOX_ARRAY,  /* text [a, b]      JSON [a, b] */
		    /* BOX_STRUCT is the one that is odd: asked for each field */
};

struct verbs;

struct verbs_ops {
	/* A box is itself a value. field() names the next value in ARGS and STRUCT (in text only a
	 * STRUCT shows the name), item() announces the next one in an ARRAY. */
	void (*open)(struct verbs *v, enum verbs_box box);
	void (*close)(struct verbs *v);
	void (*field)(struct verbs *v, const char *name);
	void (*item)(struct verbs *v);

	/* Values. */
	void (*sint)(struct verbs *v, s64 n);
	void (*uint)(struct verbs *v, u64 n);
	void (*hex)(struct verbs *v, u64 n);       /* text 0x1f, JSON 31 */
	void (*ptr)(struct verbs *v, u64 address); /* text NULL or 0x7f…, JSON null or "0x7f…" */
	/* A constant. Unknown: text the number in hex and the table's comment, as strace; JSON 99
	 */
	void (*name)(struct verbs *v, const struct names *table, u64 n);
	/* Flags. Text A|B|0x80, 0 when none, a comment when all are unknown; JSON "A|B|0x80" */
	void (*flags)(struct verbs *v, const struct names *table, u64 n);
	/* A word of ours, as plain as a name. Text as it is, no quotes; JSON a string. */
	void (*word)(struct verbs *v, const char *word);
	/* Payload. Text "GET /", then ... when cut; JSON a string of one code point a byte. */
	void (*bytes)(struct verbs *v, const void *p, size_t n, bool cut);
	/* wrap name: text name(n), JSON n: htons(80), makedev… */
	void (*wrapped)(struct verbs *v, const char *name, u64 n);
	void (*in4)(struct verbs *v,
		    const u8 *addr); /* text inet_addr("1.2.3.4"), JSON "1.2.3.4" */
	/* text inet_pton(AF_INET6, "::1", &NAME) in place of NAME=…; JSON field NAME: "::1" */
	void (*in6)(struct verbs *v, const char *name, const u8 *addr);
	/* A value-result length: text [128 => 16], [16] when equal; JSON {"in": 128, "out": 16} */
	void (*length)(struct verbs *v, u64 in, u64 out);
	/* The rest of this box is not told: text ..., JSON nothing in a struct, "..." in an array.
	 */
	void (*more)(struct verbs *v);
	/* Only in text, straight after what was told last; JSON leaves it out. */
	void (*note)(struct verbs *v, const char *text);
	size_t comma; /* bytes between two values */
};

struct verbs {
	const struct verbs_ops *ops;
	struct buf *b;
	struct memo *memo; /* of what was told to this listener before; NULL: nothing is kept */
	bool notes;        /* decoders should add what a descriptor is: text, not --bare */
	u8 depth;          /* open boxes */
	u64 boxes;         /* enum verbs_box, 2 bits each, the innermost lowest; 0 outside of all */
	size_t comma; /* bytes between what was told in it and what comes next: 0 at its start */
};

/* As after the first value of a box that stands in no other, where a memo had the text of both. */
static inline void verbs_within(struct verbs *v, enum verbs_box box)
{
	v->boxes = box;
	v->depth = 1;
	v->comma = v->ops->comma;
}

#endif
