/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A small BTF with just the types that a BPF object's CO-RE relocations speak of. libbpf walks over
 * all types for each of them, and over those of every module for what the kernel itself has not.
 */
#include <dirent.h>
#include <elf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "buf.h"
#include "raw.h"

#define NAMES_MAX 256

struct slice {
	struct buf types, strs;
	u32 n; /* types so far */
	struct raw_btf *from;
	struct kernel_name names[NAMES_MAX];
	char texts[NAMES_MAX][64];
	u32 nnames;
};

/* .BTF.ext: its head, and where a section's relocations begin; libbpf keeps both to itself. */
struct ext_head {
	struct {
		u16 magic;
		u8 version, flags;
		u32 hdr_len, func_off, func_len, line_off, line_len, relo_off, relo_len;
	} h;
};
struct ext_section {
	u32 name_off, n;
};

static bool find_section(const void *object, size_t size, const char *name, const void **data,
			 size_t *len)
{
	const Elf64_Ehdr *e = object;
	const Elf64_Shdr *s;

	if (size < sizeof(*e) || e->e_shoff + e->e_shnum * sizeof(*s) > size)
		return false;
	s = object + e->e_shoff;
	for (u32 i = 0; i < e->e_shnum; i++)
		if (!strcmp((const char *)object + s[e->e_shstrndx].sh_offset + s[i].sh_name,
			    name)) {
			*data = object + s[i].sh_offset;
			*len = s[i].sh_size;
			return s[i].sh_offset + s[i].sh_size <= size;
		}
	return false;
}

/* "cgroup___old" is another view of struct cgroup. */
static void add_name(struct slice *s, const char *name, u32 kind)
{
	const char *flavour = strstr(name, "___");
	int len = flavour ? flavour - name : (int)strlen(name);

	if (!len || len >= (int)sizeof(s->texts[0]) || s->nnames == NAMES_MAX)
		return;
	for (u32 i = 0; i < s->nnames; i++)
		if (s->names[i].kind == kind && !strncmp(s->texts[i], name, len) &&
		    !s->texts[i][len])
			return;
	snprintf(s->texts[s->nnames], sizeof(s->texts[0]), "%.*s", len, name);
	s->names[s->nnames] = (struct kernel_name){.name = s->texts[s->nnames], .kind = kind};
	s->nnames++;
}

/* The object's own types, as far as relocations begin with them. */
static bool read_names(struct slice *s, const void *object, size_t size)
{
	const struct btf_header *h;
	const struct ext_head *ext;
	const void *btf, *exts, *p, *end;
	size_t btf_len, ext_len;
	u32 *at, n = 1;

	if (!find_section(object, size, ".BTF", &btf, &btf_len) ||
	    !find_section(object, size, ".BTF.ext", &exts, &ext_len))
		return false;
	h = btf;
	ext = exts;
	at = calloc(h->type_len / sizeof(struct btf_type) + 2, sizeof(*at));
	if (!at || ext->h.hdr_len < sizeof(*ext))
		return free(at), false;
	p = btf + h->hdr_len + h->type_off;
	for (end = p + h->type_len; p < end; p += sizeof(struct btf_type) + raw_rest(p))
		at[n++] = p - btf;
	p = exts + ext->h.hdr_len + ext->h.relo_off + sizeof(u32); /* past the record's size */
	end = exts + ext->h.hdr_len + ext->h.relo_off + ext->h.relo_len;
	while (p < end) {
		const struct ext_section *section = p;
		const struct bpf_core_relo *relo = (const void *)(section + 1);

		for (u32 i = 0; i < section->n; i++, relo++) {
			const struct btf_type *t = btf + at[relo->type_id];

			add_name(s, btf + h->hdr_len + h->str_off + t->name_off,
				 BTF_INFO_KIND(t->info));
		}
		p = relo;
	}
	free(at);
	return true;
}

static u32 add_string(struct slice *s, const struct raw_btf *r, u32 off)
{
	const char *text = raw_string(r, off);
	u32 at = buf_len(&s->strs);

	if (!*text)
		return 0;
	buf_mem(&s->strs, text, strlen(text) + 1);
	return at;
}

static struct btf_type *added(struct slice *s, u32 at)
{
	return (struct btf_type *)(s->types.base + at);
}

/*
 * The type's id in the slice, where it is put with all that lies within it. Nothing is within
 * itself but by pointers, and what those point to is left out.
 */
static u32 add_type(struct slice *s, struct raw_btf *r, u32 id)
{
	const struct btf_type *t;
	u32 at = buf_len(&s->types), *place, kind, n, new;

	if (id && id < r->first)
		return add_type(s, (struct raw_btf *)r->base, id);
	place = &r->map[id ? id - r->first : 0];
	if (!id || *place)
		return id ? *place : 0;
	t = raw_type(r, id);
	kind = BTF_INFO_KIND(t->info);
	n = BTF_INFO_VLEN(t->info);
	buf_mem(&s->types, t, sizeof(*t) + raw_rest(t));
	new = *place = ++s->n;
	added(s, at)->name_off = add_string(s, r, t->name_off);
	switch (kind) {
	case BTF_KIND_PTR: added(s, at)->type = 0; break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG: {
		u32 to = add_type(s, r, t->type);

		added(s, at)->type = to;
		break;
	}
	case BTF_KIND_ARRAY: {
		const struct btf_array *a = (const void *)(t + 1);
		u32 of = add_type(s, r, a->type), by = add_type(s, r, a->index_type);
		struct btf_array *to = (void *)(added(s, at) + 1);

		to->type = of;
		to->index_type = by;
		break;
	}
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (u32 i = 0; i < n; i++) {
			const struct btf_member *m = (const struct btf_member *)(t + 1) + i;
			u32 name = add_string(s, r, m->name_off), of = add_type(s, r, m->type);
			struct btf_member *to = (struct btf_member *)(added(s, at) + 1) + i;

			to->name_off = name;
			to->type = of;
		}
		break;
	case BTF_KIND_ENUM: /* both begin with the name */
	case BTF_KIND_ENUM64:
		for (u32 i = 0; i < n; i++) {
			u32 size = kind == BTF_KIND_ENUM ? sizeof(struct btf_enum)
							 : sizeof(struct btf_enum64);
			u32 off = *(const u32 *)((const char *)(t + 1) + i * size);

			off = add_string(s, r, off);
			*(u32 *)((char *)(added(s, at) + 1) + i * size) = off;
		}
		break;
	}
	return new;
}

static void take(void *arg, u32 i, u32 id)
{
	struct slice *s = arg;

	s->names[i].id = add_type(s, s->from, id);
}

static bool take_from(struct slice *s, struct raw_btf *r)
{
	r->map = calloc(r->n - r->first + 1, sizeof(*r->map));
	if (!r->map)
		return false;
	s->from = r;
	raw_find(r, s->names, s->nnames, take, s);
	return true;
}

/* What the kernel itself has not, in its modules: families of sockets, mostly. The first that has a
 * name is as good as the others. */
static void take_modules(struct slice *s, const struct raw_btf *kernel)
{
	DIR *dir = opendir("/sys/kernel/btf");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct raw_btf module;
		char path[300];
		u32 left = 0;

		for (u32 i = 0; i < s->nnames; i++)
			if (!s->names[i].id)
				s->names[left++] = s->names[i];
		s->nnames = left;
		if (!left)
			break;
		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", e->d_name);
		if (*e->d_name == '.' || !strcmp(e->d_name, "vmlinux") ||
		    !raw_open(&module, path, kernel))
			continue;
		take_from(s, &module);
		raw_close(&module);
	}
	if (dir)
		closedir(dir);
}

static int write_slice(struct slice *s)
{
	struct btf_header h = {.magic = BTF_MAGIC,
			       .version = BTF_VERSION,
			       .hdr_len = sizeof(h),
			       .type_len = buf_len(&s->types),
			       .str_off = buf_len(&s->types),
			       .str_len = buf_len(&s->strs)};
	int fd = memfd_create("weir-btf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, &h, sizeof(h)) == sizeof(h) &&
	    write(fd, s->types.base, h.type_len) == h.type_len &&
	    write(fd, s->strs.base, h.str_len) == h.str_len)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

int kernel_slice(const void *object, size_t size)
{
	struct raw_btf *kernel = (struct raw_btf *)raw_kernel();
	struct slice *s = kernel ? calloc(1, sizeof(*s)) : NULL;
	int fd = -1;

	if (s && read_names(s, object, size)) {
		buf_mem(&s->strs, "", 1);
		if (take_from(s, kernel)) {
			take_modules(s, kernel);
			fd = write_slice(s);
		}
		free(kernel->map);
		kernel->map = NULL;
	}
	if (s) {
		buf_free(&s->types);
		buf_free(&s->strs);
	}
	free(s);
	return fd;
}
