/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "tool.h"

const struct tool *tool_find(const char *name)
{
	for_each_tool (t)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}
