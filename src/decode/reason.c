/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include "reason.h"
#include "decode.h"
#include "told.h"
#include "unpack.h"

#define MOST 4096 /* a kernel has some 200, a damaged recording any number */

static struct known {
	u32 number;
	char *name;
	const struct reason *row;
} * known;
static u32 nknown;

const struct reason *reason_row(const char *name)
{
	for (u32 i = 0; i < nreasons; i++)
		if (!strcmp(reasons[i].name, name))
			return &reasons[i];
	return NULL;
}

extern const unsigned char reason_texts[];
extern const u32 reason_texts_size;

const char *reason_told(const struct reason *row, enum reason_told which)
{
	static struct texts texts = {reason_texts, &reason_texts_size, NULL};

	return text_at(&texts, row->told, which);
}

/* The first that is not less. */
static u32 place_of(u32 number)
{
	u32 low = 0, high = nknown;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (known[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void reason_learn(u32 number, const char *name, u32 len)
{
	u32 at = place_of(number);
	struct known *more;
	char *copy;

	if (nknown == MOST || (at < nknown && known[at].number == number))
		return;
	more = realloc(known, (nknown + 1) * sizeof(*more));
	if (!more)
		return;
	known = more;
	copy = strndup(name, len);
	if (!copy)
		return;
	memmove(&known[at + 1], &known[at], (nknown++ - at) * sizeof(*known));
	known[at] = (struct known){number, told_clean(copy), NULL};
	known[at].row = reason_row(known[at].name);
}

static const struct known *find(u32 number)
{
	u32 at = place_of(number);

	return at < nknown && known[at].number == number ? &known[at] : NULL;
}

const char *reason_name(u32 number)
{
	const struct known *k = find(number);

	return k ? k->name : NULL;
}

void decode_reason(struct verbs *v, u32 number)
{
	const char *name = reason_name(number);

	if (name)
		v->ops->word(v, name);
	else if (tell_is_text(v))
		v->ops->hex(v, number);
	else
		v->ops->uint(v, number);
}

u32 reason_number(const char *name)
{
	for (u32 i = 0; i < nknown; i++)
		if (!strcmp(known[i].name, name))
			return known[i].number;
	return 0;
}

const char **reason_names(void)
{
	const char **names = calloc(nknown + 1, sizeof(*names));

	for (u32 i = 0; names && i < nknown; i++)
		names[i] = known[i].name;
	return names;
}

enum drop_kind reason_kind(u32 number)
{
	const struct known *k = find(number);

	return k && k->row ? k->row->kind : DROP_LOSS;
}
