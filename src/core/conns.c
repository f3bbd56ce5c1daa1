/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "conns.h"
#include "error.h"

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

int conns_check(struct run *run)
{
	if (!run->common.nargs)
		return 0;
	return usage("%s takes no words, '%s' is one; --host and --port choose connections",
		     run->tool->name, run->common.args[0]);
}
