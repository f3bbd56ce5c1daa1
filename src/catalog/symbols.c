/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The kernel's symbols, and which functions it lets be traced. */
#include <fcntl.h>
#include <stdlib.h>
#include "inside.h"

static struct kernel_symbol *symbols;   /* by name */
static struct kernel_symbol **by_place; /* by address; made when first needed */
static u32 nsymbols;
static char *symbols_text;

static char *traceable_text;
static const char **traceable; /* by name */
static u32 ntraceable;
static bool symbols_read, traceable_read;

static int name_order(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->address > y->address) - (x->address < y->address);
}

static int place_order(const void *a, const void *b)
{
	const struct kernel_symbol *x = *(struct kernel_symbol *const *)a,
				   *y = *(struct kernel_symbol *const *)b;

	return (x->address > y->address) - (x->address < y->address);
}

static u32 count_lines(const char *text)
{
	u32 n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

bool parse_symbol(char *line, struct kernel_symbol *s)
{
	char *end, *module;

	s->address = strtoull(line, &end, 16);
	if (*end != ' ' || !end[1] || end[2] != ' ' || !strchr("TtWw", end[1]))
		return false;
	s->type = end[1];
	s->name = end + 3;
	module = strchr(s->name, '\t');
	s->module = NULL;
	if (module) {
		*module = 0;
		s->module = module + 2;
		end = strchr(s->module, ']');
		if (end)
			*end = 0;
	}
	return !s->module || (strcmp(s->module, "bpf") && strncmp(s->module, "__builtin__", 11));
}

const struct kernel_symbol *kernel_symbols(u32 *n)
{
	char *rest, *line;

	if (!symbols_read) {
		symbols_read = true;
		rest = symbols_text = kernel_text(AT_FDCWD, "/proc/kallsyms");
		symbols = rest ? calloc(count_lines(rest) + 1, sizeof(*symbols)) : NULL;
		while (symbols && (line = strsep(&rest, "\n")))
			nsymbols += parse_symbol(line, &symbols[nsymbols]);
		if (nsymbols)
			qsort(symbols, nsymbols, sizeof(*symbols), name_order);
	}
	*n = nsymbols;
	return symbols;
}

/* The first symbol that does not come before name. */
static u32 first_from(const char *name)
{
	u32 low = 0, high;

	kernel_symbols(&high);
	while (low < high) {
		u32 mid = (low + high) / 2;

		if (strcmp(symbols[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct kernel_symbol *kernel_symbol(const char *name, u32 *n)
{
	u32 first = first_from(name), end = first;

	while (end < nsymbols && !strcmp(symbols[end].name, name))
		end++;
	*n = end - first;
	return *n ? symbols + first : NULL;
}

const char *symbol_changed(const char *name)
{
	size_t len = strlen(name);
	u32 i = first_from(name);

	/* Names with a dot come before all others that begin so, but not before name itself. */
	for (; i < nsymbols && !strncmp(symbols[i].name, name, len) && symbols[i].name[len] <= '.';
	     i++)
		if (symbols[i].name[len] == '.' && strncmp(symbols[i].name + len, ".cold", 5))
			return symbols[i].name;
	return NULL;
}

const struct kernel_symbol *kernel_symbol_at(u64 address, u64 *off)
{
	u32 n, low = 0, high;

	kernel_symbols(&n);
	if (!by_place && n && (by_place = malloc(n * sizeof(*by_place)))) {
		for (u32 i = 0; i < n; i++)
			by_place[i] = symbols + i;
		qsort(by_place, n, sizeof(*by_place), place_order);
	}
	for (high = by_place ? n : 0; low < high;) {
		u32 mid = (low + high) / 2;

		if (by_place[mid]->address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || !by_place[low - 1]->address)
		return NULL;
	*off = address - by_place[low - 1]->address;
	return by_place[low - 1];
}

static int text_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Lines "NAME" or "NAME [MODULE]". */
static void read_traceable(void)
{
	char *rest = kernel_text(kernel_tracefs(), "available_filter_functions"), *line;

	traceable_text = rest;
	traceable = rest ? malloc((count_lines(rest) + 1) * sizeof(*traceable)) : NULL;
	while (traceable && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, " ")] = 0;
		if (*line)
			traceable[ntraceable++] = line;
	}
	if (ntraceable)
		qsort(traceable, ntraceable, sizeof(*traceable), text_order);
}

int kernel_traceable(const char *name)
{
	if (!traceable_read)
		read_traceable();
	traceable_read = true;
	if (!ntraceable)
		return -1;
	return bsearch(&name, traceable, ntraceable, sizeof(*traceable), text_order) != NULL;
}

void symbols_drop(void)
{
	free(symbols);
	free(by_place);
	free(symbols_text);
	free(traceable);
	free(traceable_text);
	symbols = NULL;
	by_place = NULL;
	traceable = NULL;
	symbols_text = traceable_text = NULL;
	nsymbols = ntraceable = 0;
	symbols_read = traceable_read = false;
}
