/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Kernel functions: prototypes, and whether a program can be put there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include "inside.h"

#define WHY(f, ...) snprintf((f)->why, sizeof((f)->why), __VA_ARGS__)

/* Beyond so many arguments no fentry program is taken: MAX_BPF_FUNC_ARGS is 12 since
 * 473e3150e30a (6.6), where x86-64 passed only those in registers before. */
static u32 most_args(void)
{
	static u32 kept;
	struct utsname uts;
	unsigned major = 0, minor = 0;

	if (!kept) {
		uname(&uts);
		sscanf(uts.release, "%u.%u", &major, &minor);
		kept = major > 6 || (major == 6 && minor >= 6) ? 12 : 6;
	}
	return kept;
}

/* Registers that the arguments take; -1 for what fentry takes not at all (btf_distill_func_proto()
 * of the kernel): variable ones, structs of more than two words. */
static int args_taken(const struct kernel_func *f)
{
	const struct raw_btf *btf = f->types->btf;
	const struct btf_type *t = raw_type(btf, f->proto);
	const struct btf_param *p = btf_params(t);
	int n = 0;

	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *arg = raw_type(btf, kernel_plain(btf, p[i].type));

		if (!p[i].type || !arg)
			return -1;
		if (btf_is_composite(arg) && arg->size > 16)
			return -1;
		n += btf_is_composite(arg) && arg->size > 8 ? 2 : 1;
	}
	return n;
}

static const char *fentry_unfit(const struct kernel_func *f)
{
	int n;

	if (!f->types)
		return "the kernel's BTF does not tell its arguments";
	if (f->twins > 1)
		return "BTF has several of that name";
	n = args_taken(f);
	if (n < 0)
		return "its arguments are not of a kind that fentry takes";
	return (u32)n > most_args() ? "it has more arguments than fentry takes here" : NULL;
}

/* The first way that fits the function and that the kernel grants. */
static void choose(struct kernel_func *f)
{
	const char *unfit = fentry_unfit(f), *why = unfit ? unfit : via_refused(VIA_FENTRY);
	const char *refused = via_refused(VIA_KPROBE);

	if (!why)
		f->via = VIA_FENTRY;
	else if (f->types && !f->module && !via_refused(VIA_KPROBE_MULTI))
		f->via = VIA_KPROBE_MULTI;
	else if (f->types && !refused)
		f->via = VIA_KPROBE;
	else
		WHY(f, "%s%s%s", why, !refused ? "" : unfit ? ", and " : "; ", refused ?: "");
	if (f->via == VIA_NONE)
		f->lack = LACK_REFUSED;
}

static void twins(struct kernel_func *f, const struct kernel_symbol *s, u32 n)
{
	size_t at = WHY(f, "%u functions bear the name:", n);

	f->lack = LACK_TWINS;
	for (u32 i = 0; i < n && at < sizeof(f->why) - 40; i++)
		at += snprintf(f->why + at, sizeof(f->why) - at, "%s 0x%llx%s%s", i ? "," : "",
			       (unsigned long long)s[i].address, s[i].module ? " in " : "",
			       s[i].module ? s[i].module : "");
}

static bool thorough;

void kernel_thorough(void)
{
	thorough = true;
}

/* Counts the symbols that bear the name where the function is: in the kernel or in its module. */
void kernel_func_judge(struct kernel_func *f)
{
	int listed = kernel_traceable(f->name, f->module);
	const struct kernel_symbol *s;
	u32 all, n;

	if (!thorough && f->types && listed == 1) {
		f->symbols = 1;
		choose(f);
		return;
	}
	s = kernel_symbol(f->name, &n);
	for (u32 i = 0; i < n; i++)
		f->symbols +=
			!s[i].module ? !f->module : f->module && !strcmp(s[i].module, f->module);
	f->renamed = f->symbols ? NULL : symbol_changed(f->name);
	if (f->symbols > 1) {
		twins(f, s, n);
	} else if (f->renamed) {
		f->lack = LACK_RENAMED;
		WHY(f, "the compiler made %s of it, with other arguments", f->renamed);
	} else if (!f->symbols && kernel_symbols(&all)) {
		f->lack = f->types ? LACK_INLINE : LACK_ABSENT;
		WHY(f, "%s",
		    f->types ? "BTF lists it, but no symbol has the name: it is part of its callers"
			     : "this kernel has no function of that name, or only as part of its "
			       "callers");
	} else if (!listed) {
		f->lack = LACK_NOTRACE;
		WHY(f, "the kernel does not list it in available_filter_functions: it is inline "
		       "or notrace in the source");
	} else {
		choose(f);
	}
}

static void fill(struct kernel_func *f, const struct kernel_types *types, u32 id, u32 twins)
{
	const struct btf_type *t = raw_type(types->btf, id);

	f->name = raw_string(types->btf, t->name_off);
	f->types = types;
	f->module = types->module;
	f->btf_id = id;
	f->proto = t->type;
	f->twins = twins;
}

/* Is it in the module that the first len bytes of name call? Without any: wherever it is. */
static bool placed(const char *module, const char *name, size_t len)
{
	return !len || (module && !strncmp(module, name, len) && !module[len]);
}

/* In the kernel's types, and in those of modules only if it is not there. A module's function of
 * the same name is another one. */
static bool find_typed(struct kernel_func *f, const char *module, size_t len)
{
	const struct kernel_types *types = len ? NULL : kernel_types_own();
	u32 id = 0, n = 0, twins = types ? kernel_type(types, f->name, BTF_KIND_FUNC, &id) : 0;

	if (!twins)
		types = kernel_types(&n);
	for (u32 i = 1; i < n && !twins; i++) {
		types++;
		if (placed(types->module, module, len))
			twins = kernel_type(types, f->name, BTF_KIND_FUNC, &id);
	}
	if (twins)
		fill(f, types, id, twins);
	return twins;
}

bool kernel_func(const char *name, struct kernel_func *f)
{
	const char *colon = strchr(name, ':');
	size_t len = colon ? (size_t)(colon - name) : 0;
	const struct kernel_symbol *s;
	u32 n = 1;

	memset(f, 0, sizeof(*f));
	f->name = colon ? colon + 1 : name;
	if (!find_typed(f, name, len)) {
		s = kernel_symbol(f->name, &n);
		for (; n && !placed(s->module, name, len); n--)
			s++;
		if (n) {
			f->name = s->name;
			f->module = s->module;
		}
	}
	if (len && !n) {
		f->lack = LACK_ABSENT;
		WHY(f, "no module %.*s with such a function is loaded", (int)len, name);
		return false;
	}
	kernel_func_judge(f);
	return f->types || f->symbols || f->renamed;
}

bool func_takes_net(const struct kernel_types *types, u32 proto, u32 skip)
{
	const struct btf_type *t = raw_type(types->btf, proto);
	const struct btf_param *p = btf_params(t);

	for (u32 i = skip; i < btf_vlen(t); i++) {
		const char *name = kernel_pointee(types->btf, p[i].type);

		if (name &&
		    (!strcmp(name, "sock") || !strcmp(name, "sk_buff") || !strcmp(name, "socket")))
			return true;
	}
	return false;
}

void kernel_funcs(void (*each)(const struct kernel_func *f, void *arg), void *arg)
{
	const struct kernel_types *types;
	const struct named *all;
	u32 n, ntypes;

	types = kernel_types(&ntypes);
	all = named_funcs(&n);
	for (u32 i = 0; i < n;) {
		struct kernel_func f = {0};
		u32 end = i + 1;

		while (end < n && all[end].types == all[i].types &&
		       !strcmp(all[end].name, all[i].name))
			end++;
		for (u32 k = i; k < end; k++) {
			fill(&f, types + all[k].types, all[k].id, end - i);
			if (!func_takes_net(f.types, f.proto, 0))
				continue;
			each(&f, arg);
			break;
		}
		i = end;
	}
}
