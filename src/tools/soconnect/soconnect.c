/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir soconnect: the user half. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include "conn_columns.h"
#include "error.h"
#include "probes.h"
#include "soconnect.h"

TOOL_OBJECT(soconnect);

static struct {
	bool no_final;
} own;

static const struct option_row options[] = {
	{0, "no-final", NULL, OPT_FLAG, offsetof(__typeof__(own), no_final), 0, 0,
	 "only what the calls return, not what becomes of those in progress"},
	{0},
};

/* Those of connect(2) are the words of soconnect.bt, by which people search. */
static const struct name word_rows[] = {
	{0, "Success"},
	{EPERM, "Permission denied"},
	{EINTR, "Interrupted"},
	{EBADF, "Invalid sockfd"},
	{EAGAIN, "Routing cache insuff."},
	{EACCES, "Perm. denied (EACCES)"},
	{EFAULT, "Sock struct addr invalid"},
	{EINVAL, "Invalid argument"},
	{ENOTSOCK, "FD not a socket"},
	{EPROTOTYPE, "Socket protocol error"},
	{EAFNOSUPPORT, "Address family invalid"},
	{EADDRINUSE, "Local addr in use"},
	{EADDRNOTAVAIL, "No port available"},
	{ENETUNREACH, "Network unreachable"},
	{ECONNABORTED, "Aborted"},
	{ECONNRESET, "Connection reset"},
	{EISCONN, "Already connected"},
	{ETIMEDOUT, "Timeout"},
	{ECONNREFUSED, "Connect refused"},
	{EHOSTUNREACH, "Host unreachable"},
	{EALREADY, "Not yet completed"},
	{EINPROGRESS, "In progress"},
	{CONNECT_GIVEN_UP, "Closed before connected"},
	{512, "Interrupted"}, /* ERESTARTSYS, which the program does not see */
};
static const struct names words = {word_rows, sizeof(word_rows) / sizeof(*word_rows), "", NULL};

static const struct connect_rec *rec_of(const struct rec *r)
{
	return (const struct connect_rec *)r;
}

static void tell_result(struct verbs *v, const struct rec *r)
{
	decode_outcome(v, &words, rec_of(r)->s.ret);
}

static const char *const vias[] = {
	[VIA_CALL] = "connect",  [VIA_IO_URING] = "io_uring", [VIA_SEND] = "send",
	[VIA_COMPAT] = "32-bit", [VIA_KERNEL] = "kernel",     [VIA_OTHER] = "other",
};
#define NVIAS (sizeof(vias) / sizeof(*vias))

static const char *via_of(const struct rec *r)
{
	return vias[rec_of(r)->via < NVIAS ? rec_of(r)->via : VIA_OTHER];
}

static void tell_stage(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, rec_of(r)->stage == CONNECT_FINAL ? "final" : "call");
}

static void tell_via(struct verbs *v, const struct rec *r)
{
	v->ops->word(v, via_of(r));
}

/* For people: what a row is that is not of the call, stands behind its result. */
static void tell_line(struct verbs *v, const struct rec *r)
{
	tell_result(v, r);
	if (rec_of(r)->stage == CONNECT_FINAL)
		buf_str(v->b, rec_of(r)->via == VIA_CALL ? " (final)" : " (final, ");
	else if (rec_of(r)->via != VIA_CALL)
		buf_str(v->b, " (");
	if (rec_of(r)->via == VIA_CALL)
		return;
	buf_text(v->b, via_of(r));
	buf_chr(v->b, ')');
}

static const struct column columns[] = {
	CONNS_TASK("when the call began; of io_uring's without a handshake, when it was done"),
	{"stage", NULL, COL_NEST, 0, 0, 0, 0, tell_stage,
	 "call: what it returned, or a request of io_uring; final: what became of the "
	 "connection"},
	{"via", NULL, COL_NEST, 0, 0, 0, 0, tell_via,
	 "connect, or what else made it: io_uring, send (MSG_FASTOPEN), 32-bit, kernel, other"},
	CONNS_SOCKET,
	{"local_address", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_laddr, "the connection's own end"},
	{"local_port", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_lport, "its port"},
	{"address", "ADDRESS", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 15, tell_conn_addr,
	 "what it connects to"},
	{"port", "PORT", COL_NEST, COL_TEXT, 0, 0, 5, tell_conn_port, "port there"},
	{"latency_us", "LAT(us)", COL_NEST, CONN_FOR_PEOPLE, 0, 0, 8, tell_conn_us,
	 "latency_ns in us"},
	{"latency_ns", NULL, COL_NEST, 0, 0, 0, 0, tell_conn_ns,
	 "from the start of the call to its end, or to the end of the handshake (final); null: "
	 "nobody saw the start (a request of io_uring without handshake)"},
	{"ret", NULL, COL_INT, 0, CONN(ret), 0, NULL, "result; -errno when it failed"},
	CONNS_ERROR,
	{"line", "RESULT", COL_NEST, CONN_FOR_PEOPLE | COL_LEFT, 0, 0, 0, tell_line, "result"},
	{"result", NULL, COL_NEST, 0, 0, 0, 0, tell_result, "the result in words"},
	{0},
};

static int setup(struct run *run, struct attach *a)
{
	struct soconnect_conf *conf = attach_data(a, ".rodata.soconnect", sizeof(*conf));

	(void)run;
	if (!conf)
		return FAIL;
	*conf = (struct soconnect_conf){
		.final = !own.no_final,
		.nrs = {SYS_io_uring_enter, SYS_sendto, SYS_sendmsg, SYS_sendmmsg},
	};
	a->calls = true;
	a->wanted[CALL_connect] = true;
	probes_want(a, &uring_connect_probe);
	if (!own.no_final)
		probes_want(a, &state_probe);
	return 0;
}

/* Replay: what the options of this run leave out. In progress is no failure yet. */
static bool hidden(struct run *run, const struct rec *r)
{
	const struct connect_rec *c = rec_of(r);

	return (own.no_final && c->stage == CONNECT_FINAL) ||
	       (run->common.filter.have & FILTER_FAILED && c->s.ret == -EINPROGRESS);
}

static const struct tool soconnect = {
	.name = "soconnect",
	.summary = "each connect on IP, its latency and its result, also of those that do not wait",
	.usage = "[options] [-- COMMAND...]",
	.options = options,
	.own = &own,
	.columns = columns,
	.lacks = COMMON(INTERVAL),
	.lacks_why = "it prints each connect as it ends; weir soconnlat reports in intervals",
	.records = RECORD(CONNECT),
	.object = soconnect_bpf_o,
	.object_size = &soconnect_bpf_o_size,
	.io_uring = true,
	.check = conns_check,
	.setup = setup,
	.hidden = hidden,
};
TOOL(soconnect);
