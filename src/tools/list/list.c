/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir list: what can be traced here, by layer. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "error.h"
#include "list.h"
#include "ways.h"
#include "wrap.h"

/* Columns of the table: all of a line fits a terminal of 80. */
#define WIDTH   80
#define NAME    26
#define KIND    4
#define WAY     12
#define MEANING (WIDTH - NAME - KIND - WAY - 3)

static struct {
	const char *lang;
	bool described, strict, check;
} own;

struct line {
	struct rec h;
	const char *name, *kind, *layer, *meaning, *way, *lack, *why, *module, *prototype, *context,
		*cost;
	const struct match *match;
	const char *told; /* the meaning, or what stands for it */
	char way_told[24];
};
#define L(member) COLUMN(struct line, member)

static const char *const kinds[] = {"call", "tp", "func", "name"};
static const char *const kind_words[] = {"call", "tracepoint", "function", "name"};

/* The columns from the second on: a name that is longer than its column takes from the meaning. */
static void tell_line(struct verbs *v, const struct rec *r)
{
	const struct line *l = (const struct line *)r;
	u32 name = text_columns(l->name, strlen(l->name));
	u32 over = name > NAME ? name - NAME : 0;
	char head[64];

	snprintf(head, sizeof(head), "%-*s %-*s ", KIND, kinds[l->match->sort], WAY, l->way_told);
	buf_text(v->b, head);
	cut(v->b, l->told, over < MEANING - 8 ? MEANING - over : 8);
}

static const struct column columns[] = {
	{"name", "NAME", COL_STRING, COL_TEXT | COL_LEFT, L(name), NAME, NULL,
	 "call, GROUP:TRACEPOINT, function, or MODULE:FUNCTION"},
	{"line", "KIND WAY          MEANING", COL_NEST,
	 COL_TEXT | COL_LEFT | COL_TEXT_ONLY | COL_DATA_ONLY, 0, 0, 0, tell_line, "the rest"},
	{"kind", NULL, COL_STRING, 0, L(kind), 0, NULL, "call, tracepoint or function"},
	{"layer", NULL, COL_STRING, 0, L(layer), 0, NULL,
	 "call, socket, tcp, udp, ip, icmp, device, xdp, skb, qdisc, neighbour, napi or tracing"},
	{"meaning", NULL, COL_STRING, 0, L(meaning), 0, NULL,
	 "what the catalog says of it; null where it has no row"},
	{"way", NULL, COL_STRING, 0, L(way), 0, NULL,
	 "how a program is put there, the first way that this kernel grants; null: none"},
	{"lack", NULL, COL_STRING, 0, L(lack), 0, NULL,
	 "why there is none: absent, inline, renamed, twins, notrace or refused; else null"},
	{"why", NULL, COL_STRING, 0, L(why), 0, NULL, "the same in words"},
	{"module", NULL, COL_STRING, 0, L(module), 0, NULL, "kernel module that it is in"},
	{"prototype", NULL, COL_STRING, 0, L(prototype), 0, NULL,
	 "arguments on this kernel, as in C; of a call those of its manual page"},
	{"context", NULL, COL_STRING, 0, L(context), 0, NULL,
	 "in whose context it fires: task, softirq or either"},
	{"cost", NULL, COL_STRING, 0, L(cost), 0, NULL,
	 "how often it fires: rare, connection, call or packet"},
	{0},
};
#define NCOLUMNS (sizeof(columns) / sizeof(*columns) - 1)

/* "(sk, msg, size) -> int", short for a line. */
static void short_prototype(struct buf *b, const struct kernel_func *f)
{
	const struct raw_btf *btf = f->types->btf;
	const struct btf_type *t = raw_type(btf, f->proto);

	buf_chr(b, '(');
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const char *name = raw_string(btf, btf_params(t)[i].name_off);

		if (i)
			buf_str(b, ", ");
		buf_text(b, *name ? name : "...");
	}
	buf_str(b, ") -> ");
	kernel_declare(b, f->types, t->type, "");
	buf_chr(b, 0);
}

static void short_fields(struct buf *b, const struct kernel_tp *tp)
{
	const struct kernel_field *f;
	u32 n;

	f = kernel_tp_fields(tp, &n);
	for (u32 i = 0; i < n; i++) {
		if (i)
			buf_str(b, ", ");
		buf_text(b, f[i].name);
	}
	buf_chr(b, 0);
}

/* What only the kernel says: its way, and its arguments. */
static void ask_kernel(struct line *l, struct buf *proto, struct buf *told)
{
	static const char *call_way;
	const struct match *m = l->match;
	struct here here;

	if (!call_way && m->sort == SORT_CALL)
		call_way = call_way_names[way_of_one()];
	match_here(m, &here);
	l->way = m->sort == SORT_CALL ? call_way : here.way;
	l->lack = l->way ? NULL : lack_names[here.lack];
	l->why = here.why;
	l->module = here.module;
	if (match_prototype(proto, m)) {
		buf_chr(proto, 0);
		l->prototype = proto->base;
	}
	if (m->sort == SORT_TRACEPOINT && m->tp)
		short_fields(told, m->tp);
	else if (m->sort == SORT_FUNCTION && m->func.types)
		short_prototype(told, &m->func);
}

static void fill(struct line *l, enum lang lang, struct buf *proto, struct buf *told)
{
	const struct match *m = l->match;
	const struct row *row = m->row;

	l->name = m->name;
	l->kind = kind_words[m->sort];
	l->layer = layer_word(match_layer(m));
	ask_kernel(l, proto, told);
	if (row) {
		l->meaning = row_text(row, TEXT_SHORT, lang);
		l->context = context_word(row->context);
		l->cost = cost_word(row->cost);
	}
	l->told = l->meaning ? l->meaning : told->base ? told->base : "";
	snprintf(l->way_told, sizeof(l->way_told), "%s%s",
		 l->way ? "" : "no:", l->way ? l->way : l->lack);
}

static void heading(struct out *out, const struct common *c, const char *name)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "\n%s:\n", name);

	if (c->format == OUT_TEXT && !c->quiet)
		out_line(out, text, n);
}

/* What the words "no:..." mean here, once each; of several reasons the first. */
static void legend(const struct matches *m)
{
	bool told[LACK_MAX] = {true};

	for (u32 i = 0; i < m->n; i++) {
		struct here here;

		match_here(&m->all[i], &here);
		if (here.way || told[here.lack])
			continue;
		told[here.lack] = true;
		note("no:%s, as %s: %s", lack_names[here.lack], m->all[i].name, here.why);
	}
}

static int print(const struct common *c, const struct matches *m, enum lang lang)
{
	static const struct out_world world;
	struct out *out = out_open(c->format, 1, &world, isatty(1) && !getenv("NO_COLOR"));
	enum layer layer = LAYER_MAX;
	int err;

	if (!out)
		return fail("no memory for the output");
	out_head(out, columns, NCOLUMNS, c->quiet);
	for (u32 i = 0; i < m->n; i++) {
		struct buf proto = {0}, told = {0};
		struct line l = {.match = &m->all[i]};

		if (match_layer(l.match) != layer) {
			layer = match_layer(l.match);
			heading(out, c, layer_name(layer, lang));
		}
		fill(&l, lang, &proto, &told);
		out_row(out, columns, NCOLUMNS, &l.h);
		buf_free(&proto);
		buf_free(&told);
	}
	err = out_close(out);
	return err && err != -EPIPE ? fail("cannot write to standard output: %s", strerror(-err))
				    : 0;
}

/* By layer; in it what the catalog describes, in its order, and then the rest by name. */
static int order(const void *a, const void *b)
{
	const struct match *x = a, *y = b;
	int c = (int)match_layer(x) - (int)match_layer(y);

	if (c)
		return c;
	if (x->row != y->row && x->row && y->row)
		return x->row < y->row ? -1 : 1;
	if (!x->row != !y->row)
		return x->row ? -1 : 1;
	return x->sort != y->sort ? (int)x->sort - (int)y->sort : strcmp(x->name, y->name);
}

/* Adds what does the work of a historical or wrong name, and says so. */
static int find_instead(struct matches *m, const char *word)
{
	struct matches named = {0};
	int err = catalog_find(&named, word, own.strict ? FIND_STRICT : FIND_FOLLOW);

	for (u32 i = 0; i < named.n; i++) {
		struct match *more = realloc(m->all, (m->n + 1) * sizeof(*more));

		if (!more)
			break;
		m->all = more;
		m->all[m->n++] = named.all[i];
		if (*named.all[i].note)
			note("%s", named.all[i].note);
	}
	matches_free(&named);
	return err;
}

/* A word without glob fits all names that have it in them. */
static int find(struct matches *m, const char *word)
{
	char glob[200];
	int err;

	if (!*word || strpbrk(word, "*?[") || strlen(word) > sizeof(glob) - 3)
		return catalog_find(m, word, own.strict ? FIND_STRICT : 0);
	snprintf(glob, sizeof(glob), "*%s*", word);
	err = catalog_find(m, glob, 0);
	return err || row_find(SORT_NAME, NULL, word) ? find_instead(m, word) : 0;
}

/* Of several patterns that fit the same, one line. */
static void tidy(struct matches *m)
{
	u32 n = 0;

	if (m->n)
		qsort(m->all, m->n, sizeof(*m->all), order);
	for (u32 i = 0; i < m->n; i++) {
		if (own.described && !m->all[i].row)
			continue;
		if (n && m->all[i].sort == m->all[n - 1].sort &&
		    !strcmp(m->all[i].name, m->all[n - 1].name))
			continue;
		m->all[n++] = m->all[i];
	}
	m->n = n;
}

static int list(const struct common *c)
{
	static char *const every[] = {"*", NULL};
	struct matches m = {0};
	enum lang lang;
	int err = lang_named(own.lang, &lang);

	for (char *const *word = c->nargs ? c->args : every; *word && !err; word++)
		err = find(&m, *word);
	if (!err) {
		tidy(&m);
		err = print(c, &m, lang);
	}
	if (!err && !c->quiet && c->format == OUT_TEXT) {
		legend(&m);
		note("%u probe%s; weir describe NAME tells of one", m.n, m.n == 1 ? "" : "s");
	}
	matches_free(&m);
	return err;
}

static int list_main(const struct tool *t, int argc, char **argv)
{
	static struct common common;
	int err = options_parse(t, &common, argc, argv);

	kernel_thorough();
	if (!err && common.help) {
		options_help(t);
		return 0;
	}
	if (!err && common.command)
		err = usage("list starts nothing: it has no use for '%s'; weir trace does",
			    *common.command);
	if (!err && own.check && common.nargs)
		err = usage("--check compares the whole catalog: it has no use for '%s'",
			    *common.args);
	signal(SIGPIPE, SIG_IGN);
	if (!err)
		err = own.check ? list_check(&common) : list(&common);
	kernel_drop();
	if (err >= 0)
		return err;
	note("%s", error_text());
	return err == USAGE ? 2 : 1;
}

#define O(member) offsetof(typeof(own), member)

static const struct option_row options[] = {
	{0, "described", NULL, OPT_FLAG, O(described), 0, 0, "only what the catalog has words for"},
	{0, "check", NULL, OPT_FLAG, O(check), 0, 0,
	 "compare the catalog with this kernel; exit status 1 when they drifted apart"},
	{0, "strict", NULL, OPT_FLAG, O(strict), 0, 0,
	 "refuse historical and wrong names, instead of telling what does their work"},
	{0, "lang", "LANG", OPT_STRING, O(lang), 0, 0, "en or ko (default: as the locale says)"},
	{0},
};

static const struct tool list_tool = {
	.name = "list",
	.summary = "what can be traced here: calls, tracepoints and functions, by layer",
	.usage = "[PATTERN...] [options]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = ~(COMMON(OUTPUT) | COMMON(QUIET) | COMMON(VERBOSE) | COMMON(HELP)),
	.lacks_why = "it asks the kernel and watches nobody; it takes patterns, -o, -q, -v and -h",
	.main = list_main,
};
TOOL(list_tool);
