/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The tracepoints and kernel functions that are wanted in this run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "hits.h"
#include "hit_decode.h"
#include "symbols.h"

struct hit *hits;
u32 nhits;
struct hit_options hit_options;

#define FUNCTIONS_FEW 100 /* more need --many: a mistyped glob can slow a machine down */

static enum via forced = VIA_NONE;
static u32 functions; /* that are wanted and can be had */

const char *hit_function(const struct hit *h)
{
	const char *colon = strchr(h->name, ':');

	return colon ? colon + 1 : h->name;
}

static bool have(const char *name)
{
	for (u32 i = 0; i < nhits; i++)
		if (!strcmp(hits[i].name, name) && !hits[i].hidden)
			return true;
	return false;
}

static struct hit *add(const char *name, enum probe_sort sort)
{
	struct hit *more = realloc(hits, (nhits + 1) * sizeof(*more));
	struct hit *h;

	if (!more)
		return NULL;
	hits = more;
	h = &hits[nhits++];
	memset(h, 0, sizeof(*h));
	snprintf(h->name, sizeof(h->name), "%s", name);
	h->sort = sort;
	return h;
}

/* What would show the same where this cannot be had: the catalog's neighbours that are at hand. */
static void nearest(const struct match *m, char *text, size_t size)
{
	const char *const *lists[] = {m->row ? m->row->instead : NULL,
				      m->row ? m->row->near : NULL};

	*text = 0;
	for (u32 k = 0; k < 2; k++)
		for (const char *const *name = lists[k]; name && *name; name++) {
			const struct kernel_tp *tp = strchr(*name, ':') ? kernel_tp(*name) : NULL;

			if (tp && tp->via) {
				snprintf(text, size, "; nearest tracepoint: %s", *name);
				return;
			}
		}
}

void hits_unknown(const char *word)
{
	struct hit *h = have(word) || nhits >= HITS_MAX - 16 ? NULL : add(word, SORT_NAME);

	if (h)
		snprintf(h->why, sizeof(h->why), "%s", error_text());
}

int hits_want(const struct match *m)
{
	struct hit *h;
	char near[120];

	if (have(m->name))
		return 0;
	if (nhits >= HITS_MAX - 16)
		return usage("more than %d probes at once; name fewer", HITS_MAX - 16);
	h = add(m->name, m->sort);
	if (!h)
		return fail("no memory for the probes");
	if (m->tp)
		h->tp = *m->tp;
	h->func = m->func;
	nearest(m, near, sizeof(near));
	if (m->sort == SORT_TRACEPOINT && (!m->tp || !m->tp->via))
		snprintf(h->why, sizeof(h->why), "%s%s",
			 m->tp ? m->tp->why : "this kernel has no such tracepoint", near);
	else if (m->sort == SORT_FUNCTION && !m->func.via)
		snprintf(h->why, sizeof(h->why), "%s%s", m->func.why, near);
	else if (m->sort == SORT_NAME)
		snprintf(h->why, sizeof(h->why), "%s",
			 row_text(m->row, TEXT_SHORT, LANG_EN) ?: "it is no probe");
	return 0;
}

static bool for_tracepoints(enum via via)
{
	return via == VIA_TP || via == VIA_TP_BTF || via == VIA_RAW_TP;
}

/* --way of these probes; what it means for system calls stays in common.way. */
static int take_way(struct common *c)
{
	static const struct {
		const char *word;
		enum via via;
		const char *call;
	} ways[] = {
		{"fexit", VIA_FENTRY, "fexit"}, {"fentry", VIA_FENTRY, "fexit"},
		{"tp", VIA_TP, "tp"},           {"raw", VIA_RAW_TP, "raw"},
		{"raw_tp", VIA_RAW_TP, "raw"},  {"tp_btf", VIA_TP_BTF, NULL},
		{"kprobe", VIA_KPROBE, NULL},   {"kprobe.multi", VIA_KPROBE_MULTI, NULL},
	};

	for (u32 i = 0; i < sizeof(ways) / sizeof(*ways) && c->way; i++)
		if (!strcmp(c->way, ways[i].word)) {
			forced = ways[i].via;
			c->way = ways[i].call;
			return 0;
		}
	return c->way ? usage("--way takes fexit, tp or raw, and for tracepoints also tp_btf, for "
			      "functions fentry, kprobe.multi or kprobe, not '%s'",
			      c->way)
		      : 0;
}

int hits_check(struct run *run)
{
	const struct common *c = &run->common;
	bool named = false;

	kernel_lists_drop(); /* all words are known */
	if (take_way(&run->common))
		return USAGE;
	if (!nhits)
		return hit_options.ret || hit_options.stack || hit_options.fields
			       ? usage("--ret, --stack and --arg are about functions and "
				       "tracepoints: name one, as tcp_connect")
			       : 0;
	for (u32 i = 0; i < nhits; i++) {
		named |= hits[i].sort == SORT_FUNCTION;
		functions += hits[i].sort == SORT_FUNCTION && !*hits[i].why;
	}
	if (hit_options.ret && !named)
		return usage("--ret is about functions, and tracepoints do not return: name one, "
			     "as tcp_connect");
	if (functions > FUNCTIONS_FEW && !hit_options.many)
		return usage("this is %u functions, and more than %d slow the machine down; name "
			     "fewer, or add --many",
			     functions, FUNCTIONS_FEW);
	if (c->filter.have & (FILTER_FAILED | FILTER_SLOWER) && !(functions && hit_options.ret))
		return usage("--failed and --slower ask for a result: tracepoints have none, and "
			     "functions only with --ret");
	return 0;
}

/*
 * fentry costs least where it hits, but each takes the kernel some 10 ms to attach and 20 to
 * detach, one after the other. kprobe.multi is attached at once; where there is none, kprobes take
 * a fifth of the time, and three times as long where they hit. They lose returns when too many
 * tasks are in a function.
 */
#define FENTRY_MOST      8 /* where there is kprobe.multi */
#define FENTRY_MOST_ELSE 32

static enum via best_way(const struct hit *h)
{
	if (h->func.via != VIA_FENTRY || functions <= FENTRY_MOST)
		return h->func.via;
	if (!h->func.module && !via_refused(VIA_KPROBE_MULTI))
		return VIA_KPROBE_MULTI;
	return functions > FENTRY_MOST_ELSE && !hit_options.ret && !via_refused(VIA_KPROBE)
		       ? VIA_KPROBE
		       : VIA_FENTRY;
}

static enum via choose_function(struct hit *h)
{
	const char *why = h->forced ? via_refused(forced) : NULL;

	if (h->forced && forced == VIA_FENTRY && !why && h->func.via != VIA_FENTRY)
		why = "fentry cannot be put at this function";
	if (!why)
		return h->forced ? forced : best_way(h);
	snprintf(h->why, sizeof(h->why), "%s", why);
	return VIA_NONE;
}

/* The ways to try, best first. A record has the fields as the kernel prints them, so it comes
 * before the arguments. */
static enum via choose(struct hit *h)
{
	static const enum via tp[] = {VIA_TP, VIA_TP_BTF, VIA_RAW_TP};
	const char *why = NULL;

	h->forced = forced && for_tracepoints(forced) == (h->sort == SORT_TRACEPOINT);
	if (h->sort == SORT_FUNCTION)
		return choose_function(h);
	for (u32 i = 0; i < 3; i++) {
		if (forced && for_tracepoints(forced) && tp[i] != forced)
			continue;
		why = tp[i] == VIA_TP && !h->tp.event    ? "tracefs does not list it"
		      : tp[i] != VIA_TP && !h->tp.btf_id ? "BTF does not list it"
							 : via_refused(tp[i]);
		if (!why)
			return tp[i];
	}
	snprintf(h->why, sizeof(h->why), "%s", why ?: "no way");
	return VIA_NONE;
}

/* A probe that sends nothing itself. hits[] may move. */
static struct hit *add_silent(const char *name, const struct kernel_tp *tp, enum via via,
			      u32 notes_for)
{
	struct hit *h = add(name, SORT_TRACEPOINT);

	if (!h)
		return NULL;
	h->hidden = h->forced = true;
	h->tp = *tp;
	h->via = via;
	if (hit_describe(h))
		return NULL;
	h->conf.flags = HIT_NOTES | HIT_SILENT;
	h->conf.notes_for = notes_for;
	return h;
}

/* A tracepoint's arguments tell more than its record, and cost less: their types are known. */
#define NOTES_MOST 16 /* tracepoints: two programs take longer to load than one */

/*
 * net_dev_xmit comes after the driver, which may have freed the packet: what it was is noted
 * before, by the probe that is there already, or by one of its own (of one program, the kernel
 * takes a tracepoint's record only once).
 */
static void note_started(u32 i)
{
	static const char name[] = "net:net_dev_start_xmit";
	const struct kernel_tp *tp = kernel_tp(name);

	hits[i].conf.flags |= HIT_NOTED_PACKET;
	for (u32 k = 0; k < nhits; k++)
		if (!strcmp(hits[k].name, name) && hits[k].via == hits[i].via && !*hits[k].why) {
			hits[k].conf.flags |= HIT_NOTES;
			hits[k].conf.notes_for = NOWHERE;
			return;
		}
	if (tp)
		add_silent(name, tp,
			   hits[i].via == VIA_TP && tp->btf_id && !via_refused(VIA_TP_BTF)
				   ? VIA_TP_BTF
				   : hits[i].via,
			   NOWHERE);
}

/*
 * What a record is about, noted by a program that sees the tracepoint's arguments just before: the
 * record may hold no pointer, as that of udp_fail_queue_rcv_skb; and filters are asked there,
 * before the record is looked at.
 */
static void note_arguments(u32 i, bool many)
{
	bool pointers = hits[i].conf.looks[0].what != LOOK_NONE;
	const struct kernel_tp tp = hits[i].tp;
	struct hit *h;

	if (!tp.btf_id || via_refused(VIA_TP_BTF) || (many && pointers))
		return;
	h = add_silent(hits[i].name, &tp, VIA_TP_BTF, i);
	if (h && (pointers ? h->sock != NOWHERE || h->packet != NOWHERE
			   : h->conf.looks[0].what != LOOK_NONE))
		hits[i].conf.flags |= HIT_NOTED;
	else if (h)
		nhits--; /* they tell no more */
}

static void add_notes(void)
{
	u32 n = nhits, records = 0;

	for (u32 i = 0; i < n; i++)
		records += hits[i].via == VIA_TP && !*hits[i].why;
	for (u32 i = 0; i < n; i++) {
		if (*hits[i].why || hits[i].sort != SORT_TRACEPOINT)
			continue;
		if (!strcmp(hits[i].name, "net:net_dev_xmit"))
			note_started(i);
		else if (hits[i].via == VIA_TP)
			note_arguments(i, records > NOTES_MOST);
	}
}

/* Each --arg leads somewhere from some probe; one that does not is told, and the rest goes on. */
static int check_paths(void)
{
	char *all = hit_options.fields ? strdup(hit_options.fields) : NULL, *rest = all, *path;
	int err = 0;

	for (u32 i = 0; !err && (path = strsep(&rest, ",")); i++) {
		if (i < PATHS_MOST && hit_paths_used >> i & 1)
			continue;
		if (i < PATHS_MOST && hit_paths_wrong[i])
			err = usage("%s", hit_paths_wrong[i]);
		else
			err = usage("--arg %s: no probe named here has such an argument (by way of "
				    "a type that is known); weir describe PROBE lists them",
				    path);
		if (hit_paths_used) {
			note("%s", error_text());
			err = 0;
		}
	}
	free(all);
	return err;
}

int hits_setup(struct run *run, struct attach *a)
{
	(void)run, (void)a;
	symbols_kernel();
	decode_trusted = true;
	for (u32 i = 0; i < nhits; i++) {
		struct hit *h = &hits[i];

		if (*h->why)
			continue;
		h->via = choose(h);
		if (h->via)
			hit_describe(h);
	}
	if (check_paths())
		return USAGE;
	add_notes();
	return 0;
}
