/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Whom UDP's sockets talk with: datagrams and bytes of payload, by socket and peer. The kernel
 * counts none of that, so each datagram is: where UDP hands it to IP, and where it is taken out of
 * the receive queue, both with the packet's own headers at hand. Where no function can be traced,
 * a device's queue tells of what is sent; who sent what a program reads, nothing tells there.
 *
 * A peer has a place in an array, found by the socket's cookie and the peer's address, as in
 * tally.bpf.h. Nothing is told from here: an iterator goes through the places (udp_list()), and
 * frees those whose socket is gone.
 */
#ifndef WEIR_TABLE_PEERS_BPF_H
#define WEIR_TABLE_PEERS_BPF_H

#include "door.bpf.h"
#include "table_watch.bpf.h"

#define UDP_PLACES 8
#define TOLD_END   2
#define UDP_BUSY   (~0ull)
#define UDP_REST   600000000000ull /* ns, after which a peer goes although its socket is there */

struct udp_key {
	u64 cookie;  /* the socket's */
	u64 addr[2]; /* of the peer, as in struct sock_id; all 0: not known */
	u64 port;    /* network order, and its family << 16 */
};

struct udp_peer {
	struct udp_key key; /* cookie 0: free; UDP_BUSY: somebody fills it */
	u64 sk;
	u64 first;          /* ns */
	u64 last;           /* jiffies, which are read at once; udp_last() */
	u64 sent, received; /* datagrams */
	u64 tx, rx;         /* bytes of payload */
	u64 skb, dev;       /* udp_out_tp(): the last packet, and its first device */
	struct who who, user;
	u8 laddr[16];
	u32 netns;
	u32 flags; /* CONN_OWNED, CONN_USED */
	u16 lport;
	u16 protocol;
	u16 family; /* of the row: the peer's; where that is not known, the socket's */
	u8 passes;  /* the filters that ask who */
	u8 told;    /* that it is there; TOLD_END: its end too */
	u8 listed;  /* the socket's own row has it */
	u8 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* UDP_PEERS where they are watched */
	__type(key, u32);
	__type(value, struct udp_peer);
} udp_peers SEC(".maps");

SEC(".data.peers") struct udp_used udp_used;

static __always_inline u32 udp_place(const struct udp_key *k)
{
	u64 h = (k->cookie ^ k->addr[0]) * 0x9e3779b97f4a7c15ull;

	h = (h >> 32 ^ h ^ k->addr[1] ^ k->port) * 0x9e3779b97f4a7c15ull;
	return h >> (64 - UDP_BITS);
}

static __always_inline struct udp_peer *udp_at(u32 at)
{
	at &= UDP_PEERS - 1;
	return bpf_map_lookup_elem(&udp_peers, &at);
}

/* Of IPv4 the second half of the address is 0, and the port has the family. */
static __always_inline bool udp_same(const struct udp_key *a, const struct udp_key *b)
{
	return a->cookie == b->cookie && a->addr[0] == b->addr[0] && a->port == b->port &&
	       (b->port >> 16 == AF_INET || a->addr[1] == b->addr[1]);
}

#define UDP_NOWHERE (~0u)

/* Its place. Not static, as udp_free(): the verifier looks at the loop once, not from each program.
 */
__noinline u32 udp_find(const struct udp_key *k)
{
	u32 at;

	if (!k)
		return UDP_NOWHERE;
	at = udp_place(k);
	for (u32 i = 0; i < UDP_PLACES; i++) {
		struct udp_peer *p = udp_at(at + i);

		if (p && udp_same(&p->key, k))
			return (at + i) & (UDP_PEERS - 1);
	}
	return UDP_NOWHERE;
}

/* Wherever it is; NULL: nowhere. */
static __always_inline struct udp_peer *udp_search(const struct udp_key *k)
{
	u32 at = udp_find(k);

	return at == UDP_NOWHERE ? NULL : udp_at(at);
}

static __always_inline bool udp_gone(const struct udp_peer *p, u64 known)
{
	struct sock_common *c = (struct sock_common *)p->sk;
	u64 cookie;
	int refs;

	return bpf_core_read(&refs, sizeof(refs), &c->skc_refcnt.refs.counter) || !refs ||
	       bpf_core_read(&cookie, sizeof(cookie), &c->skc_cookie.counter) || cookie != known;
}

/* When a datagram was seen last, to the tick. */
static __always_inline u64 udp_last(const struct udp_peer *p, u64 now)
{
	u64 last = now - (bpf_jiffies64() - p->last) * conn_told.tick_ns;

	return last < p->first ? p->first : last > now ? now : last;
}

static __always_inline bool udp_rests(const struct udp_peer *p)
{
	return (bpf_jiffies64() - p->last) * conn_told.tick_ns >= UDP_REST;
}

static __always_inline bool udp_passes(const struct udp_peer *p)
{
	return !(filter.have & FILTER_OWNER) || (p->flags & CONN_OWNED && p->passes);
}

/* What is known of a peer goes, for another: is that a loss? */
static __always_inline void udp_evict(const struct udp_peer *p, u64 cookie)
{
	bool gone = udp_gone(p, cookie);

	if (udp_passes(p) && (p->sent || p->received) &&
	    (conn_told.events || (!gone && !udp_rests(p))))
		count_lost(LOST_MAP);
	__sync_fetch_and_add(&udp_used.freed, 1);
}

/* A place for a key that has none: a free one, else that which was quiet longest. Numbers, not
 * pointers: the verifier follows each of those on its own. */
__noinline u32 udp_free(const struct udp_key *k)
{
	u64 quiet = ~0ull, old;
	struct udp_peer *p;
	u32 at, oldest;

	if (!k)
		return UDP_NOWHERE;
	at = oldest = udp_place(k);
	for (u32 i = 0; i < UDP_PLACES; i++) {
		p = udp_at(at + i);
		if (!p)
			return UDP_NOWHERE;
		old = p->key.cookie ? p->last : 0;
		if (old < quiet) {
			quiet = old;
			oldest = at + i;
		}
	}
	p = udp_at(oldest);
	if (!p)
		return UDP_NOWHERE;
	old = p->key.cookie;
	if (old == UDP_BUSY || __sync_val_compare_and_swap(&p->key.cookie, old, UDP_BUSY) != old)
		return UDP_NOWHERE;
	if (old)
		udp_evict(p, old);
	return oldest & (UDP_PEERS - 1);
}

static __always_inline struct udp_peer *udp_claim(const struct udp_key *k)
{
	u32 at = udp_free(k);

	return at == UDP_NOWHERE ? NULL : udp_at(at);
}

/* Whose it is: who opened the socket, where that is known, else who is there. */
static __always_inline void udp_owner(struct udp_peer *p, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct conn_state *s;

	if (task->flags & PF_KTHREAD)
		return;
	s = conn_told.events ? conn_state_of(sk) : conn_state_make(sk);
	if (!s || !(s->flags & CONN_OWNED)) {
		who_fill(&p->who, task);
		p->passes = conn_owner_passes(task);
		if (s) { /* for the socket's own row */
			s->who = p->who;
			s->passes = p->passes;
			s->flags |= CONN_OWNED;
			s->connect_ns = CONNECT_UNKNOWN;
			if (!s->seen)
				s->seen = bpf_ktime_get_ns();
		}
	} else {
		p->who = s->who;
		p->passes = s->passes;
		if (s->who.pid != task_tgid(task)) {
			who_fill(&p->user, task);
			p->flags |= CONN_USED;
		}
	}
	p->flags |= CONN_OWNED;
}

/* The first datagram: the peer gets a place. in_task: the task that runs is at the
 * socket for itself. */
static __noinline struct udp_peer *udp_begin(struct sock *sk, struct udp_key *k, bool in_task)
{
	struct udp_peer *p = udp_search(k);
	struct sock_id ends;

	if (p)
		return p;
	if (sk->sk_type != SOCK_DGRAM ||
	    (sk->sk_protocol != PROTO_UDP && sk->sk_protocol != PROTO_UDPL))
		return NULL; /* a raw socket, or ping's */
	if (!conn_in_netns(sk))
		return NULL;
	p = udp_claim(k);
	if (!p) {
		count_lost(LOST_MAP);
		return NULL;
	}
	conn_ends(&ends, sk);
	p->key.addr[0] = k->addr[0];
	p->key.addr[1] = k->addr[1];
	p->key.port = k->port;
	p->sk = (u64)sk;
	p->first = bpf_ktime_get_ns();
	p->last = bpf_jiffies64();
	p->sent = p->received = p->tx = p->rx = p->skb = p->dev = 0;
	p->flags = p->passes = p->told = p->listed = 0;
	p->netns = conn_netns(sk);
	p->lport = ends.lport;
	p->protocol = sk->sk_protocol;
	p->family = k->port ? k->port >> 16 : ends.family;
	((u64 *)p->laddr)[0] = ((u64 *)ends.laddr)[0];
	((u64 *)p->laddr)[1] = ((u64 *)ends.laddr)[1];
	if (ends.family == AF_INET6 && k->port >> 16 == AF_INET)
		((u64 *)p->laddr)[0] = ((u64 *)p->laddr)[1] = 0; /* bound to ::, all of both */
	if (in_task)
		udp_owner(p, sk);
	__sync_fetch_and_add(&udp_used.claimed, 1);
	barrier();
	*(volatile u64 *)&p->key.cookie = k->cookie;
	return p;
}

static __always_inline struct udp_peer *udp_peer(struct sock *sk, struct udp_key *k,
						 const bool in_task)
{
	struct udp_peer *p = udp_at(udp_place(k));

	if (p && udp_same(&p->key, k))
		return p;
	return udp_begin(sk, k, in_task);
}

/* A socket gets its cookie when somebody asks for it, of a pointer that the verifier trusts: that
 * of a packet it does not since 6.4. */
static __always_inline u64 udp_cookie(struct sock *sk)
{
	u64 cookie = sk->__sk_common.skc_cookie.counter;

	return cookie ?: bpf_get_socket_cookie(sk);
}

/* udp_lib_get_port(sk, snum, hash2_nulladdr): each socket comes here before its first datagram. */
SEC("?fexit") int udp_bound(u64 *ctx)
{
	bpf_get_socket_cookie((struct sock *)ctx[0]);
	dropped_note((struct sock *)ctx[0]);
	return 0;
}

/* Of UDP's header: what is behind it. */
static __always_inline u32 udp_payload(u16 len)
{
	u32 n = bpf_ntohs(len);

	return n >= 8 ? n - 8 : 0;
}

/* A packet may be several datagrams: what is sent by UDP_SEGMENT, received by UDP_GRO. Those of few
 * bytes altogether are looked at for it only when these are in pages, as such are made: a generic
 * XDP program puts all together. */
#define UDP_SMALL 128
static __always_inline u32 udp_datagrams(struct sk_buff *skb, u32 bytes)
{
	struct skb_shared_info *info;
	u16 segs;

	if (bytes < UDP_SMALL && !skb->data_len)
		return 1;
	segs = 0;
	info = (struct skb_shared_info *)((u64)skb->head + skb->end);
	bpf_core_read(&segs, sizeof(segs), &info->gso_segs);
	return segs ?: 1;
}

/* n datagrams, of so many bytes altogether. */
static __always_inline void udp_sent(struct udp_peer *p, u32 n, u32 bytes)
{
	__sync_fetch_and_add(&p->sent, n);
	__sync_fetch_and_add(&p->tx, bytes);
	p->last = bpf_jiffies64();
}

static __always_inline void udp_received(struct udp_peer *p, u32 n, u32 bytes)
{
	__sync_fetch_and_add(&p->received, n);
	__sync_fetch_and_add(&p->rx, bytes);
	p->last = bpf_jiffies64();
}

/* A peer as a packet's headers have it. */
static __always_inline void udp_key4(struct udp_key *k, u32 addr, u16 port)
{
	k->addr[0] = addr;
	k->addr[1] = 0;
	k->port = port | AF_INET << 16;
}

static __always_inline void udp_key6(struct udp_key *k, const u64 *addr, u16 port)
{
	k->addr[0] = addr[0];
	k->addr[1] = addr[1];
	k->port = port | AF_INET6 << 16;
}

/* The one that a socket is connected to; k is zeros, which stays where there is none. */
static __always_inline void udp_key_of(struct udp_key *k, const struct sock_id *id)
{
	if (!id->rport)
		return;
	k->addr[0] = ((u64 *)id->raddr)[0];
	k->addr[1] = ((u64 *)id->raddr)[1];
	k->port = bpf_htons(id->rport) | id->family << 16;
}

/*
 * The addresses of a packet stand right before UDP's header, but for options: these are behind the
 * addresses. So one read has all.
 */
struct udp_head4 {
	u32 saddr, daddr;
	u16 sport, dport, len, sum;
};
struct udp_head6 {
	u64 saddr[2], daddr[2];
	u16 sport, dport, len, sum;
};

static __always_inline int udp_read4(struct udp_head4 *h, struct sk_buff *skb)
{
	u64 head = (u64)skb->head;
	u32 at = skb->transport_header, ip = skb->network_header;

	if (bpf_probe_read_kernel(h, sizeof(*h), (void *)(head + at - 8)))
		return -1;
	return at - ip == 20 ? 0 : bpf_probe_read_kernel(h, 8, (void *)(head + ip + 12));
}

static __always_inline int udp_read6(struct udp_head6 *h, struct sk_buff *skb)
{
	u64 head = (u64)skb->head;
	u32 at = skb->transport_header, ip = skb->network_header;

	if (bpf_probe_read_kernel(h, sizeof(*h), (void *)(head + at - 32)))
		return -1;
	return at - ip == 40 ? 0 : bpf_probe_read_kernel(h, 32, (void *)(head + ip + 8));
}

static __always_inline int udp_out(struct sock *sk, struct sk_buff *skb, struct udp_key *k, u16 len)
{
	u32 n = udp_payload(len);
	struct udp_peer *p;

	k->cookie = sk->__sk_common.skc_cookie.counter;
	if (!k->cookie) { /* bound before, and not listed yet */
		if (sk->sk_protocol == PROTO_UDP)
			count_lost(LOST_MISSED);
		return 0;
	}
	p = udp_peer(sk, k, true);
	if (!p)
		return 0;
	udp_sent(p, udp_datagrams(skb, n), n);
	return 0;
}

/* ip_send_skb(net, skb): UDP hands a datagram to IP. Others that do are no datagram sockets of UDP.
 */
SEC("?fentry") int udp_out4(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[1];
	struct sock *sk = skb->sk;
	struct udp_head4 h;
	struct udp_key k;

	if (!sk || udp_read4(&h, skb))
		return 0;
	udp_key4(&k, h.daddr, h.dport);
	return udp_out(sk, skb, &k, h.len);
}

/* ip6_send_skb(skb) */
SEC("?fentry") int udp_out6(u64 *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct sock *sk = skb->sk;
	struct udp_head6 h;
	struct udp_key k;

	if (!sk || udp_read6(&h, skb))
		return 0;
	udp_key6(&k, h.daddr, h.dport);
	return udp_out(sk, skb, &k, h.len);
}

/* skb_consume_udp(sk, skb, len): a program has taken a datagram; len is -n when it has looked at it
 * (MSG_PEEK), which of one without bytes only its being in the queue still tells. */
SEC("?fentry") int udp_in(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sk_buff *skb = (struct sk_buff *)ctx[1];
	s32 taken = ctx[2];
	struct udp_peer *p;
	struct udp_key k;
	u32 n;

	if (taken < 0 || (!taken && skb->users.refs.counter > 1))
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct udp_head4 h;

		if (udp_read4(&h, skb))
			return 0;
		udp_key4(&k, h.saddr, h.sport);
		n = udp_payload(h.len);
	} else {
		struct udp_head6 h;

		if (udp_read6(&h, skb))
			return 0;
		udp_key6(&k, h.saddr, h.sport);
		n = udp_payload(h.len);
	}
	k.cookie = udp_cookie(sk);
	p = udp_peer(sk, &k, true);
	if (!p)
		return 0;
	udp_received(p, udp_datagrams(skb, n), n);
	return 0;
}

/* What was counted for a peer; r has its time. */
static __always_inline void udp_counted(struct conn_rec *r, const struct udp_peer *p)
{
	r->flags |= CONN_DATAGRAMS;
	r->opened = p->first;
	r->last = udp_last(p, r->s.h.ts);
	r->s.dur = r->s.h.ts - p->first;
	r->c.tx = p->tx;
	r->c.rx = p->rx;
	r->c.data_segs_out = p->sent;
	r->c.data_segs_in = p->received;
}

/* A socket's own row gets what was counted for the peer that it is connected to, or for nobody. */
static __always_inline void udp_count_own(struct conn_rec *r)
{
	struct udp_key k = {.cookie = r->cookie};
	struct udp_peer *p;

	udp_key_of(&k, &r->s.sock);
	p = udp_search(&k);
	if (!p)
		return;
	p->listed = 1;
	udp_counted(r, p);
}

#endif
