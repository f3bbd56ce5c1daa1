/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * CO-RE: puts the running kernel's offsets and sizes into a BPF object's instructions, as libbpf
 * does (its relo_core.c), which asks anew for each of an object's thousands of places what is asked
 * of a hundred members, and writes each down in a line for a log that nobody reads.
 */
#include <dirent.h>
#include <elf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "path.h"

#define NAMES_MAX     128
#define QUESTIONS_MAX 512
#define SLOTS         1024      /* twice that */
#define POISON        0xbad2310 /* a call that no kernel has; as libbpf's, whom verifier logs quote */

/* What many places ask: the record's type, string and kind. */
struct question {
	const struct bpf_core_relo *relo;
	u32 name; /* of the type, in names */
	struct path path;
	struct answer was, is;
	bool found, poison, fixed; /* fixed: not to be loaded as the compiler meant to */
};

struct work {
	struct raw_btf own;
	const struct raw_btf *from; /* that names are looked up in */
	struct kernel_name names[NAMES_MAX];
	char texts[NAMES_MAX][64];
	u32 nnames, nquestions;
	u16 slots[SLOTS]; /* of questions, 0: free */
	struct question questions[QUESTIONS_MAX];
};

/* .BTF.ext: its head, and where a section's relocations begin; libbpf keeps both to itself. */
struct ext_head {
	u16 magic;
	u8 version, flags;
	u32 hdr_len, func_off, func_len, line_off, line_len, relo_off, relo_len;
};
struct ext_section {
	u32 name_off, n;
};

static void *find_section(void *object, size_t size, const char *name, size_t *len)
{
	const Elf64_Ehdr *e = object;
	const Elf64_Shdr *s = object + (size < sizeof(*e) ? 0 : e->e_shoff);

	if (size < sizeof(*e) || e->e_shoff + e->e_shnum * sizeof(*s) > size)
		return NULL;
	for (u32 i = 0; i < e->e_shnum; i++)
		if (!strcmp((char *)object + s[e->e_shstrndx].sh_offset + s[i].sh_name, name)) {
			*len = s[i].sh_size;
			return s[i].sh_offset + s[i].sh_size <= size ? object + s[i].sh_offset
								     : NULL;
		}
	return NULL;
}

/* A type of a question's name: all of them must say the same. */
static void consider(void *arg, u32 i, u32 id)
{
	struct work *w = arg;

	w->names[i].id = id;
	for (struct question *q = w->questions; q < w->questions + w->nquestions; q++) {
		struct answer is;
		struct path p;

		if (q->name != i || !path_follow(&p, &q->path, w->from, id))
			continue;
		if (!path_answer(&is, q->relo->kind, &p) || (q->found && is.value != q->is.value)) {
			q->poison = true;
			continue;
		}
		q->is = is;
		q->found = true;
		q->fixed = !path_same_load(&w->own, &q->was, w->from, &is);
	}
}

/* What the kernel itself has not, in its modules: families of sockets, mostly. The first that has a
 * name is as good as the others. */
static void consider_modules(struct work *w, const struct raw_btf *kernel)
{
	DIR *dir = opendir("/sys/kernel/btf");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct raw_btf module;
		char path[300];
		bool left = false;

		for (u32 i = 0; i < w->nnames; i++) {
			if (w->names[i].id)
				w->names[i].kind = BTF_KIND_UNKN;
			else
				left = true;
		}
		if (!left)
			break;
		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", e->d_name);
		if (*e->d_name == '.' || !strcmp(e->d_name, "vmlinux") ||
		    !raw_open(&module, path, kernel))
			continue;
		w->from = &module;
		raw_find(&module, w->names, w->nnames, consider, w);
		raw_close(&module);
	}
	if (dir)
		closedir(dir);
}

static u32 add_name(struct work *w, const char *name, u32 kind)
{
	u32 len = path_essential(name), i = 0;

	for (; i < w->nnames; i++)
		if (w->names[i].kind == kind && !strncmp(w->texts[i], name, len) &&
		    !w->texts[i][len])
			return i;
	if (!len || len >= sizeof(w->texts[0]) || i == NAMES_MAX)
		return NAMES_MAX;
	memcpy(w->texts[i], name, len);
	w->names[i] = (struct kernel_name){.name = w->texts[i], .kind = kind};
	return w->nnames++;
}

static bool known(u32 kind)
{
	return kind <= BPF_CORE_FIELD_RSHIFT_U64 || kind == BPF_CORE_TYPE_EXISTS ||
	       kind == BPF_CORE_TYPE_SIZE;
}

/* The question of a record, a new one if nobody asked it yet; NULL when it is none of ours. */
static struct question *question(struct work *w, const struct bpf_core_relo *relo)
{
	u32 i = (relo->type_id * 31 + relo->access_str_off * 7 + relo->kind) % SLOTS;
	const struct btf_type *t;
	struct question *q;

	for (; w->slots[i]; i = (i + 1) % SLOTS) {
		q = &w->questions[w->slots[i] - 1];
		if (q->relo->type_id == relo->type_id && q->relo->kind == relo->kind &&
		    q->relo->access_str_off == relo->access_str_off)
			return q;
	}
	if (w->nquestions == QUESTIONS_MAX || !known(relo->kind))
		return NULL;
	q = &w->questions[w->nquestions];
	q->relo = relo;
	t = raw_type(&w->own, relo->type_id);
	q->name = add_name(w, raw_string(&w->own, t->name_off), btf_kind(t));
	if (q->name == NAMES_MAX ||
	    !path_read(&q->path, &w->own, relo->type_id,
		       raw_string(&w->own, relo->access_str_off)) ||
	    !path_answer(&q->was, relo->kind, &q->path))
		return NULL;
	w->slots[i] = ++w->nquestions;
	return q;
}

static void poison(struct bpf_insn *insn)
{
	if (insn->code == (BPF_LD | BPF_IMM | BPF_DW))
		insn[1] = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = POISON};
	*insn = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = POISON};
}

static int load_size(u32 bytes)
{
	return bytes == 1   ? BPF_B
	       : bytes == 2 ? BPF_H
	       : bytes == 4 ? BPF_W
	       : bytes == 8 ? BPF_DW
			    : -1;
}

static bool resize(struct bpf_insn *insn, u32 was, u32 is)
{
	if (was == is)
		return true;
	if (BPF_SIZE(insn->code) != load_size(was) || load_size(is) < 0)
		return false;
	insn->code += load_size(is) - load_size(was);
	return true;
}

/* False when the instruction is not what the compiler makes of such a question. */
static bool put(struct bpf_insn *insn, const struct question *q)
{
	u32 was = q->was.value, is = q->found ? q->is.value : 0;
	bool sure = q->was.sure;

	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		if (BPF_SRC(insn->code) != BPF_K || (sure && (u32)insn->imm != was))
			return false;
		insn->imm = is;
		return true;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		if (q->fixed || (sure && insn->off != (s32)was) || is > INT16_MAX)
			return false;
		insn->off = is;
		return resize(insn, q->was.size, q->is.size);
	case BPF_LD:
		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || (sure && (u32)insn->imm != was))
			return false;
		insn->imm = is;
		return true;
	}
	return false;
}

static void fill(struct work *w, struct bpf_insn *insn, const struct bpf_core_relo *relo)
{
	const struct question *q = question(w, relo);
	bool maybe = relo->kind == BPF_CORE_FIELD_EXISTS || relo->kind >= BPF_CORE_TYPE_EXISTS;

	if (q->poison || !(q->found || maybe) || !put(insn, q))
		poison(insn);
}

/* Goes through all records: asks what each wants to know, or fills in what was answered. */
static bool each_record(struct work *w, void *object, size_t size, struct ext_head *ext,
			bool answered)
{
	const void *p = (void *)ext + ext->hdr_len + ext->relo_off;
	const void *end = p + ext->relo_len;

	for (p += sizeof(u32); p < end;) { /* past the record's size */
		const struct ext_section *section = p;
		const struct bpf_core_relo *relo = (const void *)(section + 1);
		size_t len = 0;
		void *code =
			find_section(object, size, raw_string(&w->own, section->name_off), &len);

		for (u32 i = 0; i < section->n; i++, relo++) {
			if (relo->insn_off + sizeof(struct bpf_insn) > len || !question(w, relo))
				return false;
			if (answered)
				fill(w, code + relo->insn_off, relo);
		}
		p = relo;
	}
	return true;
}

bool kernel_relocate(void *object, size_t size)
{
	struct raw_btf *kernel = raw_kernel();
	size_t btf_len = 0, ext_len = 0;
	void *btf = find_section(object, size, ".BTF", &btf_len);
	struct ext_head *ext = find_section(object, size, ".BTF.ext", &ext_len);
	struct work *w = kernel && btf && ext_len >= sizeof(*ext) ? calloc(1, sizeof(*w)) : NULL;
	bool good = w && raw_read(&w->own, btf, btf_len, NULL) &&
		    each_record(w, object, size, ext, false);

	if (good) {
		w->from = kernel;
		raw_find(kernel, w->names, w->nnames, consider, w);
		consider_modules(w, kernel);
		each_record(w, object, size, ext, true);
		ext->relo_len = 0;
	}
	if (w)
		raw_close(&w->own);
	free(w);
	return good;
}
