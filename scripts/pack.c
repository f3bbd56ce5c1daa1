/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* pack BASE OBJECT >PACKED: see include/packed.h. Without BASE there is none. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "packed.h"

#define KEY   16 /* bytes by which a place is found again; places are a multiple of 8 */
#define LEAST 32 /* bytes that are worth an op, which takes up to 7 */
#define SLOTS (1U << 20)

struct bytes {
	unsigned char *at;
	uint32_t n;
};

static struct bytes ops, plain;
static uint32_t seen[SLOTS]; /* places, 0: none */

static void die(const char *what, const char *on)
{
	fprintf(stderr, "pack: cannot %s %s\n", what, on);
	exit(1);
}

/* All of a file, at an offset into what is allocated. */
static struct bytes get(const char *path, uint32_t before)
{
	FILE *f = fopen(path, "rb");
	struct bytes b;

	if (!f || fseek(f, 0, SEEK_END))
		die("read", path);
	b.n = ftell(f);
	rewind(f);
	b.at = calloc(1, before + b.n + KEY);
	if (!b.at || fread(b.at + before, 1, b.n, f) != b.n)
		die("read", path);
	fclose(f);
	return b;
}

static uint32_t offset_of(const unsigned char *elf, const char *name)
{
	const Elf64_Ehdr *head = (const void *)elf;
	const Elf64_Shdr *s = (const void *)(elf + head->e_shoff);
	const char *names = (const char *)elf + s[head->e_shstrndx].sh_offset;

	for (uint32_t i = 0; i < head->e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, name))
			return s[i].sh_offset;
	die("find", name);
	return 0;
}

/* llvm-objcopy puts .BTF.ext, .symtab, all relocations and .strtab one behind the other. */
static void subtract(unsigned char *elf, struct packed *p)
{
	p->from = (offset_of(elf, ".BTF.ext") + 7) & ~7U;
	p->to = offset_of(elf, ".strtab") & ~7U;
	if (p->to < p->from + PACKED_RECORD)
		die("understand", "the order of sections");
	for (uint32_t at = p->to - 4; at >= p->from + PACKED_RECORD; at -= 4)
		*(uint32_t *)(elf + at) -= *(uint32_t *)(elf + at - PACKED_RECORD);
}

static void put(uint32_t n)
{
	for (; n > 127; n >>= 7)
		ops.at[ops.n++] = n | 128;
	ops.at[ops.n++] = n;
}

static uint32_t *slot(const unsigned char *all, uint32_t at)
{
	uint64_t words[2];
	uint32_t i;

	memcpy(words, all + at, KEY);
	i = (words[0] * 0x9e3779b97f4a7c15 + (words[1] ^ words[1] >> 29) * 0xbf58476d1ce4e5b9) >>
	    44;
	while (seen[i % SLOTS] && memcmp(all + seen[i % SLOTS], all + at, KEY))
		i++;
	return &seen[i % SLOTS];
}

/* How many bytes from at on stand at an earlier place, too, which they do not reach into. */
static uint32_t same(const unsigned char *all, uint32_t before, uint32_t at, uint32_t end)
{
	uint32_t n = 0;

	while (at + n < end && before + n < at && all[before + n] == all[at + n])
		n++;
	return n;
}

static void pack(const unsigned char *all, uint32_t begin, uint32_t end)
{
	uint32_t known = 8, told = begin, at = begin;

	while (at + KEY <= end) {
		uint32_t before, n, more = 0;

		for (; known + KEY <= at; known += 8)
			if (!*slot(all, known))
				*slot(all, known) = known;
		before = *slot(all, at);
		n = before ? same(all, before, at, end) : 0;
		while (more < at - told && more + 1 < before && before + n < at - more &&
		       all[at - more - 1] == all[before - more - 1])
			more++;
		if (n + more < LEAST) {
			at++;
			continue;
		}
		put(at - more - told);
		put(n + more);
		put(at - before);
		memcpy(plain.at + plain.n, all + told, at - more - told);
		plain.n += at - more - told;
		told = at += n;
	}
	memcpy(plain.at + plain.n, all + told, end - told);
	plain.n += end - told;
}

int main(int argc, char **argv)
{
	struct packed p = {0}, ignored;
	struct bytes base = {0}, object;

	if (argc != 2 && argc != 3)
		die("tell", "which files");
	if (argc == 3) {
		base = get(argv[1], 0);
		subtract(base.at, &ignored);
		p.base = (base.n + 7) & ~7U;
	}
	object = get(argv[argc - 1], p.base);
	p.size = object.n;
	subtract(object.at + p.base, &p);
	if (base.n)
		memcpy(object.at, base.at, base.n);
	ops.at = malloc(object.n);
	plain.at = malloc(object.n);
	if (!ops.at || !plain.at)
		die("find", "memory");
	pack(object.at, p.base, p.base + p.size);
	p.ops = ops.n;
	if (fwrite(&p, sizeof(p), 1, stdout) != 1 || fwrite(ops.at, 1, ops.n, stdout) != ops.n ||
	    fwrite(plain.at, 1, plain.n, stdout) != plain.n || fclose(stdout))
		die("write", "what is packed");
	return 0;
}
