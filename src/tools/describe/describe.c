/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir describe: all that is known of a probe, by the catalog and by the running kernel. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "describe.h"
#include "error.h"
#include "tool.h"
#include "ways.h"

static struct {
	const char *lang;
	bool strict;
} own;

struct record {
	struct rec h;
	const char *name, *kind, *layer, *module, *way, *lack, *why, *prototype, *context, *cost;
	const char *text[TEXT_MAX];
	s64 number;
	const struct page *page;
};
#define R(member) COLUMN(struct record, member)

static const struct page *page_of(const struct rec *r)
{
	return ((const struct record *)r)->page;
}

static void word(struct verbs *v, const char *name, const char *text)
{
	v->ops->field(v, name);
	v->ops->word(v, text);
}

static void tell_names(struct verbs *v, const char *const *names)
{
	v->ops->open(v, BOX_ARRAY);
	for (; names && *names; names++) {
		v->ops->item(v);
		v->ops->word(v, *names);
	}
	v->ops->close(v);
}

static void tell_near(struct verbs *v, const struct rec *r)
{
	const struct row *row = page_of(r)->match->row;

	tell_names(v, row ? row->near : NULL);
}

static void tell_instead(struct verbs *v, const struct rec *r)
{
	const struct row *row = page_of(r)->match->row;

	tell_names(v, row ? row->instead : NULL);
}

static void tell_number(struct verbs *v, const struct rec *r)
{
	s64 n = ((const struct record *)r)->number;

	if (n < 0)
		v->ops->ptr(v, 0); /* null */
	else
		v->ops->sint(v, n);
}

static void tell_arguments(struct verbs *v, const struct rec *r)
{
	const struct match *m = page_of(r)->match;
	bool tp = m->sort == SORT_TRACEPOINT;
	const struct kernel_types *types = !tp ? m->func.types : m->tp ? m->tp->types : NULL;
	u32 proto = !types ? 0 : tp ? kernel_tp_named(m->tp) : m->func.proto;
	const struct btf_type *t = proto ? raw_type(types->btf, proto) : NULL;
	struct buf type = {0};

	v->ops->open(v, BOX_ARRAY);
	for (u32 i = tp; t && i < btf_vlen(t); i++) {
		const struct btf_param *p = &btf_params(t)[i];

		buf_clear(&type);
		kernel_declare(&type, types, p->type, "");
		buf_chr(&type, 0);
		v->ops->item(v);
		v->ops->open(v, BOX_STRUCT);
		word(v, "name", raw_string(types->btf, p->name_off));
		word(v, "type", type.base);
		v->ops->close(v);
	}
	v->ops->close(v);
	buf_free(&type);
}

static void tell_fields(struct verbs *v, const struct rec *r)
{
	const struct match *m = page_of(r)->match;
	const struct kernel_field *f;
	u32 n = 0;

	f = m->sort == SORT_TRACEPOINT && m->tp ? kernel_tp_fields(m->tp, &n) : NULL;
	v->ops->open(v, BOX_ARRAY);
	for (u32 i = 0; i < n; i++) {
		v->ops->item(v);
		v->ops->open(v, BOX_STRUCT);
		word(v, "name", f[i].name);
		word(v, "type", f[i].type);
		v->ops->field(v, "offset");
		v->ops->uint(v, f[i].offset);
		v->ops->field(v, "size");
		v->ops->uint(v, f[i].size);
		v->ops->close(v);
	}
	v->ops->close(v);
}

#define STRING(name, member, help)                                                                 \
	{                                                                                          \
		name, NULL, COL_STRING, 0, R(member), 0, NULL, help                                \
	}
#define TOLD(name, tell, help) NEST(name, NULL, COL_DATA_ONLY, 0, tell, help)

static const struct column columns[] = {
	STRING("name", name, "call, GROUP:TRACEPOINT, function, or MODULE:FUNCTION"),
	STRING("kind", kind, "call, tracepoint, function, or name: a name that is no probe"),
	STRING("layer", layer, "as in weir list"),
	STRING("summary", text[TEXT_SHORT], "what it means, in a line"),
	STRING("what", text[TEXT_WHAT], "what it is"),
	STRING("when", text[TEXT_WHEN], "when it fires"),
	STRING("context", context, "in whose context: task, softirq or either"),
	STRING("context_detail", text[TEXT_CONTEXT], "the same in words"),
	STRING("use", text[TEXT_USE], "when to use it"),
	STRING("misses", text[TEXT_MISSES], "what it does not see"),
	STRING("returns", text[TEXT_RETURNS], "what results mean"),
	STRING("since", text[TEXT_SINCE], "the first kernel that had it"),
	STRING("changed", text[TEXT_CHANGED], "what changed when"),
	STRING("cost", cost, "how often it fires: rare, connection, call or packet"),
	STRING("cost_detail", text[TEXT_COSTS], "the same in words"),
	TOLD("number", tell_number, "of a system call on this machine"),
	STRING("prototype", prototype, "arguments on this kernel, as in C"),
	TOLD("arguments", tell_arguments, "the same one by one: name and type"),
	TOLD("fields", tell_fields, "of a tracepoint's record: name, type, offset, size"),
	STRING("module", module, "kernel module that it is in"),
	STRING("way", way, "how a program is put there; null: not at all"),
	STRING("lack", lack, "why not: absent, inline, renamed, twins, notrace or refused"),
	STRING("why", why, "the same in words"),
	TOLD("instead", tell_instead, "what does its work where it is not to be had"),
	TOLD("near", tell_near, "neighbours"),
	{0},
};
#define NCOLUMNS (sizeof(columns) / sizeof(*columns) - 1)

static void fill_record(struct record *r, const struct page *p)
{
	const struct row *row = p->match->row;

	*r = (struct record){.name = p->name,
			     .kind = p->kind,
			     .layer = p->layer,
			     .module = p->module,
			     .way = p->way,
			     .lack = p->lack,
			     .why = p->why,
			     .prototype = p->prototype,
			     .number = p->number,
			     .page = p};
	for (u32 t = 0; t < TEXT_MAX; t++)
		r->text[t] = row_text(row, t, p->lang);
	if (row && row->sort != SORT_NAME) {
		r->context = context_word(row->context);
		r->cost = cost_word(row->cost);
	}
}

/* Of the neighbours the first tracepoint that this kernel lets be attached; NULL when none. */
static const char *nearest(const struct row *row)
{
	for (const char *const *name = row ? row->near : NULL; name && *name; name++) {
		const struct kernel_tp *tp = strchr(*name, ':') ? kernel_tp(*name) : NULL;

		if (tp && tp->via)
			return *name;
	}
	return NULL;
}

/* The way or the reason in words, and where this kernel differs from the newest. */
static const char *tell_here(const struct page *p, char *text, size_t size)
{
	const struct match *m = p->match;
	struct drift drift = {0};
	const char *near = p->way ? NULL : nearest(m->row);
	size_t n;

	/* of an inline function the reason says it all */
	if (m->row && m->row->sort != SORT_NAME && !m->row->is_inline && p->lang == LANG_EN)
		row_drift(m->row, &drift);
	if (p->way)
		n = snprintf(text, size,
			     p->lang == LANG_KO ? "%s 방식으로 붙습니다."
						: "Attached by way of %s.",
			     p->way);
	else
		n = snprintf(text, size, "%s", lack_text(m, p->lang));
	if (near && n < size)
		n += snprintf(text + n, size - n,
			      p->lang == LANG_KO ? " 가장 가까운 트레이스포인트는 %s입니다."
						 : " The nearest tracepoint is %s.",
			      near);
	if (*drift.what && n < size)
		n += snprintf(text + n, size - n, " On this kernel: %s.", drift.what);
	if (p->module && n < size)
		snprintf(text + n, size - n,
			 p->lang == LANG_KO ? " 모듈 %s에 있습니다." : " In module %s.", p->module);
	return text;
}

static void open_page(struct page *p, const struct match *m, enum lang lang, char *text,
		      size_t size)
{
	static const char *const kinds[] = {"call", "tracepoint", "function", "name"};
	struct here here;

	match_here(m, &here);
	*p = (struct page){.match = m,
			   .lang = lang,
			   .name = m->name,
			   .kind = kinds[m->sort],
			   .layer = layer_word(match_layer(m)),
			   .module = here.module,
			   .way = m->sort == SORT_CALL ? call_way_names[way_of_one()] : here.way,
			   .why = here.why,
			   .number = m->sort == SORT_CALL ? call_number(m->call) : -1};
	p->lack = p->way ? NULL : lack_names[here.lack];
	if (match_prototype(&p->prototype_text, m)) {
		buf_chr(&p->prototype_text, 0);
		p->prototype = p->prototype_text.base;
	}
	p->here = tell_here(p, text, size);
}

static void print_one(struct out *out, const struct common *c, const struct page *p, bool first)
{
	struct record r;
	struct buf text = {0};

	if (c->format != OUT_TEXT) {
		fill_record(&r, p);
		out_row(out, columns, NCOLUMNS, &r.h);
		return;
	}
	if (!first)
		buf_chr(&text, '\n');
	page_text(&text, p);
	out_line(out, text.base, buf_len(&text));
	buf_free(&text);
}

static int print(const struct common *c, const struct matches *m, enum lang lang)
{
	static const struct out_world world;
	struct out *out = out_open(c->format, 1, &world, false);
	int err;

	if (!out)
		return fail("no memory for the output");
	if (c->format != OUT_TEXT)
		out_head(out, columns, NCOLUMNS, c->quiet);
	for (u32 i = 0; i < m->n; i++) {
		struct page page;
		char text[1200];

		open_page(&page, &m->all[i], lang, text, sizeof(text));
		print_one(out, c, &page, !i);
		buf_free(&page.prototype_text);
	}
	err = out_close(out);
	return err && err != -EPIPE ? fail("cannot write to standard output: %s", strerror(-err))
				    : 0;
}

static int describe(const struct common *c)
{
	struct matches m = {0};
	enum lang lang;
	int err = lang_named(own.lang, &lang);

	if (!err && !c->nargs)
		err = usage("describe needs a probe's name, as tcp:tcp_probe or tcp_connect; weir "
			    "list shows all that there are");
	kernel_thorough();
	for (int i = 0; i < c->nargs && !err; i++)
		err = catalog_find(&m, c->args[i], FIND_EACH | (own.strict ? FIND_STRICT : 0));
	if (!err)
		err = print(c, &m, lang);
	matches_free(&m);
	return err;
}

static int describe_main(const struct tool *t, int argc, char **argv)
{
	static struct common common;
	int err = options_parse(t, &common, argc, argv);

	if (!err && common.help) {
		options_help(t);
		return 0;
	}
	if (!err && common.command)
		err = usage("describe starts nothing: it has no use for '%s'; weir trace does",
			    *common.command);
	signal(SIGPIPE, SIG_IGN);
	if (!err)
		err = describe(&common);
	kernel_drop();
	if (!err)
		return 0;
	note("%s", error_text());
	return err == USAGE ? 2 : 1;
}

#define O(member) offsetof(typeof(own), member)

static const struct option_row options[] = {
	{0, "strict", NULL, OPT_FLAG, O(strict), 0, 0, "refuse names that are no probes"},
	{0, "lang", "LANG", OPT_STRING, O(lang), 0, 0, "en or ko (default: as the locale says)"},
	{0},
};

static const struct tool describe_tool = {
	.name = "describe",
	.summary = "what a probe is, when it fires, what it misses, and its fields here",
	.usage = "PROBE... [options]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = ~(COMMON(OUTPUT) | COMMON(QUIET) | COMMON(VERBOSE) | COMMON(HELP)),
	.lacks_why = "it asks the kernel and watches nobody; it takes names, -o, -q, -v and -h",
	.main = describe_main,
};
TOOL(describe_tool);
