/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netfilter's hooks, as the two halves of weir drops tell of them. */
#ifndef WEIR_DROPS_HOOKS_H
#define WEIR_DROPS_HOOKS_H

#include "record.h"

/* Where the kernel keeps what stands at a hook. */
enum hook_list {
	HOOKS_IP, /* of IPv4 or IPv6: the packet says */
	HOOKS_IPV4,
	HOOKS_IPV6,
	HOOKS_ARP,
	HOOKS_BRIDGE,
	HOOKS_INGRESS, /* of a device */
	HOOKS_EGRESS,
	HOOKS_NONE, /* the function asks no hook: it stands at some, as a table of iptables */
};

struct hook_row {
	char function[40];
	char name[22]; /* so that all rows begin at a word */
	u8 list;       /* enum hook_list */
	u8 n;          /* place in it: enum nf_inet_hooks, NF_ARP_IN..., NF_BR_PRE_ROUTING... */
};

/* Who asks which hook (NF_HOOK and its kin in net/ of Linux 6.1 to 6.18). */
#define HOOK_ROWS                                                                                  \
	{                                                                                          \
		{"ip_rcv", "PREROUTING", HOOKS_IPV4, 0},                                           \
			{"ipv6_rcv", "PREROUTING", HOOKS_IPV6, 0},                                 \
			{"nf_hook_slow_list", "PREROUTING", HOOKS_IP, 0},                          \
			{"ip_local_deliver", "INPUT", HOOKS_IPV4, 1},                              \
			{"ip6_input", "INPUT", HOOKS_IPV6, 1},                                     \
			{"ip6_mc_input", "INPUT", HOOKS_IPV6, 1},                                  \
			{"ip_forward", "FORWARD", HOOKS_IPV4, 2},                                  \
			{"ip6_forward", "FORWARD", HOOKS_IPV6, 2},                                 \
			{"ip_mr_forward", "FORWARD", HOOKS_IPV4, 2},                               \
			{"ipmr_queue_xmit", "FORWARD", HOOKS_IPV4, 2},                             \
			{"__ip_local_out", "OUTPUT", HOOKS_IPV4, 3},                               \
			{"ip_local_out", "OUTPUT", HOOKS_IPV4, 3},                                 \
			{"__ip6_local_out", "OUTPUT", HOOKS_IPV6, 3},                              \
			{"ip6_local_out", "OUTPUT", HOOKS_IPV6, 3},                                \
			{"ip6_xmit", "OUTPUT", HOOKS_IPV6, 3},                                     \
			{"raw_sendmsg", "OUTPUT", HOOKS_IPV4, 3},                                  \
			{"raw_send_hdrinc", "OUTPUT", HOOKS_IPV4, 3},                              \
			{"rawv6_sendmsg", "OUTPUT", HOOKS_IPV6, 3},                                \
			{"rawv6_send_hdrinc", "OUTPUT", HOOKS_IPV6, 3},                            \
			{"ndisc_send_skb", "OUTPUT", HOOKS_IPV6, 3},                               \
			{"mld_sendpack", "OUTPUT", HOOKS_IPV6, 3},                                 \
			{"igmp6_send", "OUTPUT", HOOKS_IPV6, 3},                                   \
			{"ip_output", "POSTROUTING", HOOKS_IPV4, 4},                               \
			{"ip_mc_output", "POSTROUTING", HOOKS_IPV4, 4},                            \
			{"ip6_output", "POSTROUTING", HOOKS_IPV6, 4},                              \
			{"arp_rcv", "ARP input", HOOKS_ARP, 0},                                    \
			{"arp_xmit", "ARP output", HOOKS_ARP, 1},                                  \
			{"__netif_receive_skb_core.constprop.0", "INGRESS", HOOKS_INGRESS, 0},     \
			{"__netif_receive_skb_core", "INGRESS", HOOKS_INGRESS, 0},                 \
			{"__dev_queue_xmit", "EGRESS", HOOKS_EGRESS, 0},                           \
			{"br_handle_frame", "bridge PREROUTING", HOOKS_BRIDGE, 0},                 \
			{"br_pass_frame_up", "bridge INPUT", HOOKS_BRIDGE, 1},                     \
			{"__br_forward", "bridge FORWARD", HOOKS_BRIDGE, 2},                       \
			{"br_forward_finish", "bridge POSTROUTING", HOOKS_BRIDGE, 4},              \
			{"ipt_do_table", "", HOOKS_NONE, 0}, {"ip6t_do_table", "", HOOKS_NONE, 0}, \
			{"arpt_do_table", "", HOOKS_NONE, 0},                                      \
			{"iptable_mangle_hook", "", HOOKS_NONE, 0},                                \
			{"ip6table_mangle_hook", "", HOOKS_NONE, 0},                               \
	}

/* What stands at a hook. */
enum chain_kind { CHAIN_FUNCTION, CHAIN_NFT, CHAIN_XT };
struct hook_chain {
	u64 function;
	u32 kind;       /* enum chain_kind */
	u32 family;     /* NFPROTO_* */
	char table[48]; /* of the kernel's 255 */
	char chain[48]; /* of nftables */
};

/*
 * What may have dropped a packet at a hook (REC_HOOK): told once, before the first record that
 * names it by its id. Where it is one, that one did.
 */
#define HOOK_CHAINS 6 /* a firewall has one or two at a hook; of more, none is told */
struct hook_rec {
	struct rec h;
	u64 id;
	u64 caller; /* who asked the hook */
	u32 row;    /* of HOOK_ROWS */
	u32 n;
	struct hook_chain chains[HOOK_CHAINS];
};

#endif
