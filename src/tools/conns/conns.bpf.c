/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir conns: the connection table itself, and UDP's peers. */
#include "table_peers_tp.bpf.h"
#include "table_iter.bpf.h"

static __always_inline void fill_peer(struct conn_rec *r, const struct udp_peer *p)
{
	struct sock_id *id = &r->s.sock;
	u64 *laddr = (u64 *)id->laddr, *raddr = (u64 *)id->raddr;

	__builtin_memset(r, 0, sizeof(*r));
	r->s.h = (struct rec){.len = sizeof(*r), .type = REC_CONN, .fixed = sizeof(*r)};
	r->s.h.ts = bpf_ktime_get_ns();
	id->flags = SOCK_ID_VALID;
	id->family = p->family;
	id->type = SOCK_DGRAM;
	id->protocol = p->protocol;
	id->lport = p->lport;
	id->rport = bpf_ntohs(p->key.port);
	conn_ports(id);
	laddr[0] = ((u64 *)p->laddr)[0];
	laddr[1] = ((u64 *)p->laddr)[1];
	raddr[0] = p->key.addr[0];
	raddr[1] = p->key.addr[1];
	r->cookie = p->key.cookie;
	r->netns = p->netns;
	r->connect_ns = CONNECT_UNKNOWN;
	udp_counted(r, p);
	r->flags |= CONN_NO_QUEUES;
	dropped_fill(r);
}

/* Whose it is; where the packet did not tell, the socket's own place has it (udp_own()). */
static __always_inline bool own_peer(struct conn_rec *r, const struct udp_peer *p)
{
	struct udp_key k = {.cookie = r->cookie};
	struct udp_peer *own = p->flags & CONN_OWNED ? NULL : udp_search(&k);

	if (p->flags & CONN_OWNED) {
		r->s.who = p->who;
		r->flags |= CONN_OWNED;
		if (p->flags & CONN_USED)
			r->user = p->user;
		return !(filter.have & FILTER_OWNER) || p->passes;
	}
	if (own && own->flags & CONN_OWNED) {
		r->s.who = own->who;
		r->flags |= CONN_OWNED;
		return !(filter.have & FILTER_OWNER) || own->passes;
	}
	return !(filter.have & FILTER_OWNER);
}

/* conn_list: CONN_IS, those that are there; CONN_PEER, those that are new, and those that are gone.
 */
SEC("?iter/bpf_map_elem") int udp_list(struct bpf_iter__bpf_map_elem *ctx)
{
	struct udp_peer *p = ctx->value;
	u32 zero = 0;
	struct conn_rec *r = bpf_map_lookup_elem(&conn_made, &zero);
	u64 cookie;
	bool gone, listed;

	if (!p || !r)
		return 0;
	cookie = p->key.cookie;
	if (!cookie || cookie == UDP_BUSY)
		return 0;
	gone = udp_gone(p, cookie) || udp_rests(p);
	listed = p->listed;
	p->listed = 0;
	if (conn_list == CONN_IS && (gone || listed) && conn_told.events)
		return 0;
	if (conn_list == CONN_IS && listed && !gone)
		return 0;
	if (conn_list != CONN_IS && !gone && p->told)
		return 0;
	if ((p->sent || p->received) && p->told != TOLD_END) {
		fill_peer(r, p);
		r->event = conn_list == CONN_IS ? CONN_IS : gone ? CONN_CLOSED : CONN_PEER;
		if ((conn_told.events || !gone) && own_peer(r, p) && conn_list_wants(r) &&
		    (!(filter.have & FILTER_SLOWER) || r->s.dur >= filter.slower_ns) &&
		    bpf_seq_write(ctx->meta->seq, r, sizeof(*r)))
			return 0; /* there was no room: it is asked again */
	}
	if (gone && (p->key.port || p->told == TOLD_END)) {
		p->key.cookie = 0;
		__sync_fetch_and_add(&udp_used.freed, 1);
	} else { /* the socket's own place goes one look later: others ask it for the owner */
		p->told = gone ? TOLD_END : p->sent || p->received;
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
