/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The kernel's symbols, and which functions it lets be traced. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "inside.h"

static struct kernel_symbol *symbols; /* by name */
static u32 nsymbols;
static char *symbols_text;

static u64 *traceable; /* what hash_text() makes of its lines, where that says; 0: free */
static u32 ntraceable, traceable_mask;
static bool symbols_read, traceable_read;

static int name_order(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->address > y->address) - (x->address < y->address);
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

/* FNV-1a of 64 bits: two of 60 000 lines are alike in one of 10 000 million kernels. */
#define HASH_OF_NOTHING 14695981039346656037u

static u64 hash_char(u64 hash, char c)
{
	return (hash ^ (u8)c) * 1099511628211u;
}

static u64 hash_text(u64 hash, const char *text)
{
	for (; *text; text++)
		hash = hash_char(hash, *text);
	return hash;
}

static void put_traceable(u64 *table, u32 mask, u64 hash)
{
	u32 i = hash & mask;

	while (table[i])
		i = (i + 1) & mask;
	table[i] = hash;
}

/* From 2^17 on: kernels have 50 000 to 80 000. */
static bool grow_traceable(void)
{
	u32 mask = traceable ? 2 * traceable_mask + 1 : (1 << 17) - 1;
	u64 *table = calloc((size_t)mask + 1, sizeof(*table));

	if (!table)
		return false;
	for (u32 i = 0; traceable && i <= traceable_mask; i++)
		if (traceable[i])
			put_traceable(table, mask, traceable[i]);
	free(traceable);
	traceable = table;
	traceable_mask = mask;
	return true;
}

static bool add_traceable(u64 hash)
{
	if (ntraceable >= traceable_mask / 4 * 3 && !grow_traceable())
		return false;
	put_traceable(traceable, traceable_mask, hash);
	ntraceable++;
	return true;
}

/* Lines "NAME" or "NAME [MODULE]": 1.3 MB, that nothing is asked of but whether a line is there. */
static bool read_traceable(int fd)
{
	u64 hash = HASH_OF_NOTHING;
	char block[4096]; /* the kernel gives no more at a time */
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		for (const char *c = block; c < block + n; c++) {
			bool ends = *c == '\n';

			if (ends && !add_traceable(hash))
				return false;
			hash = ends ? HASH_OF_NOTHING : hash_char(hash, *c);
		}
	return !n;
}

static void find_traceable(void)
{
	int fd = openat(kernel_tracefs(), "available_filter_functions", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !read_traceable(fd))
		ntraceable = 0;
	if (fd >= 0)
		close(fd);
}

int kernel_traceable(const char *name, const char *module)
{
	u64 hash = hash_text(HASH_OF_NOTHING, name);
	int n = 0;

	if (!traceable_read)
		find_traceable();
	traceable_read = true;
	if (!ntraceable)
		return -1;
	if (module) {
		hash = hash_text(hash, " [");
		hash = hash_text(hash, module);
		hash = hash_text(hash, "]");
	}
	for (u32 i = hash & traceable_mask; traceable[i]; i = (i + 1) & traceable_mask)
		n += traceable[i] == hash;
	return n;
}

void traceable_drop(void)
{
	free(traceable);
	traceable = NULL;
	ntraceable = traceable_mask = 0;
	traceable_read = false;
}

void symbols_drop(void)
{
	traceable_drop();
	free(symbols);
	free(symbols_text);
	symbols = NULL;
	symbols_text = NULL;
	nsymbols = 0;
	symbols_read = false;
}
