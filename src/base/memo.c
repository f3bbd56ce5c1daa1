/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "memo.h"

static struct memo_slot *other_of(const struct memo *m, const struct memo_slot *s)
{
	return (struct memo_slot *)m->slots + ((s - m->slots) ^ 1);
}

const struct memo_slot *memo_other(const struct memo *m, const struct memo_slot *s, u32 kind,
				   const void *key, u32 words)
{
	s = other_of(m, s);
	return s->kind == kind && memo_same(s->key, key, words) ? s : NULL;
}

void memo_keep(struct memo *m, const struct buf *b, size_t start, u32 what, const void *key,
	       u32 words)
{
	size_t len = buf_len(b) - start;
	struct memo_slot *s;

	if (!words || words > MEMO_WORDS || len > MEMO_TEXT)
		return;
	s = &m->slots[memo_place(what, key, words)];
	if (s->kind && other_of(m, s)->kind)
		m->turn ^= 1;
	if (s->kind && (!other_of(m, s)->kind || m->turn))
		s = other_of(m, s);
	s->kind = memo_kind(what, words);
	s->len = len;
	memcpy(s->key, key, 8 * words);
	memcpy(s->text, b->base + start, len);
}

void memo_forget(struct memo *m)
{
	for (u32 i = 0; i < MEMO_SLOTS; i++)
		m->slots[i].kind = 0;
}
