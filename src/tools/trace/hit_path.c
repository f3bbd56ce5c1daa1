/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* --arg sk.sk_prot.name: by BTF, to the offsets that the kernel half walks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "hits.h"
#include "suggest.h"

/* A path being followed: where it stands, and the words for what is wrong. */
struct way_down {
	const struct raw_btf *btf;
	const char *path; /* whole, for the sentence */
	u32 type;         /* struct that the next word is a member of; of the value at the end */
	u32 bits;         /* from the last pointer on */
	struct hit_path *to;
};

static const char *type_name(const struct raw_btf *btf, u32 id)
{
	const struct btf_type *t = raw_type(btf, id);
	const char *name = t ? raw_string(btf, t->name_off) : "";

	return *name ? name : "(anonymous)";
}

/* Finds a member, also within anonymous structs and unions, which C passes through. */
static bool find_member(struct way_down *w, u32 type, const char *word, u32 bits)
{
	const struct btf_type *t = raw_type(w->btf, type);
	const struct btf_member *m = btf_members(t);

	for (u32 i = 0; i < btf_vlen(t); i++) {
		const char *name = raw_string(w->btf, m[i].name_off);
		u32 at = bits + btf_member_bit_offset(t, i);
		u32 plain = kernel_plain(w->btf, m[i].type);

		if (!*name && btf_is_composite(raw_type(w->btf, plain)) &&
		    find_member(w, plain, word, at))
			return true;
		if (strcmp(name, word))
			continue;
		if (btf_member_bitfield_size(t, i))
			at |= 1; /* no byte begins there: refused by the caller */
		w->type = m[i].type;
		w->bits = at;
		return true;
	}
	return false;
}

/* sk_prot and many more are names that include/net/sock.h defines for __sk_common.skc_prot. */
static bool find_common(struct way_down *w, u32 type, const char *word)
{
	char name[64];

	if (strncmp(word, "sk_", 3) || !find_member(w, type, "__sk_common", w->bits))
		return false;
	snprintf(name, sizeof(name), "skc_%s", word + 3);
	return find_member(w, kernel_plain(w->btf, w->type), name, w->bits);
}

static void list_members(const struct raw_btf *btf, u32 type, const char **words, u32 *n, u32 room)
{
	const struct btf_type *t = raw_type(btf, type);

	for (u32 i = 0; i < btf_vlen(t) && *n + 1 < room; i++) {
		const char *name = raw_string(btf, btf_members(t)[i].name_off);
		u32 plain = kernel_plain(btf, btf_members(t)[i].type);

		if (*name)
			words[(*n)++] = name;
		else if (btf_is_composite(raw_type(btf, plain)))
			list_members(btf, plain, words, n, room);
	}
	words[*n] = NULL;
}

static int no_member(struct way_down *w, u32 type, const char *word)
{
	const char *words[512], *near;
	u32 n = 0;

	list_members(w->btf, type, words, &n, 512);
	near = suggest(word, words);
	return usage("--arg %s: struct %s has no member '%s' here%s%s%s", w->path,
		     type_name(w->btf, type), word, near ? "; did you mean " : "", near ? near : "",
		     near ? "?" : "");
}

/* One word down: through the pointer that stands there, to the member. */
static int step(struct way_down *w, const char *word)
{
	u32 plain = kernel_plain(w->btf, w->type);
	const struct btf_type *t = raw_type(w->btf, plain);

	if (btf_is_ptr(t)) {
		/* the first pointer is the argument itself */
		if (w->bits != ~0u) {
			if (w->to->nsteps == HIT_STEPS)
				return usage("--arg %s: more than %d pointers on the way", w->path,
					     HIT_STEPS);
			w->to->off[w->to->nsteps++] = w->bits / 8;
		}
		w->bits = 0;
		plain = kernel_plain(w->btf, t->type);
		t = raw_type(w->btf, plain);
	} else if (w->bits == ~0u && btf_is_composite(t)) {
		w->bits = 0; /* a record's pointer: what it points to is known by its name */
	} else if (w->bits == ~0u) {
		return usage("--arg %s: that argument is no pointer: nothing is behind it",
			     w->path);
	}
	if (!plain || !btf_is_composite(t))
		return usage("--arg %s: there is no '%s' in what comes before it: that is no "
			     "struct, and no pointer to one",
			     w->path, word);
	return *word && (find_member(w, plain, word, w->bits) || find_common(w, plain, word))
		       ? 0
		       : no_member(w, plain, word);
}

/* How the value at the end is told. */
static const char *kind_at_end(const struct way_down *w, u32 *size)
{
	u32 plain = kernel_plain(w->btf, w->type);
	const struct btf_type *t = raw_type(w->btf, plain);
	const char *kind;
	u8 what;

	if (btf_is_array(t)) {
		u32 element = kernel_plain(w->btf, btf_array(t)->type);
		const struct btf_type *e = raw_type(w->btf, element);

		*size = btf_array(t)->nelems;
		return e->size == 1 && *size && *size <= HIT_FIELD_MAX ? "string" : NULL;
	}
	if (btf_is_composite(t))
		return NULL;
	kind = hit_kind(w->btf, w->type, size, &what);
	return what ? "ptr" : kind;
}

/* The words after the argument's name. */
static int follow(struct way_down *w, char *rest)
{
	char *word;
	int err;

	while ((word = strsep(&rest, ".")))
		if ((err = step(w, word)))
			return err;
	if (w->bits & 7)
		return usage("--arg %s: that is a bit field, which cannot be read alone", w->path);
	return 0;
}

static void describe(struct hit *h, struct way_down *w, const char *kind, u32 size, u32 number)
{
	char line[200];

	w->to->size = size;
	w->to->arg = number;
	w->to->off[w->to->nsteps] = w->bits / 8;
	snprintf(line, sizeof(line), "field %u %u %s %s\n", number, size, kind, w->path);
	buf_text(&h->text, line);
	hit_put_names(&h->text, w->btf, w->type);
}

int hit_path(struct hit *h, const struct raw_btf *btf, u32 type, u32 at, const char *path,
	     u32 number)
{
	struct way_down w = {.btf = btf, .path = path, .type = type, .bits = ~0u};
	char *words = strdup(path), *rest = words ? strchr(words, '.') : NULL;
	const char *kind;
	u32 size = 0;
	int err;

	for (u32 i = 0; i < HIT_PATHS && !w.to; i++)
		if (!h->conf.paths[i].size)
			w.to = &h->conf.paths[i];
	if (!w.to || !rest) {
		free(words);
		return w.to ? usage("--arg %s: name a field of it, as %s.MEMBER", path, path)
			    : usage("more than %d --arg for one probe", HIT_PATHS);
	}
	*w.to = (struct hit_path){.at = at};
	err = follow(&w, rest + 1);
	free(words);
	if (err)
		return err;
	kind = kind_at_end(&w, &size);
	if (!kind)
		return usage("--arg %s: that is a struct or an array; name one of its members",
			     path);
	describe(h, &w, kind, size, number);
	return 0;
}
