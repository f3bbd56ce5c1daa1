/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "error.h"
#include "notice.h"

void notice_tell(const struct notice_rec *r)
{
	static u32 told; /* enum notice */
	const char *what =
		r->what == NOTICE_COMPAT
			? "makes 32-bit system calls (i386 or x32), which are not seen here"
			: "uses io_uring: socket work done through it makes no system call and is "
			  "not seen here";

	if (told & r->what || !(r->what & (NOTICE_COMPAT | NOTICE_IO_URING)))
		return;
	told |= r->what;
	note("process %u (%.16s) %s; said of the first only", r->who.pid, r->who.comm, what);
}
