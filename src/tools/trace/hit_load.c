/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Loads the generic programs (hits.bpf.c): an object for each way that is taken, all with the same
 * maps. Programs whose target is chosen when they are loaded, or that have no cookie there, are
 * loaded once more for each probe.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "hit_load.h"
#include "load.h"
#include "object.h"
#include "owners.h"

TOOL_OBJECT(hits);

/* The tool's object and these are one kernel half: these maps are of the first. */
static const char *const tool_maps[] = {"ring",          "counters",     "followed",
					"cgroup_filter", ".data.shared", ".data.learnt"};
/* ... and these of the first of these. */
static const char *const hit_maps[] = {"hit_confs", "hit_states", "hit_noted", "owners",
				       "owner_refused"};

/* Which program serves a way, at the entry, at the return, and at an entry whose socket or packet
 * is known; and at what the ones are loaded that others are copied from: it is there in every
 * kernel, and they are never attached. */
enum { AT_ENTRY, AT_RETURN, AT_SOCK, AT_PACKET, PLACES };
static const struct {
	const char *program[PLACES], *target[PLACES];
} ways[VIA_MAX] = {
	[VIA_TP] = {{"hit_tp"}, {}},
	[VIA_TP_BTF] = {{"hit_tp_btf", NULL, "hit_tp_btf_sock", "hit_tp_btf_packet"},
			{"sched_process_exit", NULL, "inet_sock_set_state", "net_dev_queue"}},
	[VIA_RAW_TP] = {{"hit_raw"}, {}},
	[VIA_FENTRY] = {{"hit_fentry", "hit_fexit", "hit_fentry_sock", "hit_fentry_packet"},
			{"bpf_fentry_test1", "bpf_fentry_test1", "tcp_set_state", "tcp_v4_rcv"}},
	[VIA_KPROBE_MULTI] = {{"hit_multi", "hit_multi_ret"}, {}},
	[VIA_KPROBE] = {{"hit_kprobe", "hit_kretprobe"}, {}},
};

/* Which of them a probe is to have at its entry. */
static u32 place_of(const struct hit *h)
{
	u32 flags = h->conf.flags;

	if (flags & (HIT_NOTED | HIT_NOTED_PACKET) || (flags & HIT_NOTES && !(flags & HIT_SILENT)))
		return AT_ENTRY;
	return h->packet != NOWHERE ? AT_PACKET : h->sock != NOWHERE ? AT_SOCK : AT_ENTRY;
}

static bool place_wanted(enum via via, u32 place)
{
	if (!ways[via].program[place])
		return false;
	if (place == AT_RETURN)
		return hit_options.ret;
	for (u32 i = 0; i < nhits; i++)
		if (hits[i].via == via && (place_of(&hits[i]) == place || !ways[via].target[place]))
			return true;
	return false;
}

/* A loaded program, and the types of its functions. */
struct original {
	struct bpf_program *prog;
	struct bpf_func_info *funcs;
	u32 nfuncs;
	int btf;
};

static struct bpf_object *objects[VIA_MAX], *first;
static struct original originals[VIA_MAX][PLACES];

static int share(struct bpf_object *to, struct bpf_object *from, const char *const *names, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(to, names[i]);
		int fd = bpf_object__find_map_fd_by_name(from, names[i]);

		if (map && (fd < 0 || bpf_map__reuse_fd(map, fd)))
			return fail("the BPF objects of trace do not fit each other (map %s): this "
				    "build is broken",
				    names[i]);
	}
	return 0;
}

static u32 places(void)
{
	u32 n = 16;

	while (n < 16u * libbpf_num_possible_cpus())
		n *= 2;
	return hit_options.ret && n < 4096 ? 4096 : n;
}

static int prepare(struct attach *a, struct bpf_object *obj, enum via via)
{
	const struct filter *filter = attach_data(a, ".rodata.filter", sizeof(*filter));
	struct filter *to = object_data(obj, ".rodata.filter", sizeof(*to));
	struct hit_globals *globals = object_data(obj, ".rodata.hit", sizeof(*globals));
	struct bpf_map *states = object_map(obj, "hit_states");

	if (!filter || !to || !globals || !states)
		return FAIL;
	*to = *filter;
	globals->mask = places() - 1;
	bpf_map__set_max_entries(states, globals->mask + 1);
	for (u32 k = 0; k < PLACES; k++) {
		struct bpf_program *prog;

		if (!place_wanted(via, k))
			continue;
		prog = bpf_object__find_program_by_name(obj, ways[via].program[k]);
		bpf_program__set_autoload(prog, true);
		if (ways[via].target[k])
			load_target(prog, ways[via].target[k]);
		originals[via][k].prog = prog;
	}
	if (via == VIA_TP_BTF)
		bpf_program__set_autoload(bpf_object__find_program_by_name(obj, "hit_standing"),
					  true);
	if (!first)
		owners_load(obj);
	if (share(obj, a->obj, tool_maps, sizeof(tool_maps) / sizeof(*tool_maps)))
		return FAIL;
	return first ? share(obj, first, hit_maps, sizeof(hit_maps) / sizeof(*hit_maps)) : 0;
}

int hit_load(struct attach *a, enum via via)
{
	struct bpf_object *obj = objects[via];
	int err;

	if (obj)
		return 0;
	obj = load_open(hits_bpf_o, hits_bpf_o_size);
	if (!obj)
		return fail(
			"the BPF object of probes cannot be opened: %s; is this build complete?",
			strerror(errno));
	err = prepare(a, obj, via);
	if (!err) {
		err = load_object(obj);
		if (err)
			fail("the kernel refused the programs of way %s (%s); weir doctor says "
			     "what "
			     "it offers, -v shows its log",
			     via_names[via], strerror(-err));
	}
	if (err) {
		bpf_object__close(obj);
		return FAIL;
	}
	a->more[a->nmore++] = objects[via] = obj;
	if (!first) {
		first = obj;
		owners_attach(a, obj);
	}
	return 0;
}

int hit_fill(u32 number)
{
	int map = bpf_object__find_map_fd_by_name(first, "hit_confs");

	if (!bpf_map_update_elem(map, &number, &hits[number].conf, BPF_ANY))
		return 0;
	return fail("the kernel half's memory cannot be written: %s", strerror(errno));
}

int hit_standing(const struct hit *h)
{
	struct bpf_object *obj = objects[VIA_TP_BTF];
	struct bpf_program *prog =
		obj ? bpf_object__find_program_by_name(obj, "hit_standing") : NULL;
	struct hit_symbol symbol = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &symbol, .ctx_size_in = sizeof(symbol));
	size_t n = snprintf(symbol.name, sizeof(symbol.name), "__tracepoint_%s", h->tp.name);

	if (!prog || n >= sizeof(symbol.name) ||
	    bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -1;
	return opts.retval;
}

int hit_program(enum via via, bool at_return)
{
	return bpf_program__fd(originals[via][at_return].prog);
}

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

	if (bpf_obj_get_info_by_fd(fd, &info, &len) || !info.nr_func_info ||
	    info.func_info_rec_size != sizeof(*o->funcs))
		return false;
	o->nfuncs = info.nr_func_info;
	o->funcs = calloc(o->nfuncs, sizeof(*o->funcs));
	o->btf = bpf_btf_get_fd_by_id(info.btf_id);
	if (!o->funcs || o->btf < 0)
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

static bool loads(const struct bpf_insn *insn, u64 value)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW) && !insn->src_reg &&
	       (u32)insn->imm == (u32)value && (u32)insn[1].imm == (u32)(value >> 32);
}

/* A record that itself notes something for another one is not begun before. */
static u32 note_for(u32 number)
{
	bool makes = number < nhits && !(hits[number].conf.flags & HIT_NOTES);

	return makes ? number | NOTE_MAKES : number;
}

/* What stands in place of each marker in the copy for a probe: */
struct mark {
	u64 marker;
	u32 value; /* ... this, */
	enum {
		LOADED,   /* put into a register; */
		COMPARED, /* compared with one; */
		PLACE, /* where the instruction behind the marker loads from, which is left out */
	} how;
};
#define MARKS_MOST 11

static u32 marks_of(struct mark *m, struct attach *a, const struct hit *h, u32 number)
{
	const struct filter *filter = attach_data(a, ".rodata.filter", sizeof(*filter));
	bool silent = h->conf.flags & HIT_SILENT;
	u32 n = 0;

	m[n++] = (struct mark){HIT_NUMBER, number, LOADED};
	m[n++] = (struct mark){HIT_SOCK, h->sock == NOWHERE ? 0 : h->sock, PLACE};
	m[n++] = (struct mark){HIT_PACKET, h->packet, PLACE};
	m[n++] = (struct mark){HIT_OWN, h->sock == NOWHERE, LOADED};
	m[n++] = (struct mark){HIT_SILENTLY, silent, LOADED};
	m[n++] = (struct mark){HIT_BY_PORT, !!(filter->have & FILTER_PORT), LOADED};
	m[n++] = (struct mark){HIT_BY_OWNER, !!(filter->have & FILTER_OWNER), LOADED};
	m[n++] = (struct mark){HIT_PORT, filter->port, COMPARED};
	m[n++] = (struct mark){HIT_BE_PORT, htons(filter->port), COMPARED};
	if (silent)
		m[n++] = (struct mark){HIT_NOTE, note_for(h->conf.notes_for), LOADED};
	if (place_of(h) >= AT_SOCK)
		m[n++] = (struct mark){HIT_WORDS, h->conf.size / 8, LOADED};
	return n;
}

static bool compares(const struct bpf_insn *insn, u64 value)
{
	u32 class = BPF_CLASS(insn->code), op = BPF_OP(insn->code);

	return (class == BPF_JMP || class == BPF_JMP32) && (op == BPF_JEQ || op == BPF_JNE) &&
	       BPF_SRC(insn->code) == BPF_K && insn->imm == (s32)value;
}

static void put_mark(struct bpf_insn *insn, const struct mark *mark)
{
	const struct bpf_insn nothing = {.code = BPF_JMP | BPF_JA};

	if (mark->how == COMPARED) {
		insn->imm = mark->value;
	} else if (mark->how == LOADED) {
		insn[0].imm = mark->value;
		insn[1].imm = 0;
	} else {
		insn[0] = insn[1] = nothing;
		insn[2].off = mark->value;
	}
}

static void put_marks(struct bpf_insn *insns, size_t n, const struct mark *marks, u32 nmarks)
{
	for (size_t i = 0; i + 2 < n; i++)
		for (u32 k = 0; k < nmarks; k++)
			if (marks[k].how == COMPARED ? compares(&insns[i], marks[k].marker)
						     : loads(&insns[i], marks[k].marker)) {
				put_mark(&insns[i], &marks[k]);
				break;
			}
}

int hit_copy(struct attach *a, u32 number, bool at_return)
{
	const struct hit *h = &hits[number];
	struct original *o = &originals[h->via][at_return ? AT_RETURN : place_of(h)];
	size_t n = bpf_program__insn_cnt(o->prog);
	struct bpf_insn *insns = malloc(n * sizeof(*insns));
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct mark marks[MARKS_MOST];
	int fd, obj = 0;

	if (!insns)
		return -1;
	memcpy(insns, bpf_program__insns(o->prog), n * sizeof(*insns));
	if (!o->btf && !learn_types(o, insns, n))
		o->nfuncs = 0;
	put_marks(insns, n, marks, marks_of(marks, a, h, number));
	opts.expected_attach_type = bpf_program__expected_attach_type(o->prog);
	if (o->nfuncs) {
		opts.prog_btf_fd = o->btf;
		opts.func_info = o->funcs;
		opts.func_info_cnt = o->nfuncs;
		opts.func_info_rec_size = sizeof(*o->funcs);
	}
	if (h->via != VIA_RAW_TP) {
		opts.attach_btf_id = h->sort == SORT_FUNCTION ? h->func.btf_id : h->tp.btf_id;
		obj = kernel_types_fd(h->sort == SORT_FUNCTION ? h->func.types : h->tp.types);
		opts.attach_btf_obj_fd = obj > 0 ? obj : 0;
	}
	fd = bpf_prog_load(bpf_program__type(o->prog), "weir_hit", "Dual BSD/GPL", insns, n, &opts);
	if (fd >= 0)
		attach_program(a, fd);
	if (obj > 0)
		close(obj);
	free(insns);
	return fd;
}
