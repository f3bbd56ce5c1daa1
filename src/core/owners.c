/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "kernel.h"
#include "load.h"
#include "owners.h"

/* Where functions can be had: all sockets, when they are made. */
static const char *const by_function[] = {"owner_made", "owner_accepted",
					  "owner_bound"}; /* the last not in all objects */
static const char *const functions[] = {"sock_init_data", "inet_accept", "udp_lib_get_port"};
/* Else: when they connect, listen, send or receive first. */
static const char *const by_tracepoint[] = {"owner_state", "owner_sends", "owner_receives"};
static const char *const tracepoints[] = {"inet_sock_set_state", "sock_send_length",
					  "sock_recv_length"};

static struct bpf_object *attached; /* owners_attach(): there is one in a run */

static void want(struct bpf_object *obj, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	if (prog)
		bpf_program__set_autoload(prog, true);
}

/* Are they in the kernel's BTF? prefix: of the type's name. */
static bool known(const char *const *names, u32 n, u32 kind, const char *prefix, bool *each)
{
	struct kernel_name found[3] = {};
	char texts[3][80];
	bool all = true;

	for (u32 i = 0; i < n; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s%s", prefix, names[i]);
		found[i].name = texts[i];
		found[i].kind = kind;
	}
	kernel_names(found, n);
	for (u32 i = 0; i < n; i++)
		all &= each[i] = found[i].id != 0;
	return all;
}

void owners_load(struct bpf_object *obj)
{
	bool have[3];

	if (known(functions, 3, BTF_KIND_FUNC, "", have) && !via_refused(VIA_FENTRY))
		for (u32 i = 0; i < 3; i++)
			want(obj, by_function[i]);
	else if (!via_refused(VIA_TP_BTF)) {
		known(tracepoints, 3, BTF_KIND_TYPEDEF, "btf_trace_", have);
		for (u32 i = 0; i < 3; i++)
			if (have[i])
				want(obj, by_tracepoint[i]);
	}
	if (!via_refused(VIA_TP_BTF))
		want(obj, "owner_joined");
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

	attached = obj;
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

bool owners_inner(struct run *run, const struct rec *r)
{
	struct bpf_program *prog;

	(void)run;
	if (r->type != REC_HINT)
		return false;
	prog = attached ? bpf_object__find_program_by_name(attached, "owner_scan") : NULL;
	if (prog && bpf_program__autoload(prog))
		scan(prog);
	return true;
}
