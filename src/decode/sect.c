/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The sections of a record. A record may come from a damaged file: nothing is taken on trust. */
#include <string.h>
#include "decode.h"

/* Whether a whole section stands before the record's end. */
static inline bool whole(const struct sect *s, const u8 *end)
{
	ptrdiff_t left = end - (const u8 *)s - (ptrdiff_t)sizeof(*s);

	return left >= 0 && s->len <= left;
}

static inline const struct sect *first(const struct rec *r)
{
	return (const struct sect *)((const u8 *)r + r->fixed);
}

static inline const struct sect *next(const struct sect *s)
{
	return (const struct sect *)((const u8 *)(s + 1) + SECT_NEXT(s->len));
}

static inline const u8 *end_of(const struct rec *r)
{
	return r->fixed & 7 || r->fixed < sizeof(*r) ? (const u8 *)r : (const u8 *)r + r->len;
}

const struct sect *sect_next(const struct rec *r, const struct sect *after)
{
	const struct sect *s = after ? next(after) : first(r);

	return whole(s, end_of(r)) ? s : NULL;
}

const struct sect *sect_find(const struct rec *r, u8 kind, u8 arg, const struct sect *after)
{
	const struct sect *s = after ? next(after) : first(r);
	const u8 *end = end_of(r);

	for (; whole(s, end); s = next(s))
		if (s->kind == kind && (arg == ANY_ARG || s->arg == arg))
			return s;
	return NULL;
}

const char *sect_string(const struct sect *s, char *room, size_t size)
{
	size_t n = s ? s->len < size ? s->len : size - 1 : 0;

	if (n)
		memcpy(room, s + 1, n);
	room[n] = 0;
	return room;
}
