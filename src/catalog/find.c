/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* From a word of the user's to what it means on this kernel. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "call.h"
#include "error.h"
#include "inside.h"
#include "suggest.h"

static const char *const calls[CALL_MAX] = {
#define X(name, ...) [CALL_##name] = #name,
	CALLS(X)
#undef X
};

/* What a word is asked to be. */
struct wanted {
	const char *word; /* without the sort in front */
	bool sorted;      /* only of this sort */
	enum probe_sort sort;
	u32 flags;
};

static bool may_be(const struct wanted *w, enum probe_sort sort)
{
	return !w->sorted || w->sort == sort;
}

static struct match *add(struct matches *m, enum probe_sort sort, const char *group,
			 const char *name)
{
	struct match *all = realloc(m->all, (m->n + 1) * sizeof(*all));
	struct match *new;

	if (!all)
		return NULL;
	m->all = all;
	new = &all[m->n++];
	*new = (struct match){.sort = sort, .row = row_find(sort, group, name)};
	snprintf(new->name, sizeof(new->name), "%s%s%s", group ? group : "",
		 group && *group ? ":" : "", name);
	return new;
}

static void add_call(struct matches *m, u32 call)
{
	struct match *new = add(m, SORT_CALL, NULL, calls[call]);

	if (new)
		new->call = call;
}

static void add_tp(struct matches *m, const struct kernel_tp *tp)
{
	struct match *new = add(m, SORT_TRACEPOINT, tp->group, tp->name);

	if (new)
		new->tp = tp;
}

static void add_func(struct matches *m, const struct kernel_func *f)
{
	struct match *new = add(m, SORT_FUNCTION, f->module, f->name);

	if (!new)
		return;
	new->func = *f;
	if (!new->row || !new->row->is_inline)
		return;
	new->func.via = VIA_NONE;
	new->func.lack = LACK_INLINE;
	snprintf(new->func.why, sizeof(new->func.why), "%s",
		 f->symbols ? "a header has it inline; the symbol of that name here is a ghost: a "
			      "copy that few callers use"
			    : "a header has it inline: it is part of its callers");
}

static bool find_call(struct matches *m, const struct wanted *w)
{
	for (u32 i = 1; i < CALL_MAX; i++)
		if (!strcmp(calls[i], w->word))
			return add_call(m, i), true;
	return false;
}

/* "GROUP:NAME" or "NAME"; one that only the catalog knows is a match too. */
static bool find_tp(struct matches *m, const struct wanted *w)
{
	const struct kernel_tp *tp = kernel_tp(w->word);
	const char *colon = strchr(w->word, ':');
	const struct row *row;

	if (tp)
		return add_tp(m, tp), true;
	row = row_find(SORT_TRACEPOINT, NULL, colon ? colon + 1 : w->word);
	if (!row || (colon && (strncmp(row->group, w->word, colon - w->word) ||
			       row->group[colon - w->word])))
		return false;
	return add(m, SORT_TRACEPOINT, row->group, row->name) != NULL;
}

static bool find_func(struct matches *m, const struct wanted *w)
{
	const struct row *row = row_find(SORT_FUNCTION, NULL, w->word);
	struct kernel_func f;

	if (!kernel_func(w->word, &f) && !row)
		return false;
	if (row)
		f.name = row->name;
	add_func(m, &f);
	return true;
}

static bool find_name(struct matches *m, const struct wanted *w)
{
	return row_find(SORT_NAME, NULL, w->word) && add(m, SORT_NAME, NULL, w->word);
}

static bool (*const finders[])(struct matches *m, const struct wanted *w) = {
	[SORT_CALL] = find_call,
	[SORT_TRACEPOINT] = find_tp,
	[SORT_FUNCTION] = find_func,
	[SORT_NAME] = find_name,
};

static bool find_one(struct matches *m, const struct wanted *w)
{
	bool found = false;

	for (u32 s = 0; s <= SORT_NAME && (!found || w->flags & FIND_EACH); s++)
		if (may_be(w, s) || (s == SORT_NAME && !found))
			found |= finders[s](m, w);
	return found;
}

/* A glob with a colon is held against "GROUP:NAME" or "MODULE:NAME", one without against NAME. */
static bool fits(const struct wanted *w, const char *group, const char *name)
{
	char full[200];

	if (!strchr(w->word, ':'))
		return !fnmatch(w->word, name, 0);
	snprintf(full, sizeof(full), "%s:%s", group ? group : "", name);
	return !fnmatch(w->word, full, 0);
}

struct globbed {
	struct matches *m;
	const struct wanted *w;
};

static void each_func(const struct kernel_func *f, void *arg)
{
	struct globbed *g = arg;
	struct kernel_func judged = *f;

	if (!fits(g->w, f->module, f->name))
		return;
	kernel_func_judge(&judged);
	add_func(g->m, &judged);
}

/* Rows that the kernel did not bring up by itself: functions that take no socket, things that are
 * not here. */
static void glob_rows(struct matches *m, const struct wanted *w, u32 from)
{
	for (const struct row *r = catalog_rows; r < catalog_rows + catalog_nrows; r++) {
		struct wanted one = {.word = r->name, .flags = w->flags};
		bool have = r->sort == SORT_CALL || r->sort == SORT_NAME || !may_be(w, r->sort) ||
			    !fits(w, r->group, r->name);

		for (u32 i = from; i < m->n && !have; i++)
			have = m->all[i].row == r;
		if (!have)
			finders[r->sort](m, &one);
	}
}

static bool find_glob(struct matches *m, const struct wanted *w)
{
	struct globbed g = {m, w};
	const struct kernel_tp *tps;
	u32 from = m->n, n = 0;

	for (u32 i = 1; i < CALL_MAX && may_be(w, SORT_CALL); i++)
		if (fits(w, NULL, calls[i]))
			add_call(m, i);
	tps = may_be(w, SORT_TRACEPOINT) ? kernel_tps(&n) : NULL;
	for (u32 i = 0; i < n; i++)
		if (fits(w, tps[i].group, tps[i].name))
			add_tp(m, &tps[i]);
	if (may_be(w, SORT_FUNCTION))
		kernel_funcs(each_func, &g);
	glob_rows(m, w, from);
	return m->n > from;
}

/* Names to choose a suggestion from. */
struct words {
	const char **all;
	u32 n, room;
};

static void word(struct words *l, const char *name)
{
	if (l->n + 2 > l->room) {
		const char **more = realloc(l->all, (l->room + 1024) * sizeof(*more));

		if (!more)
			return;
		l->all = more;
		l->room += 1024;
	}
	l->all[l->n++] = name;
	l->all[l->n] = NULL;
}

static void word_func(const struct kernel_func *f, void *arg)
{
	word(arg, f->name);
}

static int unknown(const char *asked, const struct wanted *w)
{
	const char *colon = strchr(w->word, ':'), *near;
	struct words l = {0};
	const struct kernel_tp *tps;
	u32 n;

	tps = kernel_tps(&n);
	for (u32 i = 0; i < catalog_nrows; i++)
		word(&l, catalog_rows[i].name);
	for (u32 i = 1; i < CALL_MAX; i++)
		word(&l, calls[i]);
	for (u32 i = 0; i < n; i++)
		word(&l, tps[i].name);
	kernel_funcs(word_func, &l);
	near = l.n ? suggest(colon ? colon + 1 : w->word, l.all) : NULL;
	free(l.all);
	if (strpbrk(asked, "*?["))
		return usage("no probe here fits '%s'; weir list shows all that there are", asked);
	return usage("there is no probe '%s' here%s%s; weir list shows all that there are", asked,
		     near ? ", did you mean " : "", near ? near : "");
}

/* Can it be traced as it is? A system call always can, by one way or another. */
static bool at_hand(const struct match *m)
{
	return m->sort == SORT_CALL || (m->sort == SORT_TRACEPOINT && m->tp && m->tp->via) ||
	       (m->sort == SORT_FUNCTION && m->func.via);
}

static const char *lacking(const struct match *m)
{
	if (m->sort == SORT_FUNCTION)
		return m->func.why;
	if (m->sort == SORT_TRACEPOINT)
		return m->tp ? m->tp->why : "this kernel has no such tracepoint";
	return row_text(m->row, TEXT_SHORT, LANG_EN);
}

/* Puts what does its work in the place of match i, when the kernel has one such. */
static void follow(struct matches *m, u32 i)
{
	const struct row *row = m->all[i].row;

	if (at_hand(&m->all[i]) || !row || !row->instead)
		return;
	for (const char *const *name = row->instead; *name; name++) {
		struct wanted w = {.word = *name};
		struct matches found = {0};

		if (find_one(&found, &w) && (at_hand(found.all) || !name[1])) {
			struct match old = m->all[i];

			m->all[i] = *found.all;
			snprintf(m->all[i].note, sizeof(m->all[i].note), "%s: %s; %s is taken",
				 old.name, lacking(&old), m->all[i].name);
			matches_free(&found);
			return;
		}
		matches_free(&found);
	}
}

static int strictly(const char *asked, const struct match *m)
{
	const struct row *row = m->row;

	if (m->sort != SORT_NAME && !(m->sort == SORT_FUNCTION && row && row->is_inline))
		return 0;
	return usage("'%s' is no probe: %s%s%s", asked, lacking(m), row->instead ? "; take " : "",
		     row->instead ? *row->instead : "");
}

int catalog_find(struct matches *m, const char *asked, u32 flags)
{
	static const char *const sorts[] = {"syscall:", "tracepoint:", "function:"};
	struct wanted w = {.word = asked, .flags = flags};
	u32 from = m->n;

	for (u32 i = 0; i < 3 && !w.sorted; i++)
		if (!strncmp(asked, sorts[i], strlen(sorts[i]))) {
			w.word += strlen(sorts[i]);
			w.sorted = true;
			w.sort = i;
		}
	if (!*w.word || !(strpbrk(w.word, "*?[") ? find_glob(m, &w) : find_one(m, &w)))
		return unknown(asked, &w);
	for (u32 i = from; i < m->n; i++) {
		if (flags & FIND_STRICT && strictly(asked, &m->all[i])) {
			m->n = from;
			return USAGE;
		}
		if (flags & FIND_FOLLOW && !(flags & FIND_STRICT))
			follow(m, i);
	}
	return 0;
}

void matches_free(struct matches *m)
{
	free(m->all);
	*m = (struct matches){0};
}
