/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Of a packet that netfilter dropped: at which hook, and what stands there. A firewall's function
 * says little: who asked the hook says which one it was, and that leads to the kernel's list of
 * what it goes through there. It is looked at after the drop only: what passes costs nothing.
 */
#ifndef WEIR_DROPS_HOOKS_BPF_H
#define WEIR_DROPS_HOOKS_BPF_H

#include "drop.bpf.h"
#include "hooks.h"
#include "mix.bpf.h"

/* Kernel functions by an address in them: their row's number plus 1, 0: they have none. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u8);
} hook_functions SEC(".maps");

#define ROWS (sizeof(hook_rows) / sizeof(*hook_rows))
static const struct hook_row hook_rows[] = HOOK_ROWS;
static const struct hook_row hook_asked = {"nf_hook_slow", "", HOOKS_NONE, 0};
#define ROW_ASKED 255

union function_name {
	char text[40];
	u64 words[5];
};

static __always_inline bool is_named(const union function_name *name, const struct hook_row *row)
{
	const u64 *words = (const u64 *)row->function;

	/* one branch: the verifier goes along each */
	return !((name->words[0] ^ words[0]) | (name->words[1] ^ words[1]) |
		 (name->words[2] ^ words[2]) | (name->words[3] ^ words[3]) |
		 (name->words[4] ^ words[4]));
}

#define EACH_BYTE(c) (0x0101010101010101ull * (c))

/* A name without the module behind it, " [ip_tables]": 0 from the first space on. By arithmetic on
 * words, lowest byte first, as of bytes each would be two paths to the verifier. */
static __always_inline void cut_module(union function_name *name)
{
	u64 keep = ~0ull;

	for (u32 i = 0; i < 5; i++) {
		u64 zero = name->words[i] ^ EACH_BYTE(' ');
		u64 spaces = (zero - EACH_BYTE(1)) & ~zero & EACH_BYTE(0x80);

		name->words[i] &= keep & (((spaces & -spaces) >> 7) - 1);
		keep &= ((spaces | -spaces) >> 63) - 1;
	}
}

/* A function's row, by name, which is asked for once. Not static: the verifier looks once. */
__noinline u32 hook_row_of(u64 ip)
{
	static const char format[] = "%ps"; /* "ipt_do_table [ip_tables]" */
	u8 *known = bpf_map_lookup_elem(&hook_functions, &ip), row = 0;
	union function_name name = {};

	if (known)
		return *known;
	if (!ip || bpf_snprintf(name.text, sizeof(name.text), format, &ip, sizeof(ip)) < 0)
		return 0;
	cut_module(&name);
	for (u32 i = 0; i < ROWS; i++)
		if (is_named(&name, &hook_rows[i]))
			row = i + 1;
	if (is_named(&name, &hook_asked))
		row = ROW_ASKED;
	bpf_map_update_elem(&hook_functions, &ip, &row, BPF_ANY);
	return row;
}

/* The packet's network namespace: on its way out it may have no device yet. */
static __always_inline u64 hook_net(struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	u64 net = (u64)BPF_CORE_READ(skb, dev, nd_net.net);
	u64 dst = BPF_CORE_READ(skb, _skb_refdst) & ~1ull; /* SKB_DST_NOREF */

	if (BPF_CORE_READ((struct net *)net, ns.inum) >= NETNS_FIRST)
		return net;
	if (sk)
		return (u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
	return dst ? (u64)BPF_CORE_READ((struct dst_entry *)dst, dev, nd_net.net) : 0;
}

#define LIST(net, member, n)                                                                       \
	(bpf_core_field_exists((net)->member)                                                      \
		 ? (u64)__builtin_preserve_access_index(&(net)->member) + 8 * (n)                  \
		 : 0)

/* What stands at a hook: the address of a struct nf_hook_entries, 0: nothing, or unknown. */
__noinline u64 hook_list(u32 i, u64 at)
{
	const struct hook_row *row;
	struct sk_buff *skb = (struct sk_buff *)at;
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct net *net = (struct net *)hook_net(skb);
	u64 list = 0, from = 0, n;
	u8 kind;

	if (i >= ROWS)
		return 0;
	row = &hook_rows[i];
	kind = row->list;
	n = row->n;
	if (kind == HOOKS_IP)
		kind = BPF_CORE_READ(skb, protocol) == bpf_htons(ETH_P_IPV6) ? HOOKS_IPV6
									     : HOOKS_IPV4;
	if (kind == HOOKS_IPV4)
		from = LIST(net, nf.hooks_ipv4, n);
	else if (kind == HOOKS_IPV6)
		from = LIST(net, nf.hooks_ipv6, n);
	else if (kind == HOOKS_ARP)
		from = LIST(net, nf.hooks_arp, n);
	else if (kind == HOOKS_BRIDGE)
		from = LIST(net, nf.hooks_bridge, n);
	else if (kind == HOOKS_INGRESS)
		from = LIST(dev, nf_hooks_ingress, 0);
	else if (kind == HOOKS_EGRESS)
		from = LIST(dev, nf_hooks_egress, 0);
	if (from && bpf_probe_read_kernel(&list, sizeof(list), (void *)from))
		return 0;
	return list;
}

static __always_inline void look_nft(struct hook_chain *c, u64 priv)
{
	struct nft_chain *chain = (struct nft_chain *)priv;

	if (!bpf_core_field_exists(chain->table))
		return; /* nf_tables came after weir: its function is told */
	c->kind = CHAIN_NFT;
	bpf_probe_read_kernel_str(c->table, sizeof(c->table), BPF_CORE_READ(chain, table, name));
	bpf_probe_read_kernel_str(c->chain, sizeof(c->chain), BPF_CORE_READ(chain, name));
}

static __always_inline void look_xt(struct hook_chain *c, u64 priv)
{
	struct xt_table *table = (struct xt_table *)priv;

	if (!bpf_core_field_exists(table->name))
		return;
	c->kind = CHAIN_XT;
	c->family = BPF_CORE_READ(table, af);
	bpf_probe_read_kernel_str(c->table, sizeof(c->table), table->name);
}

#define NF_HOOK_OP_NF_TABLES 1

/* Adds one that stands at a hook: its function and what that is given, and its ops. */
__noinline int hook_chain_add(struct hook_rec *r, u64 entry, u64 ops)
{
	struct nf_hook_ops *o = (struct nf_hook_ops *)ops;
	struct nf_hook_entry e = {};
	struct hook_chain *c;
	u32 row, n;

	if (!r || bpf_core_read(&e, sizeof(e), (struct nf_hook_entry *)entry))
		return 0;
	n = r->n++;
	barrier_var(n);
	if (n >= HOOK_CHAINS)
		return 0;
	c = &r->chains[n];
	c->function = (u64)e.hook;
	if (BPF_CORE_READ_BITFIELD_PROBED(o, hook_ops_type) == NF_HOOK_OP_NF_TABLES) {
		c->family = BPF_CORE_READ(o, pf);
		look_nft(c, (u64)e.priv);
		return 0;
	}
	row = hook_row_of(c->function);
	if (row && row <= ROWS)
		look_xt(c, (u64)e.priv);
	return 0;
}

#define HOOK_ENTRIES 16 /* at one hook; netfilter's own are five */

/*
 * Which of a hook's functions was running: that whose beginning is nearest before ip, an address in
 * it.
 */
__noinline u64 hook_running(u64 list, u64 ip)
{
	struct nf_hook_entries *l = (struct nf_hook_entries *)list;
	u32 n = BPF_CORE_READ(l, num_hook_entries);
	u64 nearest = 0;

	for (u32 i = 0; i < HOOK_ENTRIES && i < n; i++) {
		u64 at = 0;

		bpf_core_read(&at, sizeof(at), &l->hooks[i].hook);
		if (at <= ip && at > nearest)
			nearest = at;
	}
	return nearest;
}

/*
 * Fills in what may have dropped it. inside: an address in what was running; 0: nothing was, so
 * that all that stands there may have asked for it.
 */
__noinline int hook_chains(struct hook_rec *r, u64 list, u64 inside)
{
	struct nf_hook_entries *l = (struct nf_hook_entries *)list;
	u64 running = inside ? hook_running(list, inside) : 0;
	u32 n = BPF_CORE_READ(l, num_hook_entries);

	if (!r || n > HOOK_ENTRIES)
		return 0;
	for (u32 i = 0; i < HOOK_ENTRIES && i < n; i++) {
		u64 function = 0, ops = 0;

		bpf_core_read(&function, sizeof(function), &l->hooks[i].hook);
		if (inside && function != running)
			continue;
		bpf_probe_read_kernel(&ops, sizeof(ops), (void *)((u64)&l->hooks[n] + i * 8));
		hook_chain_add(r, (u64)&l->hooks[i], ops);
	}
	return 0;
}

__noinline u64 hook_id(const struct hook_rec *r)
{
	const u64 *words = (const u64 *)r->chains;
	u64 id = r ? r->caller : 0;

	for (u32 i = 0; r && i < sizeof(r->chains) / 8; i++)
		id = mix(id, words[i]);
	return id & ~(1ull << 63); /* so it is no kernel address */
}

/* Return addresses, innermost first. */
struct hook_frames {
	u64 ip[16];
};

/* Which of them is in nf_hook_slow(): the next is who asked. None: 0. */
__noinline u32 hook_frame(const struct hook_frames *f)
{
	for (u32 i = 1; f && i < 15; i++)
		if (hook_row_of(f->ip[i]) == ROW_ASKED)
			return i;
	return 0;
}

/* Fills in r of a packet that netfilter dropped, by the stack that led there; what is unknown is 0.
 */
static __always_inline void hook_look(struct hook_rec *r, const struct drop *d,
				      const struct hook_frames *f)
{
	u64 inside = 0, list, at, i = hook_frame(f);

	r->caller = r->id = r->n = 0;
	if (!i)
		return;
	r->caller = f->ip[(i + 1) & 15];
	if (f->ip[i & 15] != d->place)
		inside = f->ip[(i - 1) & 15];
	r->row = hook_row_of(r->caller) - 1;
	bpf_probe_read_kernel(&at, sizeof(at), &d->ctx[0]); /* as a number */
	list = hook_list(r->row, at);
	__builtin_memset(r->chains, 0, sizeof(r->chains));
	if (list)
		hook_chains(r, list, inside);
	if (r->n && r->n <= HOOK_CHAINS)
		r->id = hook_id(r);
}

#endif
