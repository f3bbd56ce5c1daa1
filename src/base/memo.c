/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "memo.h"

void memo_keep(struct memo *m, const struct buf *b, size_t start, u32 what, const void *key,
	       u32 words)
{
	size_t len = buf_len(b) - start;
	struct memo_slot *s;

	if (!words || words > MEMO_WORDS || len > MEMO_TEXT)
		return;
	s = &m->slots[memo_place(key, words)];
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
