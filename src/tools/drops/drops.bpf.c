/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * weir drops: what the kernel drops, counted or one by one. It runs wherever a packet is dropped,
 * in the name of any task: whose it is, the packet's socket says.
 */
#include "drop.bpf.h"
#include "hooks.bpf.h"
#include "owner.bpf.h"
#include "ring.bpf.h"
#include "tally.bpf.h"
#include "drops.h"

SEC(".rodata.drops") const volatile struct drops_conf conf;

/*
 * Where a drop is looked at: too large for the stack, and what filters refuse must not take room in
 * the ring. The kernel does not run a program while it runs on the CPU.
 */
struct made {
	struct drop_rec rec;
	struct sect sect;
	u64 ip[DROPS_STACK_MAX];
	struct stack_rec stack;
	struct hook_rec hook;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct made);
} made SEC(".maps");

/* Kernel stacks, and what stands at hooks, that were told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, u8);
} stacks SEC(".maps");

static __always_inline bool passes(const struct drop_rec *r)
{
	struct peer none = {};

	if (filter.have & FILTER_SOCK && !packet_matches(&r->packet) &&
	    !(r->sock.id.flags && sock_matches(&r->sock.id, &none)))
		return false;
	return !(filter.have & FILTER_NETNS) || r->netns == filter.netns;
}

/* Whose: the filters that ask who want it known. */
static __always_inline bool passes_owner(const struct owner *o)
{
	if (!(filter.have & FILTER_OWNER))
		return true;
	if (!o)
		count_lost(LOST_OWNER);
	return o && o->passes;
}

static __always_inline struct made *make(struct drop *d)
{
	u32 zero = 0;
	struct made *m = bpf_map_lookup_elem(&made, &zero);
	struct sock *sk;

	if (!m)
		return NULL;
	m->rec.netns = drop_look(d, &m->rec.packet, &m->rec.sock);
	sk = (struct sock *)d->sk;
	if (!m->rec.netns && sk)
		m->rec.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return m;
}

/*
 * Who asked the hook of a packet that netfilter dropped, 0: unknown or another drop; *id: what may
 * have done it, told when it is new; 0: unknown.
 */
static __always_inline u64 netfilter_look(struct drop *d, struct made *m, u64 *id)
{
	struct hook_rec *r = &m->hook;
	u8 one = 1;
	int err;

	*id = 0;
	if (!conf.netfilter || d->reason != conf.netfilter ||
	    bpf_get_stack(d->ctx, m->ip, sizeof(struct hook_frames), 0) <= 0)
		return 0;
	hook_look(r, d, (const struct hook_frames *)m->ip);
	if (!r->id)
		return r->caller;
	err = map_add(&stacks, &r->id, &one);
	if (!err) {
		r->h = (struct rec){.len = sizeof(*r), .type = REC_HOOK, .fixed = sizeof(*r)};
		r->h.ts = bpf_ktime_get_ns();
		err = bpf_ringbuf_output(&ring, r, sizeof(*r), ring_flags());
		if (err)
			bpf_map_delete_elem(&stacks, &r->id); /* the next one tells it */
	}
	*id = !err || err == -EEXIST ? r->id : 0;
	return r->caller;
}

/* The kernel stack's number, told when it is new. */
static __always_inline u64 stack_of(struct drop *d, struct made *m)
{
	struct stack_rec *r = &m->stack;
	u64 id = 1;
	u8 one = 1;
	int err;

	if (bpf_get_stack(d->ctx, r->ip, DROPS_STACK_MAX * 8, 0) <= 0)
		return 0;
	for (u32 i = 0; i < DROPS_STACK_MAX; i++)
		id = mix(id, r->ip[i]);
	err = map_add(&stacks, &id, &one);
	if (err && err != -EEXIST)
		count_lost(LOST_MAP);
	if (err)
		return id;
	r->h = (struct rec){.len = sizeof(*r), .type = REC_STACK, .fixed = sizeof(*r)};
	r->h.ts = bpf_ktime_get_ns();
	r->pid = 0;
	r->kernel = 1;
	r->id = id;
	if (bpf_ringbuf_output(&ring, r, sizeof(*r), ring_flags()))
		count_lost(LOST_RING);
	return id;
}

static __always_inline int tell(struct drop *d)
{
	struct made *m = make(d);
	struct owner *o;
	u32 len = sizeof(struct drop_rec);
	s64 n;

	if (!m || !passes(&m->rec))
		return 0;
	o = d->sk ? owner_find(d->sk, &m->rec.sock) : NULL;
	if (d->sk && !o)
		owner_missing(d->sk);
	if (!passes_owner(o))
		return 0;
	if (o)
		m->rec.who = o->who;
	else
		__builtin_memset(&m->rec.who, 0, sizeof(m->rec.who));
	m->rec.place = d->place;
	m->rec.reason = d->reason;
	m->rec.caller = netfilter_look(d, m, &m->rec.hook);
	if (conf.stack) {
		n = bpf_get_stack(d->ctx, m->ip, sizeof(m->ip), 0);
		m->sect = (struct sect){.kind = SECT_STACK, .len = n > 0 ? n : 0};
		len += sizeof(m->sect);
		if (n > 0 && n <= (s64)sizeof(m->ip))
			len += n;
	}
	m->rec.h = (struct rec){.len = len, .type = REC_DROP, .fixed = sizeof(m->rec)};
	m->rec.h.ts = bpf_ktime_get_ns();
	barrier_var(len);
	if (len <= sizeof(struct made) && bpf_ringbuf_output(&ring, &m->rec, len, ring_flags()))
		count_lost(LOST_RING);
	return 0;
}

static __always_inline void count_address(struct tally_key *key, const struct packet_id *p)
{
	const u64 *addr = (const u64 *)(conf.by & DROPS_SOURCE ? p->saddr : p->daddr);

	if (!(p->flags & PACKET_IP))
		return;
	key->family = p->version == 4 ? AF_INET : AF_INET6;
	key->port = conf.by & DROPS_SOURCE ? 0 : p->dport;
	((u64 *)key->addr)[0] = addr[0];
	((u64 *)key->addr)[1] = addr[1];
}

/* What needs more than the packet's address: filters, devices, addresses, stacks. */
static __always_inline bool count_more(struct drop *d, struct tally_key *key)
{
	struct made *m = make(d);

	if (!m || !passes(&m->rec))
		return false;
	if (conf.by & DROPS_DEVICE) {
		key->type = m->rec.packet.ifindex;
		key->protocol = m->rec.packet.ifindex >> 16;
		__builtin_memcpy(key->name, m->rec.packet.dev, sizeof(key->name));
	}
	if (conf.by & (DROPS_SOURCE | DROPS_DESTINATION))
		count_address(key, &m->rec.packet);
	if (conf.by & DROPS_STACK)
		key->id = stack_of(d, m);
	return true;
}

#define KEY_WORDS TALLY_WORDS(id)

/*
 * The socket where the packet does not say, and where it was counted. In a flood one packet is like
 * the other: what was found for the last one on this CPU holds while no socket was noted since.
 */
struct recent {
	u64 addresses, ports, dev; /* of IPv4, as they lie in the header */
	u64 noted;
	u64 sk, cookie;
	u64 owned; /* the socket whose owner this is, by its cookie; 0: none */
	struct owner owner;
	u64 place; /* where that packet was dropped; 0: what follows is of another */
	u32 reason;
	u32 at; /* of its slot, in a table */
	tally_word key[KEY_WORDS];
	struct tally_key made; /* the next one: the stack has no room for it */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct recent);
} recents SEC(".maps");

static __noinline int recent_fill(struct recent *r, u64 at)
{
	u32 zero = 0;
	struct made *m = bpf_map_lookup_elem(&made, &zero);
	u32 netns;

	r->sk = r->cookie = 0;
	r->noted = ends_noted;
	if (!m)
		return 0;
	netns = drop_packet(&m->rec.packet, at);
	r->sk = ends_find(&m->rec.packet, netns, &m->rec.sock);
	r->cookie = r->sk ? m->rec.sock.cookie : 0;
	return 0;
}

/* Makes r of this packet; true: it was of one like it. */
static __always_inline bool recent_look(struct drop *d, struct recent *r)
{
	struct sk_buff *skb = d->skb;
	u64 dev = (u64)skb->dev;
	struct {
		u8 first, tos; /* an IPv4 header without options, and the ports */
		u16 len, id, fragment;
		u8 ttl, protocol;
		u16 sum;
		u32 addresses[2];
		u32 ports;
	} h;
	u64 addresses, ports;

	if (bpf_probe_read_kernel(&h, sizeof(h), skb->head + skb->network_header)) {
		r->dev = r->place = r->sk = r->cookie = 0;
		return false;
	}
	addresses = h.addresses[0] | (u64)h.addresses[1] << 32;
	ports = h.ports | (u64)h.protocol << 32;
	if (h.first != 0x45 || h.fragment & bpf_htons(0x1fff))
		dev = 0;
	else if (r->addresses == addresses && r->ports == ports && r->dev == dev &&
		 r->noted == ends_noted)
		return true;
	r->addresses = addresses;
	r->ports = ports;
	r->dev = dev;
	r->place = 0;
	recent_fill(r, (u64)skb);
	return false;
}

static __always_inline struct owner *count_owner(struct drop *d, struct recent *r)
{
	struct sock *sk = (struct sock *)d->sk;
	u64 cookie = 0, at = (u64)sk;
	struct owner *o;

	if (sk) {
		bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie.counter);
	} else if (d->reason != reasons.no_socket) {
		at = r->sk;
		cookie = r->cookie;
	}
	if (!at)
		return NULL;
	if (cookie && r->owned == cookie)
		return &r->owner;
	o = owner_of(at, cookie);
	if (!o) {
		owner_missing(at);
		return NULL;
	}
	r->owner = *o;
	r->owned = cookie;
	return o;
}

#define MORE (DROPS_DEVICE | DROPS_SOURCE | DROPS_DESTINATION | DROPS_STACK)

/* A drop is counted where the last one was when all that its key is made of is the same. */
static __always_inline bool is_plain(const struct drop *d)
{
	return !(filter.have & (FILTER_SOCK | FILTER_NETNS)) && !(conf.by & MORE) && !d->sk &&
	       d->reason != reasons.no_socket && (!conf.netfilter || d->reason != conf.netfilter);
}

static __always_inline void recent_keep(struct recent *r, const struct drop *d,
					const struct tally_key *key)
{
	const tally_word *words = (const tally_word *)key;

	for (u32 i = 0; i < KEY_WORDS; i++)
		r->key[i] = words[i];
	r->at = tally_place(words, KEY_WORDS);
	r->reason = d->reason;
	r->place = d->place;
}

static __always_inline int count_in(struct drop *d, struct tally_slot *s)
{
	s->n[DROPS_PACKETS]++;
	s->n[DROPS_BYTES] += d->skb->len;
	return 0;
}

#define ASKS_WHO (conf.by & DROPS_PROCESS || filter.have & FILTER_OWNER)

/* What is like the last one, which is most in a flood, is counted in few steps. */
static __always_inline bool count_again(struct drop *d, struct recent *r)
{
	struct tally_slot *s;

	if (d->sk || d->reason == reasons.no_socket || !recent_look(d, r) || r->place != d->place ||
	    r->reason != d->reason)
		return false;
	s = tally_slot(tally_base() + r->at);
	if (!s || !tally_same((tally_word *)s, r->key, KEY_WORDS))
		return false;
	count_in(d, s);
	return true;
}

static __noinline int count_drop(struct drop *d, struct recent *r)
{
	struct tally_key *key = &r->made;
	struct tally_slot *s;
	struct owner *o = NULL;
	u32 zero = 0;

	__builtin_memset(key, 0, sizeof(*key));
	if (ASKS_WHO) {
		o = count_owner(d, r);
		if (!passes_owner(o))
			return 0;
	}
	if (conf.by & DROPS_PROCESS && o) {
		key->pid = o->who.pid;
		__builtin_memcpy(key->comm, o->who.comm, sizeof(key->comm));
	}
	key->what = conf.by & DROPS_REASON ? REASON_WHAT(d->reason) : 1;
	if (conf.by & DROPS_PLACE) {
		key->id = d->place;
		if (conf.netfilter && d->reason == conf.netfilter) {
			struct made *m = bpf_map_lookup_elem(&made, &zero);
			u64 id = 0, caller = m ? netfilter_look(d, m, &id) : 0;

			key->id = id ? id : caller ? caller : key->id;
		}
	}
	if ((filter.have & (FILTER_SOCK | FILTER_NETNS) || conf.by & MORE) && !count_more(d, key))
		return 0;
	s = conf.by & (DROPS_SOURCE | DROPS_DESTINATION) ? tally_whole(key, TALLY_WORDS(addr))
							 : tally_whole(key, KEY_WORDS);
	if (!s)
		return 0;
	if (conf.by & DROPS_DEVICE && !s->key.name[0])
		__builtin_memcpy(s->key.name, key->name, sizeof(key->name));
	if (ASKS_WHO && is_plain(d) && (o || !r->sk))
		recent_keep(r, d, key);
	return count_in(d, s);
}

static __always_inline int on_drop(struct drop *d)
{
	struct recent *r;
	u32 zero = 0;

	if (conf.each)
		return tell(d);
	r = bpf_map_lookup_elem(&recents, &zero);
	if (!r || (ASKS_WHO && count_again(d, r)))
		return 0;
	return count_drop(d, r);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
