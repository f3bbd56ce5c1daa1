/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Loads the generic programs (hits.bpf.c) and puts them at each probe. Programs whose target is
 * chosen when they are loaded, or that have no cookie there, are loaded once more for each probe.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "error.h"
#include "hits.h"

TOOL_OBJECT(hits);

static int lacks(struct hit *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int lacks(struct hit *h, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(h->why, sizeof(h->why), fmt, args);
	va_end(args);
	return -1;
}

/* The tool's object and this one are one kernel half: these maps are of the first. */
static const char *const shared_maps[] = {"ring",          "counters",     "followed",
					  "cgroup_filter", ".data.shared", ".data.learnt"};

/* Which program serves a way, at the entry and at the return. */
static const char *program_of(enum via via, bool at_return)
{
	static const char *const names[VIA_MAX][2] = {
		[VIA_TP] = {"hit_tp"},
		[VIA_TP_BTF] = {"hit_tp_btf"},
		[VIA_RAW_TP] = {"hit_raw"},
		[VIA_FENTRY] = {"hit_fentry", "hit_fexit"},
		[VIA_KPROBE_MULTI] = {"hit_multi", "hit_multi_ret"},
		[VIA_KPROBE] = {"hit_kprobe", "hit_kretprobe"},
	};

	return names[via][at_return];
}

static struct bpf_program *find(struct attach *a, const char *name)
{
	return name ? bpf_object__find_program_by_name(a->more, name) : NULL;
}

static int share_maps(struct attach *a)
{
	for (u32 i = 0; i < sizeof(shared_maps) / sizeof(*shared_maps); i++) {
		struct bpf_map *to = bpf_object__find_map_by_name(a->more, shared_maps[i]);
		int from = bpf_object__find_map_fd_by_name(a->obj, shared_maps[i]);

		if (to && (from < 0 || bpf_map__reuse_fd(to, from)))
			return fail("the two BPF objects of trace do not fit each other (map %s): "
				    "this build is broken",
				    shared_maps[i]);
	}
	return 0;
}

static void *data_of(struct attach *a, const char *section, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(a->more, section);
	size_t have = 0;
	void *data = map ? (void *)bpf_map__initial_value(map, &have) : NULL;

	return data && have >= size ? data : NULL;
}

static u32 places(void)
{
	u32 n = 16;

	while (n < 16u * libbpf_num_possible_cpus())
		n *= 2;
	return hit_options.ret && n < 4096 ? 4096 : n;
}

/* tp_btf wants a target when it is loaded: each copy has its own, the first of them the object's.
 */
static void choose_programs(struct attach *a)
{
	for (u32 i = 0; i < nhits; i++) {
		struct bpf_program *prog =
			*hits[i].why ? NULL : find(a, program_of(hits[i].via, false));

		if (!prog)
			continue;
		if (!bpf_program__autoload(prog) && hits[i].via == VIA_TP_BTF)
			bpf_program__set_attach_target(prog, 0, hits[i].tp.name);
		bpf_program__set_autoload(prog, true);
	}
}

static int load(struct run *run, struct attach *a)
{
	const struct filter *first = attach_data(a, ".rodata.filter", sizeof(*first));
	struct hit_globals *globals;
	struct filter *filter;
	struct bpf_map *states;
	int err;

	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "weir");

	(void)run;
	a->more = bpf_object__open_mem(hits_bpf_o, hits_bpf_o_size, &opts);
	if (!a->more)
		return fail(
			"the BPF object of probes cannot be opened: %s; is this build complete?",
			strerror(errno));
	filter = data_of(a, ".rodata.filter", sizeof(*filter));
	globals = data_of(a, ".rodata.hit", sizeof(*globals));
	states = bpf_object__find_map_by_name(a->more, "hit_states");
	if (!filter || !first || !globals || !states)
		return fail("the BPF object of probes lacks its data: this build is broken");
	*filter = *first;
	globals->mask = places() - 1;
	bpf_map__set_max_entries(states, globals->mask + 1);
	if (share_maps(a))
		return FAIL;
	choose_programs(a);
	err = bpf_object__load(a->more);
	if (err)
		return fail(
			"the kernel refused the programs for probes (%s); weir doctor says what "
			"it offers, -v shows its log",
			strerror(-err));
	return 0;
}

static int fill_confs(struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->more, "hit_confs");

	for (u32 i = 0; i < nhits; i++)
		if (bpf_map_update_elem(map, &i, &hits[i].conf, BPF_ANY))
			return fail("the kernel half's memory cannot be written: %s",
				    strerror(errno));
	return 0;
}

/* The number that perf_event_open(2) wants for a tracepoint; -1. */
static int tracepoint_id(const struct kernel_tp *tp)
{
	char path[300], *text;
	int id;

	snprintf(path, sizeof(path), "events/%s/%s/id", tp->group, tp->name);
	text = kernel_text(kernel_tracefs(), path);
	id = text ? atoi(text) : -1;
	free(text);
	return id;
}

static int attach_record(struct attach *a, struct hit *h, u32 number)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT,
				       .size = sizeof(attr),
				       .config = tracepoint_id(&h->tp)};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = number);
	int event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC), link;

	if (event < 0)
		return lacks(h, "its tracepoint cannot be opened: %s", strerror(errno));
	link = bpf_link_create(bpf_program__fd(find(a, "hit_tp")), event, BPF_PERF_EVENT, &opts);
	if (link < 0)
		lacks(h, "its tracepoint takes no program: %s", strerror(errno));
	close(event); /* the link holds it */
	return link;
}

/* A loaded program, from which copies are made. */
struct original {
	struct bpf_program *prog;
	struct bpf_func_info *funcs;
	u32 nfuncs;
	int btf;
};

static int by_number(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where the functions of a program begin, in order, the first at 0. */
static u32 find_starts(const struct bpf_insn *insns, size_t n, u32 *starts, u32 room)
{
	u32 found = 1, kept = 0;

	starts[0] = 0;
	for (size_t i = 0; i < n && found < room; i++)
		if (insns[i].code == (BPF_JMP | BPF_CALL) && insns[i].src_reg == BPF_PSEUDO_CALL)
			starts[found++] = i + insns[i].imm + 1;
	qsort(starts, found, sizeof(*starts), by_number);
	for (u32 i = 0; i < found; i++)
		if (!kept || starts[kept - 1] != starts[i])
			starts[kept++] = starts[i];
	return kept;
}

/*
 * Types of the program's functions: without them the kernel verifies each function anew at each
 * call. It tells them of the loaded program, with the places that they have there.
 */
static bool learn_types(struct original *o, const struct bpf_insn *insns, size_t n)
{
	struct bpf_prog_info info = {};
	u32 len = sizeof(info), starts[512];
	int fd = bpf_program__fd(o->prog);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || !info.nr_func_info)
		return false;
	o->nfuncs = info.nr_func_info;
	o->funcs = calloc(o->nfuncs, info.func_info_rec_size);
	o->btf = bpf_btf_get_fd_by_id(info.btf_id);
	if (!o->funcs || o->btf < 0 || info.func_info_rec_size != sizeof(*o->funcs))
		return false;
	info = (struct bpf_prog_info){.nr_func_info = o->nfuncs,
				      .func_info_rec_size = sizeof(*o->funcs),
				      .func_info = (u64)o->funcs};
	if (bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    find_starts(insns, n, starts, 512) != o->nfuncs)
		return false;
	for (u32 i = 0; i < o->nfuncs; i++)
		o->funcs[i].insn_off = starts[i];
	return true;
}

static const struct original *original_of(struct attach *a, enum via via, bool at_return)
{
	static struct original kept[VIA_MAX][2];
	struct original *o = &kept[via][at_return];

	if (o->prog)
		return o;
	o->prog = find(a, program_of(via, at_return));
	if (!o->prog || bpf_program__fd(o->prog) < 0)
		return NULL;
	if (!learn_types(o, bpf_program__insns(o->prog), bpf_program__insn_cnt(o->prog)))
		o->nfuncs = 0;
	return o;
}

static void put_number(struct bpf_insn *insns, size_t n, u32 number)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (insns[i].code == (BPF_LD | BPF_IMM | BPF_DW) && !insns[i].src_reg &&
		    (u32)insns[i].imm == (u32)HIT_NUMBER &&
		    (u32)insns[i + 1].imm == (u32)(HIT_NUMBER >> 32)) {
			insns[i].imm = number;
			insns[i + 1].imm = 0;
		}
}

/* A copy of a loaded program for one probe: its number in place of HIT_NUMBER, its own target. */
static int copy_program(struct attach *a, struct hit *h, u32 number, bool at_return)
{
	const struct original *o = original_of(a, h->via, at_return);
	const struct kernel_types *types = h->sort == SORT_FUNCTION ? h->func.types : h->tp.types;
	size_t n = o ? bpf_program__insn_cnt(o->prog) : 0;
	struct bpf_insn *insns = malloc(n * sizeof(*insns));
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int fd, obj = 0;

	if (!insns || !o)
		return lacks(h, "its program could not be copied");
	memcpy(insns, bpf_program__insns(o->prog), n * sizeof(*insns));
	put_number(insns, n, number);
	opts.expected_attach_type = bpf_program__expected_attach_type(o->prog);
	if (o->nfuncs) {
		opts.prog_btf_fd = o->btf;
		opts.func_info = o->funcs;
		opts.func_info_cnt = o->nfuncs;
		opts.func_info_rec_size = sizeof(*o->funcs);
	}
	if (h->via != VIA_RAW_TP) {
		opts.attach_btf_id = h->sort == SORT_FUNCTION ? h->func.btf_id : h->tp.btf_id;
		obj = kernel_types_fd(types);
		opts.attach_btf_obj_fd = obj > 0 ? obj : 0;
	}
	fd = bpf_prog_load(bpf_program__type(o->prog), "weir_hit", "Dual BSD/GPL", insns, n, &opts);
	if (fd < 0)
		lacks(h, "the kernel refuses its program: %s", strerror(errno));
	else
		attach_program(a, fd);
	if (obj > 0)
		close(obj);
	free(insns);
	return fd;
}

static int attach_args(struct attach *a, struct hit *h, u32 number)
{
	int fd = copy_program(a, h, number, false), link;

	if (fd < 0)
		return -1;
	link = bpf_raw_tracepoint_open(h->via == VIA_RAW_TP ? h->tp.name : NULL, fd);
	if (link < 0)
		lacks(h, "it cannot be attached: %s", strerror(errno));
	return link;
}

static bool attach_one(struct attach *a, u32 number)
{
	struct hit *h = &hits[number];
	int link = -1;

	switch (h->via) {
	case VIA_TP: link = attach_record(a, h, number); break;
	case VIA_TP_BTF:
	case VIA_RAW_TP: link = attach_args(a, h, number); break;
	default: break;
	}
	if (link < 0)
		return false;
	attach_hold(a, link);
	return true;
}

/* Each is held by a descriptor, and those of fentry and the raw tracepoints by two. */
static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= 64 + 3 * nhits)
		return;
	l.rlim_cur = l.rlim_max < 64 + 3 * nhits ? l.rlim_max : 64 + 3 * nhits;
	setrlimit(RLIMIT_NOFILE, &l);
}

static void report(struct run *run, struct attach *a)
{
	for (u32 i = 0; i < nhits; i++) {
		const struct hit *h = &hits[i];

		if (h->hidden)
			continue;
		if (*h->why)
			attach_untraced(a, h->name, h->why);
		else
			attach_traced(a, h->name, via_names[h->via]);
		if (run->common.record && !*h->why)
			run_record_name(run, NAME_PROBE, i, h->text.base, buf_len(&h->text));
	}
}

int hits_attach(struct run *run, struct attach *a)
{
	u32 n = 0, usable = 0, first = 0;

	for (u32 i = 0; i < nhits; i++)
		usable += !*hits[i].why;
	raise_limit();
	if (usable && (load(run, a) || fill_confs(a)))
		return FAIL;
	/* those that note something for others first */
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < nhits; i++)
			if (!*hits[i].why && hits[i].hidden == !pass)
				n += attach_one(a, i) && !hits[i].hidden;
	report(run, a);
	while (first < nhits && !*hits[first].why)
		first++;
	if (!n && nhits && !a->calls)
		return fail("%s cannot be traced here: %s", hits[first].name, hits[first].why);
	return 0;
}
