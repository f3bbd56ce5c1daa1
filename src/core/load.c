/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "cast.h"
#include "kernel.h"
#include "load.h"
#include "object.h"

#define TARGETS_MAX 256

/* Sections of the kernel half, and what their names stand for in BTF. */
static const struct kind {
	const char *section;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	u32 btf_kind; /* 0: it is attached without BTF */
	const char *prefix;
} kinds[] = {
	{"fentry+", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, BTF_KIND_FUNC, ""},
	{"fexit+", BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, BTF_KIND_FUNC, ""},
	{"tp_btf+", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, BTF_KIND_TYPEDEF, "btf_trace_"},
	{"iter+", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, BTF_KIND_FUNC, "bpf_iter_"},
	{"raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, ""},
	{"tracepoint+", BPF_PROG_TYPE_TRACEPOINT, 0, 0, ""},
	{"kprobe+", BPF_PROG_TYPE_KPROBE, 0, 0, ""},
	{"kprobe.multi+", BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, ""},
	{"kretprobe.multi+", BPF_PROG_TYPE_KPROBE, BPF_TRACE_KPROBE_MULTI, 0, ""},
	{"kretprobe+", BPF_PROG_TYPE_KPROBE, 0, 0, ""},
};
#define NKINDS (sizeof(kinds) / sizeof(*kinds))

/* Of the load that is under way. */
static struct {
	const struct bpf_program *prog;
	const char *name;
	char text[96];
} targets[TARGETS_MAX];
/* What casts want: the types, from CAST_TASK on, and what casts. */
static const struct kernel_name casts[] = {{.name = "task_struct", .kind = BTF_KIND_STRUCT},
					   {.name = "sock", .kind = BTF_KIND_STRUCT},
					   {.name = "tcp_sock", .kind = BTF_KIND_STRUCT},
					   {.name = "pt_regs", .kind = BTF_KIND_STRUCT},
					   {.name = "bpf_rdonly_cast", .kind = BTF_KIND_FUNC}};
#define CAST_TYPES (CAST_REGS - CAST_TASK + 1)
#define CASTS      (sizeof(casts) / sizeof(*casts))
_Static_assert(CASTS == CAST_TYPES + 1, "the types, and what casts");
static struct kernel_name names[TARGETS_MAX + CASTS]; /* of the targets, and these */
static u32 ntargets;

static const struct kind *kind_of(const struct bpf_program *prog)
{
	const char *section = bpf_program__section_name(prog);
	size_t n = strcspn(section, "/");

	for (u32 i = 0; i < NKINDS; i++)
		if (strlen(kinds[i].section) == n + 1 && !strncmp(kinds[i].section, section, n))
			return &kinds[i];
	return NULL;
}

static int target_of(const struct bpf_program *prog)
{
	for (u32 i = 0; i < ntargets; i++)
		if (targets[i].prog == prog)
			return i;
	return -1;
}

/* Puts bpf_rdonly_cast() of this kernel, or a mere move, into the places that type_cast() left. */
static void fill_casts(const struct bpf_program *prog)
{
	struct bpf_insn *insn = (struct bpf_insn *)bpf_program__insns(prog);
	const struct kernel_name *types = names + ntargets;
	u32 cast = types[CAST_TYPES].id;

	for (size_t n = bpf_program__insn_cnt(prog); n; n--, insn++) {
		if (insn->code == (BPF_JMP | BPF_CALL) && !insn->src_reg && insn->imm == CAST_CALL)
			*insn = cast ? (struct bpf_insn){.code = BPF_JMP | BPF_CALL,
							 .src_reg = BPF_PSEUDO_KFUNC_CALL,
							 .imm = cast}
				     : (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
							 .dst_reg = BPF_REG_0,
							 .src_reg = BPF_REG_1};
		else if (BPF_CLASS(insn->code) != BPF_JMP && BPF_OP(insn->code) == BPF_MOV &&
			 BPF_SRC(insn->code) == BPF_K && insn->dst_reg == BPF_REG_2 &&
			 insn->imm >= CAST_TASK && insn->imm <= CAST_REGS)
			insn->imm = types[insn->imm - CAST_TASK].id;
	}
}

/*
 * libbpf asks before it loads each program, when its instructions are final. Until then it believes
 * that the program is of a type that needs no BTF.
 */
static int prepare(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	const struct kind *kind = &kinds[cookie];
	int i = target_of(prog);

	fill_casts(prog);
	if (!kind->btf_kind)
		return 0;
	if (i >= 0 && !opts->attach_btf_id)
		opts->attach_btf_id = names[i].id;
	if (!opts->attach_btf_id)
		return -ESRCH;
	return bpf_program__set_type(prog, kind->type);
}

static void register_kinds(void)
{
	static bool done;

	for (u32 i = 0; i < NKINDS && !done; i++) {
		LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = i,
			    .prog_prepare_load_fn = prepare);

		libbpf_register_prog_handler(kinds[i].section,
					     kinds[i].btf_kind ? BPF_PROG_TYPE_RAW_TRACEPOINT
							       : kinds[i].type,
					     kinds[i].attach, &opts);
	}
	done = true;
}

struct bpf_object *load_open(const void *packed, size_t size)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "weir");
	size_t unpacked;
	void *object = object_unpack(packed, size, &unpacked);
	struct bpf_object *obj = NULL;
	int err;

	register_kinds();
	if (object) {
		kernel_relocate(object, unpacked);
		obj = bpf_object__open_mem(object, unpacked, &opts);
	}
	err = errno;
	free(object); /* libbpf has copied what it needs */
	errno = err;
	return obj;
}

void load_target(const struct bpf_program *prog, const char *name)
{
	int i = target_of(prog);

	if (i < 0 && ntargets < TARGETS_MAX)
		i = ntargets++;
	if (i < 0)
		return;
	targets[i].prog = prog;
	targets[i].name = name;
}

int load_object(struct bpf_object *obj)
{
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program(prog, obj)
	{
		const struct kind *kind = kind_of(prog);
		const char *slash = strchr(bpf_program__section_name(prog), '/');

		if (bpf_program__autoload(prog) && kind && kind->btf_kind && slash)
			load_target(prog, slash + 1);
	}
	for (u32 i = 0; i < ntargets; i++) {
		const struct kind *kind = kind_of(targets[i].prog);

		snprintf(targets[i].text, sizeof(targets[i].text), "%s%s", kind ? kind->prefix : "",
			 targets[i].name);
		names[i] = (struct kernel_name){.name = targets[i].text,
						.kind = kind ? kind->btf_kind : 0};
	}
	memcpy(names + ntargets, casts, sizeof(casts));
	kernel_names(names, ntargets + CASTS);
	kernel_names_drop();
	err = bpf_object__load(obj);
	ntargets = 0;
	return err;
}

struct bpf_link *load_attach(const struct bpf_program *prog)
{
	const char *slash = strchr(bpf_program__section_name(prog), '/');

	if (bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER)
		return bpf_program__attach_iter(prog, NULL);
	if (bpf_program__type(prog) == BPF_PROG_TYPE_TRACING)
		return bpf_program__attach_trace(prog);
	return bpf_program__attach_raw_tracepoint(prog, slash ? slash + 1 : "");
}
