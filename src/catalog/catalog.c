/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Looking into the catalog's rows, and layers of what has none. */
#include <string.h>
#include "buf.h"
#include "inside.h"
#include "unpack.h"

const struct row *row_find(enum probe_sort sort, const char *group, const char *name)
{
	for (const struct row *r = catalog_rows; r < catalog_rows + catalog_nrows; r++)
		if (r->sort == sort && !strcmp(r->name, name) &&
		    (!group || !r->group || !strcmp(r->group, group)))
			return r;
	return NULL;
}

extern const unsigned char catalog_texts[];
extern const u32 catalog_texts_size;

const char *row_text(const struct row *row, enum text text, enum lang lang)
{
	static struct texts texts = {catalog_texts, &catalog_texts_size, NULL};
	u32 has = row ? row->text[lang].has : 0;

	/* A bare version needs no translation. */
	if (row && text == TEXT_SINCE && !(has & 1 << text))
		has = row->text[lang = LANG_EN].has;
	if (!(has & 1 << text))
		return NULL;
	return text_at(&texts, row->text[lang].at, __builtin_popcount(has & ((1 << text) - 1)));
}

static enum layer layer_of_tp(const struct kernel_tp *tp)
{
	for (u32 i = 0; i < ncatalog_groups; i++)
		if (!strcmp(catalog_groups[i].name, tp->group))
			return catalog_groups[i].layer;
	return LAYER_SKB;
}

static bool takes_packet(const struct kernel_func *f)
{
	const struct raw_btf *btf = f->types ? f->types->btf : NULL;
	const struct btf_type *t = btf ? raw_type(btf, f->proto) : NULL;

	for (u32 i = 0; t && i < btf_vlen(t); i++) {
		const char *name = kernel_pointee(btf, btf_params(t)[i].type);

		if (name && !strcmp(name, "sk_buff"))
			return true;
	}
	return false;
}

static enum layer layer_of_func(const struct kernel_func *f)
{
	const char *bare = f->name + strspn(f->name, "_");

	for (u32 i = 0; i < ncatalog_prefixes; i++) {
		const char *prefix = catalog_prefixes[i].prefix;

		if (!strncmp(*prefix == '_' ? f->name : bare, prefix, strlen(prefix)))
			return catalog_prefixes[i].layer;
	}
	return takes_packet(f) ? LAYER_SKB : LAYER_SOCKET;
}

enum layer match_layer(const struct match *m)
{
	if (m->row)
		return m->row->layer;
	if (m->sort == SORT_CALL)
		return LAYER_CALL;
	return m->sort == SORT_TRACEPOINT && m->tp ? layer_of_tp(m->tp) : layer_of_func(&m->func);
}

void match_here(const struct match *m, struct here *here)
{
	enum via via = VIA_NONE;

	*here = (struct here){0};
	if (m->sort == SORT_FUNCTION) {
		via = m->func.via;
		*here = (struct here){NULL, m->func.lack, m->func.why, m->func.module};
	} else if (m->sort == SORT_TRACEPOINT && m->tp) {
		via = m->tp->via;
		*here = (struct here){NULL, m->tp->lack, m->tp->why,
				      m->tp->types ? m->tp->types->module : NULL};
	} else if (m->sort != SORT_CALL) {
		here->lack = LACK_ABSENT;
		here->why = m->sort == SORT_NAME ? "it is no probe"
						 : "this kernel has no such tracepoint";
	}
	if (via)
		here->way = via_names[via];
	if (via || !here->why || !*here->why)
		here->why = NULL;
}

bool match_prototype(struct buf *b, const struct match *m)
{
	if (m->row && m->row->prototype) {
		buf_text(b, m->row->prototype);
	} else if (m->sort == SORT_FUNCTION && m->func.types) {
		kernel_prototype(b, m->func.types, m->func.proto, m->func.name);
	} else if (m->sort == SORT_TRACEPOINT && m->tp && m->tp->proto) {
		buf_str(b, "void ");
		buf_text(b, m->tp->name);
		buf_chr(b, '(');
		kernel_arguments(b, m->tp->types, kernel_tp_named(m->tp), 1);
		buf_chr(b, ')');
	} else {
		return false;
	}
	return true;
}
