/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir describe: one probe as a page of text. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "describe.h"
#include "wrap.h"

#define WIDTH   80
#define TEXT_AT 12 /* behind the widest label, "ARGUMENTS" */

static const char *const words[WORD_MAX][LANG_MAX] = {
	{"WHEN", "시점"},         {"CONTEXT", "컨텍스트"}, {"USE", "쓸 때"},
	{"MISSES", "못 보는 것"}, {"ARGUMENTS", "인자"},   {"FIELDS", "필드"},
	{"RETURNS", "결과"},      {"SINCE", "커널"},       {"CHANGED", "바뀐 점"},
	{"COST", "비용"},         {"HERE", "이 커널"},     {"INSTEAD", "대신"},
	{"NEAR", "이웃"},         {"NUMBER", "번호"},
};

static const char *const contexts[][LANG_MAX] = {
	[CONTEXT_TASK] = {"task", "프로세스"},
	[CONTEXT_SOFTIRQ] = {"softirq", "softirq"},
	[CONTEXT_EITHER] = {"either", "양쪽"},
};

static const char *const costs[][LANG_MAX] = {
	[COST_RARE] = {"rare", "드묾"},
	[COST_CONNECTION] = {"connection", "연결마다"},
	[COST_CALL] = {"call", "호출마다"},
	[COST_PACKET] = {"packet", "패킷마다"},
};

static void label(const struct page *p, struct buf *b, enum word word)
{
	const char *text = words[word][p->lang];
	u32 columns = text_columns(text, strlen(text));

	buf_text(b, text);
	for (; columns < TEXT_AT; columns++)
		buf_chr(b, ' ');
}

static void paragraph(const struct page *p, struct buf *b, enum word word, const char *text)
{
	if (!text)
		return;
	label(p, b, word);
	wrap(b, text, TEXT_AT, WIDTH);
	buf_chr(b, '\n');
}

/* A class in one word, and what the row adds. */
static void classed(const struct page *p, struct buf *b, enum word word, const char *class,
		    enum text text)
{
	const char *more = row_text(p->match->row, text, p->lang);
	bool said = more && !strncasecmp(more, class, strlen(class));
	char all[2048];

	snprintf(all, sizeof(all), "%s%s%s", said ? "" : class, said ? "" : ". ", more ? more : "");
	paragraph(p, b, word, all);
}

static void list(const struct page *p, struct buf *b, enum word word, const char *const *names)
{
	char all[512] = "";
	size_t n = 0;

	if (!names)
		return;
	for (; *names && n < sizeof(all); names++)
		n += snprintf(all + n, sizeof(all) - n, "%s%s", n ? ", " : "", *names);
	paragraph(p, b, word, all);
}

/* One line each, the first behind the label. */
static void line(const struct page *p, struct buf *b, enum word word, bool first, const char *text)
{
	if (first)
		label(p, b, word);
	else
		for (u32 i = 0; i < TEXT_AT; i++)
			buf_chr(b, ' ');
	buf_text(b, text);
	buf_chr(b, '\n');
}

static void arguments(const struct page *p, struct buf *b)
{
	const struct match *m = p->match;
	bool tp = m->sort == SORT_TRACEPOINT;
	const struct kernel_types *types = !tp ? m->func.types : m->tp ? m->tp->types : NULL;
	u32 proto = !types ? 0 : tp ? kernel_tp_named(m->tp) : m->func.proto;
	const struct btf_type *t = proto ? raw_type(types->btf, proto) : NULL;
	struct buf text = {0};

	if (m->sort == SORT_CALL || !t) {
		paragraph(p, b, WORD_ARGUMENTS, p->prototype);
		return;
	}
	for (u32 i = tp; i < btf_vlen(t); i++) {
		const struct btf_param *arg = &btf_params(t)[i];

		buf_clear(&text);
		kernel_declare(&text, types, arg->type, raw_string(types->btf, arg->name_off));
		buf_chr(&text, 0);
		line(p, b, WORD_ARGUMENTS, i == tp, text.base);
	}
	buf_free(&text);
}

static void fields(const struct page *p, struct buf *b)
{
	const struct match *m = p->match;
	const struct kernel_field *f;
	char text[256];
	u32 n = 0;

	f = m->sort == SORT_TRACEPOINT && m->tp ? kernel_tp_fields(m->tp, &n) : NULL;
	for (u32 i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s %s", f[i].type, f[i].name);
		line(p, b, WORD_FIELDS, !i, text);
	}
}

static const char *result(const struct page *p)
{
	const struct match *m = p->match;
	const char *told = row_text(m->row, TEXT_RETURNS, p->lang);
	static struct buf text;
	const struct btf_type *t;

	if (told || m->sort != SORT_FUNCTION || !m->func.types)
		return told;
	t = raw_type(m->func.types->btf, m->func.proto);
	buf_clear(&text);
	kernel_declare(&text, m->func.types, t->type, "");
	buf_chr(&text, 0);
	return text.base;
}

void page_text(struct buf *b, const struct page *p)
{
	const struct row *row = p->match->row;
	const char *what = row_text(row, TEXT_SHORT, p->lang);
	enum lang lang = p->lang;
	char number[24];

	wrap(b, p->name, 0, WIDTH);
	buf_str(b, ": ");
	buf_text(b, what              ? what
		    : lang == LANG_KO ? "카탈로그에 설명이 없음. 커널이 알려 주는 것만 보임"
				      : "the catalog has no words for it; what the kernel tells");
	buf_chr(b, '\n');
	if (row) {
		buf_chr(b, '\n');
		wrap(b, row_text(row, TEXT_WHAT, lang), 0, WIDTH);
		buf_str(b, "\n\n");
	} else {
		buf_chr(b, '\n');
	}
	paragraph(p, b, WORD_WHEN, row_text(row, TEXT_WHEN, lang));
	if (row && row->sort != SORT_NAME)
		classed(p, b, WORD_CONTEXT, contexts[row->context][lang], TEXT_CONTEXT);
	paragraph(p, b, WORD_USE, row_text(row, TEXT_USE, lang));
	paragraph(p, b, WORD_MISSES, row_text(row, TEXT_MISSES, lang));
	if (p->number >= 0) {
		snprintf(number, sizeof(number), "%d", (int)p->number);
		paragraph(p, b, WORD_NUMBER, number);
	}
	arguments(p, b);
	fields(p, b);
	paragraph(p, b, WORD_RETURNS, result(p));
	paragraph(p, b, WORD_SINCE, row_text(row, TEXT_SINCE, lang));
	paragraph(p, b, WORD_CHANGED, row_text(row, TEXT_CHANGED, lang));
	if (row && row->sort != SORT_NAME)
		classed(p, b, WORD_COST, costs[row->cost][lang], TEXT_COSTS);
	if (p->match->sort != SORT_NAME)
		paragraph(p, b, WORD_HERE, p->here);
	list(p, b, WORD_INSTEAD, row ? row->instead : NULL);
	list(p, b, WORD_NEAR, row ? row->near : NULL);
}
