/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink: types and flags of messages, by protocol. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "nl.h"

#define NFTABLES 10 /* NFNL_SUBSYS_NFTABLES */

static void tell_netfilter_type(struct nl *nl, u16 type)
{
	static const struct names none = {NULL, 0, NULL, NULL};
	static const struct names *const subsystems[] = {
		[1] = &names_nfnl_ctnetlink,   [2] = &names_nfnl_ctnetlink_exp,
		[3] = &names_nfnl_queue,       [4] = &names_nfnl_ulog,
		[5] = &names_nfnl_osf,         [6] = &names_nfnl_ipset,
		[7] = &names_nfnl_acct,        [8] = &names_nfnl_ctnetlink_timeout,
		[9] = &names_nfnl_cthelper,    [NFTABLES] = &names_nfnl_nftables,
		[11] = &names_nfnl_nft_compat, [12] = &names_nfnl_hook};
	const struct names *names = &none;
	const char *subsystem = name_of(&names_nfnl_subsys, type >> 8), *name;
	char text[160];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};

	if (type >> 8 < ARRAY_SIZE(subsystems) && subsystems[type >> 8])
		names = subsystems[type >> 8];
	if (nl->text) {
		nl->v->ops->name(nl->v, &names_nfnl_subsys, type >> 8);
		tell_raw(nl->v, "<<8|");
		nl->v->ops->name(nl->v, names, type & 0xff);
		return;
	}
	name = name_of(names, type & 0xff);
	if (!subsystem || !name) {
		nl->v->ops->uint(nl->v, type);
		return;
	}
	buf_text(&b, subsystem);
	buf_str(&b, "<<8|");
	buf_text(&b, name);
	buf_chr(&b, 0);
	nl->v->ops->word(nl->v, text);
}

void nl_type(struct nl *nl, u16 type)
{
	static const struct names *const types[] = {
		[NETLINK_ROUTE] = &names_rtm,       [NETLINK_SOCK_DIAG] = &names_sock_diag,
		[NETLINK_XFRM] = &names_xfrm_msg,   [NETLINK_SELINUX] = &names_selnl_msg,
		[NETLINK_AUDIT] = &names_audit_msg, [NETLINK_CRYPTO] = &names_crypto_msg};
	const struct names *names = &names_nlmsg;

	if (type >= NLMSG_MIN_TYPE && nl->protocol == NETLINK_NETFILTER) {
		if (!name_of(&names_nfnl_msg, type)) {
			tell_netfilter_type(nl, type);
			return;
		}
		names = &names_nfnl_msg;
	} else if (type >= NLMSG_MIN_TYPE && nl->protocol == NETLINK_GENERIC) {
		names = genl_names(type);
	} else if (type >= NLMSG_MIN_TYPE && nl->protocol < ARRAY_SIZE(types) &&
		   types[nl->protocol]) {
		names = types[nl->protocol];
	}
	nl->v->ops->name(nl->v, names, type);
}

/* The flags above 0xff mean another thing in each kind of message: get, new, del, an answer. */
static const struct names *flags_by_verb(char verb)
{
	return verb == 'g'   ? &names_nlm_f_get
	       : verb == 'n' ? &names_nlm_f_new
	       : verb == 'd' ? &names_nlm_f_del
			     : NULL;
}

static const struct names *flags_of(const struct nl *nl, u16 type)
{
	/* by type, from the first on: new, del, get, or nothing */
	static const char xfrm[] = "ndgndg........ng..ngng", crypto[] = "nd.gd",
			  ctnetlink[] = "ngdggggg", expect[] = "ngdg", acct[] = "nggd",
			  timeout[] = "ngd", nftables[] = "ngdngdngdngdngdng.ngdgngd";
	static const struct {
		const char *verbs;
		u32 n;
	} netfilter[] = {[1] = {ctnetlink, sizeof(ctnetlink) - 1},
			 [2] = {expect, sizeof(expect) - 1},
			 [7] = {acct, sizeof(acct) - 1},
			 [8] = {timeout, sizeof(timeout) - 1},
			 [9] = {timeout, sizeof(timeout) - 1},
			 [NFTABLES] = {nftables, sizeof(nftables) - 1},
			 [11] = {"g", 1}};
	u32 i = type - NLMSG_MIN_TYPE;

	if (type < NLMSG_MIN_TYPE)
		return type == NLMSG_ERROR ? &names_nlm_f_ack : NULL;
	switch (nl->protocol) {
	case NETLINK_ROUTE: return flags_by_verb(type == RTM_DELACTION ? 'g' : "ndg."[type & 3]);
	case NETLINK_SOCK_DIAG: return &names_nlm_f_get;
	case NETLINK_XFRM: return i < sizeof(xfrm) - 1 ? flags_by_verb(xfrm[i]) : NULL;
	case NETLINK_CRYPTO: return i < sizeof(crypto) - 1 ? flags_by_verb(crypto[i]) : NULL;
	case NETLINK_NETFILTER:
		i = type >> 8;
		if (i >= ARRAY_SIZE(netfilter) || (type & 0xff) >= netfilter[i].n)
			return NULL;
		return flags_by_verb(netfilter[i].verbs[type & 0xff]);
	default: return NULL;
	}
}

void nl_message_flags(struct nl *nl, u16 type, u16 flags)
{
	const struct names *more = flags_of(nl, type);
	u64 rest;
	char text[400];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};
	bool named;

	rest = nl_put_flags(&b, &names_nlm_f, flags, false);
	if (more)
		rest = nl_put_flags(&b, more, rest, false);
	named = buf_len(&b);
	if (rest || !named) {
		buf_str(&b, named ? "|" : "");
		buf_hex(&b, rest);
	}
	buf_chr(&b, 0);
	nl->v->ops->word(nl->v, text);
	if (rest && !named)
		tell_raw(nl->v, " /* NLM_F_??? */");
}
