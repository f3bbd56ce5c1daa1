/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "kernel.h"
#include "load.h"
#include "options.h"
#include "suggest.h"
#include "ways.h"

const char *const call_way_names[WAY_MAX + 1] = {"fexit", "tp", "raw"};

#if defined(__x86_64__)
#define CALL_PREFIX "__x64_sys_"
#elif defined(__aarch64__)
#define CALL_PREFIX "__arm64_sys_"
#endif

static s32 btf_ids[CALL_MAX]; /* of the calls' functions, 0 where BTF lists none */

static void find_calls(void)
{
	struct kernel_name names[CALL_MAX] = {};
	char texts[CALL_MAX][64];

	for (u32 i = 0; i < CALL_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), CALL_PREFIX "%s", i ? call_functions[i] : "");
		names[i] = (struct kernel_name){.name = texts[i], .kind = BTF_KIND_FUNC};
	}
	kernel_names(names, CALL_MAX);
	for (u32 i = 0; i < CALL_MAX; i++)
		btf_ids[i] = names[i].id;
}

const char *tracefs(void)
{
	static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[128];

	for (u32 i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events/syscalls/sys_enter_connect/id", places[i]);
		if (!access(path, R_OK))
			return places[i];
	}
	return NULL;
}

/*
 * Where it is compiled to machine code and the kernel can lead functions to such, it can be
 * attached: to try takes as long as to attach a call's, since the kernel walks over all of its
 * functions, twice.
 */
static bool surely_attached(int fd, const struct kernel_name *direct)
{
	struct bpf_prog_info info = {};
	u32 len = sizeof(info);

	return direct->id && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.jited_prog_len;
}

/* Tries to load and, where that does not tell, to attach a program that does nothing, to a function
 * that runs rarely. */
static bool try_fexit(char *why)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct kernel_name names[] = {
		{.name = CALL_PREFIX "setdomainname", .kind = BTF_KIND_FUNC},
		{.name = "register_ftrace_direct", .kind = BTF_KIND_FUNC},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT);
	int fd, link;

	if (!kernel_names(names, 2))
		return snprintf(why, 240, "the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)"), false;
	if (!names[0].id)
		return snprintf(why, 240, "the kernel's BTF lists no " CALL_PREFIX "* functions"),
		       false;
	opts.attach_btf_id = names[0].id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "weir_try", "GPL", insns, 2, &opts);
	if (fd < 0)
		return snprintf(why, 240, "the kernel refuses fexit programs: %s", strerror(errno)),
		       false;
	if (surely_attached(fd, &names[1]))
		return close(fd), true;
	link = bpf_raw_tracepoint_open(NULL, fd);
	if (link < 0)
		snprintf(why, 240, "fexit programs cannot be attached: %s", strerror(errno));
	else
		close(link);
	close(fd);
	return link >= 0;
}

bool way_offered(enum call_way way, char *why)
{
	static char kept[240];
	static int fexit; /* asked once */

	*why = 0;
	switch (way) {
	case WAY_FEXIT:
		if (!fexit)
			fexit = try_fexit(kept) ? 1 : -1;
		strcpy(why, kept);
		return fexit > 0;
	case WAY_TP:
		if (tracefs())
			return true;
		if (access("/sys/kernel/tracing/events", F_OK) &&
		    access("/sys/kernel/debug/tracing", F_OK))
			snprintf(why, 240,
				 "tracefs is not mounted; as root: "
				 "mount -t tracefs tracefs /sys/kernel/tracing");
		else
			snprintf(why, 240,
				 "tracefs has no readable events/syscalls: run as root, on a "
				 "kernel with CONFIG_FTRACE_SYSCALLS");
		return false;
	default: return true;
	}
}

static void want_program(struct attach *a, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, name);

	if (prog)
		bpf_program__set_autoload(prog, true);
}

/* Programs of kernel/call.bpf.h, a pair for each call. Exits first: a call that is seen at its
 * entry is then seen at its exit. A tool may have no entries. */
static const char *const pair[] = {"exit_%s", "enter_%s"};

static struct bpf_program *pair_program(struct attach *a, u32 k, u32 call)
{
	char name[64];

	snprintf(name, sizeof(name), pair[k], call_names[call]);
	return bpf_object__find_program_by_name(a->obj, name);
}

static int choose_fexit(struct attach *a)
{
	find_calls();
	for (u32 i = 1; i < CALL_MAX; i++)
		for (u32 k = 0; k < 2 && a->wanted[i] && btf_ids[i]; k++) {
			struct bpf_program *prog = pair_program(a, k, i);

			if (prog)
				bpf_program__set_autoload(prog, true);
		}
	return 0;
}

int way_named(const char *name, enum call_way *way)
{
	int i = one_of("--way", name, call_way_names);

	if (i < 0)
		return i;
	*way = i;
	return 0;
}

/*
 * After fexit: a tracepoint on each call taxes other calls least (43 to 71 ns against 150) but
 * costs three times as much on the calls themselves, and each takes the kernel some 40 ms to
 * detach; so it is for a few calls, and one raw tracepoint is for many.
 */
void ways_order(u32 ncalls, enum call_way order[WAY_MAX])
{
	order[0] = WAY_FEXIT;
	order[1] = ncalls <= WAYS_FEW ? WAY_TP : WAY_RAW;
	order[2] = ncalls <= WAYS_FEW ? WAY_RAW : WAY_TP;
}

enum call_way way_of_one(void)
{
	enum call_way order[WAY_MAX];
	char why[240];
	u32 i = 0;

	ways_order(1, order);
	while (i < WAY_MAX - 1 && !way_offered(order[i], why))
		i++;
	return order[i];
}

static u32 count_wanted(const struct attach *a)
{
	u32 n = 0;

	for (u32 i = 1; i < CALL_MAX; i++)
		n += a->wanted[i];
	return n;
}

int ways_choose(struct attach *a, const struct common *common)
{
	enum call_way order[WAY_MAX];

	if (common->way) {
		if (way_named(common->way, &a->way))
			return USAGE;
		if (!way_offered(a->way, a->why[a->way]))
			return fail("--way %s is not to be had here: %s", common->way,
				    a->why[a->way]);
	} else {
		ways_order(a->rare ? 1 : count_wanted(a), order);
		for (u32 i = 0; i < WAY_MAX; i++) {
			a->way = order[i];
			if (way_offered(a->way, a->why[a->way]))
				break;
		}
	}
	switch (a->way) {
	case WAY_FEXIT: return choose_fexit(a);
	case WAY_TP:
		want_program(a, "call_enter_tp");
		want_program(a, "call_exit_tp");
		return 0;
	default:
		want_program(a, "call_enter_raw");
		want_program(a, "call_exit_raw");
		return 0;
	}
}

static void missing(struct attach *a, u32 call, int err, const char *what)
{
	snprintf(a->missing[call], sizeof(a->missing[call]), "%s: %s", what, strerror(err));
}

static u32 attach_fexit(struct attach *a)
{
	u32 n = 0;

	for (u32 k = 0; k < 2; k++)
		for (u32 i = 1; i < CALL_MAX; i++) {
			struct bpf_program *prog = pair_program(a, k, i);
			struct bpf_link *link;

			if (!a->wanted[i] || !prog || *a->missing[i])
				continue;
			if (!btf_ids[i]) {
				snprintf(a->missing[i], sizeof(a->missing[i]),
					 "the kernel's BTF has no " CALL_PREFIX "%s",
					 call_functions[i]);
				continue;
			}
			link = load_attach(prog);
			if (!link) {
				missing(a, i, errno, "its program could not be attached");
				continue;
			}
			a->links[a->nlinks++] = link;
			n++;
		}
	return n;
}

static u32 attach_tp(struct attach *a)
{
	static const char *const programs[] = {"call_exit_tp", "call_enter_tp"};
	static const char *const events[] = {"sys_exit_%s", "sys_enter_%s"};
	u32 n = 0;

	for (u32 k = 0; k < 2; k++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, programs[k]);

		for (u32 i = 1; i < CALL_MAX && prog; i++) {
			struct bpf_link *link;
			char event[64];

			if (!a->wanted[i] || *a->missing[i])
				continue;
			snprintf(event, sizeof(event), events[k], call_functions[i]);
			link = bpf_program__attach_tracepoint(prog, "syscalls", event);
			if (!link) {
				missing(a, i, errno, "its tracepoint could not be attached");
				continue;
			}
			a->links[a->nlinks++] = link;
			n++;
		}
	}
	return n;
}

static u32 attach_raw(struct attach *a)
{
	static const char *const programs[] = {"call_exit_raw", "call_enter_raw"};
	static const char *const events[] = {"sys_exit", "sys_enter"};
	u32 n = 0;

	for (u32 k = 0; k < 2; k++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, programs[k]);
		struct bpf_link *link =
			prog ? bpf_program__attach_raw_tracepoint(prog, events[k]) : NULL;

		if (!prog)
			continue; /* a tool may need no entries */
		if (!link)
			return 0;
		a->links[a->nlinks++] = link;
		n++;
	}
	return n;
}

int ways_attach(struct attach *a)
{
	u32 n = a->way == WAY_FEXIT ? attach_fexit(a)
		: a->way == WAY_TP  ? attach_tp(a)
				    : attach_raw(a);

	if (n)
		return 0;
	return fail("no system call could be attached by way of %s: %s; weir doctor tells what is "
		    "offered",
		    call_way_names[a->way], strerror(errno));
}

/* Of kernel/call.bpf.h and kernel/follow.bpf.h; all but the first only with a command. */
static const char *const task_programs[] = {"state_exit", "follow_exit", "follow_fork"};
#define NTASK_PROGRAMS(follow) ((follow) ? 3 : 1)

/*
 * The end of sockets (sock_gone in kernel/sock.bpf.h) spares each look at a descriptor 110
 * instructions. Where fexit is not to be had, or sock_close is not in BTF, they are paid.
 */
static struct bpf_program *ends_program(struct attach *a)
{
	struct kernel_name name = {.name = "sock_close", .kind = BTF_KIND_FUNC};

	if (!a->calls || a->way != WAY_FEXIT || !kernel_names(&name, 1) || !name.id)
		return NULL;
	return bpf_object__find_program_by_name(a->obj, "sock_gone");
}

void ways_ends_load(struct attach *a)
{
	struct bpf_program *prog = ends_program(a);

	if (prog)
		bpf_program__set_autoload(prog, true);
}

void ways_ends_attach(struct attach *a)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, "sock_gone");
	int seen = bpf_object__find_map_fd_by_name(a->obj, ".data.ends_seen");
	struct bpf_link *link = prog && bpf_program__autoload(prog) ? load_attach(prog) : NULL;
	u32 zero = 0, one = 1;

	if (!link)
		return;
	a->links[a->nlinks++] = link;
	bpf_map_update_elem(seen, &zero, &one, BPF_ANY);
}

int ways_tasks_load(struct attach *a, bool follow)
{
	/* Nothing would be seen, and the end of the command's last descendant never come. */
	if (follow && !bpf_object__find_program_by_name(a->obj, "follow_fork"))
		return usage("this tool asks of no process, so it takes no -- COMMAND; start it in "
			     "another terminal");
	for (u32 i = 0; i < NTASK_PROGRAMS(follow); i++)
		want_program(a, task_programs[i]);
	return 0;
}

int ways_tasks_attach(struct attach *a, bool follow)
{
	for (u32 i = 0; i < NTASK_PROGRAMS(follow); i++) {
		struct bpf_program *prog =
			bpf_object__find_program_by_name(a->obj, task_programs[i]);
		struct bpf_link *link = prog ? load_attach(prog) : NULL;

		if (!link && prog)
			return fail("the end of tasks cannot be watched here (tp_btf program %s): "
				    "%s; weir "
				    "doctor tells what is offered",
				    task_programs[i], strerror(errno));
		if (link)
			a->links[a->nlinks++] = link;
	}
	return 0;
}
