/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "conn_columns.h"
#include "error.h"
#include "probes.h"

const struct probe state_probe = {
	.name = "inet_sock_set_state",
	.ways = {{"on_state", PROBE_TP_BTF, "inet_sock_set_state", 3}},
};

void tell_conn_family(struct verbs *v, const struct rec *r)
{
	decode_family(v, &conn_of(r)->sock);
}

void tell_conn_protocol(struct verbs *v, const struct rec *r)
{
	decode_protocol(v, &conn_of(r)->sock);
}

void tell_conn_laddr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &conn_of(r)->sock, false);
}

void tell_conn_lport(struct verbs *v, const struct rec *r)
{
	decode_port(v, &conn_of(r)->sock, false);
}

void tell_conn_addr(struct verbs *v, const struct rec *r)
{
	decode_addr(v, &conn_of(r)->sock, true);
}

void tell_conn_port(struct verbs *v, const struct rec *r)
{
	decode_port(v, &conn_of(r)->sock, true);
}

void tell_conn_ns(struct verbs *v, const struct rec *r)
{
	if (conn_of(r)->dur != DUR_UNKNOWN)
		v->ops->uint(v, conn_of(r)->dur);
	else
		decode_none(v);
}

void tell_conn_us(struct verbs *v, const struct rec *r)
{
	if (conn_of(r)->dur != DUR_UNKNOWN)
		buf_u64(v->b, conn_of(r)->dur / 1000);
}

int conns_check(struct run *run)
{
	return no_words(run, "--host and --port choose connections");
}
