/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir soaccept: the user half. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "conn_columns.h"
#include "probes.h"
#include "soaccept.h"

TOOL_OBJECT(soaccept);

/* Those of accept(2) are the words of soaccept.bt, by which people search. */
static const struct name word_rows[] = {
	{0, "Success"},
	{EPERM, "Permission denied"},
	{EINTR, "Interrupted"},
	{EBADF, "Invalid sockfd"},
	{EAGAIN, "None to accept"},
	{ENOMEM, "Out of memory"},
	{EFAULT, "Sock struct addr invalid"},
	{EINVAL, "Args invalid"},
	{ENFILE, "System FD limit"},
	{EMFILE, "Process FD limit"},
	{EPROTO, "Protocol error"},
	{ENOTSOCK, "FD not a socket"},
	{EOPNOTSUPP, "Not SOCK_STREAM"},
	{ECONNABORTED, "Aborted"},
	{ENOBUFS, "Memory (ENOBUFS)"},
	{512, "Interrupted"}, /* ERESTARTSYS, which the program does not see */
};
static const struct names words = {word_rows, sizeof(word_rows) / sizeof(*word_rows), "", NULL};

static const struct accept_rec *rec_of(const struct rec *r)
{
	return (const struct accept_rec *)r;
}

static void tell_path(struct verbs *v, const struct rec *r)
{
	const struct sect *path = sect_find(r, SECT_LPATH, ANY_ARG, NULL);
	const char *p;

	if (!path || !path->len) {
		decode_none(v);
		return;
	}
	/* one in the file system ends with NUL, an abstract one begins with it */
	p = (const char *)(path + 1);
	v->ops->bytes(v, p, *p ? strnlen(p, path->len) : path->len, false);
}

/* For people: the address, or the path that stands in for one. */
static void tell_where(struct verbs *v, const struct rec *r)
{
	if (conn_of(r)->sock.family == AF_UNIX)
		tell_path(v, r);
	else
		tell_conn_addr(v, r);
}

static void tell_number(struct verbs *v, const struct rec *r, u32 n)
{
	if (rec_of(r)->flags & ACCEPT_QUEUE)
		v->ops->uint(v, n);
	else
		decode_none(v);
}

static void tell_queue(struct verbs *v, const struct rec *r)
{
	tell_number(v, r, rec_of(r)->queue);
}

static void tell_limit(struct verbs *v, const struct rec *r)
{
	tell_number(v, r, rec_of(r)->limit);
}

static void tell_both(struct verbs *v, const struct rec *r)
{
	if (!(rec_of(r)->flags & ACCEPT_QUEUE))
		return;
	buf_u64(v->b, rec_of(r)->queue);
	buf_chr(v->b, '/');
	buf_u64(v->b, rec_of(r)->limit);
}

static void tell_via(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, rec_of(r)->via == VIA_CALL ? "accept" : "io_uring");
}

static void tell_result(struct verbs *v, const struct rec *r)
{
	s64 ret = rec_of(r)->s.ret;

	decode_outcome(v, &words, ret < 0 ? ret : 0);
}

static const struct column columns[] = {
	CONNS_TASK("when accept returned"),
	{"via", NULL, COL_NEST, 0, 0, 0, 0, tell_via, "accept (and accept4), or io_uring"},
	CONNS_SOCKET,
	{"where", "ADDRESS", COL_NEST, CONN_FOR_PEOPLE | COL_LEFT, 0, 0, 15, tell_where, "address"},
	{"address", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_addr, "who connected; of vsock the cid"},
	{"port", "PORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_conn_port, "port there"},
	{"local_address", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_laddr, "what was connected to"},
	{"local_port", "LPORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_conn_lport, "port of it"},
	{"path", NULL, COL_NEST, 0, 0, 0, 0, tell_path,
	 "of a Unix socket: the one that listens; an abstract name begins with NUL"},
	{"wait_us", "WAIT(us)", COL_NEST, CONN_FOR_PEOPLE, 0, 0, 8, tell_conn_us, "wait_ns in us"},
	{"wait_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_ns,
	 "from the connection's arrival in the accept queue until accept returned it"},
	{"both", "QUEUE", COL_NEST, CONN_FOR_PEOPLE, 0, 0, 9, tell_both, "queue and queue_limit"},
	{"queue", NULL, COL_NEST, 0, 0, 0, 0, tell_queue,
	 "connections that wait in the queue still"},
	{"queue_limit", NULL, COL_NEST, 0, 0, 0, 0, tell_limit,
	 "backlog of listen(): at more than this many, connections are refused or dropped"},
	{"ret", NULL, COL_INT, 0, CONN(ret), 0, NULL,
	 "result: a descriptor; -errno when it failed"},
	CONNS_ERROR,
	{"result", "RESULT", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 0, tell_result,
	 "the result in words"},
	{0},
};

static int setup(struct run *run, struct attach *a)
{
	(void)run;
	a->calls = true;
	a->wanted[CALL_accept] = a->wanted[CALL_accept4] = true;
	probes_want(a, &state_probe);
	probes_want(a, &uring_accept_probe);
	return 0;
}

static const struct tool soaccept = {
	.name = "soaccept",
	.summary = "each accept, how long its connection waited, and how full the queue is",
	.usage = "[options] [-- COMMAND...]",
	.columns = columns,
	.lacks = COMMON(INTERVAL),
	.lacks_why = "it prints each accept as it returns",
	.records = RECORD(ACCEPT),
	.object = soaccept_bpf_o,
	.object_size = &soaccept_bpf_o_size,
	.io_uring = true,
	.check = conns_check,
	.setup = setup,
};
TOOL(soaccept);
