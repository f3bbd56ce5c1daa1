/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The kernel's BTF and that of its modules, and types in C's words. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "buf.h"
#include "inside.h"

#define BTF_DIR "/sys/kernel/btf"

static struct btf *btf_kept;
static struct kernel_types *all;
static struct btf_dump **dumps; /* one of each of all, made when first needed */
static u32 nall;

/* In one read: libbpf's own way takes 1 350, a page each. */
static struct btf *read_btf(void)
{
	int fd = open(BTF_DIR "/vmlinux", O_RDONLY | O_CLOEXEC);
	struct btf *btf = NULL;
	struct stat st;
	void *data;

	if (fd < 0)
		return NULL;
	data = fstat(fd, &st) ? NULL : malloc(st.st_size);
	if (data && read(fd, data, st.st_size) == st.st_size)
		btf = btf__new(data, st.st_size);
	free(data);
	close(fd);
	return btf;
}

struct btf *kernel_btf(void)
{
	if (!btf_kept)
		btf_kept = read_btf();
	if (!btf_kept)
		btf_kept = btf__load_vmlinux_btf(); /* knows other places, and module kernels */
	return btf_kept;
}

void kernel_btf_drop(void)
{
	if (all)
		return;
	btf__free(btf_kept);
	btf_kept = NULL;
}

static void add_module(const char *module)
{
	struct kernel_types *more = realloc(all, (nall + 1) * sizeof(*all));
	char path[300];
	struct btf *btf;

	if (!more)
		return;
	all = more;
	snprintf(path, sizeof(path), BTF_DIR "/%s", module);
	btf = btf__parse_split(path, btf_kept);
	if (btf)
		all[nall++] = (struct kernel_types){strdup(module), btf, btf__type_cnt(btf_kept)};
}

static int by_module(const void *a, const void *b)
{
	return strcmp(((const struct kernel_types *)a)->module,
		      ((const struct kernel_types *)b)->module);
}

const struct kernel_types *kernel_types(u32 *n)
{
	struct dirent *e;
	DIR *dir;

	if (!all && kernel_btf() && (all = malloc(sizeof(*all)))) {
		all[nall++] = (struct kernel_types){NULL, btf_kept, 1};
		dir = opendir(BTF_DIR);
		while (dir && (e = readdir(dir)))
			if (*e->d_name != '.' && strcmp(e->d_name, "vmlinux"))
				add_module(e->d_name);
		if (dir)
			closedir(dir);
		qsort(all + 1, nall - 1, sizeof(*all), by_module);
		dumps = calloc(nall, sizeof(*dumps));
	}
	*n = nall;
	return all;
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

u32 kernel_plain(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t))) {
		id = t->type;
		t = btf__type_by_id(btf, id);
	}
	return id;
}

const char *kernel_pointee(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, kernel_plain(btf, id));

	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(btf, kernel_plain(btf, t->type));
	/* a forward declaration: of a struct that a module does not look into */
	return t && (btf_is_struct(t) || btf_is_fwd(t)) ? btf__name_by_offset(btf, t->name_off)
							: NULL;
}

static void print(void *ctx, const char *fmt, va_list args)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, args);
	buf_text(ctx, text);
}

/* libbpf writes to the context that the dump was made with: one buffer, emptied each time. */
static struct buf scratch;

static struct btf_dump *dump_of(const struct kernel_types *types)
{
	u32 i = types - all;

	if (!dumps[i])
		dumps[i] = btf_dump__new(types->btf, print, &scratch, NULL);
	return dumps[i];
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
	const struct btf_type *t = btf__type_by_id(types->btf, proto);
	const struct btf_param *p = btf_params(t);
	u32 n = btf_vlen(t);

	for (u32 i = skip; i < n; i++) {
		if (i > skip)
			buf_str(b, ", ");
		if (!p[i].type && i + 1 == n)
			buf_str(b, "...");
		else
			kernel_declare(b, types, p[i].type,
				       btf__name_by_offset(types->btf, p[i].name_off));
	}
	if (n <= skip)
		buf_str(b, "void");
}

void kernel_prototype(struct buf *b, const struct kernel_types *types, u32 proto, const char *name)
{
	kernel_declare(b, types, btf__type_by_id(types->btf, proto)->type, "");
	if (b->at[-1] != '*')
		buf_chr(b, ' ');
	buf_text(b, name);
	buf_chr(b, '(');
	kernel_arguments(b, types, proto, 0);
	buf_chr(b, ')');
}

void types_drop(void)
{
	for (u32 i = 0; i < nall; i++)
		btf_dump__free(dumps ? dumps[i] : NULL);
	for (u32 i = nall; i-- > 1;) {
		btf__free(all[i].btf);
		free((char *)all[i].module);
	}
	free(dumps);
	free(all);
	buf_free(&scratch);
	dumps = NULL;
	all = NULL;
	nall = 0;
	kernel_btf_drop();
}
