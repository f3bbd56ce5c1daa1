/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "error.h"
#include "kernel.h"
#include "probes.h"
#include "reason.h"
#include "reasons.h"

/* Where the numbers are: the core's, and those of subsystems, which are modules. */
static const struct {
	const char *module, *name;
} enums[] = {
	{NULL, "skb_drop_reason"},
	{"mac80211", "mac80211_drop_reason"},
	{"openvswitch", "ovs_drop_reason"},
};

/* "SKB_DROP_REASON_NO_SOCKET": what the kernel prints has no prefix. NULL: it is no reason. */
static const char *plain(const char *name)
{
	static const char *const no[] = {"SKB_NOT_DROPPED_YET", "SKB_DROP_REASON_MAX",
					 "SKB_DROP_REASON_SUBSYS_MASK"};

	for (u32 i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (!strcmp(name, no[i]))
			return NULL;
	if (!strncmp(name, "SKB_DROP_REASON_", 16))
		return name + 16;
	if (!strncmp(name, "SKB_", 4))
		return name + 4;
	return strncmp(name, "__", 2) ? name : NULL;
}

static void learn(void *run, const char *name, u32 value)
{
	name = plain(name);
	if (!name || !value || reason_name(value))
		return;
	reason_learn(value, name, strlen(name));
	run_record_name(run, NAME_REASON, value, name, strlen(name));
}

int reasons_ask(struct run *run)
{
	for (u32 i = 0; i < sizeof(enums) / sizeof(*enums); i++)
		kernel_enum(enums[i].module, enums[i].name, learn, run);
	if (reason_number("NO_SOCKET"))
		return 0;
	return fail("this kernel has no drop reasons (they came with Linux 5.17), or no BTF that "
		    "names them; weir trace skb:kfree_skb shows what it drops");
}

static bool fits(const char *name, const char *word, size_t n)
{
	bool all = n && word[n - 1] == '*';

	return !strncasecmp(name, word, n - all) && (all || strlen(name) == n);
}

static void mark(u64 *bits, const char *name)
{
	u32 at = REASON_WHAT(reason_number(name)) - 1;

	bits[at / 64] |= 1ull << at % 64;
}

static int choose(const char *word, const char **names, u64 *bits)
{
	const char *near;
	char upper[64];
	size_t n;
	u32 found = 0;

	if (!strncasecmp(word, "SKB_DROP_REASON_", 16))
		word += 16;
	n = strlen(word);
	for (u32 i = 0; names[i]; i++) {
		if (!fits(names[i], word, n))
			continue;
		mark(bits, names[i]);
		found++;
	}
	if (found)
		return 0;
	for (n = 0; word[n] && n < sizeof(upper) - 1; n++)
		upper[n] = word[n] >= 'a' && word[n] <= 'z' ? word[n] - 32 : word[n];
	upper[n] = 0;
	near = suggest(upper, names);
	return usage("this kernel has no drop reason '%s'%s%s; weir drops --reasons lists them",
		     word, near ? "; did you mean " : "", near ? near : "");
}

int reasons_choose(const char *list, u64 *bits)
{
	const char **names = reason_names();
	char *all = strdup(list), *rest = all, *word;
	int err = 0;

	while (!err && names && (word = strsep(&rest, ",")))
		err = choose(word, names, bits);
	free(all);
	free(names);
	return err;
}

void reasons_losses(u64 *bits)
{
	const char **names = reason_names();

	for (u32 i = 0; names && names[i]; i++)
		if (reason_kind(reason_number(names[i])) == DROP_LOSS)
			mark(bits, names[i]);
	free(names);
}

static const struct probe kfree_skb = {
	.name = "kfree_skb",
	.ways = {{"on_drop_4", PROBE_TP_BTF, "kfree_skb", 4},
		 {"on_drop_3", PROBE_TP_BTF, "kfree_skb", 3}},
};

int reasons_want(struct attach *a, const u64 *bits)
{
	struct reasons_asked *asked = attach_data(a, ".rodata.reasons", sizeof(*asked));

	if (!asked)
		return FAIL;
	asked->no_socket = reason_number("NO_SOCKET");
	asked->chosen = bits != NULL;
	if (bits)
		memcpy(asked->bits, bits, sizeof(asked->bits));
	probes_want(a, &kfree_skb);
	return 0;
}
