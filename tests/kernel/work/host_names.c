/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* sethostname and setdomainname, in a namespace of its own. */
#include "probe.h"
#include <sched.h>

static void names(long number)
{
	char *name = copy("weir\tbox", 9), *longest = memset(mem(80), 'n', 80);
	static const long lengths[] = {8, 4, 0, -1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		syscall(number, name, lengths[i]);
	syscall(number, NULL, 4L);
	syscall(number, BAD, 4L);
	syscall(number, BAD, 0L);
	syscall(number, longest, 64L);
	syscall(number, longest, 65L);
	syscall(number, tail(4), 8L);
	syscall(number, tail(4), 0x100000004L);
}

int main(void)
{
	arena();
	if (unshare(CLONE_NEWUTS))
		return 1;
	names(SYS_sethostname);
	names(SYS_setdomainname);
	return 0;
}
