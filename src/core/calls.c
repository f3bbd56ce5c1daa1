/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <sys/syscall.h>
#include "attach.h"

/* Aligned, so that a name is never at the end of a page (buf_short()). */
const char call_names[CALL_MAX][BUF_SHORT] __attribute__((aligned(BUF_SHORT))) = {
#define X(name, ...) [CALL_##name] = #name,
	CALLS(X)
#undef X
};

const u8 call_groups[CALL_MAX] = {
#define X(name, fn, cls, group, ...) [CALL_##name] = group,
	CALLS(X)
#undef X
};

const struct call_desc call_descs[CALL_MAX] = {CALLS(CALL_DESC)};

const char *const call_functions[CALL_MAX] = {
#define X(name, fn, ...) [CALL_##name] = #fn,
	CALLS(X)
#undef X
};

int call_number(enum call_id id)
{
	static const int numbers[CALL_MAX] = {
#define X(name, ...) [CALL_##name] = SYS_##name,
		CALLS(X)
#undef X
	};

	return id ? numbers[id] : -1;
}
