/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The kernel's BTF and that of its modules, and types in C's words. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "buf.h"
#include "inside.h"

#define BTF_DIR   "/sys/kernel/btf"
#define TYPES_MAX 1024

static struct kernel_types all[TYPES_MAX]; /* the kernel's own first; pointers to them stay */
static u32 nall;
static bool with_modules;

/* What libbpf makes of them, to tell types in C's words: all of it in memory once more. */
static struct words {
	struct btf *btf;
	struct btf_dump *dump;
} words[TYPES_MAX];

const struct kernel_types *kernel_types_own(void)
{
	all->btf = raw_kernel();
	nall += !nall;
	return all->btf ? all : NULL;
}

static bool open_module(struct kernel_types *t)
{
	char path[300];

	snprintf(path, sizeof(path), BTF_DIR "/%s", t->module);
	return raw_open(t->btf, path, all->btf);
}

static void add_module(const char *module)
{
	struct kernel_types t = {strdup(module), calloc(1, sizeof(*t.btf))};

	if (nall < TYPES_MAX && t.module && t.btf && open_module(&t)) {
		all[nall++] = t;
		return;
	}
	free((char *)t.module);
	free(t.btf);
}

static int by_module(const void *a, const void *b)
{
	return strcmp(((const struct kernel_types *)a)->module,
		      ((const struct kernel_types *)b)->module);
}

static void add_modules(void)
{
	DIR *dir = opendir(BTF_DIR);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.' && strcmp(e->d_name, "vmlinux"))
			add_module(e->d_name);
	if (dir)
		closedir(dir);
	qsort(all + 1, nall - 1, sizeof(*all), by_module);
	with_modules = true;
}

const struct kernel_types *kernel_types(u32 *n)
{
	*n = 0;
	if (!kernel_types_own())
		return NULL;
	if (!with_modules)
		add_modules();
	for (u32 i = 1; i < nall; i++)
		if (!all[i].btf->data)
			open_module(&all[i]);
	*n = nall;
	return all;
}

void kernel_names_drop(void)
{
	named_drop();
	raw_kernel_close();
	for (u32 i = 1; i < nall; i++)
		raw_close(all[i].btf);
}

struct first {
	u32 id, n;
};

static void count(void *arg, u32 i, u32 id)
{
	struct first *f = arg;

	(void)i;
	if (!f->n++)
		f->id = id;
}

u32 kernel_type(const struct kernel_types *types, const char *name, u32 kind, u32 *id)
{
	struct kernel_name want = {.name = name, .kind = kind};
	struct first f = {0};

	raw_find(types->btf, &want, 1, count, &f);
	*id = f.id;
	return f.n;
}

int kernel_types_fd(const struct kernel_types *types)
{
	u32 id = 0;

	if (!types->module)
		return 0;
	while (!bpf_btf_get_next_id(id, &id)) {
		char name[64] = "";
		struct bpf_btf_info info = {.name = (unsigned long)name, .name_len = sizeof(name)};
		u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0 && errno != ENOENT)
			return -errno;
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf &&
		    !strcmp(name, types->module))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

u32 kernel_plain(const struct raw_btf *btf, u32 id)
{
	const struct btf_type *t = raw_type(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t))) {
		id = t->type;
		t = raw_type(btf, id);
	}
	return id;
}

const char *kernel_pointee(const struct raw_btf *btf, u32 id)
{
	const struct btf_type *t = raw_type(btf, kernel_plain(btf, id));

	if (!t || !btf_is_ptr(t))
		return NULL;
	t = raw_type(btf, kernel_plain(btf, t->type));
	/* a forward declaration: of a struct that a module does not look into */
	return t && (btf_is_struct(t) || btf_is_fwd(t)) ? raw_string(btf, t->name_off) : NULL;
}

static void print(void *ctx, const char *fmt, va_list args)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, args);
	buf_text(ctx, text);
}

/* libbpf writes to the context that the dump was made with: one buffer, emptied each time. */
static struct buf scratch;

static struct btf *libbpf_of(const struct kernel_types *types)
{
	struct words *w = &words[types - all];
	char path[300];

	snprintf(path, sizeof(path), BTF_DIR "/%s", types->module ?: "");
	if (!w->btf)
		w->btf = types->module ? btf__parse_split(path, libbpf_of(all))
				       : btf__new(types->btf->data, types->btf->mapped);
	return w->btf;
}

static struct btf_dump *dump_of(const struct kernel_types *types)
{
	struct words *w = &words[types - all];

	if (!w->dump)
		w->dump = btf_dump__new(libbpf_of(types), print, &scratch, NULL);
	return w->dump;
}

void kernel_declare(struct buf *b, const struct kernel_types *types, u32 id, const char *name)
{
	LIBBPF_OPTS(btf_dump_emit_type_decl_opts, opts, .field_name = name);
	struct btf_dump *dump = dump_of(types);

	buf_clear(&scratch);
	if (!id)
		buf_str(&scratch, "void");
	else if (!dump || btf_dump__emit_type_decl(dump, id, &opts))
		buf_str(&scratch, "?");
	buf_mem(b, scratch.base, buf_len(&scratch));
}

void kernel_arguments(struct buf *b, const struct kernel_types *types, u32 proto, u32 skip)
{
	const struct btf_type *t = raw_type(types->btf, proto);
	const struct btf_param *p = btf_params(t);
	u32 n = btf_vlen(t);

	for (u32 i = skip; i < n; i++) {
		if (i > skip)
			buf_str(b, ", ");
		if (!p[i].type && i + 1 == n)
			buf_str(b, "...");
		else
			kernel_declare(b, types, p[i].type, raw_string(types->btf, p[i].name_off));
	}
	if (n <= skip)
		buf_str(b, "void");
}

void kernel_prototype(struct buf *b, const struct kernel_types *types, u32 proto, const char *name)
{
	kernel_declare(b, types, raw_type(types->btf, proto)->type, "");
	if (b->at[-1] != '*')
		buf_chr(b, ' ');
	buf_text(b, name);
	buf_chr(b, '(');
	kernel_arguments(b, types, proto, 0);
	buf_chr(b, ')');
}

void types_drop(void)
{
	kernel_names_drop();
	for (u32 i = nall; i--;) {
		btf_dump__free(words[i].dump);
		btf__free(words[i].btf);
		words[i] = (struct words){0};
		if (!i)
			break;
		free((char *)all[i].module);
		free(all[i].btf);
	}
	buf_free(&scratch);
	nall = 0;
	with_modules = false;
}
