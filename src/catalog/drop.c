/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The end of all that was asked of the kernel: above the other files, which do not know each
 * other's. */
#include "inside.h"

void kernel_lists_drop(void)
{
	named_drop();
	traceable_drop();
}

void kernel_drop(void)
{
	tps_drop();
	named_drop();
	symbols_drop();
	types_drop();
	files_drop();
}
