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
static u32 *traceable; /* places of its lines, by what name_hash() makes of their names; 0: free */
static u32 traceable_mask;
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

/* FNV-1a of a name that ends with a blank, a line, or the text. */
static u32 name_hash(const char *name)
{
	u32 hash = 2166136261;

	for (; (u8)*name > ' '; name++)
		hash = (hash ^ (u8)*name) * 16777619;
	return hash ^ hash >> 16;
}

/* Lines "NAME" or "NAME [MODULE]". */
static void read_traceable(void)
{
	char *text = traceable_text = kernel_text(kernel_tracefs(), "available_filter_functions");
	u32 lines = text ? count_lines(text) : 0, room = 64;

	while (room < 2 * lines)
		room *= 2;
	traceable = lines ? calloc(room, sizeof(*traceable)) : NULL;
	traceable_mask = room - 1;
	for (char *line = text; traceable && *line; line = strchr(line, '\n') + 1) {
		u32 i = name_hash(line) & traceable_mask;

		while (traceable[i])
			i = (i + 1) & traceable_mask;
		traceable[i] = line - text + 1;
	}
}

/* Is what follows a name in such a line this module? */
static bool of_module(const char *rest, const char *module)
{
	size_t n = module ? strlen(module) : 0;

	if (!module)
		return *rest == '\n';
	return rest[0] == ' ' && rest[1] == '[' && !strncmp(rest + 2, module, n) &&
	       rest[2 + n] == ']';
}

int kernel_traceable(const char *name, const char *module)
{
	size_t len = strlen(name);
	int n = 0;

	if (!traceable_read)
		read_traceable();
	traceable_read = true;
	if (!traceable)
		return -1;
	for (u32 i = name_hash(name) & traceable_mask; traceable[i]; i = (i + 1) & traceable_mask) {
		const char *line = traceable_text + traceable[i] - 1;

		n += !strncmp(line, name, len) && of_module(line + len, module);
	}
	return n;
}

void kernel_traceable_drop(void)
{
	free(traceable);
	free(traceable_text);
	traceable = NULL;
	traceable_text = NULL;
	traceable_read = false;
}

void symbols_drop(void)
{
	kernel_traceable_drop();
	free(symbols);
	free(by_place);
	free(symbols_text);
	symbols = NULL;
	by_place = NULL;
	symbols_text = NULL;
	nsymbols = 0;
	symbols_read = false;
}
