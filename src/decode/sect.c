/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The sections of a record. A record may come from a damaged file: nothing is taken on trust. */
#include "decode.h"

const struct sect *sect_next(const struct rec *r, const struct sect *after)
{
	const u8 *base = (const u8 *)r;
	const struct sect *s;
	u32 pos = r->fixed;

	if (after)
		pos = (const u8 *)after - base + sizeof(*after) + SECT_NEXT(after->len);
	if (pos & 7 || pos < sizeof(*r) || pos > r->len || r->len - pos < sizeof(*s))
		return NULL;
	s = (const struct sect *)(base + pos);
	return s->len <= r->len - pos - sizeof(*s) ? s : NULL;
}

const struct sect *sect_find(const struct rec *r, u8 kind, u8 arg, const struct sect *after)
{
	const struct sect *s = after;

	while ((s = sect_next(r, s)))
		if (s->kind == kind && (arg == ANY_ARG || s->arg == arg))
			return s;
	return NULL;
}
