/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Values of the running kernel's enums. */
#include <stdio.h>
#include "raw.h"

struct found {
	u32 id;
};

static void found(void *arg, u32 i, u32 id)
{
	(void)i;
	if (!((struct found *)arg)->id)
		((struct found *)arg)->id = id;
}

bool kernel_enum(const char *module, const char *name,
		 void (*each)(void *arg, const char *name, u32 value), void *arg)
{
	struct raw_btf *base = raw_kernel(), *r = base;
	struct kernel_name want = {.name = name, .kind = BTF_KIND_ENUM};
	struct raw_btf own = {};
	struct found f = {};
	char path[80];

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module ? module : "");
	if (base && module)
		r = raw_open(&own, path, base) ? &own : NULL;
	if (!base || !r)
		return false;
	raw_find(r, &want, 1, found, &f);
	if (f.id) {
		const struct btf_type *t = raw_type(r, f.id);
		const struct btf_enum *e = (const struct btf_enum *)(t + 1);

		for (u32 i = 0; i < BTF_INFO_VLEN(t->info); i++)
			each(arg, raw_string(r, e[i].name_off), e[i].val);
	}
	if (module)
		raw_close(&own);
	return f.id != 0;
}
