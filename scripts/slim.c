/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * slim BTF EXT: takes the lines of the source out of an object's sections .BTF and .BTF.ext, which
 * are files here. Only the verifier's log would quote them; they are half of an object, and each
 * load hands them to the kernel. Format: Documentation/bpf/btf.rst; include/uapi/linux/btf.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/btf.h>

/* struct btf_ext_header, and what its three parts begin with: bytes of one of their records. */
struct part {
	uint32_t off, len;
};
struct ext {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len;
	struct part funcs, lines, relocations;
};
/* Of one section's functions or relocations: a string, and how many records follow. */
struct group {
	uint32_t section, n;
};
#define ACCESS_OFF 8 /* in a relocation: a string that says which member */

static struct btf *old, *new;

static void die(const char *what, const char *on)
{
	fprintf(stderr, "slim: cannot %s %s\n", what, on);
	exit(1);
}

static void *get(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	void *bytes;

	if (!f || fseek(f, 0, SEEK_END))
		die("read", path);
	*size = ftell(f);
	rewind(f);
	bytes = malloc(*size + 1);
	if (!bytes || fread(bytes, 1, *size, f) != *size)
		die("read", path);
	fclose(f);
	return bytes;
}

/* The same string in the new section. */
static uint32_t moved(uint32_t string)
{
	int at = btf__add_str(new, btf__str_by_offset(old, string));

	if (at < 0)
		die("keep", "a string");
	return at;
}

/* Writes a part behind the others, its strings moved; access: its records hold one, too. */
static struct part keep(FILE *to, uint8_t *from, struct part at, uint32_t *done, uint32_t access)
{
	uint8_t *p = from + at.off, *end = p + at.len;
	uint32_t record = 0;

	if (at.len)
		memcpy(&record, p, sizeof(record));
	for (p += sizeof(record); p < end;) {
		struct group *g = (struct group *)p;

		g->section = moved(g->section);
		p += sizeof(*g);
		for (uint32_t i = 0; i < g->n; i++, p += record)
			if (access)
				*(uint32_t *)(p + access) = moved(*(uint32_t *)(p + access));
	}
	fwrite(from + at.off, 1, at.len, to);
	at.off = *done;
	*done += at.len;
	return at;
}

int main(int argc, char **argv)
{
	uint32_t done = 0, size;
	size_t btf_size, ext_size;
	struct ext *ext, head;
	void *bytes;
	FILE *f;

	if (argc != 3)
		die("do without", "two files: .BTF and .BTF.ext");
	bytes = get(argv[1], &btf_size);
	ext = get(argv[2], &ext_size);
	old = btf__new(bytes, btf_size);
	new = btf__new_empty();
	if (!old || !new || ext_size < sizeof(*ext) || ext->magic != BTF_MAGIC)
		die("understand", argv[1]);
	for (uint32_t id = 1; id < btf__type_cnt(old); id++)
		if (btf__add_type(new, old, btf__type_by_id(old, id)) != (int)id)
			die("keep a type of", argv[1]);
	f = fopen(argv[2], "wb");
	if (!f)
		die("write", argv[2]);
	head = *ext;
	head.hdr_len = sizeof(head);
	fwrite(&head, sizeof(head), 1, f);
	bytes = (uint8_t *)ext + ext->hdr_len;
	head.funcs = keep(f, bytes, ext->funcs, &done, 0);
	head.lines = (struct part){.off = done};
	head.relocations = keep(f, bytes, ext->relocations, &done, ACCESS_OFF);
	rewind(f);
	fwrite(&head, sizeof(head), 1, f);
	if (fclose(f))
		die("write", argv[2]);
	bytes = (void *)btf__raw_data(new, &size);
	f = fopen(argv[1], "wb");
	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
		die("write", argv[1]);
	return 0;
}
