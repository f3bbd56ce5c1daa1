/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A probe that a user named has fired: its context, what its arguments point to and whose socket it
 * is about become a record. One function for all probes and all ways; include/hit.h says how.
 */
#ifndef WEIR_HIT_BPF_H
#define WEIR_HIT_BPF_H

#include "hit_about.bpf.h"

/* What the loader puts in the place of a marker. */
#define LOADED(marker)                                                                             \
	({                                                                                         \
		u64 n_;                                                                            \
		asm volatile("%0 = %1 ll" : "=r"(n_) : "i"(marker));                               \
		n_;                                                                                \
	})

#define HEAD(kind, arg, full) ((u64)(kind) | (u64)((arg)&255) << 8 | (u64)(u32)(full) << 32)

/* Beyond a record's fields its strings begin: mostly names of devices, read along with it. */
#define STRINGS 24

/* Arguments by plain loads; the verifier refuses one that the function does not have. */
static __always_inline void load_words(u64 *words, u64 *ctx, u64 n)
{
	if (n > 0)
		words[0] = ctx[0];
	if (n > 1)
		words[1] = ctx[1];
	if (n > 2)
		words[2] = ctx[2];
	if (n > 3)
		words[3] = ctx[3];
	if (n > 4)
		words[4] = ctx[4];
	if (n > 5)
		words[5] = ctx[5];
}

/* The context's bytes are the record's first section. False when there are none. */
static __always_inline bool put_raw(struct hit_state *st, void *ctx, const struct hit_conf *c)
{
	struct sect *s = (void *)st->room;
	u64 n = c->size, from = c->from, known = LOADED(HIT_WORDS);

	st->rec.h.len = sizeof(st->rec);
	*(u64 *)s = HEAD(SECT_RAW, 0, from) | n << 16;
	st->rec.h.len += sizeof(*s) + SECT_NEXT((u32)n);
	if (known <= KNOWN_WORDS) {
		load_words((u64 *)(s + 1), ctx, known);
		return true;
	}
	if (c->dynamic != NOWHERE)
		n += STRINGS;
	barrier_var(n);
	return n <= HIT_RAW_MAX && !bpf_probe_read_kernel(s + 1, n, ctx + from);
}

/* A word of the context, out of what was copied. */
static __always_inline u64 raw_word(struct hit_state *st, u32 at, u32 from)
{
	u64 off = at - from;

	barrier_var(off);
	return off <= HIT_RAW_MAX - 8 ? *(u64 *)(st->room + sizeof(struct sect) + off) : 0;
}

/* A record goes on beyond its fields: it ends where the last of the dynamic ones does. */
static __noinline u32 put_dynamic(struct hit_state *st, void *ctx, const struct hit_conf *c)
{
	struct sect *s = (void *)st->room;
	u32 v = raw_word(st, c->dynamic, c->from);
	u64 n = (v & 0xffff) + (v >> 16) + c->relative - c->from;

	if (n > HIT_RAW_MAX)
		n = HIT_RAW_MAX;
	if (n > (u64)c->size + STRINGS) {
		barrier_var(n);
		if (n > HIT_RAW_MAX || bpf_probe_read_kernel(s + 1, n, ctx + c->from))
			return 0;
	}
	s->len = n;
	st->rec.h.len = sizeof(st->rec) + sizeof(*s) + SECT_NEXT((u32)n);
	return n;
}

/* Room for n bytes more, NULL when there is none. */
static __always_inline struct sect *put_sect(struct hit_rec *r, u64 head, const u32 n)
{
	u32 pos = r->h.len;
	struct sect *s;

	barrier_var(pos);
	if (pos > LIMIT(n))
		return NULL;
	s = (void *)r + pos;
	*(u64 *)s = head | (u64)n << 16;
	r->h.len = pos + sizeof(*s) + SECT_NEXT(n);
	return s;
}

static __always_inline void put_sock(struct hit_state *st, u64 at, u32 arg)
{
	struct sect *sect = put_sect(&st->rec, HEAD(SECT_SOCK, arg, 0), sizeof(struct hit_sock));
	struct hit_sock *to = (void *)(sect + 1);
	struct subject *s = &st->about;

	if (sect && at == s->sk)
		*to = s->sock;
	else if (sect && hit_sock_first(to, &s->net, at, (u8 *)st->look))
		hit_sock_rest(to, at);
}

static __always_inline void put_packet(struct hit_state *st, u64 at, u32 arg)
{
	struct sect *sect = put_sect(&st->rec, HEAD(SECT_PACKET, arg, 0), sizeof(struct packet_id));
	struct packet_id *to = (void *)(sect + 1);

	if (sect && at == st->about.skb)
		*to = st->about.packet;
	else if (sect)
		packet_look_in(to, at, (u8 *)st->look);
}

static __always_inline void put_other(struct hit_rec *r, u32 what, u64 at, u32 arg)
{
	struct sect *s;
	u64 n = 0;

	if (what == LOOK_MSGHDR) {
		bpf_core_read(&n, sizeof(n), &((struct msghdr *)at)->msg_iter.count);
		put_sect(r, HEAD(SECT_SIZE, arg, n >> 32 ? ~0u : n), 0);
	} else if (what == LOOK_SOCKADDR) {
		s = put_sect(r, HEAD(SECT_ADDR, arg, 28), 28);
		if (s && bpf_probe_read_kernel(s + 1, 28, (void *)at))
			s->full = 0; /* could not be read */
	} else if (what == LOOK_DEVICE) {
		struct net_device *dev = (struct net_device *)at;

		s = put_sect(r, HEAD(SECT_DEVICE, arg, 0), 16);
		if (s) {
			bpf_core_read(s + 1, 16, &dev->name);
			bpf_core_read(&s->full, sizeof(s->full), &dev->ifindex);
		}
	}
}

/* Appends what one of the arguments points to. */
static __always_inline void put_look(struct hit_state *st, u32 what, u32 arg, u64 at)
{
	if (what == LOOK_SOCK || what == LOOK_SOCKET)
		put_sock(st, at, arg);
	else if (what == LOOK_PACKET)
		put_packet(st, at, arg);
	else
		put_other(&st->rec, what, at, arg);
}

/* What it is about without having an argument of it: the packet's socket, or what was noted. */
__noinline int put_looks(u32 place, u32 id)
{
	struct hit_state *st = hit_place(place);
	struct hit_conf *c = conf_of(id);
	struct subject *s;

	if (!st || !c)
		return 0;
	for (u32 i = 0; i < HIT_LOOKS && c->looks[i].what; i++)
		if (st->at[i])
			put_look(st, c->looks[i].what, c->looks[i].arg, st->at[i]);
	s = &st->about;
	if (s->sk && (s->of_packet || c->looks[0].what == LOOK_NONE))
		put_sock(st, s->sk, OF_PACKET);
	if (s->skb && c->looks[0].what == LOOK_NONE)
		put_packet(st, s->skb, OF_PACKET);
	return 0;
}

/* A --arg: from the argument at on, pointer by pointer. */
__noinline int put_path(u32 place, u32 id, u32 i, u64 at)
{
	struct hit_state *st = hit_place(place);
	struct hit_conf *c = conf_of(id);
	const struct hit_path *p;
	struct hit_rec *r;
	struct sect *s;
	u32 pos, last;
	u64 n;

	if (!st || !c || i >= HIT_PATHS)
		return 0;
	r = &st->rec;
	p = &c->paths[i];
	pos = r->h.len;
	last = p->nsteps;
	n = p->size;
	for (u32 k = 0; k < HIT_STEPS && k < last; k++)
		if (bpf_probe_read_kernel(&at, sizeof(at), (void *)at + p->off[k]))
			return 0;
	barrier_var(pos);
	if (pos > LIMIT(HIT_FIELD_MAX) || last > HIT_STEPS)
		return 0;
	s = (void *)r + pos;
	barrier_var(n);
	if (n > HIT_FIELD_MAX || bpf_probe_read_kernel(s + 1, n, (void *)at + p->off[last]))
		return 0;
	*(u64 *)s = HEAD(SECT_FIELD, p->arg, n) | n << 16;
	r->h.len = pos + sizeof(*s) + SECT_NEXT((u32)n);
	return 0;
}

static __noinline u32 put_stack(struct hit_rec *r, void *ctx)
{
	u32 pos = r->h.len;
	struct sect *s;
	s64 n;

	barrier_var(pos);
	if (pos > LIMIT(8 * HIT_STACK_MAX))
		return 0;
	s = (void *)r + pos;
	n = bpf_get_stack(ctx, s + 1, 8 * HIT_STACK_MAX, 0);
	if (n <= 0 || n > 8 * HIT_STACK_MAX)
		return 0;
	*(u64 *)s = HEAD(SECT_STACK, 0, 0) | (u64)n << 16;
	r->h.len = pos + sizeof(*s) + n;
	return 0;
}

static __always_inline void hit_send(struct hit_state *st)
{
	u64 len = st->rec.h.len;

	barrier_var(len);
	if (len <= HIT_SLOT && bpf_ringbuf_output(&ring, &st->rec, len, ring_flags()))
		count_lost(LOST_RING);
}

/* What the arguments are that are looked at: pointers, out of the context. */
static __always_inline void load_looks(struct hit_state *st, const struct hit_conf *c)
{
	for (u32 i = 0; i < HIT_LOOKS && c->looks[i].what; i++) {
		u64 at = raw_word(st, c->looks[i].at, c->from);

		if (c->looks[i].what == LOOK_SOCKET && at)
			at = (u64)BPF_CORE_READ((struct socket *)at, sk);
		st->at[i] = at;
	}
}

/*
 * frame: of the call, for a probe whose record waits for its return; 0: it has none. context:
 * context_now(). k: NULL where the types of its arguments are not known.
 */
static __noinline int hit_fire(void *ctx, u32 id, u64 frame, u32 context, const struct known *k)
{
	struct hit_conf *c = conf_of(id);
	struct hit_state *st;
	u32 place;

	if (!c)
		return 0;
	if (!(c->flags & HIT_RETURNS))
		frame = 0;
	place = hit_claim(frame ? frame : BUSY,
			  frame ? hit_home(frame) : bpf_get_smp_processor_id() * HIT_PLACES);
	st = place == NO_PLACE ? NULL : hit_place(place);
	if (!st) {
		count_lost(LOST_STATE);
		return 0;
	}
	st->about.known = false;
	if (k)
		look_known(&st->about, k);
	if (!put_raw(st, ctx, c)) {
		st->owner = 0;
		return 0;
	}
	load_looks(st, c);
	if (!(k ? wanted(&st->about) : find_subject(place, id)) ||
	    !hit_passes(place, id, context)) {
		st->owner = 0;
		return 0;
	}
	if (!k && c->dynamic != NOWHERE)
		put_dynamic(st, ctx, c);
	put_looks(place, id);
	for (u32 i = 0; i < HIT_PATHS && c->paths[i].size; i++)
		put_path(place, id, i, raw_word(st, c->paths[i].at, c->from));
	if (c->flags & HIT_STACKS)
		put_stack(&st->rec, ctx);
	if (frame)
		return 0;
	hit_send(st);
	st->owner = 0;
	return 0;
}

/* A record that the tracepoint's arguments have begun gets its fields, and is sent. */
static __noinline int hit_finish(void *ctx, u32 place, u32 id)
{
	struct hit_state *st = hit_place(place);
	struct hit_conf *c = conf_of(id);
	struct sect *s;
	u64 n;
	u32 pos;

	if (!st || !c)
		return 0;
	pos = st->rec.h.len;
	n = c->size;
	if (c->dynamic != NOWHERE)
		n += STRINGS;
	barrier_var(pos);
	if (pos > LIMIT(HIT_RAW_MAX))
		return 0;
	s = (void *)&st->rec + pos;
	barrier_var(n);
	if (n > HIT_RAW_MAX || bpf_probe_read_kernel(s + 1, n, ctx))
		return 0;
	if (c->dynamic != NOWHERE) {
		u64 off = c->dynamic, all;
		u32 v;

		barrier_var(off);
		if (off > HIT_RAW_MAX - 4)
			return 0;
		v = *(u32 *)((void *)(s + 1) + off);
		all = (v & 0xffff) + (v >> 16) + c->relative;
		if (all > HIT_RAW_MAX)
			all = HIT_RAW_MAX;
		if (all > n) {
			barrier_var(all);
			if (all > HIT_RAW_MAX || bpf_probe_read_kernel(s + 1, all, ctx))
				return 0;
		}
		n = all;
	}
	*(u64 *)s = HEAD(SECT_RAW, 0, 0) | n << 16;
	st->rec.h.len = pos + sizeof(*s) + SECT_NEXT((u32)n);
	for (u32 i = 0; i < HIT_PATHS && c->paths[i].size; i++)
		put_path(place, id, i, load_at(ctx, c->paths[i].at));
	if (c->flags & HIT_STACKS)
		put_stack(&st->rec, ctx);
	hit_send(st);
	return 0;
}

/* At a tracepoint's record: by what was noted of it just before, or by itself. Where nothing may be
 * noted for it, its cookie has no NOTE_FOR. */
static __always_inline int hit_record(void *ctx, u32 cookie)
{
	struct noted *n = noted_now();
	u32 id = cookie & ~NOTE_FOR;

	if (n && n->number == cookie) {
		if (n->refused) {
			n->number = NO_PLACE;
			return 0;
		}
		if (n->made) {
			n->number = NO_PLACE;
			return hit_finish(ctx, n->place, id);
		}
	}
	return hit_fire(ctx, id, 0, context_now(), NULL);
}

/* Begins the record of the probe that comes next on this CPU. */
static __always_inline int note_made(const struct known *k, u32 number, u32 context)
{
	struct noted *n = noted_now();
	struct hit_state *st;
	struct sect *sect;
	struct subject *s;
	u32 len = sizeof(st->rec);

	if (!n)
		return 0;
	if (!n->placed) {
		n->place = hit_claim(BUSY, bpf_get_smp_processor_id() * HIT_PLACES);
		n->placed = n->place != NO_PLACE;
	}
	st = n->placed ? hit_place(n->place) : NULL;
	if (!st)
		return note_known(k, number, false);
	s = &st->about;
	look_known(s, k);
	n->number = number | NOTE_FOR;
	n->made = true;
	n->refused = !wanted(s) || !hit_passes(n->place, number, context);
	if (n->refused)
		return 0;
	sect = (void *)st->room;
	if (k->skb) {
		*(u64 *)sect = HEAD(SECT_PACKET, OF_PACKET, 0) | sizeof(s->packet) << 16;
		*(struct packet_id *)(sect + 1) = s->packet;
		len += sizeof(*sect) + SECT_NEXT(sizeof(s->packet));
		sect = (void *)(sect + 1) + SECT_NEXT(sizeof(s->packet));
	}
	if (k->sk) {
		*(u64 *)sect = HEAD(SECT_SOCK, OF_PACKET, 0) | sizeof(s->sock) << 16;
		*(struct hit_sock *)(sect + 1) = s->sock;
		len += sizeof(*sect) + SECT_NEXT(sizeof(s->sock));
	}
	st->rec.h.len = len;
	return 0;
}

static __noinline int hit_return(void *ctx, u32 id, u64 frame)
{
	struct hit_conf *c = bpf_map_lookup_elem(&hit_confs, &id);
	u32 place = hit_find(frame);
	struct hit_state *st = place == NO_PLACE ? NULL : hit_place(place);
	struct hit_rec *r;
	s64 ret;

	if (!st || !c)
		return 0;
	r = &st->rec;
	r->dur = bpf_ktime_get_ns() - r->h.ts;
	r->ret = load_at(ctx, c->ret);
	r->flags |= HIT_RETURNED;
	ret = c->flags & HIT_RET_INT ? (s32)r->ret : (s64)r->ret;
	if (!(filter.have & FILTER_FAILED && (ret >= 0 || ret < -4095)) &&
	    !(filter.have & FILTER_SLOWER && r->dur < filter.slower_ns))
		hit_send(st);
	st->owner = 0;
	return 0;
}

#endif
