/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink messages: their heads, and what is in them by protocol and type. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include "nl.h"

#define ALIGN4(len) (((len) + 3ull) & ~3ull)
#define ERROR_BYTES 20 /* struct nlmsgerr: an error and the head of the message it is about */
#define DEPTH_MAX   20 /* open boxes: errors about errors about errors */
#define UDEV_HEAD   40
#define NFTABLES    10 /* NFNL_SUBSYS_NFTABLES */

/* Payloads that begin with a structure, whose first byte is a family, and go on with attributes.
 * types: first and last. */
struct message {
	u16 first, last;
	const struct nl_struct *head;
	const struct nl_attrs *attrs;
};

static const struct message route[] = {
	{16, 19, &nl_struct_ifinfomsg, &nl_attrs_ifla},
	{20, 22, &nl_struct_ifaddrmsg, &nl_attrs_ifa},
	{24, 26, &nl_struct_rtmsg, &nl_attrs_rta},
	{28, 30, &nl_struct_ndmsg, &nl_attrs_nda},
	{32, 34, &nl_struct_fib_rule_hdr, &nl_attrs_fra},
	{36, 38, &nl_struct_tcmsg, &nl_attrs_tca}, /* qdisc */
	{40, 42, &nl_struct_tcmsg, &nl_attrs_tca}, /* tclass */
	{44, 46, &nl_struct_tcmsg, &nl_attrs_tca}, /* tfilter */
	{48, 50, &nl_struct_tcamsg, &nl_attrs_tca_act},
	{58, 58, &nl_struct_ifaddrmsg, &nl_attrs_ifa}, /* getmulticast */
	{62, 62, &nl_struct_ifaddrmsg, &nl_attrs_ifa}, /* getanycast */
	{64, 64, &nl_struct_ndtmsg, &nl_attrs_ndta},
	{66, 67, &nl_struct_ndtmsg, &nl_attrs_ndta},
	{72, 74, &nl_struct_ifaddrlblmsg, &nl_attrs_ifal},
	{78, 79, &nl_struct_dcbmsg, &nl_attrs_dcb},
	{80, 82, &nl_struct_netconfmsg, &nl_attrs_netconfa},
	{84, 86, &nl_struct_br_port_msg, &nl_attrs_mdba},
	{88, 90, &nl_struct_rtgenmsg, &nl_attrs_netnsa},
	{92, 92, &nl_struct_if_stats_msg, &nl_attrs_ifla_stats},
	{94, 94, &nl_struct_if_stats_msg, &nl_attrs_ifla_stats},
	{96, 96, &nl_struct_cachereport, NULL},
	{100, 102, &nl_struct_tcmsg, &nl_attrs_tca}, /* chain */
	{104, 106, &nl_struct_nhmsg, &nl_attrs_nha},
};

enum { SOCK_DIAG_OLD = 18, SOCK_DIAG_LAST_OLD = 19 }; /* TCPDIAG_GETSOCK, DCCPDIAG_GETSOCK */

/* Sockets asked for, and told of, by family. */
static const struct diag {
	const struct nl_struct *request;
	const struct nl_attrs *request_attrs;
	const struct nl_struct *answer;
	const struct nl_attrs *answer_attrs;
} diags[] = {
	[AF_UNIX] = {&nl_struct_unix_diag_req, NULL, &nl_struct_unix_diag_msg, &nl_attrs_unix_diag},
	[AF_INET] = {&nl_struct_inet_diag_req_v2, &nl_attrs_inet_diag_req, &nl_struct_inet_diag_msg,
		     &nl_attrs_inet_diag},
	[AF_INET6] = {&nl_struct_inet_diag_req_v2, &nl_attrs_inet_diag_req,
		      &nl_struct_inet_diag_msg, &nl_attrs_inet_diag},
	[AF_NETLINK] = {&nl_struct_netlink_diag_req, NULL, &nl_struct_netlink_diag_msg,
			&nl_attrs_netlink_diag},
	[AF_PACKET] = {&nl_struct_packet_diag_req, NULL, &nl_struct_packet_diag_msg,
		       &nl_attrs_packet_diag},
	[AF_SMC] = {&nl_struct_smc_diag_req, NULL, &nl_struct_smc_diag_msg, &nl_attrs_smc_diag},
};

/* The message that is told. */
struct head {
	u32 len;
	u16 type, flags;
};

static void tell_family(struct nl *nl, u64 at, u64 len)
{
	open_box(nl->v, BOX_STRUCT);
	field_name(nl->v, "family", &names_af, nl->family);
	if (len > 1) {
		field(nl->v, "data");
		nl_hex(nl, at + 1, len - 1);
	}
	close_box(nl->v);
}

static void tell_head_and_attrs(struct nl *nl, const struct nl_struct *head,
				const struct nl_attrs *attrs, u64 at, u64 len)
{
	u64 size = ALIGN4(head->sizes[0]);

	if (!nl_head(nl, head, at, len) || !attrs || len <= size)
		return;
	nl_part(nl, "attrs");
	nl_attrs(nl, attrs, at + size, len - size);
}

/* A report of multicast routing: whose attributes are those of IPv4 or IPv6 by the family. */
static void tell_cachereport(struct nl *nl, u64 at, u64 len)
{
	const struct nl_attrs *attrs = nl->family == 128   ? &nl_attrs_ipmra
				       : nl->family == 129 ? &nl_attrs_ip6mra
							   : NULL;

	tell_head_and_attrs(nl, &nl_struct_cachereport, attrs, at, len);
	if (attrs || len <= 4)
		return;
	nl_part(nl, "data");
	nl_hex(nl, at + 4, len - 4);
}

static bool tell_route(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const struct message *m = NULL;

	for (u32 i = 0; i < ARRAY_SIZE(route); i++)
		if (h->type >= route[i].first && h->type <= route[i].last)
			m = &route[i];
	if (h->type == RTM_GETNEIGH && nl->family == AF_BRIDGE)
		m = &route[0];
	if (!m)
		tell_family(nl, at, len);
	else if (m->attrs)
		tell_head_and_attrs(nl, m->head, m->attrs, at, len);
	else
		tell_cachereport(nl, at, len);
	return true;
}

static bool tell_diag(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const struct diag *d = nl->family < ARRAY_SIZE(diags) ? &diags[nl->family] : NULL;
	bool inet = nl->family == AF_INET || nl->family == AF_INET6;

	if (!d || !d->request || len <= 1)
		tell_family(nl, at, len);
	else if (!(h->flags & NLM_F_REQUEST))
		tell_head_and_attrs(nl, d->answer, d->answer_attrs, at, len);
	else if (inet && h->type >= SOCK_DIAG_OLD && h->type <= SOCK_DIAG_LAST_OLD)
		tell_head_and_attrs(nl, &nl_struct_inet_diag_req, d->request_attrs, at, len);
	else
		tell_head_and_attrs(nl, d->request, d->request_attrs, at, len);
	return true;
}

/* Of nftables it says so, in the one order or the other. */
static void tell_res_id(struct nl *nl, u8 subsystem, const u8 *p)
{
	field(nl->v, "res_id");
	if (subsystem == NFTABLES && net16(p) == NFTABLES)
		tell_as(nl->v, "htons(NFNL_SUBSYS_NFTABLES)", NFTABLES);
	else if (subsystem == NFTABLES && load16(p) == NFTABLES)
		tell_as(nl->v, "NFNL_SUBSYS_NFTABLES", load16(p));
	else
		nl->v->ops->wrapped(nl->v, "htons", net16(p));
}

static bool tell_netfilter(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const u8 *p = nl_at(nl, at, 4);

	if (len < 4 || !p) {
		nl_hex(nl, at, len);
		return true;
	}
	open_box(nl->v, BOX_STRUCT);
	field_name(nl->v, "nfgen_family", &names_af, p[0]);
	field_name(nl->v, "version", &names_nfnetlink, p[1]);
	tell_res_id(nl, h->type >> 8, p + 2);
	close_box(nl->v);
	if (len == 4)
		return true;
	if (name_of(&names_nfnl_msg, h->type)) { /* around a batch */
		nl_part(nl, "data");
		nl_hex(nl, at + 4, len - 4);
	} else {
		nl_part(nl, "attrs");
		nl_attrs(nl, &nl_attrs_netfilter, at + 4, len - 4);
	}
	return true;
}

static bool tell_selinux(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const struct nl_struct *s = h->type == 16   ? &nl_struct_selnl_setenforce
				    : h->type == 17 ? &nl_struct_selnl_policyload
						    : NULL;

	return s && nl_struct(nl, s, at, len);
}

static void tell_message(struct nl *nl, u64 at, u64 len);

/* What an error is about: the message, its head only when it was cut, and then attributes. */
static void tell_error(struct nl *nl, bool capped, u64 at, u64 len)
{
	const u8 *p = nl_at(nl, at, ERROR_BYTES);
	u64 size, msg = at + 4;
	const char *name;
	s32 error;

	if (len < ERROR_BYTES || nl->v->depth > DEPTH_MAX || !p) {
		nl_hex(nl, at, len);
		return;
	}
	error = load32(p);
	len -= 4;
	size = capped ? NLMSG_HEAD : load32(p + 4);
	size = size < NLMSG_HEAD ? NLMSG_HEAD : size < len ? size : len;
	nl_open(nl, len > size);
	field(nl->v, "error");
	name = error < 0 && error > -4096 ? errno_name(-error) : NULL;
	if (name && nl->text) {
		tell_raw(nl->v, "-");
		nl->v->ops->word(nl->v, name);
	} else {
		nl->v->ops->sint(nl->v, error);
	}
	field(nl->v, "msg");
	tell_message(nl, msg, size);
	nl_head_end(nl);
	if (len > size) {
		nl_part(nl, "attrs");
		nl_attrs(nl, &nl_attrs_nlmsgerr, msg + size, len - size);
	}
	nl_close(nl, len > size);
}

static bool tell_by_protocol(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const u8 *family = nl_at(nl, at, 1);

	if (h->type < NLMSG_MIN_TYPE)
		return false;
	switch (nl->protocol) {
	case NETLINK_ROUTE:
	case NETLINK_SOCK_DIAG:
		if (!family) {
			nl_missing(nl, at);
			return true;
		}
		nl->family = *family;
		return nl->protocol == NETLINK_ROUTE ? tell_route(nl, h, at, len)
						     : tell_diag(nl, h, at, len);
	case NETLINK_NETFILTER: return tell_netfilter(nl, h, at, len);
	case NETLINK_SELINUX: return tell_selinux(nl, h, at, len);
	default: return false;
	}
}

static void tell_payload_of(struct nl *nl, const struct head *h, u64 at, u64 len)
{
	const struct nl_row number = {.kind = NL_s32};

	if (h->type == NLMSG_ERROR)
		tell_error(nl, h->flags & NLM_F_CAPPED, at, len);
	else if (h->type == NLMSG_DONE && len == 4)
		nl_value(nl, &number, at, len);
	else if (!tell_by_protocol(nl, h, at, len))
		nl_hex(nl, at, len);
}

/* The message at a position, whose head is there; len bytes are left. */
static void tell_message(struct nl *nl, u64 at, u64 len)
{
	const u8 *p = nl->base + at;
	struct head h = {load32(p), load16(p + 4), load16(p + 6)};
	u64 n = h.len < len ? h.len : len;
	bool more = n > NLMSG_HEAD;

	nl_open(nl, more);
	field_uint(nl->v, "nlmsg_len", h.len);
	field(nl->v, "nlmsg_type");
	nl_type(nl, h.type);
	field(nl->v, "nlmsg_flags");
	nl_message_flags(nl, h.type, h.flags);
	field_uint(nl->v, "nlmsg_seq", load32(p + 8));
	field_sint(nl->v, "nlmsg_pid", (s32)load32(p + 12));
	nl_head_end(nl);
	if (more) {
		nl_part(nl, "payload");
		tell_payload_of(nl, &h, at + NLMSG_HEAD, n - NLMSG_HEAD);
	}
	nl_close(nl, more);
}

/* What systemd-udevd tells other programs: its head, then names and values. The kernel's own events
 * are names and values only. */
static void tell_uevent(struct nl *nl, u64 len)
{
	bool more = len > UDEV_HEAD;
	u64 n = len - UDEV_HEAD;

	if (len < UDEV_HEAD || !nl_at(nl, 0, UDEV_HEAD) || memcmp(nl->base, "libudev", 8)) {
		nl_text(nl, 0, len);
		return;
	}
	nl_open(nl, more);
	nl_members(nl, &nl_struct_udev_head, 0, UDEV_HEAD);
	nl_head_end(nl);
	if (more) {
		nl_part(nl, "properties");
		nl_text(nl, UDEV_HEAD, n);
	}
	nl_close(nl, more);
}

static void tell_messages(struct nl *nl, u64 len)
{
	struct verbs *v = nl->v;
	bool list = !nl->text;
	u64 at = 0;

	if (list)
		open_box(v, BOX_ARRAY);
	for (u32 count = 0;; count++) {
		bool here = nl_at(nl, at, NLMSG_HEAD), next;
		u64 step = 0;

		if (len >= NLMSG_HEAD && !here && list) {
			if (nl->unreadable)
				tell_unreadable_rest(v, nl->address + at);
			else
				v->ops->more(v);
			break;
		}
		if (nl->text && count == nl->max && count) {
			v->ops->more(v);
			break;
		}
		if (len >= NLMSG_HEAD && here)
			step = load32(nl->base + at);
		step = step < NLMSG_HEAD ? 0 : ALIGN4(step);
		next = step && len > step;
		if (next && !list) {
			open_box(v, BOX_ARRAY);
			list = true;
		}
		if (list)
			item(v);
		if (len < NLMSG_HEAD)
			nl_hex(nl, at, len);
		else if (!here)
			nl_missing(nl, at);
		else
			tell_message(nl, at, len);
		if (!next)
			break;
		at += step;
		len -= step;
	}
	if (list)
		close_box(v);
}

bool is_netlink(const struct call_rec *r)
{
	return r->sock.flags & SOCK_ID_VALID && r->sock.family == AF_NETLINK;
}

void tell_netlink(struct verbs *v, const struct call_rec *r, const struct memory *m)
{
	struct nl nl = {
		.v = v,
		.base = m->p,
		.have = m->n,
		.unreadable = m->unreadable,
		.text = tell_is_text(v),
		.exact = !tell_more_than_strace(v),
		.address = m->address,
		.max = r->snap < decode_snap ? r->snap : decode_snap,
		.protocol = is_netlink(r) ? r->sock.protocol : NL_UNKNOWN,
	};

	if (nl.protocol == NETLINK_KOBJECT_UEVENT)
		tell_uevent(&nl, m->full);
	else
		tell_messages(&nl, m->full);
}
