/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir demo: traffic of its own, in network namespaces of its own, seen through weir trace. Where
 * that cannot be done, the recording that weir ships takes its place.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "error.h"
#include "net.h"
#include "tool.h"
#include "unpack.h"
#include "ways.h"
#include "workload.h"

#define SELF   "/proc/self/exe"
#define SECOND 1000000000ULL
#define NARROW 100 /* columns; on less, the short form of a line reads better */

/* Since the start, ns: when the tracing, and then the showing, is ended by force; and how long the
 * forced end may take. Within 10 s the demo is over. */
#define RECORD_LIMIT (8 * SECOND)
#define SHOW_LIMIT   (SECOND * 94 / 10)
#define KILLING      (SECOND / 2)

/* demo.rec, put into the program by the build. */
extern const unsigned char demo_rec[];
extern const u32 demo_rec_size;

/* What the traffic consists of; the latter half is shown line by line. (To attach to all calls
 * takes some kernels seconds.) */
static const char *const calls[] = {"socket",  "setsockopt", "bind",   "listen",
				    "connect", "accept4",    "sendto", "recvfrom"};
#define NCALLS (sizeof(calls) / sizeof(*calls))
#define SHOWN  (NCALLS / 2)

struct demo {
	struct common common;
	struct demo_net net;
	bool narrow;
	sigset_t signals; /* blocked, and taken where the demo waits */
	sigset_t before;
	u64 start, deadline;
	int child;  /* the weir that runs, 0: none */
	int caught; /* SIGINT or SIGTERM */
	bool late;
	bool held; /* what was killed has not ended yet */
};

/* The words of a command, NULL-terminated. */
struct words {
	const char *w[32];
	u32 n;
};

static void add(struct words *words, const char *word)
{
	words->w[words->n++] = word;
}

static void end_child(const struct demo *d, int sig)
{
	if (d->child)
		kill(d->child, sig);
}

/* Sleeps until a child ends, a signal says to stop, or time is up. False: time is up once more. */
static bool wait_a_little(struct demo *d)
{
	u64 now = clock_ns(), left = d->deadline > now ? d->deadline - now : 0;
	struct timespec ts = {left / SECOND, left % SECOND};
	int sig = sigtimedwait(&d->signals, NULL, &ts);

	if (sig == SIGINT || sig == SIGTERM) {
		end_child(d, d->caught ? SIGKILL : sig);
		d->caught = sig;
	} else if (sig < 0 && errno == EAGAIN) {
		if (d->late)
			return false;
		d->late = true;
		d->deadline = now + KILLING;
		end_child(d, SIGKILL);
	}
	return true;
}

/* Becomes weir with these words; it ends when the demo does, however that ends. */
static void __attribute__((noreturn)) become(const struct demo *d, struct words *words, int parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, &d->before, NULL);
	execv(SELF, (char **)words->w);
	note("cannot run %s: %s; is /proc mounted?", SELF, strerror(errno));
	_exit(1);
}

/*
 * Runs weir, and waits until it and all that it leaves behind are gone, but for what an earlier one
 * has left: a tracer that was killed ends when the kernel has let go of all its hooks, which may
 * take seconds. The exit status as a shell tells it; FAIL after a signal or at the end of the
 * demo's time.
 */
static int run(struct demo *d, struct words *words)
{
	int self = getpid(), pid = 1, status, result = 1;

	d->child = fork();
	if (d->child < 0)
		return fail("cannot start another weir: %s", strerror(errno));
	if (!d->child)
		become(d, words, self);
	while (pid >= 0 && (d->child || !d->held)) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid > 0 && pid == d->child) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			d->child = 0;
		} else if (!pid && !wait_a_little(d)) {
			d->held = true;
			return d->child ? fail("process %d was killed and does not end: the kernel "
					       "holds it",
					       d->child)
					: fail("what the tracer has run does not end");
		}
	}
	if (d->caught)
		return fail("stopped; nothing is left behind");
	if (d->late)
		return fail("this took too long for a demo, so it was ended; is the machine busy?");
	return result == 128 + SIGPIPE ? 0 : result; /* whoever read the output has seen enough */
}

static void tell(const struct demo *d, const char *text)
{
	if (!d->common.quiet)
		note("%s", text);
}

/* weir trace --record PATH -- the workload. 1: this kernel or these rights do not allow it; a
 * sentence of the tracer's has then said why. */
static int record(struct demo *d, const char *path)
{
	struct words words = {{"weir", "trace", "--record", path}, 4};
	char server[16];

	snprintf(server, sizeof(server), "%d", d->net.server);
	for (u32 i = 0; i < NCALLS; i++)
		add(&words, calls[i]);
	if (d->common.way) {
		add(&words, "--way");
		add(&words, d->common.way);
	}
	if (d->common.quiet)
		add(&words, "-q");
	add(&words, "--");
	add(&words, SELF);
	add(&words, "demo");
	add(&words, "--workload");
	add(&words, server);
	add(&words, d->net.six ? "6" : "4");
	if (d->common.quiet)
		add(&words, "-q");
	d->deadline = d->start + RECORD_LIMIT;
	tell(d, "now they talk, and weir trace --record FILE CALL... -- COMMAND watches:");
	return run(d, &words);
}

static void add_output(const struct demo *d, struct words *words)
{
	static const char *const formats[] = {"text", "json", "csv"};

	add(words, "-o");
	add(words, formats[d->common.format]);
	if (d->common.quiet)
		add(words, "-q");
}

/* Some calls line by line, then all of them in numbers. */
static int replay(struct demo *d, const char *path)
{
	struct words lines = {{"weir", "replay", path}, 3}, summary = lines;
	int status;

	for (u32 i = SHOWN; i < NCALLS; i++)
		add(&lines, calls[i]);
	add_output(d, &lines);
	if (d->narrow)
		add(&lines, "--bare");
	add(&summary, "--summary");
	add_output(d, &summary);
	d->deadline = d->start + SHOW_LIMIT;
	d->late = false;
	tell(d, d->narrow ? "call by call: weir replay FILE connect accept4 sendto recvfrom --bare"
			  : "call by call: weir replay FILE connect accept4 sendto recvfrom");
	status = run(d, &lines);
	if (status)
		return status;
	tell(d, "all in numbers: weir replay FILE --summary");
	return run(d, &summary);
}

/* A file in memory; path (32 bytes) is how a child opens it. */
static int memory_file(char *path)
{
	int fd = memfd_create("demo.rec", 0);

	if (fd < 0)
		return fail("cannot make a file in memory: %s", strerror(errno));
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static int replay_shipped(struct demo *d)
{
	char path[32];
	int fd = memory_file(path);
	size_t size;
	void *rec;

	if (fd < 0)
		return fd;
	rec = unpack(demo_rec, demo_rec_size, &size);
	if (!rec || write(fd, rec, size) != (ssize_t)size)
		return fail("cannot unpack the recording that weir ships: %s", strerror(errno));
	free(rec);
	return replay(d, path);
}

/* How the user calls weir; plainly, when by a link named after this tool or by an odd name. */
static const char *our_name(void)
{
	const char *name = program_invocation_name, *slash = strrchr(name, '/');

	if (!strcmp(slash ? slash + 1 : name, "demo"))
		return "weir";
	for (const char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c))
			return "weir";
	return name;
}

static void tell_next(const struct demo *d, bool real)
{
	const char *weir = our_name();

	if (d->common.quiet)
		return;
	note("try next:");
	if (real)
		dprintf(STDERR_FILENO,
			"  %s trace -- curl -s http://example.com/   a command of yours\n"
			"  %s trace --failed                         what fails on this machine\n"
			"  %s trace --summary -d 5                   all of it, for five seconds\n",
			weir, weir, weir);
	else
		dprintf(STDERR_FILENO,
			"  sudo %s demo    the same, live\n"
			"  %s doctor       what this kernel and your rights allow\n"
			"  %s help trace   what there is to see\n",
			weir, weir, weir);
}

static void tell_place(const struct demo *d)
{
	const char *server = d->net.six ? SERVER_IP4 "  " SERVER_IP6 : SERVER_IP4;
	const char *client = d->net.six ? CLIENT_IP4 "  " CLIENT_IP6 : CLIENT_IP4;

	if (d->common.quiet)
		return;
	note("made two private network namespaces, joined by a veth pair:");
	dprintf(STDERR_FILENO, "  a server in one:       %s\n  a client in the other: %s\n", server,
		client);
}

/* As run(). *real: set when this machine's own kernel was watched. */
static int show(struct demo *d, bool *real)
{
	const char *path = d->common.record;
	char memory[32];
	int status = net_make(&d->net);

	if (status) {
		if (path)
			return status;
		note("%s; instead, the recording that weir ships, of the same traffic:",
		     error_text());
		return replay_shipped(d);
	}
	tell_place(d);
	if (!path && memory_file(memory) < 0)
		return FAIL;
	status = record(d, path ? path : memory);
	if ((status == 1 || d->late) && !d->caught && !path) {
		if (d->late)
			note("%s", error_text());
		note("instead, the recording that weir ships, of the same traffic:");
		return replay_shipped(d);
	}
	*real = true;
	return status ? status : replay(d, path ? path : memory);
}

static int check(const struct common *c)
{
	enum call_way way;

	if (c->nargs || c->command)
		return usage("demo traces traffic of its own: it has no use for '%s'; weir trace "
			     "takes calls and commands",
			     c->command ? *c->command : *c->args);
	return c->way ? way_named(c->way, &way) : 0;
}

static void prepare(struct demo *d)
{
	struct winsize size;

	if (d->common.format == OUT_TEXT && !ioctl(1, TIOCGWINSZ, &size))
		d->narrow = size.ws_col && size.ws_col < NARROW;
	sigemptyset(&d->signals);
	sigaddset(&d->signals, SIGINT);
	sigaddset(&d->signals, SIGTERM);
	sigaddset(&d->signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &d->signals, &d->before);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what an ended weir leaves is ours to wait for */
	d->start = clock_ns();
}

static int demo_main(const struct tool *t, int argc, char **argv)
{
	static struct demo d;
	bool real = false;
	int status;

	if (argc >= 4 && !strcmp(argv[1], "--workload")) { /* see record() */
		d.net = (struct demo_net){atoi(argv[2]), *argv[3] == '6'};
		return workload(&d.net, argc > 4);
	}
	status = options_parse(t, &d.common, argc, argv);
	if (!status && d.common.help) {
		options_help(t);
		return 0;
	}
	if (!status)
		status = check(&d.common);
	if (!status) {
		prepare(&d);
		status = show(&d, &real);
	}
	if (status < 0)
		note("%s", error_text());
	if (d.caught)
		return 128 + d.caught;
	if (!status)
		tell_next(&d, real);
	return status == USAGE || status == 2 ? 2 : status ? 1 : 0;
}

static const struct tool demo = {
	.name = "demo",
	.summary = "traffic of its own, traced on this kernel: a look at what weir shows",
	.usage = "[-o FORMAT] [--record FILE] [-q]",
	.lacks = ~(COMMON(OUTPUT) | COMMON(RECORD) | COMMON(WAY) | COMMON(QUIET) | COMMON(HELP)),
	.lacks_why = "it traces traffic of its own; it takes -o, -q, --record and --way, weir "
		     "trace the rest",
	.main = demo_main,
};
TOOL(demo);
