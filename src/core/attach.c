/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "attach.h"
#include "error.h"
#include "lane.h"
#include "load.h"
#include "object.h"
#include "options.h"
#include "probes.h"
#include "refused.h"
#include "ways.h"

int attach_open(struct attach *a, const void *object, size_t size)
{
	int ncpus = libbpf_num_possible_cpus(); /* maps for each processor are read by it */

	a->skips_lose = true;
	if (ncpus < 1)
		return fail("how many processors there are cannot be read "
			    "(/sys/devices/system/cpu/possible): %s; weir needs /sys",
			    strerror(-ncpus));
	a->obj = load_open(object, size);
	if (a->obj)
		return 0;
	return fail("the program's BPF object cannot be opened: %s; is this build complete?",
		    strerror(errno));
}

void *attach_data(struct attach *a, const char *section, size_t size)
{
	return object_data(a->obj, section, size);
}

struct bpf_map *attach_map(struct attach *a, const char *name)
{
	return object_map(a->obj, name);
}

/* The kernel half's view of which calls are wanted. Raw tracepoints see those of i386 too. */
static void fill_calls(struct attach *a)
{
	u8 *ids = attach_data(a, ".rodata.calls", CALL_NR_MAX);

	for (int i = 0; i < CALL_COMPAT_N && ids && a->way == WAY_RAW; i++)
		ids[i ? CALL_COMPAT_FIRST + i - 1 : CALL_COMPAT_SOCKETCALL] = CALL_COMPAT;
	for (u32 i = 1; i < CALL_MAX && ids; i++)
		if (a->wanted[i])
			ids[call_number(i)] = i;
}

static int fill_cgroup(struct attach *a, const char *path)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "cgroup_filter");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	u32 zero = 0;
	int err = fd < 0 || map < 0 ? -errno : bpf_map_update_elem(map, &zero, &fd, BPF_ANY);

	if (fd >= 0)
		close(fd);
	return err ? fail("cgroup %s cannot be used as a filter: %s", path, strerror(-err)) : 0;
}

/* Lets the kernel half learn what a socket's file operations are and how deep our pid namespace is.
 */
static int learn(struct attach *a)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, "learn");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	u64 ctx[1] = {fd};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = ctx, .ctx_size_in = sizeof(ctx));
	int err;

	if (!prog || fd < 0)
		return 0;
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	close(fd);
	if (!err && opts.retval == 0)
		return 0;
	return refused_run("the kernel's socket type could not be learnt", err ? err : -EINVAL);
}

static int map_shared(struct attach *a)
{
	int fd = bpf_object__find_map_fd_by_name(a->obj, ".data.shared");
	void *p = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return fail("the kernel half's memory cannot be mapped: %s", strerror(errno));
	a->shared = p;
	return 0;
}

/* Our process as the kernel half sees it: by its id in the initial namespace, which getpid() does
 * not tell in a container. -errno when not even that may be asked; before 5.10 it cannot. */
static int own_tgid(u32 *tgid)
{
	struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_pid_tgid},
		{.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .imm = 32},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "weir_self", "GPL", insns, 3, NULL);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	*tgid = err || !opts.retval ? (u32)getpid() : opts.retval;
	return 0;
}

#define LANES_ROOM (6 << 20) /* bytes of all lanes, as long as each has LANE_ROOM */
#define LANE_ROOM  (1 << 20)

/* A lane for each processor, and more where there is room; kib 0: by itself. */
static void size_lanes(struct bpf_map *lanes, struct lanes_conf *conf, u32 kib)
{
	u64 room = kib ? kib * 1024ull : LANES_ROOM;
	u32 count = 1, bytes = kib ? LANE_LEAST : LANE_ROOM;

	while (count < LANES && count < sysconf(_SC_NPROCESSORS_CONF))
		count *= 2;
	conf->own = count - 1;
	while (bytes < LANE_MOST && 2ull * bytes * count <= room)
		bytes *= 2;
	while (count < LANES && (u64)bytes * count < room)
		count++;
	conf->mask = bytes - 1;
	conf->count = count;
	bpf_map__set_max_entries(lanes, count);
	bpf_map__set_value_size(lanes, LANE_HEAD + bytes + LANE_REC);
}

/* Room for records: lanes, where the object has some, the ring otherwise; kib 0: by itself. */
static void size_ring(struct attach *a, u32 kib)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(a->obj, "ring"),
		       *lanes = bpf_object__find_map_by_name(a->obj, "lanes");
	struct lanes_conf *conf = lanes ? attach_data(a, ".rodata.lanes", sizeof(*conf)) : NULL;
	u32 bytes = 4096;

	while (bytes < 1u << 31 && bytes < kib * 1024ull)
		bytes *= 2;
	if (conf) {
		size_lanes(lanes, conf, kib);
		bpf_map__set_max_entries(ring, sysconf(_SC_PAGESIZE)); /* to wake, only */
	} else if (ring && kib) {
		bpf_map__set_max_entries(ring, bytes);
	}
}

int attach_load(struct attach *a, const struct common *common)
{
	struct filter *filter = attach_data(a, ".rodata.filter", sizeof(*filter));
	u32 self;
	int err = own_tgid(&self);

	if (err)
		return err == -EPERM || err == -EACCES ? refused_rights(err) : refused_object(err);
	if (filter) {
		*filter = common->filter;
		filter->self = self;
		if (common->command)
			filter->have |= FILTER_FOLLOW;
	}
	size_ring(a, common->ring_kib);
	err = a->calls ? ways_choose(a, common) : 0;
	if (!err)
		err = probes_choose(a, common);
	if (err)
		return err;
	fill_calls(a);
	if (ways_tasks_load(a, common->command))
		return USAGE;
	if (a->calls)
		notices_load(a, !common->command);
	ways_ends_load(a);
	err = load_object(a->obj);
	if (err)
		return refused_object(err);
	if (map_shared(a) || learn(a))
		return FAIL;
	if (common->cgroup && fill_cgroup(a, common->cgroup))
		return FAIL;
	if (ways_tasks_attach(a, common->command) || notices_attach(a))
		return FAIL;
	ways_ends_attach(a);
	if (probes_attach(a) && !a->calls)
		return FAIL;
	return a->calls ? ways_attach(a) : 0;
}

int attach_read(const struct attach *a, struct reader *r)
{
	struct bpf_map *ring = bpf_object__find_map_by_name(a->obj, "ring"),
		       *lanes = bpf_object__find_map_by_name(a->obj, "lanes");

	if (reader_open(r, bpf_map__fd(ring), bpf_map__max_entries(ring), a->shared))
		return FAIL;
	return !lanes ? 0
		      : lanes_open(&r->lanes, bpf_map__fd(lanes), bpf_map__max_entries(lanes),
				   bpf_map__value_size(lanes));
}

/* Programs that the kernel skipped because one ran already on that CPU. */
static u64 missed(int fd)
{
	struct bpf_prog_info info = {};
	u32 len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) ? info.recursion_misses : 0;
}

void attach_end(struct attach *a)
{
	struct bpf_program *prog;

	if (a->ending)
		a->ending();
	a->ending = NULL;
	while (a->nlinks)
		bpf_link__destroy(a->links[--a->nlinks]);
	while (a->nheld)
		close(a->held[--a->nheld]);
	a->missed = 0;
	if (a->obj)
		bpf_object__for_each_program(prog, a->obj) a->missed +=
			missed(bpf_program__fd(prog));
	for (u32 i = 0; i < a->nmore; i++)
		bpf_object__for_each_program(prog, a->more[i]) a->missed +=
			missed(bpf_program__fd(prog));
	for (u32 i = 0; i < a->nprograms_held; i++)
		a->missed += missed(a->programs[i]);
}

static void append(int **list, u32 *n, int fd)
{
	int *more = realloc(*list, (*n + 1) * sizeof(*more));

	if (!more) {
		close(fd);
		return;
	}
	*list = more;
	more[(*n)++] = fd;
}

void attach_hold(struct attach *a, int link)
{
	append(&a->held, &a->nheld, link);
}

void attach_program(struct attach *a, int fd)
{
	append(&a->programs, &a->nprograms_held, fd);
}

static void name(struct named_text **list, u32 *n, const char *name, const char *text)
{
	struct named_text *more = realloc(*list, (*n + 1) * sizeof(*more));

	if (!more)
		return;
	*list = more;
	more[(*n)++] = (struct named_text){strdup(name), strdup(text)};
}

void attach_traced(struct attach *a, const char *probe, const char *how)
{
	name(&a->traced, &a->ntraced, probe, how);
}

void attach_untraced(struct attach *a, const char *probe, const char *why)
{
	name(&a->untraced, &a->nuntraced, probe, why);
}

void attach_close(struct attach *a)
{
	attach_end(a);
	if (a->shared)
		munmap(a->shared, sysconf(_SC_PAGESIZE));
	a->shared = NULL;
	while (a->nprograms_held)
		close(a->programs[--a->nprograms_held]);
	while (a->nmore)
		bpf_object__close(a->more[--a->nmore]);
	bpf_object__close(a->obj);
	a->obj = NULL;
}

int attach_counters(struct attach *a, struct counters *sum)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "counters");
	int ncpus = libbpf_num_possible_cpus();
	struct counters *all = ncpus > 0 ? calloc(ncpus, sizeof(*all)) : NULL;
	u32 zero = 0;
	int err = all && map >= 0 ? bpf_map_lookup_elem(map, &zero, all) : -ENOENT;

	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; !err && cpu < ncpus; cpu++)
		for (u32 i = 0; i < sizeof(*sum) / 8; i++)
			((u64 *)sum)[i] += ((u64 *)&all[cpu])[i];
	free(all);
	return err ? fail("the kernel half's counters cannot be read: %s", strerror(-err)) : 0;
}

/* Keys of the kernel half's hash "pending", where a tool has one: what it waits for the end of. */
static u64 count_pending(struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "pending");
	u64 key, n = 0;

	for (void *at = NULL; map >= 0 && !bpf_map_get_next_key(map, at, &key); at = &key)
		n++;
	return n;
}

/* The kernel half's own number of them, where a tool has one: ".data.unfinished". */
static u64 count_unfinished(struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, ".data.unfinished");
	u32 zero = 0;
	s64 n = 0;

	return map < 0 || bpf_map_lookup_elem(map, &zero, &n) || n < 0 ? 0 : n;
}

u64 attach_unfinished(struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "states");
	size_t size = STATES * sizeof(struct call_state);
	u64 n = count_pending(a) + count_unfinished(a);
	struct call_state *states;

	if (map < 0)
		return n;
	states = mmap(NULL, size, PROT_READ, MAP_SHARED, map, 0);
	if (states == MAP_FAILED)
		return n;
	for (u32 i = 0; i < STATES; i++)
		n += states[i].owner != 0;
	munmap(states, size);
	return n;
}

int attach_follow(struct attach *a, int pid)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "followed");
	struct follow_state state = {.followed = 1};
	int fd = syscall(SYS_pidfd_open, pid, 0);
	int err = fd < 0 ? -errno : bpf_map_update_elem(map, &fd, &state, BPF_ANY);

	if (fd >= 0)
		close(fd);
	if (err)
		return fail("process %d cannot be followed: %s", pid, strerror(-err));
	__atomic_add_fetch(&a->shared->live, 1, __ATOMIC_SEQ_CST);
	return 0;
}
