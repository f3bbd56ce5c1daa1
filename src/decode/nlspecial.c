/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink: values that are like no other. Each returns false when there are too few bytes for it,
 * and they are told as such. */
#include <sys/socket.h>
#include "nl.h"

#define RTNH_ALIGN(len) (((len) + 3ull) & ~3ull)

/* What stands behind a value that has a length of its own. */
static void tell_after(struct nl *nl, const struct nl_attrs *t, u64 at, u64 len, u64 size)
{
	if (len <= size)
		return;
	nl_part(nl, "attrs");
	nl_attrs(nl, t, at + size, len - size);
}

static struct nl_row as_struct(const struct nl_struct *s)
{
	return (struct nl_row){.kind = NL_struct, .arg = s};
}

/* Protocol's and family's own attributes, by the family of the message. */
static bool by_family(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	const struct nl_attrs *t = row->kind == NL_afspec ? &nl_attrs_ifla_af : NULL;

	if (nl->family == AF_BRIDGE)
		t = row->kind == NL_afspec ? &nl_attrs_bridge_af : &nl_attrs_brport;
	else if (nl->family == AF_INET6 && row->kind == NL_protinfo)
		t = &nl_attrs_ifla_inet6;
	if (t)
		nl_attrs(nl, t, at, len);
	return t;
}

static u8 link_of(const struct nl *nl, u64 at, u64 len)
{
	static const struct {
		const char *name;
		u8 link;
	} links[] = {{"bridge", NL_LINK_BRIDGE}, {"tun", NL_LINK_TUN}, {"can", NL_LINK_CAN}};

	for (u32 i = 0; i < ARRAY_SIZE(links); i++) {
		u32 n = strlen(links[i].name);
		const u8 *p = len >= n ? nl_at(nl, at, len < 16 ? len : 16) : NULL;

		/* ip sends it without a NUL */
		if (p && !memcmp(p, links[i].name, n) && (len == n || !p[n]))
			return links[i].link;
	}
	return NL_LINK_OTHER;
}

/* Parts of IFLA_LINKINFO: what they are depends on the kind of link, which was told before. */
static bool tell_link(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	switch (row->kind) {
	case NL_linkkind:
		nl->link = link_of(nl, at, len);
		nl_cstr(nl, at, len);
		return true;
	case NL_linkslave:
		nl->slave = link_of(nl, at, len);
		nl_cstr(nl, at, len);
		return true;
	case NL_linkdata:
		if (nl->link != NL_LINK_BRIDGE && nl->link != NL_LINK_TUN)
			return false;
		nl_attrs(nl,
			 nl->link == NL_LINK_TUN ? &nl_attrs_linkinfo_tun
						 : &nl_attrs_linkinfo_bridge,
			 at, len);
		return true;
	case NL_linkslavedata:
		if (nl->slave != NL_LINK_BRIDGE)
			return false;
		nl_attrs(nl, &nl_attrs_brport, at, len);
		return true;
	default: return nl->link == NL_LINK_CAN && nl_struct(nl, &nl_struct_can_stats, at, len);
	}
}

/* struct ifla_vf_guid; some kernels have packed it. */
static bool tell_vfguid(struct nl *nl, u64 at, u64 len)
{
	return (len == 16 && nl_struct(nl, &nl_struct_vf_guid, at, len)) ||
	       (len == 12 && nl_struct(nl, &nl_struct_vf_guid_packed, at, len));
}

/* Next hops: a head each, then its attributes. */
static bool tell_multipath(struct nl *nl, u64 at, u64 len)
{
	u32 size = nl_struct_rtnexthop.sizes[0];
	bool list = !nl->text;

	if (len < size)
		return false;
	if (!nl_at(nl, at, size)) {
		nl_missing(nl, at);
		return true;
	}
	if (!list && load16(nl->base + at) < len)
		list = true;
	if (list)
		open_box(nl->v, BOX_ARRAY);
	while (nl_at(nl, at, size)) {
		u64 full = load16(nl->base + at), n = full < len ? full : len;
		bool more = n > size;

		if (list)
			item(nl->v);
		nl_open(nl, more);
		nl_members(nl, &nl_struct_rtnexthop, at, size);
		nl_head_end(nl);
		if (more) {
			nl_part(nl, "attrs");
			nl_attrs(nl, &nl_attrs_rta, at + size, n - size);
		}
		nl_close(nl, more);
		n = RTNH_ALIGN(n);
		at += n;
		len -= n < len ? n : len;
		if (len < size || !n)
			break;
	}
	if (list && len && !nl_at(nl, at, size))
		nl->v->ops->more(nl->v);
	if (list)
		close_box(nl->v);
	return true;
}

static bool tell_via(struct nl *nl, u64 at, u64 len)
{
	const u8 *p = nl_at(nl, at, 2);

	if (len < 2)
		return false;
	if (!p) {
		nl_missing(nl, at);
		return true;
	}
	open_box(nl->v, BOX_STRUCT);
	field_name(nl->v, "rtvia_family", &names_af, load16(p));
	if (len > 2)
		nl_addr(nl, p[1] ? 0 : p[0], "rtvia_addr", at + 2, len - 2);
	close_box(nl->v);
	return true;
}

/* struct br_mdb_entry; the address' family is told after it, in the network's order. */
static bool tell_mdbentry(struct nl *nl, u64 at, u64 len)
{
	const u32 size = 28;
	struct verbs *v = nl->v;
	const u8 *p = nl_at(nl, at, size);

	if (len < size)
		return false;
	if (!p) {
		nl_missing(nl, at);
		return true;
	}
	open_box(v, BOX_STRUCT);
	field(v, "ifindex");
	tell_ifindex(v, load32(p));
	field_name(v, "state", &names_mdb_state, p[4]);
	field_flags(v, "flags", &names_mdb_flags, p[5]);
	field_uint(v, "vid", load16(p + 6));
	field(v, "addr");
	open_box(v, BOX_STRUCT);
	nl_addr(nl, p[24] ? 0 : p[25], "u", at + 8, 16);
	field(v, "proto");
	tell_raw(v, "htons(");
	v->ops->name(v, &names_af, net16(p + 24));
	tell_raw(v, ")");
	close_box(v);
	close_box(v);
	tell_after(nl, &nl_attrs_mdba_mdb_eattr, at, len, size);
	return true;
}

static bool tell_mdbport(struct nl *nl, u64 at, u64 len)
{
	const struct nl_row port = {.kind = NL_ifindex};

	if (!nl_kind(nl, &port, at, len))
		return false;
	tell_after(nl, &nl_attrs_mdba_router_pattr, at, len, 4);
	return true;
}

/* INET_DIAG_BC_*: what a condition compares with (linux/inet_diag.h). */
enum { BC_S_GE = 2, BC_D_LE = 5, BC_S_COND = 7, BC_D_COND, BC_DEV_COND, BC_MARK_COND };

static void tell_hostcond(struct nl *nl, u64 at, u64 len)
{
	const u8 *p = nl_at(nl, at, 8);

	if (len < 8) {
		nl_hex(nl, at, len);
		return;
	}
	if (!p) {
		nl_missing(nl, at);
		return;
	}
	open_box(nl->v, BOX_STRUCT);
	field_name(nl->v, "family", &names_af, p[0]);
	field_uint(nl->v, "prefix_len", p[1]);
	field_uint(nl->v, "port", load32(p + 4));
	if (len > 8)
		nl_addr(nl, p[0], "addr", at + 8, len - 8);
	close_box(nl->v);
}

/* One step of a filter of sockets, and what it looks at. */
static bool tell_bytecode(struct nl *nl, u64 at, u64 len)
{
	const struct nl_row op = as_struct(&nl_struct_inet_diag_bc_op),
			    mark = as_struct(&nl_struct_inet_diag_markcond),
			    device = {.kind = NL_ifindex};
	const u8 *p = nl_at(nl, at, 4);

	if (!nl_struct(nl, op.arg, at, len))
		return false;
	if (len <= 4 || !p)
		return true;
	nl_part(nl, "data");
	at += 4;
	len -= 4;
	if (*p >= BC_S_GE && *p <= BC_D_LE)
		nl_value(nl, &op, at, len);
	else if (*p == BC_S_COND || *p == BC_D_COND)
		tell_hostcond(nl, at, len);
	else if (*p == BC_DEV_COND)
		nl_value(nl, &device, at, len);
	else if (*p == BC_MARK_COND)
		nl_value(nl, &mark, at, len);
	else
		nl_hex(nl, at, len);
	return true;
}

/* Bytes at a position, as many as a 16-bit member before them says, max at most. */
static bool tell_counted(struct nl *nl, u64 at, u64 count_at, u32 max)
{
	const u8 *p = nl_at(nl, at, max), *count = nl_at(nl, count_at, 2);
	u32 n;

	if (!p || !count) {
		nl_missing(nl, at);
		return true;
	}
	n = load16(count);
	tell_hex_bytes(nl->v, p, n < max ? n : max);
	return true;
}

/* Bits of a socket; those that are set. */
static bool tell_sockopt(struct nl *nl, u64 at, u64 len)
{
	static const char *const bits[] = {
		"recverr",         "is_icsk",      "freebind",
		"hdrincl",         "mc_loop",      "transparent",
		"mc_all",          "nodefrag",     "bind_address_no_port",
		"recverr_rfc4884", "defer_connect"};
	const u8 *p = nl_at(nl, at, 2);
	u32 set;

	if (len < 2)
		return false;
	if (!p) {
		nl_missing(nl, at);
		return true;
	}
	set = load16(p);
	open_box(nl->v, BOX_STRUCT);
	for (u32 i = 0; i < ARRAY_SIZE(bits); i++)
		if (set >> i & 1)
			field_uint(nl->v, bits[i], 1);
	if (set >> ARRAY_SIZE(bits)) {
		field_hex(nl->v, "unused", set >> ARRAY_SIZE(bits));
		tell_raw(nl->v, " /* bits 3..8 */");
	}
	close_box(nl->v);
	if (len > 2 && !nl_zero(nl, at + 2, len - 2)) {
		char text[128];
		struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};

		nl_part(nl, "rest");
		buf_str(&b, "/* bytes 2..");
		buf_u64(&b, len - 1);
		buf_mem(&b, " */ ", 5);
		tell_raw(nl->v, text);
		nl_hex(nl, at + 2, len - 2);
	}
	return true;
}

/* Addresses of struct sockaddr_storage each. */
static bool tell_sockaddrs(struct nl *nl, u64 at, u64 len)
{
	const u32 size = 128;

	if (len < size)
		return false;
	if (!nl_at(nl, at, size)) {
		nl_missing(nl, at);
		return true;
	}
	open_box(nl->v, BOX_ARRAY);
	for (u32 i = 0; len >= size; i++, at += size, len -= size) {
		if ((nl->text && i == nl->max && i) || !nl_at(nl, at, size)) {
			nl->v->ops->more(nl->v);
			break;
		}
		item(nl->v);
		decode_sockaddr(nl->v, nl->base + at, size);
	}
	close_box(nl->v);
	return true;
}

/* A socket filter: text as strace only where it is; JSON its bytes. */
static bool tell_filter(struct nl *nl, u64 at, u64 len)
{
	if (len < 8 || len / 8 > 0xffff)
		return false;
	if (!nl->text)
		return false;
	nl->v->ops->ptr(nl->v, nl->address + at);
	return true;
}

bool nl_special(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	switch (row->kind) {
	case NL_protinfo:
	case NL_afspec: return by_family(nl, row, at, len);
	case NL_linkkind:
	case NL_linkslave:
	case NL_linkdata:
	case NL_linkslavedata:
	case NL_linkxstats: return tell_link(nl, row, at, len);
	case NL_vfguid: return tell_vfguid(nl, at, len);
	case NL_multipath: return tell_multipath(nl, at, len);
	case NL_via: return tell_via(nl, at, len);
	case NL_mdbentry: return tell_mdbentry(nl, at, len);
	case NL_mdbport: return tell_mdbport(nl, at, len);
	case NL_bytecode: return tell_bytecode(nl, at, len);
	case NL_md5key: return tell_counted(nl, at, at - 18, 80); /* tcpm_keylen */
	case NL_mcaddr: return tell_counted(nl, at, at - 2, 32);  /* pdmc_alen */
	case NL_sockopt: return tell_sockopt(nl, at, len);
	case NL_sockaddrs: return tell_sockaddrs(nl, at, len);
	case NL_filter: return tell_filter(nl, at, len);
	default: return false;
	}
}
