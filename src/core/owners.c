/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "kernel.h"
#include "load.h"
#include "owners.h"

/* Where functions can be had: all sockets, when they are made. */
static const char *const by_function[] = {"owner_made", "owner_accepted"};
static const char *const functions[] = {"sock_init_data", "inet_accept"};
/* Else: when they connect, listen, send or receive first. */
static const char *const by_tracepoint[] = {"owner_state", "owner_sends", "owner_receives"};
static const char *const tracepoints[] = {"sock:inet_sock_set_state", "sock:sock_send_length",
					  "sock:sock_recv_length"};

static void want(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	if (prog)
		bpf_program__set_autoload(prog, true);
}

void owners_load(struct bpf_object *obj)
{
	bool made = true;

	for (u32 i = 0; i < 2; i++) {
		struct kernel_func f;

		made &= kernel_func(functions[i], &f) && f.via == VIA_FENTRY;
	}
	for (u32 i = 0; i < 2 && made; i++)
		want(obj, by_function[i]);
	for (u32 i = 0; i < 3 && !made; i++) {
		const struct kernel_tp *tp = kernel_tp(tracepoints[i]);

		if (tp && tp->btf_id && !via_refused(VIA_TP_BTF))
			want(obj, by_tracepoint[i]);
	}
	want(obj, "owner_scan");
}

static int scan(struct bpf_program *prog)
{
	struct bpf_link *link = bpf_program__attach_iter(prog, NULL);
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1, err = 0;
	char room[4096];
	ssize_t n;

	do {
		n = fd < 0 ? -1 : read(fd, room, sizeof(room));
	} while (n > 0 || (n < 0 && errno == EAGAIN && fd >= 0));
	if (n < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

void owners_attach(struct attach *a, struct bpf_object *obj)
{
	struct bpf_program *prog;
	int err = 0;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_link *link;

		if (strncmp(bpf_program__name(prog), "owner_", 6) || !bpf_program__autoload(prog) ||
		    !strcmp(bpf_program__name(prog), "owner_scan"))
			continue;
		link = load_attach(prog);
		if (link)
			a->links[a->nlinks++] = link;
		else
			err = -errno;
	}
	prog = bpf_object__find_program_by_name(obj, "owner_scan");
	if (prog && bpf_program__autoload(prog) && scan(prog))
		err = -errno;
	if (err)
		note("whose socket it is may not be known everywhere: %s", strerror(-err));
}
