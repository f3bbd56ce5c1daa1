/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What a hit is about: its socket, its packet, whose they are, and whether the filters let it pass.
 * It is built in a place of its own (struct hit_state).
 */
#ifndef WEIR_HIT_ABOUT_BPF_H
#define WEIR_HIT_ABOUT_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "hit.h"
#include "owner.bpf.h"
#include "packet.bpf.h"
#include "ring.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HITS_MAX);
	__type(key, u32);
	__type(value, struct hit_conf);
} hit_confs SEC(".maps");

/* What a hit is about. */
struct subject {
	u64 sk;         /* address, 0: about no socket */
	u64 skb;        /* likewise */
	u64 net;        /* the socket's struct net */
	bool of_packet; /* the socket is the packet's */
	bool known;     /* all of the socket is filled in, and netns */
	u8 pad[2];
	u32 netns; /* of the socket, or of the packet's device */
	struct hit_sock sock;
	struct packet_id packet;
};

/*
 * A hit is built in a place of its own: not on the stack, for which it is too large, nor in memory
 * of the CPU's, since these programs can be preempted. Where entry and return are joined it stays
 * there meanwhile, found by the address of the stack frame.
 *
 * The parts of a program that need no context work on a place by its number, and are no static
 * functions: so the verifier looks at each once, alone, and not at all ways through all of them.
 */
struct hit_state {
	u64 owner; /* 0: free; BUSY; or of a call in progress: its frame */
	u64 at[HIT_LOOKS];
	struct subject about;
	u64 look[SKB_BYTES / 8]; /* room to look at a socket or a packet */
	_Static_assert(SKB_BYTES >= SK_BYTES, "there is room for either");
	struct hit_rec rec;
	u8 room[HIT_ROOM];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* a power of two, set by the loader */
	__type(key, u32);
	__type(value, struct hit_state);
} hit_states SEC(".maps");

SEC(".rodata.hit") const volatile struct hit_globals hit_globals;

#define BUSY       1
#define HIT_PLACES 16
#define HIT_SLOT   (sizeof(struct hit_rec) + HIT_ROOM)
#define LIMIT(max) (HIT_SLOT - sizeof(struct sect) - (max))

/*
 * What another probe is about. A driver may have freed the packet when net_dev_xmit tells of it;
 * and some records hold no pointer where the tracepoint's arguments do. Nothing that has notes
 * comes in between on the same CPU but an interrupt, whose own are told by their number.
 */
struct noted {
	u32 number;   /* for which probe, with NOTE_FOR; NO_PLACE: taken */
	bool refused; /* filters leave it out */
	bool made;    /* the record is there but for its fields, at place */
	bool placed;  /* place is this CPU's, for good */
	u8 pad;
	u32 place;
	u32 pad2;
	struct subject about;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct noted);
} hit_noted SEC(".maps");

/*
 * Does the task that runs act, or an interrupt in its stead? Interrupts, soft ones too, have stacks
 * of their own; ksoftirqd and its like are kernel threads. (The preemption count, which tells it
 * better, cannot be had on kernels without CONFIG_KALLSYMS_ALL.) Called first, in a program that
 * itself needs next to no stack: what needs more may be given other memory (6.13).
 */
static __always_inline u32 context_now(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u64 bottom = (u64)task->stack, here = 0;

	barrier_var(here);
	return (u64)&here > bottom && (u64)&here < (u64)bpf_task_pt_regs(task) ? IN_TASK
									       : IN_INTERRUPT;
}

static __always_inline u64 load_at(void *ctx, u32 at)
{
	u64 p = 0;

	bpf_probe_read_kernel(&p, sizeof(p), ctx + at);
	return p;
}

static __always_inline struct hit_state *hit_place(u32 place)
{
	place &= hit_globals.mask;
	return bpf_map_lookup_elem(&hit_states, &place);
}

static __always_inline u32 hit_home(u64 frame)
{
	return (frame >> 6 ^ frame >> 14) * HIT_PLACES;
}

#define NO_PLACE (~0u)

/* A place, taken for owner; NO_PLACE when all that it may have are taken. */
__noinline u32 hit_claim(u64 owner, u32 home)
{
	for (u32 i = 0; i < HIT_PLACES; i++) {
		struct hit_state *st = hit_place(home + i);

		if (!st)
			break;
		/* the same frame again: a return that the kernel skipped */
		if (st->owner == owner && owner != BUSY)
			return home + i;
		if (!st->owner && !__sync_val_compare_and_swap(&st->owner, 0, owner))
			return home + i;
	}
	return NO_PLACE;
}

__noinline u32 hit_find(u64 owner)
{
	for (u32 i = 0; i < HIT_PLACES; i++) {
		struct hit_state *st = hit_place(hit_home(owner) + i);

		if (!st)
			break;
		if (st->owner == owner)
			return hit_home(owner) + i;
	}
	return NO_PLACE;
}

static __always_inline struct hit_conf *conf_of(u32 id)
{
	return bpf_map_lookup_elem(&hit_confs, &id);
}

static __always_inline u32 netns_of(const struct subject *s)
{
	struct net *net = (struct net *)s->net;

	if (s->sk)
		return BPF_CORE_READ(net, ns.inum);
	return s->skb ? packet_netns(s->skb) : 0;
}

static __always_inline struct noted *noted_now(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&hit_noted, &zero);
}

/* What was noted for this probe, or of this packet; NULL when nothing was. */
static __always_inline struct noted *take_note(const struct subject *s, const struct hit_conf *c,
					       u32 id)
{
	struct noted *n = noted_now();

	if (!n ||
	    (c->flags & HIT_NOTED_PACKET ? n->about.skb != s->skb : n->number != (id | NOTE_FOR)))
		return NULL;
	n->number = NO_PLACE;
	return n;
}

/* A program's arguments, where the verifier knows the types of those that it is about. */
struct known {
	struct sock *sk;     /* NULL: none */
	struct sk_buff *skb; /* likewise */
	bool own;            /* sk is the packet's */
	struct packet_id packet __attribute__((aligned(8)));
};

/* Fills in a socket whose type the verifier knows: by plain loads. */
static __always_inline void sock_known(struct subject *s, struct sock *sk)
{
	struct sock_common *skc = &sk->__sk_common;
	struct sock_id *id = &s->sock.id;
	u64 *laddr = (u64 *)id->laddr, *raddr = (u64 *)id->raddr;

	id->flags = SOCK_ID_VALID;
	id->family = skc->skc_family;
	id->state = skc->skc_state;
	id->pad = 0;
	id->ino = 0;
	id->lport = id->rport = 0;
	laddr[0] = laddr[1] = raddr[0] = raddr[1] = 0;
	s->sock.cookie = skc->skc_cookie.counter;
	s->netns = skc->skc_net.net->ns.inum;
	if (id->state == TCP_TIME_WAIT || id->state == TCP_NEW_SYN_RECV) {
		id->type = SOCK_STREAM; /* nothing after sock_common is theirs */
		id->protocol = PROTO_TCP;
	} else {
		id->type = sk->sk_type;
		id->protocol = sk->sk_protocol;
	}
	if (id->family == AF_INET) {
		laddr[0] = skc->skc_rcv_saddr;
		raddr[0] = skc->skc_daddr;
	} else if (id->family == AF_INET6) {
		for (u32 i = 0; i < 2; i++) {
			laddr[i] = ((u64 *)&skc->skc_v6_rcv_saddr)[i];
			raddr[i] = ((u64 *)&skc->skc_v6_daddr)[i];
		}
	} else {
		return;
	}
	sock_ports(id, sk, skc->skc_num, skc->skc_dport);
}

static __always_inline void look_known(struct subject *s, const struct known *k)
{
	struct sk_buff *skb = k->skb;
	struct sock *sk = k->sk;

	s->known = true;
	s->sk = (u64)sk;
	s->skb = (u64)skb;
	s->of_packet = k->own && sk;
	s->netns = 0;
	if (skb)
		s->packet = k->packet;
	if (sk)
		sock_known(s, sk);
	else if (skb)
		s->netns = packet_netns(s->skb);
}

/* For the probe that comes next on this CPU: its record has the fields, this the subject. */
static __always_inline int note_known(const struct known *k, u32 number, bool refused)
{
	struct noted *n = noted_now();

	if (!n)
		return 0;
	n->number = number | NOTE_FOR;
	n->refused = refused;
	n->made = false;
	if (refused)
		n->about.skb = (u64)k->skb;
	else
		look_known(&n->about, k);
	return 0;
}

static __always_inline bool sock_wanted(const struct subject *s)
{
	struct peer none = {};

	return !(filter.have & FILTER_SOCK) || (s->sk && sock_matches(&s->sock.id, &none));
}

static __always_inline bool packet_wanted(const struct subject *s)
{
	return s->skb && packet_matches(&s->packet);
}

static __always_inline bool wanted(const struct subject *s)
{
	return sock_wanted(s) || packet_wanted(s);
}

/*
 * Looks at the socket, and then at the packet, unless whole is not set and filters leave it out by
 * then: false.
 */
static __always_inline bool look_subject(struct hit_state *st, const bool whole)
{
	struct subject *s = &st->about;
	u8 *room = (u8 *)st->look;

	if (s->sk && !hit_sock_first(&s->sock, &s->net, s->sk, room))
		s->sk = 0;
	if (!whole && !s->skb && !sock_wanted(s))
		return false;
	if (s->skb) {
		u64 sk = packet_look_in(&s->packet, s->skb, room);

		/* s->sk is read again: of a bool that says what it was, and a filter by port, the
		 * verifier of 6.1 held that it is always false, and took out what depends on it */
		s->of_packet = false;
		if (!s->sk && sk && hit_sock_first(&s->sock, &s->net, sk, room)) {
			s->of_packet = true;
			s->sk = sk;
		}
	}
	return whole || wanted(s);
}

/* Of probes that take notes, or for which others do. */
static __noinline int find_noted(struct hit_state *st, const struct hit_conf *c, u32 id)
{
	struct subject *s = &st->about;
	struct noted *n = NULL;

	if (c->flags & (HIT_NOTED | HIT_NOTED_PACKET))
		n = take_note(s, c, id);
	if (n && n->refused)
		return 0;
	if (n) {
		*s = n->about;
		return wanted(s);
	}
	if (c->flags & HIT_NOTED_PACKET) { /* it may be gone, and another in its place */
		s->sk = 0;
		s->netns = 0;
		s->packet.flags = 0;
	} else {
		look_subject(st, true);
	}
	if (c->flags & HIT_NOTES && (n = noted_now())) {
		n->number = c->notes_for | NOTE_FOR;
		n->refused = n->made = false;
		n->about = *s;
	}
	return !(c->flags & HIT_SILENT) && wanted(s);
}

/* The first of its arguments that is a socket, and the first that is a packet; the packet's socket
 * when there is no other. False when filters leave it out already. */
__noinline int find_subject(u32 place, u32 id)
{
	struct hit_state *st = hit_place(place);
	struct hit_conf *c = conf_of(id);
	struct subject *s;

	if (!st || !c)
		return 0;
	s = &st->about;
	s->sk = s->skb = 0;
	s->of_packet = false;
	for (u32 i = 0; i < HIT_LOOKS && c->looks[i].what; i++) {
		u32 what = c->looks[i].what;

		if (what == LOOK_PACKET && !s->skb)
			s->skb = st->at[i];
		if ((what == LOOK_SOCK || what == LOOK_SOCKET) && !s->sk)
			s->sk = st->at[i];
	}
	if (!(c->flags & (HIT_NOTES | HIT_NOTED | HIT_NOTED_PACKET)))
		return look_subject(st, false);
	return find_noted(st, c, id);
}

/*
 * Whose it is: the socket's owner. A task that is at an IP socket of which nobody is known uses it
 * now. What is about no socket and no packet is of the task that runs, where one does.
 */
static __always_inline bool find_who(struct hit_rec *r, const struct subject *s,
				     struct task_struct *task)
{
	struct owner *o = s->sk ? owner_find(s->sk, &s->sock) : NULL;
	bool passes = false;

	r->flags = 0;
	if (o) {
		passes = o->passes;
		if (filter.have & FILTER_OWNER && !passes) {
			owner_refuse(s->sock.cookie);
			return false;
		}
		r->who = o->who;
		r->flags = HIT_WHO;
	} else if (r->context == IN_TASK && !(task->flags & PF_KTHREAD) &&
		   (owner_by_use(s->sk, &s->sock) || (!s->sk && !s->skb))) {
		if (task->tgid == filter.self)
			return false;
		who_read(&r->who, task);
		passes = owner_passes(task);
		r->flags = HIT_WHO;
		if (s->sk)
			owner_set(s->sk, &s->sock, &r->who, passes);
		else
			r->flags |= HIT_RUNNING;
	} else {
		__builtin_memset(&r->who, 0, sizeof(r->who));
	}
	if (!(filter.have & FILTER_OWNER))
		return true;
	if (!(r->flags & HIT_WHO))
		count_lost(LOST_OWNER);
	return passes;
}

/* Do the filters that find_subject() left let it pass? Then the record's fixed part is filled. */
__noinline int hit_passes(u32 place, u32 id, u32 context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct hit_state *st = hit_place(place);
	struct subject *s;
	struct hit_rec *r;

	if (!st)
		return 0;
	r = &st->rec;
	s = &st->about;
	r->context = context;
	if (filter.have & FILTER_OWNER && s->sk && !find_who(r, s, task))
		return 0;
	r->netns = s->known ? s->netns : netns_of(s);
	if (!s->sk && !s->skb && context == IN_TASK)
		r->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	if (filter.have & FILTER_NETNS && r->netns != filter.netns)
		return 0;
	if (!(filter.have & FILTER_OWNER && s->sk) && !find_who(r, s, task))
		return 0;
	if (s->sk && !s->known)
		hit_sock_rest(&s->sock, s->sk);
	r->h.type = REC_HIT;
	r->h.fixed = sizeof(*r);
	r->h.ts = bpf_ktime_get_ns();
	r->probe = id;
	r->dur = r->ret = 0;
	return 1;
}

#endif
