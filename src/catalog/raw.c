/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The kernel's BTF is 5 MB, with 130 000 types, and libbpf makes 12 MB of it and looks through all
 * of them for each name. What a run wants of it is a few dozen names.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "raw.h"

/* Since 6.16 the file can be mapped. Before, it is read in pieces of a page, however much is asked
 * for (kernfs_file_read_iter()). */
static void *load(int fd, size_t size)
{
	char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	size_t have = 0;
	ssize_t n;

	if (p != MAP_FAILED)
		return p;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	do {
		n = read(fd, p + have, size - have);
		have += n > 0 ? n : 0;
	} while (n > 0 && have < size);
	if (have == size)
		return p;
	munmap(p, size);
	return NULL;
}

int raw_rest(const struct btf_type *t)
{
	u32 n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG: return 0;
	case BTF_KIND_INT: return sizeof(u32);
	case BTF_KIND_VAR: return sizeof(struct btf_var);
	case BTF_KIND_DECL_TAG: return sizeof(struct btf_decl_tag);
	case BTF_KIND_ARRAY: return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM: return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64: return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO: return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC: return n * sizeof(struct btf_var_secinfo);
	}
	return -1;
}

/* Where each type begins. */
static bool index_types(struct raw_btf *r, u32 from, u32 to)
{
	u32 room = (to - from) / sizeof(struct btf_type) + 1;

	r->at = malloc(room * sizeof(*r->at));
	while (r->at && from + sizeof(struct btf_type) <= to) {
		int rest = raw_rest(r->data + from);

		if (rest < 0 || from + sizeof(struct btf_type) + rest > to)
			return false;
		r->at[r->n++ - r->first] = from;
		from += sizeof(struct btf_type) + rest;
	}
	return r->at && from == to;
}

bool raw_open(struct raw_btf *r, const char *path, const struct raw_btf *base)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct btf_header *h;
	struct stat st;

	*r = (struct raw_btf){
		.base = base, .first = base ? base->n : 1, .str_first = base ? base->str_n : 0};
	r->n = r->first;
	if (fd >= 0 && !fstat(fd, &st) && st.st_size > (off_t)sizeof(*h)) {
		r->size = st.st_size;
		r->data = load(fd, r->size);
	}
	if (fd >= 0)
		close(fd);
	h = r->data;
	if (!h || h->magic != BTF_MAGIC || h->version != BTF_VERSION ||
	    (u64)h->hdr_len + h->str_off + h->str_len > r->size ||
	    (u64)h->hdr_len + h->type_off + h->type_len > r->size || !h->str_len)
		return raw_close(r), false;
	r->strs = (const char *)r->data + h->hdr_len + h->str_off;
	r->str_n = r->str_first + h->str_len;
	if (r->strs[h->str_len - 1] ||
	    !index_types(r, h->hdr_len + h->type_off, h->hdr_len + h->type_off + h->type_len))
		return raw_close(r), false;
	return true;
}

void raw_close(struct raw_btf *r)
{
	if (r->data)
		munmap(r->data, r->size);
	free(r->at);
	free(r->map);
	*r = (struct raw_btf){};
}

const struct btf_type *raw_type(const struct raw_btf *r, u32 id)
{
	if (id < r->first)
		r = r->base;
	return r->data + r->at[id - r->first];
}

const char *raw_string(const struct raw_btf *r, u32 off)
{
	if (off < r->str_first)
		r = r->base;
	return off < r->str_n ? r->strs + (off - r->str_first) : "";
}

/* The first four bytes of a name: few others begin so. */
static u32 bit_of(const char *name)
{
	u32 word;

	memcpy(&word, name, sizeof(word));
	return word * 0x9e3779b1 >> 20;
}

/* Where the names' own strings are; a string is there once. */
static void find_strings(const struct raw_btf *r, struct kernel_name *names, u32 n)
{
	u64 begins[4096 / 64] = {0};
	const char *end = r->strs + (r->str_n - r->str_first), *s;

	for (u32 i = 0; i < n; i++) {
		char start[4] = "";

		memcpy(start, names[i].name, strnlen(names[i].name, 4));
		begins[bit_of(start) / 64] |= 1ull << bit_of(start) % 64;
	}
	for (s = r->strs; s + 4 <= end; s += strlen(s) + 1) {
		if (!(begins[bit_of(s) / 64] >> bit_of(s) % 64 & 1))
			continue;
		for (u32 i = 0; i < n; i++)
			if (!strcmp(names[i].name, s))
				names[i].off = r->str_first + (s - r->strs);
	}
}

void raw_find(const struct raw_btf *r, struct kernel_name *names, u32 n,
	      void (*each)(void *arg, u32 i, u32 id), void *arg)
{
	u64 *marked = calloc(r->str_n / 64 + 1, sizeof(*marked));

	find_strings(r, names, n);
	for (u32 i = 0; i < n && marked; i++)
		if (names[i].off)
			marked[names[i].off / 64] |= 1ull << names[i].off % 64;
	for (u32 id = r->first; id < r->n && marked; id++) {
		const struct btf_type *t = r->data + r->at[id - r->first];

		if (!(marked[t->name_off / 64] >> t->name_off % 64 & 1))
			continue;
		for (u32 i = 0; i < n; i++)
			if (t->name_off == names[i].off && BTF_INFO_KIND(t->info) == names[i].kind)
				each(arg, i, id);
	}
	free(marked);
}

static struct raw_btf kernel;

const struct raw_btf *raw_kernel(void)
{
	if (!kernel.data && !raw_open(&kernel, "/sys/kernel/btf/vmlinux", NULL))
		return NULL;
	return &kernel;
}

void kernel_names_drop(void)
{
	raw_close(&kernel);
}

static void found(void *arg, u32 i, u32 id)
{
	struct kernel_name *name = (struct kernel_name *)arg + i;
	const struct btf_type *t = raw_type(&kernel, id);

	if (name->id)
		return;
	name->id = id;
	name->nargs = -1;
	while ((BTF_INFO_KIND(t->info) == BTF_KIND_FUNC || BTF_INFO_KIND(t->info) == BTF_KIND_PTR ||
		BTF_INFO_KIND(t->info) == BTF_KIND_TYPEDEF) &&
	       t->type)
		t = raw_type(&kernel, t->type);
	if (BTF_INFO_KIND(t->info) == BTF_KIND_FUNC_PROTO)
		name->nargs = BTF_INFO_VLEN(t->info);
}

bool kernel_names(struct kernel_name *names, u32 n)
{
	if (!raw_kernel())
		return false;
	raw_find(&kernel, names, n, found, names);
	return true;
}
