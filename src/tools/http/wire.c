/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "decode.h"
#include "error.h"
#include "expr.h"
#include "owners.h"
#include "packets.h"
#include "suggest.h"
#include "wire.h"

#define RING_KIB 32768 /* whole packets come through it, in bursts of their bodies */

static struct hook_want want;
static u32 snap;

/* The filters in pcap-filter's words; a tag shifts what comes behind its word. */
static int set_expr(const struct filter *f)
{
	static char one[160] = "tcp"; /* kept */
	char all[sizeof(one) * 2 + 32], *words[] = {all}, addr[INET6_ADDRSTRLEN];
	u32 n = 3, bits = 0;

	if (f->have & FILTER_FAMILY)
		n += snprintf(one + n, sizeof(one) - n, " and %s",
			      f->family == AF_INET ? "ip" : "ip6");
	if (f->have & FILTER_PORT)
		n += snprintf(one + n, sizeof(one) - n, " and port %u", f->port);
	if (f->have & FILTER_HOST) {
		bool v6 = f->host_family == AF_INET6;

		for (u32 i = 0; i < 16; i++)
			bits += __builtin_popcount(f->mask[i]);
		inet_ntop(v6 ? AF_INET6 : AF_INET, f->host + (v6 ? 0 : 12), addr, sizeof(addr));
		snprintf(one + n, sizeof(one) - n, " and net %s/%u", addr, v6 ? bits : bits - 96);
	}
	snprintf(all, sizeof(all), "(%s) or (vlan and %s)", one, one);
	expr_set_bare(one);
	return expr_set(words, 1);
}

int wire_check(struct common *c, const char *at, const struct option_words *names, u32 bytes)
{
	static const char *const words[] = {"tc", "xdp", NULL};

	if (one_of("--at", at, words) < 0)
		return USAGE;
	want = (struct hook_want){
		.names = names, .at = *at == 't' ? AT_TC : AT_XDP | AT_OUT, .quiet = c->quiet};
	snap = bytes ? bytes : PACKET_SNAP_MAX;
	if (!c->interval_ns)
		c->interval_ns = 200000000; /* looks for interfaces when nothing happens, too */
	if (!c->ring_kib)
		c->ring_kib = RING_KIB;
	if (c->netns && hook_enter(c->netns))
		return FAIL;
	return set_expr(&c->filter);
}

int wire_setup(struct run *run, struct attach *a)
{
	struct packets_conf *conf = attach_data(a, ".rodata.packets", sizeof(*conf));

	(void)run;
	if (!conf)
		return FAIL;
	*conf = (struct packets_conf){.snap = snap, .netns = netdev_own(), .owner = true};
	owners_load(a->obj);
	return hook_setup(a, &want);
}

int wire_attach(struct run *run, struct attach *a)
{
	(void)run;
	owners_attach(a, a->obj);
	return hook_attach(a, &want);
}

int wire_poll(struct run *run, struct attach *a)
{
	if (hook_poll(a))
		run->stop = true;
	return 0;
}
