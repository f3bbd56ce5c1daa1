/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "account.h"
#include "cgroups.h"
#include "command.h"
#include "decode.h"
#include "devices.h"
#include "error.h"
#include "file.h"
#include "greet.h"
#include "hit_decode.h"
#include "match.h"
#include "refused.h"
#include "run.h"
#include "stacks.h"
#include "symbols.h"
#include "table.h"
#include "version.h"

/* All of a live run. */
struct live {
	struct run run;
	struct attach attach;
	struct reader reader;
	struct command command;
	struct file_writer file;
	bool inner;      /* the tool takes records before the output */
	int devices;     /* devices_open(), of a recording */
	u64 last_cgroup; /* whose name was recorded last: most records in a row share it */
};

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		caught = sig;
}

/* Signals arrive only while the reader sleeps; SIGPIPE becomes EPIPE, a normal end, and SIGXFSZ
 * EFBIG, which is told. */
static void set_signals(sigset_t *open)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	struct sigaction act = {.sa_handler = on_signal}, was = {0};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (u32 i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		if (signals[i] == SIGHUP && !sigaction(SIGHUP, NULL, &was) &&
		    was.sa_handler == SIG_IGN) /* nohup */
			continue;
		sigaction(signals[i], &act, NULL);
		sigaddset(&blocked, signals[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigprocmask(SIG_BLOCK, &blocked, open);
}

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void now_world(struct out_world *w)
{
	struct timespec mono, wall;
	struct tm tm;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	w->wall_ns = (wall.tv_sec - mono.tv_sec) * 1000000000LL + wall.tv_nsec - mono.tv_nsec;
	localtime_r(&wall.tv_sec, &tm);
	w->zone_s = tm.tm_gmtoff;
	w->cgroup = cgroup_path;
}

#define NAME_MOST 4096 /* bytes of a stack's names */

/* The run is the first member of its struct live. */
void run_record_name(struct run *run, u32 space, u64 id, const char *name, size_t len)
{
	struct live *l = (struct live *)run;
	struct name_rec n = {.h = {.type = REC_NAME, .fixed = sizeof(n), .ts = now_ns()},
			     .space = space,
			     .len = len,
			     .id = id};
	struct buf b = {0};

	if (!run->common.record)
		return;
	n.h.len = sizeof(n) + len;
	buf_mem(&b, &n, sizeof(n));
	buf_mem(&b, name, len);
	file_write(&l->file, (const struct rec *)b.base);
	buf_free(&b);
}

static void record_name(struct live *l, u32 space, u64 id, const char *name)
{
	run_record_name(&l->run, space, id, name, strlen(name));
}

/* The names of this namespace's devices: replay elsewhere tells them, and not its own. */
static void record_netdev(void *arg, u32 ifindex, const char *name)
{
	if (name)
		record_name(arg, NAME_NETDEV, (u64)netdev_own() << 32 | ifindex, name);
}

/* Generic netlink families likewise. */
static void record_families(struct live *l)
{
	const struct names *all = genl_names(0);

	for (u32 i = 0; i < all->count; i++)
		record_name(l, NAME_GENL, all->rows[i].value, all->rows[i].name);
}

static int record_open(struct live *l)
{
	struct file_head head = {.wall_ns = l->run.world.wall_ns,
				 .zone_s = l->run.world.zone_s,
				 .start_ns = now_ns()};
	struct utsname uts;

	uname(&uts);
	snprintf(head.tool, sizeof(head.tool), "%s", l->run.tool->name);
	snprintf(head.weir, sizeof(head.weir), "%s", WEIR_VERSION);
	snprintf(head.release, sizeof(head.release), "%.63s", uts.release);
	snprintf(head.machine, sizeof(head.machine), "%.15s", uts.machine);
	snprintf(head.host, sizeof(head.host), "%.63s", uts.nodename);
	if (file_create(&l->file, l->run.common.record, &head))
		return FAIL;
	record_netdev(l, 0, ""); /* even where there is none */
	l->devices = devices_open(record_netdev, l);
	record_families(l);
	return 0;
}

/* So that replay on another machine can tell the cgroup's path. */
static __attribute__((noinline)) void record_cgroup(struct live *l, u64 id)
{
	static u64 seen[4096];
	const char *path;

	l->last_cgroup = id;
	if (seen[id % 4096] == id)
		return;
	seen[id % 4096] = id;
	path = cgroup_path(id);
	if (path)
		record_name(l, NAME_CGROUP, id, path);
}

/* Kernel addresses mean something only to the kernel that was traced. */
static void record_symbol(void *arg, u64 address)
{
	static u64 seen[4096];
	const char *text;

	if (!address || seen[address % 4096] == address)
		return;
	seen[address % 4096] = address;
	text = symbol_text(address);
	if (text)
		run_record_name(arg, NAME_SYMBOL, address, text, strlen(text));
}

/* The cgroup that a record names, 0 when it names none. */
static __attribute__((noinline)) u64 cgroup_of(const struct rec *r)
{
	const struct tally_rec *t = (const struct tally_rec *)r;
	const struct who *who = rec_who(r);

	if (who)
		return who->cgroup;
	return r->type == REC_TALLY && t->flags & TALLY_CGROUP ? t->key.id : 0;
}

/* Into the recording. */
static void keep(struct run *run, const struct rec *r)
{
	struct live *l = (struct live *)run; /* its first member */
	bool call = r->type == REC_CALL;     /* most are; one event, and no addresses of code */
	u64 cgroup = call ? ((const struct call_rec *)r)->who.cgroup : cgroup_of(r);

	if (cgroup && cgroup != l->last_cgroup)
		record_cgroup(l, cgroup);
	if (!call)
		symbols_of(r, record_symbol, run);
	run->events += call ? 1 : run_events_of(r);
	file_write(&l->file, r);
	if (run->common.count && run->events >= run->common.count)
		run->stop = true;
}

/* The names of a stack's functions, now that its process is there. */
static void on_stack(struct live *l, const struct stack_rec *r)
{
	struct buf b = {0};

	if (r->kernel)
		decode_frame_lines(&b, r->ip, STACK_MAX);
	else
		symbols_stack(&b, r, NAME_MOST);
	if (l->run.common.record)
		run_record_name(&l->run, NAME_STACK, r->id, b.base, buf_len(&b));
	else
		stack_learn(r->id, b.base, buf_len(&b));
	buf_free(&b);
}

/* What is not for the output, or not as it is. Returns whether that was all. */
static bool is_inner(struct live *l, const struct rec *r)
{
	if (r->type == REC_STACK) {
		on_stack(l, (const struct stack_rec *)r);
		return true;
	}
	if (l->run.tool->inner && l->run.tool->inner(&l->run, r))
		return true;
	if (r->type != REC_NOTICE)
		return false;
	run_notice(&l->run, (const struct notice_rec *)r);
	if (l->run.common.record)
		file_write(&l->file, r);
	return true;
}

static __attribute__((noinline)) void on_any(struct live *l, const struct rec *r)
{
	if (!is_inner(l, r) && !l->run.stop)
		run_emit(&l->run, r);
}

static void on_record(void *ctx, const struct rec *r)
{
	struct live *l = ctx;

	if (l->inner || l->run.stop || r->type == REC_STACK || r->type == REC_NOTICE)
		on_any(l, r);
	else
		run_emit(&l->run, r);
}

/* What has come, after the names that it may need. */
static bool drain(struct live *l)
{
	if (l->run.common.record)
		devices_poll(l->devices, record_netdev, l);
	return reader_drain(&l->reader);
}

static int flush(struct live *l)
{
	int err = l->run.common.record ? file_flush(&l->file) : out_flush(l->run.out);

	if (!err)
		return 0;
	l->run.stop = true;
	if (err == -EPIPE && !l->run.common.record)
		return 0;
	l->run.broken = true;
	return fail("cannot write to %s: %s",
		    l->run.common.record ? l->run.common.record : "standard output",
		    strerror(-err));
}

static bool over(struct live *l)
{
	const struct common *c = &l->run.common;

	if (l->command.pid) {
		command_poll(&l->command);
		if (l->command.ended && l->attach.shared->live <= 0)
			return true;
	}
	return caught || l->run.stop ||
	       (c->duration_ns && now_ns() >= l->run.start_ns + c->duration_ns);
}

/* Nearest of the end of the run and the next interval; 0: none. */
static u64 next_wait(const struct live *l, u64 tick)
{
	u64 now = now_ns(), end = l->run.start_ns + l->run.common.duration_ns, at = 0;

	if (l->run.common.duration_ns)
		at = end;
	if (tick && (!at || tick < at))
		at = tick;
	if (l->command.ended && (!at || at > now + 20000000))
		at = now + 20000000; /* its last descendants end without a signal to us */
	return !at ? 0 : at > now ? at - now : 1;
}

static int loop(struct live *l, const sigset_t *open)
{
	u64 step = l->run.tool->tick ? l->run.common.interval_ns : 0;
	u64 tick = step ? l->run.start_ns + step : 0;

	while (!over(l)) {
		bool busy;

		if (l->run.tool->poll && l->run.tool->poll(&l->run, &l->attach))
			return FAIL;
		busy = drain(l);
		if (flush(l))
			return FAIL;
		if (tick && now_ns() >= tick) {
			if (l->run.tool->tick(&l->run, &l->attach, false) || flush(l))
				return FAIL;
			/* intervals that went by meanwhile are part of the next */
			tick += step * ((now_ns() - tick) / step + 1);
		}
		if (!l->run.stop)
			reader_wait(&l->reader, busy, next_wait(l, tick), open);
	}
	return 0;
}

/*
 * After the probes are gone, a program may still be at its record on another CPU, and on a busy
 * machine may have been put aside there: the ring is empty for good when it was so for two
 * milliseconds. What is begun and not sent within a second will never be.
 */
static void drain_rest(struct live *l)
{
	struct timespec nap = {0, 1000000};
	u64 end = now_ns() + 1000000000;

	for (u32 quiet = 0; quiet < 2; quiet++) {
		nanosleep(&nap, NULL);
		if (drain(l) || (reader_behind(&l->reader) && now_ns() < end))
			quiet = 0;
	}
}

static int start(struct live *l)
{
	struct run *run = &l->run;
	const struct tool *t = run->tool;
	int err;

	now_world(&run->world);
	if (run->common.record && record_open(l))
		return FAIL;
	run->keep = run->common.record ? keep : NULL;
	if (run_open(run) || attach_open(&l->attach, t->object, *t->object_size))
		return FAIL;
	err = t->setup ? t->setup(run, &l->attach) : 0;
	if (err)
		return err;
	if (run->common.command && command_start(&l->command, run->common.command))
		return FAIL;
	err = attach_load(&l->attach, &run->common);
	if (!err && t->attach)
		err = t->attach(run, &l->attach);
	if (err)
		return err;
	if (attach_read(&l->attach, &l->reader))
		return FAIL;
	l->reader.each = on_record;
	l->reader.ctx = l;
	l->run.start_ns = now_ns();
	if (!l->command.pid)
		return 0;
	if (attach_follow(&l->attach, l->command.pid))
		return FAIL;
	return command_go(&l->command, run->common.command);
}

static int finish_record(struct live *l)
{
	struct end_rec end = {
		.h = {.len = sizeof(end), .type = REC_END, .fixed = sizeof(end), .ts = now_ns()},
		.events = l->run.events,
		.nlost = LOST_MAX};
	int err;

	memcpy(end.lost, l->run.lost, sizeof(end.lost));
	file_write(&l->file, &end.h);
	err = file_finish(&l->file);
	return err ? fail("cannot write to %s: %s", l->run.common.record, strerror(-err)) : 0;
}

static int finish(struct live *l, int err)
{
	struct run *run = &l->run;

	if (caught)
		command_end(&l->command, caught);
	table_left(&l->attach);
	attach_end(&l->attach);
	if (l->reader.open)
		drain_rest(l);
	if (!err && run->tool->tick && run->tool->tick(run, &l->attach, true))
		err = FAIL;
	if (l->attach.shared)
		account_collect(run, &l->attach);
	if (run->common.record && l->file.fd > 0 && finish_record(l) && !err)
		err = FAIL;
	if (l->devices > 0)
		close(l->devices);
	if (err)
		note("%s", error_text());
	err = run_close(run, err ? NULL : &l->attach) || err ? (err ? err : FAIL) : 0;
	reader_close(&l->reader);
	attach_close(&l->attach);
	if (err == USAGE)
		return 2;
	if (l->command.failed || (l->command.ended && !err))
		return l->command.status;
	return err ? 1 : 0;
}

/* A run without the kernel half. */
static int read_through(struct run *run)
{
	int err;

	now_world(&run->world);
	run->world.wall_ns = 0; /* records of files have the time of day */
	run->replay = true;
	err = run_open(run);
	if (!err)
		err = run->tool->reads(run);
	if (!err && !run->headed)
		run_head(run);
	if (!err && run->tool->tick)
		err = run->tool->tick(run, NULL, true);
	if (err)
		note("%s", error_text());
	return run_close(run, NULL) || err ? 1 : 0;
}

/* Is it there, and a process? A thread's id is none that an event has. */
static int check_process(u32 pid)
{
	if (kill(pid, 0) && errno == ESRCH)
		return fail("process %u does not exist (any more); ps -e lists those that do", pid);
	if (syscall(SYS_tgkill, pid, pid, 0) && errno == ESRCH)
		return usage("-p takes a process, and %u is a thread; ps -eL tells of which", pid);
	return 0;
}

int run_live(const struct tool *t, int argc, char **argv)
{
	static struct live l;
	sigset_t open;
	int err;

	l.run.tool = t;
	l.inner = t->inner != NULL;
	l.run.begun_ns = now_ns();
	err = options_parse(t, &l.run.common, argc, argv);
	if (!err && l.run.common.help) {
		options_help(t);
		return 0;
	}
	if (!err && l.run.common.filter.have & FILTER_PID)
		err = check_process(l.run.common.filter.pid);
	if (!err && t->check)
		err = t->check(&l.run);
	if (err) {
		note("%s", error_text());
		return err == USAGE ? 2 : 1;
	}
	if (t->offline && t->offline(&l.run))
		return read_through(&l.run);
	refused_loud = l.run.common.verbose;
	set_signals(&open);
	err = start(&l);
	if (err) {
		command_end(&l.command, SIGTERM);
		return finish(&l, err);
	}
	if (!l.run.headed) /* by rows of what was there already */
		run_head(&l.run);
	greet(&l.run, &l.attach, l.command.pid != 0);
	err = loop(&l, &open);
	return finish(&l, err);
}
