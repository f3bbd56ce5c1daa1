/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Which socket is a packet for that does not say? By its addresses: sockets of TCP and UDP are
 * noted here when they are bound, connected, accepted or used, by kernel/owner.bpf.h. Include this
 * before it.
 *
 * A note counts only while the socket has the same cookie and is not freed. Where several have the
 * same end (SO_REUSEPORT, one port at several addresses), nobody is told.
 */
#ifndef WEIR_ENDS_BPF_H
#define WEIR_ENDS_BPF_H

#define OWNER_ENDS
#include "packet.bpf.h"

struct end_key {
	u32 netns;
	u32 raddr; /* folded; 0 with rport 0: of any peer */
	u16 lport, rport;
	u32 l4;
};
struct end {
	u64 sk; /* 0: of several */
	u64 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct end_key);
	__type(value, struct end);
} ends SEC(".maps");

SEC(".data.ends_noted")
u64 ends_noted; /* how often anything was: what was found before may be old */

static __always_inline u32 end_fold(u16 family, const u8 *addr)
{
	const u32 *w = (const u32 *)addr;

	if (family == AF_INET)
		return w[0];
	if (!w[0] && !w[1] && w[2] == bpf_htonl(0xffff))
		return w[3];
	return w[0] ^ w[1] ^ w[2] ^ w[3];
}

/* Is it still the socket that was noted? */
static __always_inline bool end_alive(const struct end *e)
{
	struct sock *sk = (struct sock *)e->sk;
	u64 cookie = 0;
	int refs = 0;

	return sk && !bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie.counter) &&
	       cookie == e->cookie &&
	       !bpf_core_read(&refs, sizeof(refs), &sk->__sk_common.skc_refcnt.refs.counter) &&
	       refs;
}

/* Notes a socket by what it is. */
static __noinline int ends_put(u64 sk, const struct hit_sock *s, u32 netns)
{
	struct end e = {.sk = sk, .cookie = s->cookie}, *old;
	struct end_key key = {.netns = netns, .l4 = s->id.protocol};

	if ((s->id.family != AF_INET && s->id.family != AF_INET6) || !s->id.lport || !s->cookie)
		return 0;
	if (s->id.protocol != PROTO_TCP && s->id.protocol != PROTO_UDP)
		return 0;
	key.lport = s->id.lport;
	key.rport = s->id.rport;
	key.raddr = s->id.rport ? end_fold(s->id.family, s->id.raddr) : 0;
	old = bpf_map_lookup_elem(&ends, &key);
	if (old && old->sk == sk && old->cookie == e.cookie)
		return 0;
	if (old && old->sk != sk && end_alive(old))
		e.sk = 0;
	if (old && !old->sk)
		return 0;
	__sync_fetch_and_add(&ends_noted, 1);
	return bpf_map_update_elem(&ends, &key, &e, BPF_ANY);
}

static __noinline int ends_note(u64 sk)
{
	struct hit_sock s;

	if (!hit_sock_look(&s, sk))
		return 0;
	return ends_put(sk, &s, BPF_CORE_READ((struct sock *)sk, __sk_common.skc_net.net, ns.inum));
}

/* The socket that a packet is for, on its way in; 0: nobody knows. s is filled with what it is. */
static __noinline u64 ends_find(const struct packet_id *p, u32 netns, struct hit_sock *s)
{
	u16 family = p->version == 4 ? AF_INET : AF_INET6;
	struct end_key key = {.netns = netns, .lport = p->dport, .rport = p->sport, .l4 = p->l4};
	struct end *e;
	u64 sk;

	if (!(p->flags & PACKET_PORTS) || !netns)
		return 0;
	key.raddr = end_fold(family, p->saddr);
	e = bpf_map_lookup_elem(&ends, &key);
	if (!e) {
		key.raddr = key.rport = 0;
		e = bpf_map_lookup_elem(&ends, &key);
	}
	if (!e || !end_alive(e))
		return 0;
	sk = e->sk;
	if (!hit_sock_look(s, sk) || s->cookie != e->cookie)
		return 0;
	/* bound to another address */
	if (end_fold(s->id.family, s->id.laddr) &&
	    end_fold(s->id.family, s->id.laddr) != end_fold(family, p->daddr))
		return 0;
	return sk;
}

#endif
