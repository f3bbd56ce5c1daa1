/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "suggest.h"
#include "tool.h"

const struct tool *tool_find(const char *name)
{
	for_each_tool (t)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

const char *tool_near(const char *name)
{
	const char *names[64] = {0};
	u32 n = 0;

	for_each_tool (t)
		if (n < 63)
			names[n++] = (*t)->name;
	return suggest(name, names);
}
