/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Reading the kernel half's tables so that no event is lost or counted twice: all programs are sent
 * to the other half of the tables, and when none can be at the first one any more, that is read and
 * cleared.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "decode.h"
#include "error.h"
#include "tallies.h"

#define MEMORY  (32ull << 20)  /* of all tables, unless --keys wants more */
#define SILENT  (5 * NS_PER_S) /* how often tables are emptied when no interval is told */
#define COLUMNS 40

static struct {
	const struct counts_shape *shape;
	struct counts now, total;
	bool intervals; /* are told */
	bool done;      /* the totals are told */
	u32 reports;    /* -n: how many are still to come, 0: no limit */
	u64 before_ns;  /* of the last look */
	u32 told;       /* replay: intervals, and when the last of them ended */
	u64 last_ts;

	u32 slots, tables; /* tables: two for each CPU */
	struct tally_slot *memory;
	struct tally_side *side;
	int outer, inner; /* see grace() */

	/* What a total's are made of; and the same without a time, where only totals are told. */
	const struct column *columns;
	struct column total_columns[COLUMNS], untimed[COLUMNS], chosen[COLUMNS];
} own;

void tell_report(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, tally_of(r)->flags & TALLY_TOTAL ? "total" : "interval");
}

void tell_key_family(struct verbs *v, const struct rec *r)
{
	if (tally_of(r)->key.family)
		v->ops->name(v, &names_af, tally_of(r)->key.family);
}

void tell_key_type(struct verbs *v, const struct rec *r)
{
	if (tally_of(r)->key.type)
		v->ops->name(v, &names_sock_type, tally_of(r)->key.type);
}

/* The columns with the time of a total, which is the word, or with none at all. */
static void copy_columns(struct column *to, const struct column *from, bool timed)
{
	u32 n = 0;

	for (; from[n].name && n < COLUMNS - 1; n++) {
		to[n] = from[n];
		if (!strcmp(to[n].name, "time"))
			to[n].flags &= ~COL_TEXT;
		else if (!strcmp(to[n].name, "report") && timed)
			to[n].flags |= COL_TEXT;
	}
	to[n] = (struct column){0};
}

static const struct column *columns_of(const struct run *run)
{
	return run->columns ? run->columns : run->tool->columns;
}

static void leave_out_time(struct run *run)
{
	copy_columns(own.untimed, columns_of(run), false);
	run_columns(run, own.untimed);
}

/* In text only. */
static void leave_out(struct run *run, const char *name)
{
	u32 n = 0;

	for (const struct column *c = columns_of(run); c->name && n < COLUMNS - 1; c++) {
		own.chosen[n] = *c;
		if (!strcmp(c->name, name))
			own.chosen[n].flags &= ~COL_TEXT;
		n++;
	}
	own.chosen[n] = (struct column){0};
	run_columns(run, own.chosen);
}

int tallies_check(struct run *run, const struct counts_shape *shape, u64 interval_ns)
{
	struct common *c = &run->common;

	if (run->replay && shape->by_name)
		return usage("--by-name is for the recording: replay tells its rows as they are");
	if (shape->by_name)
		leave_out(run, "pid");
	own.shape = shape;
	own.reports = c->count; /* not rows: the core would stop in the middle of a report */
	if (!c->interval_ns)
		c->interval_ns = c->count ? NS_PER_S : interval_ns;
	own.intervals = c->interval_ns != 0;
	if (!own.intervals)
		c->interval_ns = SILENT;
	if (!own.intervals && !run->replay)
		leave_out_time(run);
	c->count = 0;
	if (run->replay && c->filter.have & ~(shape->filters | FILTER_FAILED))
		return usage("these counts were made without regard to that filter, and cannot be "
			     "taken apart: give it while recording");
	return 0;
}

int tallies_setup(struct run *run, struct attach *a, u32 slots)
{
	struct tally_conf *conf = attach_data(a, ".rodata.tally", sizeof(*conf));
	struct tally_side *side = attach_data(a, ".data.tally", sizeof(*side));
	struct bpf_map *map = attach_map(a, "tallies"),
		       *ring = bpf_object__find_map_by_name(a->obj, "ring");
	int ncpus = libbpf_num_possible_cpus();

	if (!conf || !side || !map)
		return FAIL;
	if (ncpus < 1)
		return fail("cannot count the processors (/sys/devices/system/cpu/possible): %s",
			    strerror(-ncpus));
	own.slots = 64;
	while (own.slots < (slots ? slots : TALLY_SLOTS))
		own.slots *= 2;
	own.tables = 2 * ncpus;
	while (!slots && own.slots > 64 &&
	       own.tables * own.slots * sizeof(struct tally_slot) > MEMORY)
		own.slots /= 2;
	conf->slots = own.slots;
	conf->shift = 64 - __builtin_ctz(own.slots);
	side->cpu = 2 * TALLY_STRIDE(own.slots);
	bpf_map__set_max_entries(map, own.tables * TALLY_STRIDE(own.slots));
	if (ring && !run->common.ring_kib)
		bpf_map__set_max_entries(ring, sysconf(_SC_PAGESIZE)); /* for notices only */
	counts_open(&own.now, own.shape, COUNTS_MOST);
	counts_open(&own.total, own.shape, COUNTS_MOST);
	return 0;
}

static void *map_memory(struct attach *a, const char *name, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int fd = bpf_object__find_map_fd_by_name(a->obj, name);
	void *p = mmap(NULL, (size + page - 1) & -page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int open_tables(struct attach *a)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	own.memory = map_memory(a, "tallies",
				(size_t)own.tables * TALLY_STRIDE(own.slots) * sizeof(*own.memory));
	own.side = map_memory(a, ".data.tally", sizeof(*own.side));
	if (!own.memory || !own.side)
		return fail("the counts cannot be mapped: %s", strerror(errno));
	own.inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_inner", 4, 4, 1, NULL);
	opts.inner_map_fd = own.inner;
	own.outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "weir_outer", 4, 4, 1, &opts);
	if (own.inner < 0 || own.outer < 0)
		return fail("the kernel gives no map of maps: %s", strerror(errno));
	return 0;
}

/*
 * Waits until no BPF program runs that began before: what the kernel promises when a map in a map
 * is replaced (maybe_wait_bpf_programs(), kernel/bpf/syscall.c, since 1ae80cf31938). membarrier()
 * would do it too, but not on one processor.
 */
static int grace(void)
{
	u32 zero = 0;

	if (!bpf_map_update_elem(own.outer, &zero, &own.inner, BPF_ANY))
		return 0;
	return fail("the counts cannot be read: %s", strerror(errno));
}

static bool is_socket(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISSOCK(st.st_mode);
}

/* weir itself sends only where it prints to a socket. */
int tallies_attach(struct run *run, struct attach *a)
{
	if (run->common.filter.have & (FILTER_TASK | FILTER_SOCK) || run->common.command ||
	    is_socket(STDOUT_FILENO) || is_socket(STDERR_FILENO))
		return 0;
	if (open_tables(a))
		return FAIL;
	own.side->everybody = 1;
	return 0;
}

static struct tally_slot *table(u32 i)
{
	return own.memory + (size_t)i * TALLY_STRIDE(own.slots);
}

static bool anything(u32 side)
{
	for (u32 i = side; i < own.tables; i += 2)
		if (__atomic_load_n(&table(i)[own.slots].key.id, __ATOMIC_RELAXED))
			return true;
	return false;
}

/*
 * Adds what was counted since the last time to own.now; *at is until when. Where nothing was,
 * nobody waits: a machine at rest stays so.
 */
static int take(u64 *at)
{
	struct tally_side next = {.turn = own.side->turn + 1};
	u32 side = own.side->offset != 0;

	*at = clock_ns();
	if (!anything(side))
		return 0;
	next.offset = side ? 0 : TALLY_STRIDE(own.slots);
	__atomic_store_n(&own.side->both, next.both, __ATOMIC_SEQ_CST);
	*at = clock_ns();
	if (grace())
		return FAIL;
	for (u32 i = side; i < own.tables; i += 2)
		counts_take(&own.now, table(i), own.slots);
	return 0;
}

static void each(void *run, const struct rec *r)
{
	run_emit(run, r);
}

static int tell(struct run *run, const struct counts *c, u32 flags, u64 from_ns, u64 to_ns)
{
	struct tally_rec head = {.h.ts = to_ns, .interval_ns = to_ns - from_ns, .flags = flags};

	if (counts_tell(c, &head, run->common.filter.have & FILTER_FAILED, each, run))
		return 0;
	return fail("no memory for a report of %u rows", c->nrows);
}

/* The last interval is what remains, so that the intervals' sum is the total. */
int tallies_tick(struct run *run, struct attach *a, bool last)
{
	u64 now;

	if (!a || own.done)
		return 0;
	if (!own.memory && open_tables(a))
		return FAIL;
	/* At the end once more: a program that was late went to the other side. */
	if (take(&now) || (last && take(&now)))
		return FAIL;
	if (own.intervals &&
	    tell(run, &own.now, 0, own.before_ns ? own.before_ns : run->start_ns, now))
		return FAIL;
	counts_merge(&own.total, &own.now);
	counts_clear(&own.now);
	own.before_ns = now;
	if (!last && (!own.intervals || !own.reports || --own.reports))
		return 0;
	own.done = true;
	if (tell(run, &own.total, TALLY_TOTAL, run->start_ns, now))
		return FAIL;
	run->stop = true;
	if (own.total.any && !run->common.quiet)
		note("%llu events found no room of their own and are in the row (other); --keys "
		     "makes room",
		     (unsigned long long)counts_events(own.shape, own.total.other));
	return 0;
}

/* Replay: is r of an interval after those that -n allows? */
static bool beyond(struct run *run, const struct tally_rec *t)
{
	if (!run->replay || !own.reports || t->flags & TALLY_TOTAL || t->h.ts == own.last_ts)
		return false;
	own.last_ts = t->h.ts;
	return own.told++ == own.reports;
}

void tallies_are_lines(struct run *run)
{
	if (own.reports)
		run->common.count = own.reports;
}

void tallies_event(struct run *run, const struct rec *r)
{
	struct tally_rec failed;

	if (run->replay && run->common.filter.have & FILTER_FAILED && own.shape->good) {
		failed = *tally_of(r);
		failed.h.len = sizeof(failed); /* the histogram is of all */
		counts_only_failed(own.shape, &failed);
		r = &failed.h;
		if (!failed.events)
			return;
	}
	if (beyond(run, tally_of(r))) {
		run->stop = true;
		return;
	}
	if (!run->headed && tally_of(r)->flags & TALLY_TOTAL) /* replay: no interval was told */
		leave_out_time(run);
	if (!(tally_of(r)->flags & TALLY_TOTAL) || run->columns == own.untimed) {
		run_row(run, r);
		return;
	}
	if (own.columns != run->columns) {
		own.columns = run->columns;
		copy_columns(own.total_columns, run->columns, true);
	}
	run_row_in(run, own.total_columns, run->ncolumns, r);
}

void tallies_event_drawn(struct run *run, const struct rec *r, const struct histogram *h)
{
	struct buf b = {0};

	tallies_event(run, r);
	if (run->stop || run->common.format != OUT_TEXT)
		return;
	histogram_draw(&b, h);
	buf_chr(&b, '\n');
	out_line(run->out, b.base, buf_len(&b));
	buf_free(&b);
}

bool tallies_hidden(struct run *run, const struct rec *r)
{
	const struct filter *f = &run->common.filter;
	const struct tally_key *k = &tally_of(r)->key;

	if (tally_of(r)->flags & TALLY_OTHER)
		return false; /* it may hold what is looked for */
	if (f->have & FILTER_PID && k->pid != f->pid)
		return true;
	if (f->have & FILTER_COMM && memcmp(k->comm, f->comm, sizeof(k->comm)))
		return true;
	if (f->have & FILTER_CGROUP && k->id != f->cgroup)
		return true;
	if (f->have & FILTER_FAMILY && k->family != f->family)
		return true;
	return f->have & FILTER_PORT && k->port != f->port;
}

bool tallies_mixed(struct run *run)
{
	note("these counts were made without regard to that filter, and cannot be taken apart: "
	     "give it while recording");
	run->stop = true;
	return true;
}
