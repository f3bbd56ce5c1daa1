/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "kernel.h"
#include "load.h"
#include "options.h"
#include "probes.h"
#include "ways.h"

#define WHY 160 /* struct attached_probe */

static const char *const kinds[] = {"tracepoint", "fentry", "fexit", "kprobe", "kretprobe"};

static bool is_kprobe(const struct probe_way *w)
{
	return w->kind == PROBE_KPROBE || w->kind == PROBE_KRETPROBE;
}

#define TARGETS (PROBES_MAX * PROBE_WAYS_MAX)

/* The targets of all ways as the kernel's BTF has them; a tracepoint's type is a typedef. */
struct targets {
	struct kernel_name names[TARGETS]; /* of probe i, way k: i * PROBE_WAYS_MAX + k */
	char texts[TARGETS][80];
};

static void find_targets(struct attach *a, struct targets *t)
{
	memset(t, 0, sizeof(*t));
	for (u32 i = 0; i < TARGETS; i++) {
		struct attached_probe *p = &a->probes[i / PROBE_WAYS_MAX];
		u32 k = i % PROBE_WAYS_MAX;
		bool is_tp;

		t->names[i].name = t->texts[i];
		if (i / PROBE_WAYS_MAX >= a->nprobes || k >= p->ntries)
			continue;
		is_tp = p->tries[k].way->kind == PROBE_TP_BTF;
		t->names[i].kind = is_tp ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;
		snprintf(t->texts[i], sizeof(t->texts[i]), "%s%s", is_tp ? "btf_trace_" : "",
			 p->tries[k].way->target);
	}
	kernel_names(t->names, TARGETS);
}

/* Does the kernel take a program that does nothing, at this function? 0 or -errno. */
static int try_function(const struct probe_way *w, s32 id)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_btf_id = id,
		    .expected_attach_type =
			    w->kind == PROBE_FEXIT ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "weir_try", "GPL", insns, 2, &opts);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/*
 * Is this way offered, as far as can be told before the load? A kprobe's function need not be in
 * BTF; whether it exists, and only once, the kernel says when it is attached: to look through
 * /proc/kallsyms takes it 40 ms.
 */
static bool offered(const struct probe_way *w, const struct kernel_name *target, char *why)
{
	/* a tracepoint's first argument is its own */
	int n = target->nargs - (w->kind == PROBE_TP_BTF), err;
	u32 id = target->id;

	*why = 0;
	if (id && n != w->nargs)
		snprintf(why, WHY, "has %d arguments in this kernel, not %u", n, w->nargs);
	else if (is_kprobe(w) && !access("/sys/bus/event_source/devices", F_OK) &&
		 access("/sys/bus/event_source/devices/kprobe/type", F_OK))
		snprintf(why, WHY, "the kernel has no kprobes (CONFIG_KPROBE_EVENTS)");
	else if (!id && !is_kprobe(w))
		snprintf(why, WHY, "this kernel has none of that name in its BTF");
	else if (!is_kprobe(w) && w->kind != PROBE_TP_BTF && (err = try_function(w, id)) != 0)
		snprintf(why, WHY, "the kernel refuses %s programs here: %s", kinds[w->kind],
			 strerror(-err));
	return !*why;
}

void probes_want(struct attach *a, const struct probe *row)
{
	if (a->nprobes < PROBES_MAX)
		a->probes[a->nprobes++] = (struct attached_probe){.row = row};
}

/* --way fexit puts functions before tracepoints, which come first by themselves. */
static void order(struct attached_probe *p, bool functions)
{
	for (u32 pass = 0; pass < 2; pass++)
		for (const struct probe_way *w = p->row->ways;
		     w < p->row->ways + PROBE_WAYS_MAX && w->program; w++) {
			bool early =
				functions && (w->kind == PROBE_FENTRY || w->kind == PROBE_FEXIT);

			if (early == !pass)
				p->tries[p->ntries++].way = w;
		}
}

/*
 * Programs of several ways are loaded, up to the first tracepoint: that one is sure to work, the
 * others may turn out not to see what they should only when they are attached.
 */
int probes_choose(struct attach *a, const struct common *common)
{
	enum call_way way = WAY_TP;
	struct targets t;

	if (common->way && way_named(common->way, &way))
		return USAGE;
	for (u32 i = 0; i < a->nprobes; i++)
		order(&a->probes[i], way == WAY_FEXIT);
	if (a->nprobes)
		find_targets(a, &t);
	for (u32 i = 0; i < a->nprobes; i++) {
		struct attached_probe *p = &a->probes[i];

		for (u32 k = 0; k < p->ntries; k++) {
			const struct probe_way *w = p->tries[k].way;
			struct bpf_program *prog =
				bpf_object__find_program_by_name(a->obj, w->program);

			if (!prog)
				snprintf(p->tries[k].why, WHY,
					 "it does not tell what this tool needs");
			if (!prog || !offered(w, &t.names[i * PROBE_WAYS_MAX + k], p->tries[k].why))
				continue;
			bpf_program__set_autoload(prog, true);
			if (!is_kprobe(w))
				load_target(prog, w->target);
			if (w->kind != PROBE_TP_BTF)
				continue;
			p->ntries = k + 1;
		}
	}
	return 0;
}

static u32 seen(struct attach *a, const struct probe *row)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, ".data.proof");
	struct proof proof = {};
	u32 zero = 0;

	return bpf_map_lookup_elem(map, &zero, &proof) ? 0 : proof.seen[row->id];
}

/* Does the probe, now attached, see what it should, once each? */
static bool proven(struct attach *a, const struct probe *row, char *why)
{
	u32 before = row->prove ? seen(a, row) : 0, saw;
	int did = row->prove ? row->prove() : -1;

	if (did < 0)
		return true;
	saw = seen(a, row) - before;
	if (saw != (u32)did)
		snprintf(why, WHY, "it saw %u of %d in a test: the kernel goes another way", saw,
			 did);
	return saw == (u32)did;
}

static bool attach_way(struct attach *a, struct attached_probe *p, u32 k)
{
	const struct probe_way *w = p->tries[k].way;
	struct bpf_program *prog = bpf_object__find_program_by_name(a->obj, w->program);
	struct bpf_link *link =
		is_kprobe(w)
			? bpf_program__attach_kprobe(prog, w->kind == PROBE_KRETPROBE, w->target)
			: bpf_program__attach_trace(prog);

	if (!link) {
		snprintf(p->tries[k].why, WHY, "cannot be attached: %s", strerror(errno));
		return false;
	}
	if (!proven(a, p->row, p->tries[k].why)) {
		bpf_link__destroy(link);
		return false;
	}
	a->links[a->nlinks++] = link;
	p->taken = w;
	return true;
}

int probes_attach(struct attach *a)
{
	u32 n = 0;

	for (u32 i = 0; i < a->nprobes; i++) {
		struct attached_probe *p = &a->probes[i];

		for (u32 k = 0; k < p->ntries && !p->taken; k++)
			if (!*p->tries[k].why)
				n += attach_way(a, p, k);
	}
	if (n || !a->nprobes)
		return 0;
	return fail("%s cannot be observed here: %s; weir doctor tells what is offered",
		    a->probes[0].row->name, probe_missing(&a->probes[0]));
}

const char *probe_taken(const struct attached_probe *p)
{
	static char text[160];

	*text = 0;
	if (p->taken)
		snprintf(text, sizeof(text), "%s %s", kinds[p->taken->kind], p->taken->target);
	return text;
}

const char *probe_left(const struct attached_probe *p, u32 k)
{
	static char text[400];

	snprintf(text, sizeof(text), "%s %s: %s", kinds[p->tries[k].way->kind],
		 p->tries[k].way->target, p->tries[k].why);
	return text;
}

const char *probe_missing(const struct attached_probe *p)
{
	static char text[1024];
	size_t n = 0;

	*text = 0;
	for (u32 k = 0; k < p->ntries && !p->taken && n < sizeof(text); k++)
		n += snprintf(text + n, sizeof(text) - n, "%s%s", k ? "; " : "", probe_left(p, k));
	return text;
}
