/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What the kernel says of a probe (tracefs, BTF) becomes what the kernel half is to copy and look
 * at, and the text that tells it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/ptrace.h>
#include "error.h"
#include "hits.h"

#define WHY(h, ...) (snprintf((h)->why, sizeof((h)->why), __VA_ARGS__), FAIL)

/* Where a kprobe's registers are: in struct pt_regs of the kernel, whose layout is that of user
 * space. Arguments beyond these are on the stack. */
#if defined(__x86_64__)
static const u16 arg_regs[] = {offsetof(struct pt_regs, rdi), offsetof(struct pt_regs, rsi),
			       offsetof(struct pt_regs, rdx), offsetof(struct pt_regs, rcx),
			       offsetof(struct pt_regs, r8),  offsetof(struct pt_regs, r9)};
#define REGS_FROM offsetof(struct pt_regs, r9)
#define REGS_SIZE (offsetof(struct pt_regs, rdi) + 8 - REGS_FROM)
#define REG_RET   offsetof(struct pt_regs, rax)
#elif defined(__aarch64__)
static const u16 arg_regs[] = {0, 8, 16, 24, 32, 40, 48, 56};
#define REGS_FROM 0
#define REGS_SIZE 64
#define REG_RET   0
#endif
#define NREGS (sizeof(arg_regs) / sizeof(*arg_regs))

static bool look_at(struct hit_conf *c, enum hit_what what, u32 arg, u32 at)
{
	for (u32 i = 0; i < HIT_LOOKS; i++)
		if (c->looks[i].what == LOOK_NONE) {
			c->looks[i] = (struct hit_look){what, arg, at};
			return true;
		}
	return false;
}

/* Pointers to these begin with, or are, what the kernel half can look at. */
static const struct {
	const char *type, *kind;
	u8 what;
} pointees[] = {
	{"sock", "sock", LOOK_SOCK},
	{"inet_sock", "sock", LOOK_SOCK},
	{"inet_connection_sock", "sock", LOOK_SOCK},
	{"tcp_sock", "sock", LOOK_SOCK},
	{"udp_sock", "sock", LOOK_SOCK},
	{"unix_sock", "sock", LOOK_SOCK},
	{"raw_sock", "sock", LOOK_SOCK},
	{"socket", "socket", LOOK_SOCKET},
	{"sk_buff", "packet", LOOK_PACKET},
	{"msghdr", "msghdr", LOOK_MSGHDR},
	{"sockaddr", "sockaddr", LOOK_SOCKADDR},
	{"sockaddr_unsized", "sockaddr", LOOK_SOCKADDR}, /* 6.19 */
	{"sockaddr_in", "sockaddr", LOOK_SOCKADDR},
	{"sockaddr_in6", "sockaddr", LOOK_SOCKADDR},
	{"sockaddr_storage", "sockaddr", LOOK_SOCKADDR},
	{"net_device", "device", LOOK_DEVICE},
};

static void put(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct buf *b, const char *fmt, ...)
{
	char line[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	buf_text(b, line);
}

/* The names of an enum, behind the line of what has it. */
static void put_enum(struct buf *b, const struct raw_btf *btf, const struct btf_type *t)
{
	bool wide = btf_kind(t) == BTF_KIND_ENUM64;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		const struct btf_enum64 *w = &btf_enum64(t)[i];

		put(b, "value %lld %s\n", wide ? (long long)btf_enum64_value(w) : (long long)e->val,
		    raw_string(btf, wide ? w->name_off : e->name_off));
	}
}

const char *hit_kind(const struct raw_btf *btf, u32 id, u32 *size, u8 *what)
{
	const struct btf_type *t = raw_type(btf, kernel_plain(btf, id));
	const char *name;

	*what = LOOK_NONE;
	if (!t || !kernel_plain(btf, id))
		return NULL;
	*size = t->size;
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		if (btf_int_encoding(t) & BTF_INT_BOOL)
			return "bool";
		return btf_int_encoding(t) & BTF_INT_SIGNED ? "int" : "uint";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64: return "enum";
	case BTF_KIND_PTR:
		*size = 8;
		name = kernel_pointee(btf, id);
		for (u32 i = 0; name && i < sizeof(pointees) / sizeof(*pointees); i++)
			if (!strcmp(pointees[i].type, name)) {
				*what = pointees[i].what;
				return pointees[i].kind;
			}
		return "ptr";
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION: return t->size <= 8 ? "hex" : NULL;
	default: return NULL;
	}
}

void hit_put_names(struct buf *b, const struct raw_btf *btf, u32 id)
{
	const struct btf_type *t = raw_type(btf, kernel_plain(btf, id));

	if (t && (btf_kind(t) == BTF_KIND_ENUM || btf_kind(t) == BTF_KIND_ENUM64))
		put_enum(b, btf, t);
}

u32 hit_paths_used;
char *hit_paths_wrong[PATHS_MOST];

/* The --arg paths that begin with this argument's name. */
static void take_paths(struct hit *h, const struct raw_btf *btf, u32 type, const char *name, u32 at)
{
	char *all = hit_options.fields ? strdup(hit_options.fields) : NULL, *rest = all, *path;
	size_t n = strlen(name);

	for (u32 i = 0; i < PATHS_MOST && n && (path = strsep(&rest, ",")); i++) {
		if (strncmp(path, name, n) || (path[n] && path[n] != '.'))
			continue;
		if (!hit_path(h, btf, type, at, path, i))
			hit_paths_used |= 1u << i;
		else if (!hit_paths_wrong[i])
			hit_paths_wrong[i] = strdup(error_text());
	}
	free(all);
}

/* The first argument of that kind. */
static u16 place_of(const struct hit_conf *c, u8 what)
{
	for (u32 i = 0; i < HIT_LOOKS; i++)
		if (c->looks[i].what == what)
			return c->looks[i].at;
	return NOWHERE;
}

/* What is it about that programs of that way can read by its type? */
static void find_known(struct hit *h, u32 words)
{
	if ((h->via != VIA_FENTRY && h->via != VIA_TP_BTF) || words > KNOWN_WORDS ||
	    place_of(&h->conf, LOOK_SOCKET) != NOWHERE)
		return;
	h->sock = place_of(&h->conf, LOOK_SOCK);
	h->packet = place_of(&h->conf, LOOK_PACKET);
}

/*
 * Arguments by BTF: an array of words (fentry, tp_btf, raw_tp), or registers (kprobes). Structs by
 * value take as many words as they are long.
 */
static void describe_args(struct hit *h, const struct raw_btf *btf, u32 proto, u32 skip)
{
	const struct btf_type *t = raw_type(btf, proto);
	const struct btf_param *p = btf_params(t);
	bool regs = h->via == VIA_KPROBE || h->via == VIA_KPROBE_MULTI;
	u32 word = 0, number = 0;

	h->conf.from = regs ? REGS_FROM : 0;
	for (u32 i = skip; i < btf_vlen(t); i++) {
		const char *name = raw_string(btf, p[i].name_off), *kind;
		u32 size = 8, at;
		u8 what;

		kind = hit_kind(btf, p[i].type, &size, &what);
		at = !regs ? 8 * word : word < NREGS ? arg_regs[word] : NOWHERE;
		word += size > 8 ? (size + 7) / 8 : 1;
		if (at == NOWHERE || (at + size > HIT_RAW_MAX && !regs))
			continue;
		take_paths(h, btf, p[i].type, name, at);
		if (!kind)
			continue;
		put(&h->text, "arg %u %u %s %s\n", at, size, kind, *name ? name : "_");
		hit_put_names(&h->text, btf, p[i].type);
		if (what)
			look_at(&h->conf, what, number, at);
		number++;
	}
	find_known(h, word);
	h->conf.size = regs ? REGS_SIZE : 8 * word;
	h->conf.ret = regs ? REG_RET : 8 * word;
}

static void describe_ret(struct hit *h, const struct raw_btf *btf, u32 proto)
{
	const struct btf_type *t = raw_type(btf, proto);
	u32 size = 0;
	u8 what;
	const char *kind = hit_kind(btf, t->type, &size, &what);

	if (!kind || size > 8)
		return;
	/* what a returned pointer points to is not looked at */
	put(&h->text, "ret %u %s\n", size, what ? "ptr" : kind);
	hit_put_names(&h->text, btf, t->type);
	if (size <= 4)
		h->conf.flags |= HIT_RET_INT;
}

/* The names that tracepoints give to pointers that are worth looking at. */
static u8 what_field(const struct kernel_field *f)
{
	static const char *const socks[] = {"skaddr", "sk", "sk_addr", "rx_sk"};
	static const char *const packets[] = {"skbaddr", "skb", "skb_addr"};

	if (f->size != 8 || !strchr(f->type, '*'))
		return LOOK_NONE;
	for (u32 i = 0; i < sizeof(socks) / sizeof(*socks); i++)
		if (!strcmp(f->name, socks[i]))
			return LOOK_SOCK;
	for (u32 i = 0; i < sizeof(packets) / sizeof(*packets); i++)
		if (!strcmp(f->name, packets[i]))
			return LOOK_PACKET;
	return LOOK_NONE;
}

/* A record's pointers have no types, but these have by their names. */
static void record_paths(struct hit *h, const struct kernel_field *f, u8 what)
{
	const struct kernel_types *own = hit_options.fields ? kernel_types_own() : NULL;
	u32 id;

	if (own && kernel_type(own, what == LOOK_SOCK ? "sock" : "sk_buff", BTF_KIND_STRUCT, &id))
		take_paths(h, own->btf, id, f->name, f->offset);
}

/* A tracepoint's record as tracefs tells it. */
static int describe_record(struct hit *h)
{
	const struct kernel_field *f;
	char *format = kernel_tp_format(&h->tp);
	u32 n;

	f = kernel_tp_fields(&h->tp, &n);
	if (!format || (!n && !f)) {
		free(format);
		return WHY(h, "its format in tracefs cannot be read");
	}
	h->conf.dynamic = NOWHERE;
	h->conf.size = 8;
	for (u32 i = 0; i < n; i++) {
		u8 what = what_field(&f[i]);

		if (f[i].offset + f[i].size > h->conf.size)
			h->conf.size = f[i].offset + f[i].size;
		if (!strncmp(f[i].type, "__data_loc", 10))
			h->conf.dynamic = f[i].offset;
		if (!strncmp(f[i].type, "__rel_loc", 9)) {
			h->conf.dynamic = f[i].offset;
			h->conf.relative = f[i].offset + f[i].size;
		}
		if (!what)
			continue;
		look_at(&h->conf, what, i, f[i].offset);
		record_paths(h, &f[i], what);
	}
	buf_str(&h->text, "format\n");
	buf_text(&h->text, format);
	free(format);
	return 0;
}

int hit_describe(struct hit *h)
{
	const struct kernel_types *types;
	u32 proto, n;

	memset(&h->conf, 0, sizeof(h->conf));
	h->sock = h->packet = NOWHERE;
	buf_clear(&h->text);
	h->conf.dynamic = NOWHERE;
	h->conf.flags |= hit_options.stack ? HIT_STACKS : 0;
	if (h->sort == SORT_TRACEPOINT) {
		put(&h->text, "tracepoint %s\n", h->name);
		types = h->tp.types;
		proto = h->tp.proto;
		if (h->via == VIA_TP)
			return describe_record(h);
	} else {
		put(&h->text, "function %s\n", h->name);
		types = h->func.types;
		proto = h->func.proto;
	}
	if (!types || !proto)
		return WHY(h, "the kernel's BTF does not tell its arguments");
	if (types->module) /* it may have been given back since */
		kernel_types(&n);
	else
		kernel_types_own();
	if (h->sort == SORT_TRACEPOINT)
		proto = kernel_tp_named(&h->tp);
	describe_args(h, types->btf, proto, h->sort == SORT_TRACEPOINT);
	if (h->sort == SORT_FUNCTION && hit_options.ret) {
		describe_ret(h, types->btf, proto);
		h->conf.flags |= HIT_RETURNS;
	}
	return 0;
}
