/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir trace: columns of tracepoints and kernel functions. In CSV they are those of system calls.
 */
#include <string.h>
#include "cgroups.h"
#include "hits.h"
#include "hit_decode.h"

static const struct hit_rec *hit_of(const struct rec *r)
{
	return (const struct hit_rec *)r;
}

/* Nothing is known: "-" in text, null in JSON. */
static void tell_number(struct verbs *v, const struct rec *r, u64 n)
{
	if (hit_of(r)->flags & HIT_WHO)
		v->ops->uint(v, n);
	else
		decode_none(v);
}

static void tell_pid(struct verbs *v, const struct rec *r)
{
	tell_number(v, r, hit_of(r)->who.pid);
}

static void tell_tid(struct verbs *v, const struct rec *r)
{
	tell_number(v, r, hit_of(r)->who.tid);
}

static void tell_uid(struct verbs *v, const struct rec *r)
{
	tell_number(v, r, hit_of(r)->who.uid);
}

/* Names that others chose. */
static void tell_text(struct verbs *v, const char *s, size_t n)
{
	if (v->ops != &verbs_json) {
		buf_safe_utf8(v->b, s, n);
		return;
	}
	buf_chr(v->b, '"');
	buf_json_utf8(v->b, s, n);
	buf_chr(v->b, '"');
}

static void tell_comm(struct verbs *v, const struct rec *r)
{
	const char *comm = hit_of(r)->who.comm;

	if (hit_of(r)->flags & HIT_WHO)
		tell_text(v, comm, strnlen(comm, sizeof(hit_of(r)->who.comm)));
	else
		decode_none(v);
}

static void tell_cgroup(struct verbs *v, const struct rec *r)
{
	const char *path = cgroup_path(hit_of(r)->who.cgroup);

	if (path && hit_of(r)->flags & HIT_WHO)
		tell_text(v, path, strlen(path));
	else
		tell_number(v, r, hit_of(r)->who.cgroup);
}

static void tell_netns(struct verbs *v, const struct rec *r)
{
	if (hit_of(r)->netns)
		v->ops->uint(v, hit_of(r)->netns);
	else
		decode_none(v);
}

static void tell_line(struct verbs *v, const struct rec *r)
{
	decode_hit_line(v, hit_of(r));
}

static void tell_probe(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, probe_name(hit_of(r)->probe));
}

static void tell_context(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, hit_of(r)->context == IN_TASK ? "task" : "interrupt");
}

static void tell_args(struct verbs *v, const struct rec *r)
{
	decode_hit_args(v, hit_of(r));
}

static void tell_ret(struct verbs *v, const struct rec *r)
{
	decode_hit_ret(v, hit_of(r));
}

static void tell_error(struct verbs *v, const struct rec *r)
{
	decode_hit_error(v, hit_of(r));
}

static void tell_latency(struct verbs *v, const struct rec *r)
{
	if (hit_of(r)->flags & HIT_RETURNED)
		v->ops->uint(v, hit_of(r)->dur);
	else
		decode_none(v);
}

static void tell_socket(struct verbs *v, const struct rec *r)
{
	decode_hit_socket(v, hit_of(r));
}

static void tell_packet(struct verbs *v, const struct rec *r)
{
	decode_hit_packet(v, hit_of(r));
}

static void tell_stack(struct verbs *v, const struct rec *r)
{
	decode_hit_stack(v, hit_of(r));
}

#define C(member) COLUMN(struct hit_rec, member)

/* The same in many rows: what they tell is known by the words from flags to the member. */
#define KEPT(name, head, flags, member, width, tell, help)                                         \
	{                                                                                          \
		name, head, COL_NEST, (flags) | COL_KEPT, C(member), width, tell, help             \
	}

const struct column hit_columns[] = {
	{"time", "TIME", COL_CLOCK, COL_TEXT, C(h.ts), 15, NULL, "when it fired"},
	KEPT("pid", "PID", COL_TEXT, flags, 7, tell_pid, "process whose socket it is about"),
	KEPT("tid", NULL, 0, who.tid, 7, tell_tid, "its thread, when the socket was noted"),
	KEPT("uid", NULL, 0, who.uid, 5, tell_uid, "its effective user"),
	KEPT("comm", "COMM", COL_TEXT | COL_LEFT, who.comm, 15, tell_comm, "its name"),
	KEPT("cgroup", NULL, 0, who.cgroup, 0, tell_cgroup, "its cgroup"),
	KEPT("netns", NULL, 0, netns, 0, tell_netns,
	     "network namespace of the socket or the device"),
	NEST("line", "CALL", COL_TEXT | COL_LEFT | COL_TEXT_ONLY, 0, tell_line,
	     "probe(arguments) = result <seconds>"),
	NEST("probe", NULL, 0, 0, tell_probe, "tracepoint or function"),
	NEST("args", NULL, 0, 0, tell_args, "its fields or arguments by name"),
	NEST("ret", NULL, 0, 0, tell_ret, "a function's result, with --ret"),
	NEST("error", NULL, 0, 0, tell_error, "name of the error, when the result is one"),
	NEST("latency_ns", NULL, 0, 0, tell_latency, "time from entry to return, with --ret"),
	NEST("context", NULL, COL_DATA_ONLY, 0, tell_context,
	     "task, or interrupt: then the process above did not run"),
	NEST("socket", NULL, COL_DATA_ONLY, 0, tell_socket, "the socket that it is about"),
	NEST("packet", NULL, COL_DATA_ONLY, 0, tell_packet, "the packet that it is about"),
	NEST("stack", NULL, COL_DATA_ONLY, 0, tell_stack,
	     "kernel functions that led there (--stack)"),
	{0},
};

const struct column hit_bare_columns[] = {
	NEST("line", "CALL", COL_TEXT | COL_LEFT, 0, tell_line, "probe(arguments) = result"),
	{0},
};

const u32 hit_ncolumns = sizeof(hit_columns) / sizeof(*hit_columns) - 1;
const u32 hit_bare_ncolumns = sizeof(hit_bare_columns) / sizeof(*hit_bare_columns) - 1;
