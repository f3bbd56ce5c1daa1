/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a row says against what the running kernel has. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include "buf.h"
#include "inside.h"

static u32 release(void)
{
	struct utsname uts;
	unsigned major = 0, minor = 0, patch = 0;

	uname(&uts);
	sscanf(uts.release, "%u.%u.%u", &major, &minor, &patch);
	return KERNEL(major, minor, patch > 255 ? 255 : patch);
}

static void say(struct drift *d, enum drift_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The worst of what is found decides; all of it is told. */
static void say(struct drift *d, enum drift_state state, const char *fmt, ...)
{
	size_t n = strlen(d->what);
	va_list args;

	if (state > d->state)
		d->state = state;
	if (n && n < sizeof(d->what) - 3)
		n += snprintf(d->what + n, sizeof(d->what) - n, "; ");
	va_start(args, fmt);
	vsnprintf(d->what + n, sizeof(d->what) - n, fmt, args);
	va_end(args);
}

static const char *version(u32 v, char text[24])
{
	snprintf(text, 24, v & 255 ? "%u.%u.%u" : "%u.%u", v >> 16, v >> 8 & 255, v & 255);
	return text;
}

static bool among(const char *word, size_t n, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == n && !strncmp(word, *words, n))
			return true;
	return false;
}

/*
 * One type, without const, blanks and the name of what is declared, so that two spellings of it
 * become the same. Stops at a comma or bracket and returns where.
 */
static const char *put_type(struct buf *b, const char *p)
{
	static const char *const basic[] = {"int",      "char", "long", "short",
					    "unsigned", "void", NULL};
	static const char *const tags[] = {"struct", "union", "enum", NULL};
	size_t start = buf_len(b), last = start;
	bool tagged = false, is_name = false;

	while (*p && *p != ',' && *p != ')' && *p != '(') {
		size_t n = 0;

		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
		if (*p == '*')
			is_name = false;
		/* the kernel gains more const with each version; "long int" is "long" */
		if ((n == 5 && !strncmp(p, "const", 5)) ||
		    (n == 3 && !strncmp(p, "int", 3) && buf_len(b) - start >= 4 &&
		     !memcmp(b->at - 4, "long", 4))) {
			p += n;
			continue;
		}
		if (n) {
			is_name = buf_len(b) > start && !tagged && !among(p, n, basic);
			tagged = among(p, n, tags);
			last = buf_len(b);
		}
		buf_mem(b, p, n ? n : *p != ' ');
		p += n ? n : 1;
	}
	if (is_name) /* a word that stands last and is no part of the type */
		b->at = b->base + last;
	return p;
}

void signature(struct buf *b, const char *text, bool with_result)
{
	if (with_result) {
		text = put_type(b, text);
		buf_chr(b, '(');
		text += *text == '(';
	}
	while (*text && *text != ')') {
		text = put_type(b, text);
		buf_chr(b, ',');
		text += *text == ',';
	}
	buf_chr(b, 0);
}

/* Which of the variants is it: its place, -1 when none. */
static int variant_of(const struct variant *v, const char *here, bool with_result)
{
	struct buf mine = {0}, theirs = {0};
	int at = -1;

	signature(&theirs, here, with_result);
	for (int i = 0; v[i].text && at < 0; i++) {
		buf_clear(&mine);
		signature(&mine, v[i].text, with_result);
		if (!strcmp(mine.base, theirs.base))
			at = i;
	}
	buf_free(&mine);
	buf_free(&theirs);
	return at;
}

static void compare_args(struct drift *d, const struct row *row, const struct kernel_types *types,
			 u32 proto)
{
	bool func = row->sort == SORT_FUNCTION;
	struct buf here = {0};
	char since[24];
	int v;

	if (!row->args || !types || !proto)
		return;
	if (func)
		kernel_prototype(&here, types, proto, "");
	else
		kernel_arguments(&here, types, proto, 1);
	buf_chr(&here, 0);
	v = variant_of(row->args, here.base, func);
	if (v > 0)
		say(d, DRIFT_KNOWN, "arguments are those of %s on: %s",
		    version(row->args[v].since, since), row->args[v].text);
	else if (v < 0)
		say(d, DRIFT_NEW, "arguments are %s, and the newest that the catalog knows: %s",
		    here.base, row->args->text);
	buf_free(&here);
}

static void compare_fields(struct drift *d, const struct row *row, const struct kernel_tp *tp)
{
	const struct kernel_field *f;
	struct buf here = {0};
	char since[24];
	u32 n;

	f = kernel_tp_fields(tp, &n);
	if (!row->fields || !tp->event || !n)
		return;
	for (u32 i = 0; i < n; i++) {
		if (i)
			buf_chr(&here, ' ');
		buf_text(&here, f[i].name);
	}
	buf_chr(&here, 0);
	for (const struct variant *v = row->fields; v->text; v++)
		if (!strcmp(v->text, here.base)) {
			if (v > row->fields)
				say(d, DRIFT_KNOWN, "fields are those of %s on: %s",
				    version(v->since, since), v->text);
			buf_free(&here);
			return;
		}
	say(d, DRIFT_NEW, "fields are %s, and the newest that the catalog knows: %s", here.base,
	    row->fields->text);
	buf_free(&here);
}

/* Not there: does the row say why? */
static void compare_absent(struct drift *d, const struct row *row)
{
	char since[24];

	if (row->gone && release() >= row->gone)
		say(d, DRIFT_KNOWN, "is gone since %s", version(row->gone, since));
	else if (release() < row->since)
		say(d, DRIFT_KNOWN, "comes with %s", version(row->since, since));
	else if (row->needs)
		say(d, DRIFT_KNOWN, "is not here; it needs %s", row->needs);
	else
		say(d, DRIFT_NEW, "is missing, though it is there since %s",
		    version(row->since, since));
}

static void compare_present(struct drift *d, const struct row *row)
{
	char since[24];

	if (release() < row->since)
		say(d, DRIFT_KNOWN, "is here, though it came with %s", version(row->since, since));
	if (row->gone && release() >= row->gone)
		say(d, DRIFT_KNOWN, "is still here, though gone with %s",
		    version(row->gone, since));
}

static void compare_tp(struct drift *d, const struct row *row)
{
	const struct kernel_tp *tp;
	char name[128];

	snprintf(name, sizeof(name), "%s:%s", row->group, row->name);
	tp = kernel_tp(name);
	if (!tp) {
		tp = kernel_tp(row->name);
		if (tp && tp->event)
			say(d, DRIFT_NEW, "has moved to group %s", tp->group);
		else if (tp)
			say(d, DRIFT_NEW, "tracefs does not list it, though BTF has it");
		else
			compare_absent(d, row);
		return;
	}
	compare_present(d, row);
	compare_args(d, row, tp->types, tp->proto);
	compare_fields(d, row, tp);
}

static void compare_func(struct drift *d, const struct row *row)
{
	struct kernel_func f;
	bool here = kernel_func(row->name, &f);

	if (row->is_inline) {
		if (f.symbols)
			say(d, DRIFT_KNOWN,
			    "has %u symbol%s of its name: a ghost copy that few callers use",
			    f.symbols, f.symbols > 1 ? "s" : "");
		return;
	}
	if (f.lack == LACK_TWINS) {
		say(d, DRIFT_NEW, "%s", f.why);
	} else if (f.lack == LACK_ABSENT || f.lack == LACK_INLINE || f.lack == LACK_RENAMED) {
		if (row->is_static)
			say(d, DRIFT_KNOWN, "is static, and here %s",
			    f.renamed ? f.renamed : "part of its callers");
		else if (f.renamed)
			say(d, DRIFT_NEW, "is %s here", f.renamed);
		else
			compare_absent(d, row);
		return;
	} else if (f.lack == LACK_NOTRACE) {
		say(d, DRIFT_NEW, "%s", f.why);
	}
	if (here)
		compare_present(d, row);
	compare_args(d, row, f.types, f.proto);
}

/* A name that should be no probe. */
static void compare_name(struct drift *d, const struct row *row)
{
	struct kernel_func f;

	if (row->gone && release() < row->gone)
		return;
	if (strchr(row->name, ':') ? kernel_tp(row->name) != NULL : kernel_func(row->name, &f))
		say(d, DRIFT_NEW, "is there after all");
}

/* The function behind a call has the architecture in its name since 4.17. */
static void compare_call(struct drift *d, const struct row *row)
{
	static const char *const prefixes[] = {"__x64_sys_", "__arm64_sys_", "__se_sys_",
					       "__riscv_sys_"};
	char name[80];
	u32 n, all;

	if (!kernel_symbols(&all))
		return;
	for (u32 i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		snprintf(name, sizeof(name), "%s%s%s", prefixes[i], row->name,
			 strcmp(row->name, "sendfile") ? "" : "64");
		if (kernel_symbol(name, &n))
			return;
	}
	say(d, DRIFT_NEW, "no function of the kernel serves it");
}

void row_drift(const struct row *row, struct drift *d)
{
	static void (*const compare[])(struct drift * d, const struct row *row) = {
		[SORT_CALL] = compare_call,
		[SORT_TRACEPOINT] = compare_tp,
		[SORT_FUNCTION] = compare_func,
		[SORT_NAME] = compare_name,
	};

	*d = (struct drift){0};
	compare[row->sort](d, row);
}
