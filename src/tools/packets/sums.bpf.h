/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* --summary: two hashes and a histogram, counted in the kernel. */
#ifndef WEIR_PACKETS_SUMS_BPF_H
#define WEIR_PACKETS_SUMS_BPF_H

#include "whose.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKETS_PAIRS);
	__type(key, struct packets_pair);
	__type(value, struct packets_count);
} packets_pairs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PACKETS_TYPES);
	__type(key, u32);
	__type(value, struct packets_count);
} packets_types SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PACKETS_SIZES);
	__type(key, u32);
	__type(value, u64);
} packets_sizes SEC(".maps");

static __always_inline void count_in(void *map, void *key, u32 bytes, u32 side)
{
	struct packets_count none = {}, *c = bpf_map_lookup_elem(map, key);

	if (!c) {
		map_add(map, key, &none);
		c = bpf_map_lookup_elem(map, key);
	}
	if (!c) {
		count_lost(LOST_MAP);
		return;
	}
	if (side) {
		__sync_fetch_and_add(&c->packets[1], 1);
		__sync_fetch_and_add(&c->bytes[1], bytes);
	} else {
		__sync_fetch_and_add(&c->packets[0], 1);
		__sync_fetch_and_add(&c->bytes[0], bytes);
	}
}

static __always_inline void put_end(struct packets_end *e, struct packets_work *w, bool dst)
{
	struct bpf_sock_tuple *t = &w->tuple;
	u32 *to = (u32 *)e->addr;

	e->addr[0] = e->addr[1] = 0;
	e->pad = e->port = 0;
	if (w->v6) {
		for (u32 i = 0; i < 4; i++)
			to[i] = dst ? t->ipv6.daddr[i] : t->ipv6.saddr[i];
		if (w->ports)
			e->port = bpf_ntohs(dst ? t->ipv6.dport : t->ipv6.sport);
	} else if (w->version) {
		to[0] = dst ? t->ipv4.daddr : t->ipv4.saddr;
		if (w->ports)
			e->port = bpf_ntohs(dst ? t->ipv4.dport : t->ipv4.sport);
	}
}

static __noinline int count_packet(struct packets_work *w, u32 bytes)
{
	struct packets_pair *p = &w->pair;
	bool out = w->out, second;
	struct packets_end swapped;
	u32 key = w->type << 16 | w->version << 8 | w->proto, bucket = 0;
	u64 *size;

	put_end(&p->end[0], w, out); /* the sender first */
	put_end(&p->end[1], w, !out);
	p->type = w->type;
	p->proto = w->proto;
	p->version = w->version;
	second = p->end[0].addr[0] > p->end[1].addr[0] ||
		 (p->end[0].addr[0] == p->end[1].addr[0] &&
		  (p->end[0].addr[1] > p->end[1].addr[1] ||
		   (p->end[0].addr[1] == p->end[1].addr[1] && p->end[0].port > p->end[1].port)));
	if (second) {
		swapped = p->end[0];
		p->end[0] = p->end[1];
		p->end[1] = swapped;
	}
	count_in(&packets_pairs, p, bytes, second);
	count_in(&packets_types, &key, bytes, !out);
	for (u32 n = bytes; n && bucket < PACKETS_SIZES - 1; n >>= 1)
		bucket++;
	size = bpf_map_lookup_elem(&packets_sizes, &bucket);
	if (size)
		++*size;
	return 0;
}

#endif
