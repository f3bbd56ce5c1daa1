/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Descriptions of probes: from text, kept by number. */
#include <stdio.h>
#include <stdlib.h>
#include "told.h"

static struct told all[HITS_MAX];

static const char *const kinds[VALUE_KINDS] = {
	"int",    "uint", "hex",    "bool",   "char",   "enum",     "ptr",
	"string", "sock", "socket", "packet", "msghdr", "sockaddr", "device",
};

const struct told *told_of(u32 number)
{
	return number < HITS_MAX && all[number].name ? &all[number] : NULL;
}

char *told_clean(char *name)
{
	for (char *p = name; p && *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	return name;
}

static void drop_value(struct value *v)
{
	for (u32 i = 0; i < v->names.count; i++)
		free((char *)v->names.rows[i].name);
	free((struct name *)v->names.rows);
	free(v->name);
}

static void drop(struct told *t)
{
	for (u32 i = 0; i < t->nargs; i++)
		drop_value(&t->args[i]);
	for (u32 i = 0; i < t->nfields; i++)
		drop_value(&t->fields[i]);
	drop_value(&t->ret);
	free(t->args);
	free(t->fields);
	free(t->name);
	tracepoint_free(t->tp);
	memset(t, 0, sizeof(*t));
}

static bool kind_of(const char *word, u8 *kind)
{
	for (u32 i = 0; i < VALUE_KINDS; i++)
		if (!strcmp(word, kinds[i]))
			return *kind = i, true;
	return false;
}

/* Values of an enum are looked up by halving. */
static void add_name(struct value *v, u64 n, const char *name)
{
	struct name *rows = (struct name *)v->names.rows, *more;
	u32 i = v->names.count;

	if (!(i & (i + 1)) || !rows) { /* at 0, 1, 3, 7, …: room for twice as many */
		more = realloc(rows, (2 * i + 2) * sizeof(*rows));
		if (!more)
			return;
		v->names.rows = rows = more;
	}
	for (; i && rows[i - 1].value > n; i--)
		rows[i] = rows[i - 1];
	if (i && rows[i - 1].value == n) { /* two names of one value: the first counts */
		memmove(&rows[i], &rows[i + 1], (v->names.count - i) * sizeof(*rows));
		return;
	}
	rows[i].value = n;
	rows[i].name = told_clean(strdup(name));
	v->names.count += rows[i].name != NULL;
}

static struct value *add_value(struct value **list, u32 *n)
{
	struct value *more = *n < 64 ? realloc(*list, (*n + 1) * sizeof(*more)) : NULL;

	if (!more)
		return NULL;
	*list = more;
	memset(&more[*n], 0, sizeof(*more));
	return &more[(*n)++];
}

/* One line; last is the value that names belong to. */
static struct value *parse_line(struct told *t, const char *line, struct value *last)
{
	char kind[16], name[128];
	unsigned at = 0, size = 0;
	struct value v = {0}, *to;
	long long n;

	if (last && sscanf(line, "value %lld %127s", &n, name) == 2) {
		add_name(last, n, name);
		return last;
	}
	if (sscanf(line, "arg %u %u %15s %127s", &at, &size, kind, name) == 4) {
		v.number = t->nargs;
		v.at = at;
		to = kind_of(kind, &v.kind) ? add_value(&t->args, &t->nargs) : NULL;
	} else if (sscanf(line, "field %u %u %15s %127s", &at, &size, kind, name) == 4) {
		v.number = at;
		to = kind_of(kind, &v.kind) ? add_value(&t->fields, &t->nfields) : NULL;
	} else if (sscanf(line, "ret %u %15s", &size, kind) == 2) {
		strcpy(name, "ret");
		to = kind_of(kind, &v.kind) && !t->ret.size ? &t->ret : NULL;
	} else {
		return NULL;
	}
	if (!to)
		return NULL;
	v.size = size;
	v.name = told_clean(strdup(name));
	if (v.kind == VALUE_MSGHDR && size == 8 && t->nargs && to == &t->args[t->nargs - 1])
		t->message = t->nargs;
	*to = v;
	return to;
}

void probe_learn(u32 number, const char *text, u32 len)
{
	struct value *last = NULL;
	const char *end = text + len;
	struct told *t;
	char line[512], name[128];

	if (number >= HITS_MAX)
		return;
	t = &all[number];
	drop(t);
	while (text < end) {
		const char *eol = memchr(text, '\n', end - text);
		u32 n = (eol ? eol : end) - text;

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		text += n + 1;
		if (!t->name && (sscanf(line, "tracepoint %127s", name) == 1 ||
				 sscanf(line, "function %127s", name) == 1)) {
			t->name = told_clean(strdup(name));
		} else if (!strcmp(line, "format") && t->name && text < end && !t->tp) {
			t->tp = tracepoint_parse(t->name, text, end - text);
			return;
		} else {
			last = parse_line(t, line, last);
		}
	}
}

const char *probe_name(u32 number)
{
	static char unknown[32];
	const struct told *t = told_of(number);

	if (t)
		return t->name;
	snprintf(unknown, sizeof(unknown), "probe %u", number);
	return unknown;
}
