/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Histograms of times by remote address, port, connection or process (include/spread.h,
 * src/core/bys.h). */
#ifndef WEIR_BY_BPF_H
#define WEIR_BY_BPF_H

#include "conn.bpf.h"
#include "hist.h"
#include "spread.h"
#include "tally.bpf.h"

SEC(".rodata.by") const volatile struct by_conf by_conf;

/* Is a socket's end asked for? */
static __always_inline bool by_ends_wanted(void)
{
	return by_conf.by & ~(BY_TASK | BY_ALL);
}

static __always_inline void by_ends(struct tally_key *key, const struct sock_id *id)
{
	const u64 *addr = (const u64 *)id->raddr;

	if (by_conf.by & (BY_REMOTE | BY_CONNECTION)) {
		key->family = id->family;
		((u64 *)key->addr)[0] = addr[0];
		((u64 *)key->addr)[1] = addr[1];
		if (id->family == AF_INET6 && !addr[0] && (u32)addr[1] == bpf_htonl(0xffff)) {
			key->family = AF_INET; /* within IPv6 */
			((u64 *)key->addr)[0] = addr[1] >> 32;
			((u64 *)key->addr)[1] = 0;
		}
	}
	if (by_conf.by & (BY_PORT | BY_CONNECTION))
		key->port = id->rport;
	if (by_conf.by & (BY_LOCAL | BY_CONNECTION))
		key->type = id->lport;
}

/* A time, n times more, in its slot. */
static __always_inline void by_add(struct tally_slot *s, u64 us, u64 n)
{
	tally_add(&s->n[SPREAD_COUNT], n);
	tally_add(&s->n[SPREAD_SUM], us * n);
	if (us > s->n[SPREAD_MAX])
		s->n[SPREAD_MAX] = us;
}

/* Not static: the verifier looks at its many ways once, not with all that comes behind each. */
__noinline u32 by_bucket(u32 us)
{
	return hist_slot(us) + 1;
}

/* The same where the key has all but its bucket; gives the slot. */
static __always_inline struct tally_slot *by_count(struct tally_key *key, u32 us, u64 n)
{
	struct tally_slot *s;

	key->bucket = by_bucket(us);
	s = by_conf.by & (BY_REMOTE | BY_CONNECTION) ? tally_whole(key, TALLY_WORDS(addr))
						     : tally_whole(key, TALLY_WORDS(port));
	if (s)
		by_add(s, us, n);
	return s;
}

#endif
