/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Puts a program at each probe, by the best way that works. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "error.h"
#include "hit_decode.h"
#include "hit_load.h"

#define KPROBE_PMU "/sys/bus/event_source/devices/kprobe/"

static int lacks(struct hit *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int lacks(struct hit *h, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(h->why, sizeof(h->why), fmt, args);
	va_end(args);
	return -1;
}

/* The number in a small file; -1. */
static int number_in(int dir, const char *path)
{
	char *text = kernel_text(dir, path);
	int n = text ? atoi(text) : -1;

	free(text);
	return n;
}

/* A program at a perf event, told by its cookie; the link holds the event. */
static int link_event(struct hit *h, int event, u32 cookie, bool at_return)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = cookie);
	int link;

	if (event < 0)
		return lacks(h, "the kernel does not open it: %s", strerror(errno));
	link = bpf_link_create(hit_program(h->via, at_return), event, BPF_PERF_EVENT, &opts);
	if (link < 0)
		lacks(h, "it takes no program: %s", strerror(errno));
	close(event);
	return link;
}

static int attach_record(struct hit *h, u32 number)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	char path[300];

	snprintf(path, sizeof(path), "events/%s/%s/id", h->tp.group, h->tp.name);
	attr.config = number_in(kernel_tracefs(), path);
	if (h->conf.flags & HIT_NOTED)
		number |= NOTE_FOR;
	return link_event(h, syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC),
			  number, false);
}

static int attach_kprobe(struct hit *h, u32 number, bool at_return)
{
	struct perf_event_attr attr = {.type = number_in(AT_FDCWD, KPROBE_PMU "type"),
				       .size = sizeof(attr),
				       .config = at_return, /* format/retprobe: config:0 */
				       .kprobe_func = (u64)hit_function(h)};

	return link_event(h, syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC),
			  number, at_return);
}

/* Ways whose programs have no cookies: a copy for each probe. */
static int attach_copy(struct attach *a, struct hit *h, u32 number, bool at_return)
{
	int fd = hit_copy(a, number, at_return), link;

	if (fd < 0)
		return lacks(h, "the kernel refuses its program: %s", strerror(errno));
	link = bpf_raw_tracepoint_open(h->via == VIA_RAW_TP ? h->tp.name : NULL, fd);
	if (link < 0)
		lacks(h, "it cannot be attached: %s", strerror(errno));
	return link;
}

/* One probe by its way, but kprobe.multi: the return first, so that no entry waits in vain. */
static bool attach_one(struct attach *a, u32 number)
{
	struct hit *h = &hits[number];
	int links[2] = {-1, -1};

	*h->why = 0;
	if (hit_load(a, h->via) || hit_fill(number))
		return lacks(h, "%s", error_text()), false;
	for (int k = h->conf.flags & HIT_RETURNS ? 1 : 0; k >= 0; k--) {
		links[k] = h->via == VIA_TP       ? attach_record(h, number)
			   : h->via == VIA_KPROBE ? attach_kprobe(h, number, k)
						  : attach_copy(a, h, number, k);
		if (links[k] < 0)
			break;
	}
	for (int k = 1; k >= 0; k--)
		if (links[k] >= 0 && links[0] >= 0)
			attach_hold(a, links[k]);
		else if (links[k] >= 0)
			close(links[k]); /* a return without its entry */
	return links[0] >= 0;
}

static bool takes(const struct hit *h, enum via via)
{
	return !(h->tried >> via & 1) && !via_refused(via) &&
	       (via != VIA_FENTRY || h->func.via == VIA_FENTRY) &&
	       (via != VIA_KPROBE_MULTI || !h->func.module);
}

/* The next way of a function; describes it anew, as its arguments then are elsewhere. */
static bool next_way(struct hit *h)
{
	char before[sizeof(h->why)];

	strcpy(before, h->why);
	h->tried |= 1 << h->via;
	for (enum via via = VIA_FENTRY; via <= VIA_KPROBE && !h->forced; via++) {
		if (!takes(h, via))
			continue;
		h->via = via;
		h->tried |= 1 << via;
		*h->why = 0;
		if (!hit_describe(h))
			return true;
	}
	strcpy(h->why, before);
	return false;
}

static int link_multi(const u32 *numbers, u32 n, bool at_return)
{
	const char **symbols = calloc(n, sizeof(*symbols));
	__u64 *cookies = calloc(n, sizeof(*cookies));
	LIBBPF_OPTS(bpf_link_create_opts, opts, .kprobe_multi.syms = symbols,
		    .kprobe_multi.cookies = cookies, .kprobe_multi.cnt = n,
		    .kprobe_multi.flags = at_return ? BPF_F_KPROBE_MULTI_RETURN : 0);
	int link = -1;

	for (u32 i = 0; i < n && symbols && cookies; i++) {
		symbols[i] = hit_function(&hits[numbers[i]]);
		cookies[i] = numbers[i];
	}
	if (symbols && cookies)
		link = bpf_link_create(hit_program(VIA_KPROBE_MULTI, at_return), 0,
				       BPF_TRACE_KPROBE_MULTI, &opts);
	free(symbols);
	free(cookies);
	return link;
}

/* Many at once. The kernel takes all or none of them, and says not which it does not like: then
 * each half is tried alone. How many could be attached. */
static u32 attach_multi(struct attach *a, u32 *numbers, u32 n)
{
	bool returns = hit_options.ret;
	int links[2] = {-1, -1};

	if (!n)
		return 0;
	if (returns)
		links[1] = link_multi(numbers, n, true);
	if (!returns || links[1] >= 0)
		links[0] = link_multi(numbers, n, false);
	if (links[0] >= 0) {
		if (returns)
			attach_hold(a, links[1]);
		attach_hold(a, links[0]);
		return n;
	}
	if (n == 1)
		lacks(&hits[*numbers], "kprobe.multi cannot be put there: %s", strerror(errno));
	if (links[1] >= 0)
		close(links[1]);
	return n == 1 ? 0
		      : attach_multi(a, numbers, n / 2) +
				attach_multi(a, numbers + n / 2, n - n / 2);
}

static u32 attach_batch(struct attach *a)
{
	u32 *numbers = calloc(nhits, sizeof(*numbers)), n = 0, done = 0;

	for (u32 i = 0; i < nhits && numbers; i++)
		if (hits[i].via == VIA_KPROBE_MULTI && !*hits[i].why && !hits[i].attached)
			numbers[n++] = i;
	if (!n || hit_load(a, VIA_KPROBE_MULTI)) {
		for (u32 i = 0; i < n; i++)
			lacks(&hits[numbers[i]], "%s", error_text());
		free(numbers);
		return 0;
	}
	for (u32 i = 0; i < n; i++)
		if (hit_fill(numbers[i]))
			lacks(&hits[numbers[i]], "%s", error_text());
	done = attach_multi(a, numbers, n);
	for (u32 i = 0; i < n; i++)
		hits[numbers[i]].attached = !*hits[numbers[i]].why;
	free(numbers);
	return done;
}

/* Those of one way; what fails takes the next. */
static u32 attach_way(struct attach *a, enum via via)
{
	u32 n = via == VIA_KPROBE_MULTI ? attach_batch(a) : 0;

	for (u32 i = 0; i < nhits; i++) {
		struct hit *h = &hits[i];

		if (h->via != via || h->attached || h->hidden ||
		    (*h->why && via != VIA_KPROBE_MULTI))
			continue;
		if (via != VIA_KPROBE_MULTI && attach_one(a, i)) {
			h->attached = true;
			n++;
		} else if (h->sort == SORT_FUNCTION && !next_way(h)) {
			h->via = VIA_NONE;
		}
	}
	return n;
}

/*
 * Those that note something for others. The kernel calls what stands at a tracepoint in the order
 * of its coming: who takes records there already (another weir, perf) has them taken before ours
 * are noted, and a note would be the last one's. Then there is none. Where the kernel does not tell
 * who stands there, only a record without pointers gets one.
 */
static void attach_notes(struct attach *a)
{
	for (u32 i = 0; i < nhits; i++) {
		struct hit *h = &hits[i];
		struct hit_conf *of = h->hidden && h->conf.notes_for != NOWHERE
					      ? &hits[h->conf.notes_for].conf
					      : NULL;
		int before, alone = 0;

		if (!h->hidden)
			continue;
		before = of && !hit_load(a, h->via) ? hit_standing(h) : -1;
		if (!of || !before || (before < 0 && of->looks[0].what == LOOK_NONE)) {
			h->attached = attach_one(a, i);
			alone = before < 0 ? h->attached : h->attached && hit_standing(h) == 1;
		}
		if (of && !alone)
			of->flags &= ~HIT_NOTED;
	}
}

/*
 * fentry is what other ways of a function fall to, and it falls to them: so it stands between. Its
 * programs are loaded once, for all that it is to have.
 */
static u32 attach_all(struct attach *a)
{
	static const enum via turns[] = {VIA_TP,     VIA_TP_BTF, VIA_RAW_TP,       VIA_KPROBE_MULTI,
					 VIA_KPROBE, VIA_FENTRY, VIA_KPROBE_MULTI, VIA_KPROBE};
	u32 n = 0;

	attach_notes(a);
	for (u32 i = 0; i < sizeof(turns) / sizeof(*turns); i++)
		n += attach_way(a, turns[i]);
	return n;
}

/* Each is held by a descriptor, and some by two, of entry and return. */
static void raise_limit(void)
{
	struct rlimit l;
	u64 want = 64 + 4 * nhits;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= want)
		return;
	l.rlim_cur = l.rlim_max < want ? l.rlim_max : want;
	setrlimit(RLIMIT_NOFILE, &l);
}

static void report(struct run *run, struct attach *a)
{
	for (u32 i = 0; i < nhits; i++) {
		const struct hit *h = &hits[i];

		if (h->hidden)
			continue;
		if (!h->attached) {
			attach_untraced(a, h->name, h->why);
			continue;
		}
		attach_traced(a, h->name, via_names[h->via]);
		probe_learn(i, h->text.base, buf_len(&h->text));
		run_record_name(run, NAME_PROBE, i, h->text.base, buf_len(&h->text));
	}
}

int hits_attach(struct run *run, struct attach *a)
{
	u32 n, first = 0;

	raise_limit();
	n = attach_all(a);
	report(run, a);
	while (first + 1 < nhits && hits[first].attached)
		first++;
	if (!n && nhits && !a->calls)
		return fail("%s cannot be traced here: %s", hits[first].name, hits[first].why);
	return 0;
}
