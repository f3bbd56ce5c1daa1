/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "load.h"
#include "ways.h"

/* Of kernel/notice.bpf.h, in the order in which they are attached: what begins meanwhile is seen by
 * one of them. */
static const char *const programs[] = {"notice_exec", "notice_io_uring", "notice_scan"};
#define NPROGRAMS (sizeof(programs) / sizeof(*programs))

void notices_load(struct attach *a, bool scan)
{
	for (u32 i = 0; i < NPROGRAMS - !scan; i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, programs[i]);

		if (prog)
			bpf_program__set_autoload(prog, true);
	}
}

/* Runs an iterator to its end. 0 or -errno. */
static int run_through(struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	char none[64]; /* it prints nothing */
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, none, sizeof(none));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	n = n < 0 ? -errno : 0;
	close(fd);
	return n;
}

int notices_attach(struct attach *a)
{
	for (u32 i = 0; i < NPROGRAMS; i++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, programs[i]);
		bool scan = i == NPROGRAMS - 1;
		struct bpf_link *link;
		int err;

		if (!prog || !bpf_program__autoload(prog))
			continue;
		link = load_attach(prog);
		err = link ? 0 : -errno;
		if (link && scan)
			err = run_through(link);
		if (link && scan)
			bpf_link__destroy(link);
		else if (link)
			a->links[a->nlinks++] = link;
		/* a kernel without io_uring has no such tracepoint */
		if (err && err != -ENOENT)
			return fail("whether programs make 32-bit system calls or use io_uring "
				    "cannot be watched here (BPF program %s): %s; weir doctor "
				    "tells what is offered",
				    programs[i], strerror(-err));
	}
	return 0;
}
