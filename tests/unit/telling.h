/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * For tests of decoders: records made by hand, told to both listeners. Each record ends where its
 * memory ends, so that a sanitizer notices what reads past it.
 */
#ifndef TELLING_H
#define TELLING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "decode.h"
#include "out.h"

/* A literal's bytes and how many they are. */
#define B(literal) (literal), sizeof(literal) - 1

static union {
	struct call_rec r;
	char room[1 << 16];
} making;

/* Begins a record; what follows adds to it. */
static inline void begin(u16 call, s64 ret, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	making.r = (struct call_rec){.h = {.len = sizeof(struct call_rec),
					   .type = REC_CALL,
					   .fixed = sizeof(struct call_rec)},
				     .ret = ret,
				     .args = {a, b, c, d, e, f},
				     .call = call,
				     .snap = 32};
}

static inline void add(u8 kind, u8 arg, u32 full, const void *p, u32 n)
{
	struct sect *s = (struct sect *)(making.room + making.r.h.len);

	*s = (struct sect){.kind = kind, .arg = arg, .len = n, .full = full};
	if (n)
		memcpy(s + 1, p, n);
	making.r.h.len += sizeof(*s) + SECT_NEXT(n);
}

/* 64-bit words, the way user memory has them. */
static inline void add_words(u8 kind, u8 arg, u32 full, const u64 *words, u32 n)
{
	add(kind, arg, full, words, 8 * n);
}

static inline struct call_rec *exact(void)
{
	struct call_rec *r = malloc(making.r.h.len);

	memcpy(r, making.room, making.r.h.len);
	return r;
}

typedef void tell_fn(struct verbs *v, const struct call_rec *r);

/* What one listener heard: freed by the caller. */
static inline char *heard_by(const struct verbs_ops *ops, bool notes, tell_fn *tell)
{
	struct buf b = {0};
	struct verbs v = {.ops = ops, .b = &b, .notes = notes};
	struct call_rec *r = exact();

	tell(&v, r);
	assert_int_equal(v.depth, 0);
	buf_chr(&b, 0);
	free(r);
	return b.base;
}

static inline void is(const char *what, char *got, const char *want)
{
	if (want && strcmp(got, want)) {
		fprintf(stderr, "%s: want %s\n%*s  got %s\n", what, want, (int)strlen(what), "",
			got);
		free(got);
		fail();
	}
	free(got);
}

/* bare: strace's own words; text: more than that, NULL where it is the same; json: NULL where it is
 * of no interest here. */
static inline void told_as(tell_fn *tell, const char *bare, const char *text, const char *json)
{
	is("bare", heard_by(&verbs_text, false, tell), bare);
	is("text", heard_by(&verbs_text, true, tell), text ? text : bare);
	is("json", heard_by(&verbs_json, false, tell), json);
}

static inline void args_are(const char *bare, const char *text, const char *json)
{
	told_as(decode_args, bare, text, json);
}

#endif
