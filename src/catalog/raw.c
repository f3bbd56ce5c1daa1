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

/* Bytes that follow struct btf_type, -1 for a kind that is not known. */
static int rest_of(const struct btf_type *t)
{
	/* Bytes: once, and for each of what it counts. */
	static const struct {
		bool known;
		u8 once, each;
	} kinds[32] = {
		[BTF_KIND_INT] = {true, sizeof(u32)},
		[BTF_KIND_PTR] = {true},
		[BTF_KIND_ARRAY] = {true, sizeof(struct btf_array)},
		[BTF_KIND_STRUCT] = {true, 0, sizeof(struct btf_member)},
		[BTF_KIND_UNION] = {true, 0, sizeof(struct btf_member)},
		[BTF_KIND_ENUM] = {true, 0, sizeof(struct btf_enum)},
		[BTF_KIND_FWD] = {true},
		[BTF_KIND_TYPEDEF] = {true},
		[BTF_KIND_VOLATILE] = {true},
		[BTF_KIND_CONST] = {true},
		[BTF_KIND_RESTRICT] = {true},
		[BTF_KIND_FUNC] = {true},
		[BTF_KIND_FUNC_PROTO] = {true, 0, sizeof(struct btf_param)},
		[BTF_KIND_VAR] = {true, sizeof(struct btf_var)},
		[BTF_KIND_DATASEC] = {true, 0, sizeof(struct btf_var_secinfo)},
		[BTF_KIND_FLOAT] = {true},
		[BTF_KIND_DECL_TAG] = {true, sizeof(struct btf_decl_tag)},
		[BTF_KIND_TYPE_TAG] = {true},
		[BTF_KIND_ENUM64] = {true, 0, sizeof(struct btf_enum64)},
	};
	u32 kind = BTF_INFO_KIND(t->info), n = BTF_INFO_VLEN(t->info);

	return kinds[kind].known ? (int)(kinds[kind].once + n * kinds[kind].each) : -1;
}

/* Where each type begins. */
static bool index_types(struct raw_btf *r, u32 from, u32 to)
{
	u32 room = (to - from) / sizeof(struct btf_type) + 1;

	r->at = malloc(room * sizeof(*r->at));
	while (r->at && from + sizeof(struct btf_type) <= to) {
		int rest = rest_of(r->data + from);

		if (rest < 0 || from + sizeof(struct btf_type) + rest > to)
			return false;
		r->at[r->n++ - r->first] = from;
		from += sizeof(struct btf_type) + rest;
	}
	return r->at && from == to;
}

bool raw_read(struct raw_btf *r, const void *data, size_t size, const struct raw_btf *base)
{
	const struct btf_header *h = data;

	*r = (struct raw_btf){.base = base,
			      .data = data,
			      .first = base ? base->n : 1,
			      .str_first = base ? base->str_n : 0};
	r->n = r->first;
	if (size < sizeof(*h) || h->magic != BTF_MAGIC || h->version != BTF_VERSION ||
	    (u64)h->hdr_len + h->str_off + h->str_len > size ||
	    (u64)h->hdr_len + h->type_off + h->type_len > size || !h->str_len)
		return false;
	r->strs = (const char *)data + h->hdr_len + h->str_off;
	r->str_n = r->str_first + h->str_len;
	return !r->strs[h->str_len - 1] &&
	       index_types(r, h->hdr_len + h->type_off, h->hdr_len + h->type_off + h->type_len);
}

bool raw_open(struct raw_btf *r, const char *path, const struct raw_btf *base)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *data = NULL;
	struct stat st;
	bool good;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size)
		data = load(fd, st.st_size);
	if (fd >= 0)
		close(fd);
	good = raw_read(r, data, data ? st.st_size : 0, base);
	r->mapped = data ? st.st_size : 0;
	if (!good)
		raw_close(r);
	return good;
}

void raw_close(struct raw_btf *r)
{
	if (r->mapped)
		munmap((void *)r->data, r->mapped);
	free(r->at);
	free(r->chains);
	free(r->next);
	*r = (struct raw_btf){};
}

const struct btf_type *raw_type(const struct raw_btf *r, u32 id)
{
	static const struct btf_type nothing;

	if (id < r->first && r->base)
		r = r->base;
	return id && id < r->n ? r->data + r->at[id - r->first] : &nothing;
}

const char *raw_string(const struct raw_btf *r, u32 off)
{
	if (off < r->str_first)
		r = r->base;
	return off < r->str_n ? r->strs + (off - r->str_first) : "";
}

/* By the first bytes of a name, as many as it has: to read more of each takes longer than to look
 * at those that begin alike. */
static u32 *chain_of(const struct raw_btf *r, const char *name, u32 room)
{
	u32 word = 0;

	if (room >= sizeof(word) && name[0] && name[1] && name[2])
		memcpy(&word, name, sizeof(word));
	return &r->chains[word * 0x9e3779b1 >> 21];
}

/* From the last to the first, so that chains go from the first to the last. */
static bool chain_types(struct raw_btf *r)
{
	r->chains = calloc(2048, sizeof(*r->chains));
	r->next = malloc((r->n - r->first + 1) * sizeof(*r->next));
	for (u32 id = r->n; r->chains && r->next && id-- > r->first;) {
		u32 off = ((const struct btf_type *)(r->data + r->at[id - r->first]))->name_off;
		const struct raw_btf *of = off < r->str_first ? r->base : r;
		u32 *chain;

		if (!off || off >= of->str_n)
			continue;
		chain = chain_of(r, of->strs + (off - of->str_first), of->str_n - off);
		r->next[id - r->first] = *chain;
		*chain = id;
	}
	return r->chains && r->next;
}

void raw_find(struct raw_btf *r, const struct kernel_name *names, u32 n,
	      void (*each)(void *arg, u32 i, u32 id), void *arg)
{
	if (!r->next && !chain_types(r))
		return;
	for (u32 i = 0; i < n; i++) {
		u32 id = *chain_of(r, names[i].name, strlen(names[i].name) + 1);

		for (; id; id = r->next[id - r->first]) {
			const struct btf_type *t = raw_type(r, id);

			if (BTF_INFO_KIND(t->info) == names[i].kind &&
			    !strcmp(raw_string(r, t->name_off), names[i].name))
				each(arg, i, id);
		}
	}
}

static struct raw_btf kernel;

struct raw_btf *raw_kernel(void)
{
	if (!kernel.data && !raw_open(&kernel, "/sys/kernel/btf/vmlinux", NULL))
		return NULL;
	return &kernel;
}

void raw_kernel_close(void)
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
