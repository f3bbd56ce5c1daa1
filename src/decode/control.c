/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Control messages of a msghdr. */
#include <netinet/in.h>
#include <sys/socket.h>
#include "kinds.h"
#include "tell.h"

#define HEAD 16 /* sizeof(struct cmsghdr) of 64-bit programs */

static const struct sockopt *find(u32 level, u32 type)
{
	for (u32 i = 0; i < nscms; i++)
		if (scms[i].level == level && scms[i].value == type)
			return &scms[i];
	return NULL;
}

static void tell_uints(struct verbs *v, const u8 *p, u32 n, u64 full)
{
	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < n / 4; i++) {
		item(v);
		v->ops->uint(v, load32(p + 4 * i));
	}
	if (n / 4 < full / 4)
		v->ops->more(v);
	close_box(v);
}

static void tell_bytes(struct verbs *v, const u8 *p, u32 n, u64 full)
{
	u32 shown = n < 32 ? n : 32;

	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < shown; i++) {
		item(v);
		v->ops->hex(v, p[i]);
	}
	if (shown < full)
		v->ops->more(v);
	close_box(v);
}

static void tell_creds(struct verbs *v, const u8 *p)
{
	open_box(v, BOX_STRUCT);
	field_sint(v, "pid", (s32)load32(p));
	for (u32 i = 1; i < 3; i++) {
		field(v, i == 1 ? "uid" : "gid");
		if (load32(p + 4 * i) == ~0u)
			v->ops->sint(v, -1);
		else
			v->ops->uint(v, load32(p + 4 * i));
	}
	close_box(v);
}

static void tell_pktinfo(struct verbs *v, const u8 *p)
{
	open_box(v, BOX_STRUCT);
	field(v, "ipi_ifindex");
	tell_ifindex(v, load32(p));
	field_in4(v, "ipi_spec_dst", p + 4);
	field_in4(v, "ipi_addr", p + 8);
	close_box(v);
}

static void tell_recverr(struct verbs *v, const u8 *p)
{
	open_box(v, BOX_STRUCT);
	field_uint(v, "ee_errno", load32(p));
	field_uint(v, "ee_origin", p[4]);
	field_uint(v, "ee_type", p[5]);
	field_uint(v, "ee_code", p[6]);
	field_uint(v, "ee_info", load32(p + 8));
	field_uint(v, "ee_data", load32(p + 12));
	field(v, "offender");
	decode_sockaddr(v, p + 16, 16); /* of IPv4, whatever the rest says */
	close_box(v);
}

static void tell_stamps(struct verbs *v, const u8 *p)
{
	open_box(v, BOX_ARRAY);
	for (u32 i = 0; i < 3; i++) {
		item(v);
		tell_time(v, p + 16 * i, "tv_sec", "tv_nsec");
	}
	close_box(v);
}

/* The least each kind needs; stamps short of it are told as ???, others not at all. */
static u32 least(u8 kind)
{
	switch (kind) {
	case KIND_rights:
	case KIND_uints: return 4;
	case KIND_creds:
	case KIND_pktinfo: return 12;
	case KIND_timeval:
	case KIND_timespec:
	case KIND_sockaddr: return 16;
	case KIND_recverr: return 32;
	case KIND_timestamping: return 48;
	case KIND_none: return ~0u;
	default: return 1;
	}
}

/* n bytes are here, of full. */
static void tell_data(struct verbs *v, u8 kind, const u8 *p, u32 n, u64 full)
{
	bool stamp = kind == KIND_timeval || kind == KIND_timespec || kind == KIND_timestamping;

	if (!full || (full < least(kind) && !stamp))
		return;
	field(v, "cmsg_data");
	if (n < least(kind)) { /* not recorded, or not there */
		v->ops->word(v, full < least(kind) ? "???" : "...");
		return;
	}
	switch (kind) {
	case KIND_rights: tell_int_array(v, p, full / 4, n < 128 ? n / 4 : 32); return;
	case KIND_creds: tell_creds(v, p); return;
	case KIND_security: v->ops->bytes(v, p, n < 32 ? n : 32, full > 32 || full > n); return;
	case KIND_timeval: tell_time(v, p, "tv_sec", "tv_usec"); return;
	case KIND_timespec: tell_time(v, p, "tv_sec", "tv_nsec"); return;
	case KIND_timestamping: tell_stamps(v, p); return;
	case KIND_uints: tell_uints(v, p, n, full); return;
	case KIND_pktinfo: tell_pktinfo(v, p); return;
	case KIND_recverr: tell_recverr(v, p); return;
	case KIND_sockaddr: decode_sockaddr(v, p, n); return;
	default: tell_bytes(v, p, n, full);
	}
}

/* What strace 6.1 has no name for, and people want to read: IPv6's. False when it is not one. */
static bool tell_ipv6(struct verbs *v, u32 type, const u8 *p, u32 n, u64 full)
{
	const struct sockopt *row = find(SOL_IPV6, type);

	if (!row || !tell_more_than_strace(v))
		return false;
	field(v, "cmsg_type");
	v->ops->word(v, row->name);
	if (!full)
		return true;
	field(v, "cmsg_data");
	if (type == IPV6_PKTINFO && n >= 20) {
		open_box(v, BOX_STRUCT);
		v->ops->in6(v, "ipi6_addr", p);
		field(v, "ipi6_ifindex");
		tell_ifindex(v, load32(p + 16));
		close_box(v);
	} else if ((type == IPV6_HOPLIMIT || type == IPV6_TCLASS) && n >= 4) {
		tell_int_array(v, p, 1, 1);
	} else {
		tell_bytes(v, p, n, full);
	}
	return true;
}

/* The message at p: n bytes are here, left until the end of all messages. */
static void tell_message(struct verbs *v, const u8 *p, u32 n, u64 left)
{
	static const struct names scm = {NULL, 0, "SCM_???", NULL}, ip = {NULL, 0, "IP_???", NULL};
	u64 len = load64(p);
	u32 level = load32(p + 8), type = load32(p + 12);
	u64 full = len < left ? len : left;
	u32 data;
	const struct sockopt *row =
		level == SOL_SOCKET || level == SOL_IP ? find(level, type) : NULL;

	full = full > HEAD ? full - HEAD : 0;
	data = full < n - HEAD ? full : n - HEAD;
	if (row && row->fresh && !tell_more_than_strace(v))
		row = NULL;
	open_box(v, BOX_STRUCT);
	field_uint(v, "cmsg_len", len);
	field_name(v, "cmsg_level", &names_sol, level);
	if (level == SOL_IPV6 && tell_ipv6(v, type, p + HEAD, data, full)) {
		close_box(v);
		return;
	}
	field(v, "cmsg_type");
	if (row)
		v->ops->word(v, row->name);
	else if (level == SOL_SOCKET || level == SOL_IP)
		v->ops->name(v, level == SOL_IP ? &ip : &scm, type);
	else
		v->ops->hex(v, type);
	if (row)
		tell_data(v, row->kind, p + HEAD, data, full);
	close_box(v);
}

/* n bytes are here, of full. */
void tell_control(struct verbs *v, u64 address, const void *control, u32 n, u64 full)
{
	const u8 *p = control;
	u64 pos = 0, left = full, len;
	bool cut = false;

	open_box(v, BOX_ARRAY);
	while (left >= HEAD) {
		cut = pos > n || n - pos < HEAD;
		if (cut)
			break;
		item(v);
		tell_message(v, p + pos, n - pos, left);
		len = load64(p + pos);
		if (len > left || ((len + 7) & ~7ull) >= left) {
			left = 0;
			break;
		}
		pos += len < HEAD ? HEAD : (len + 7) & ~7ull;
		left = full - pos;
		if (len < HEAD)
			break;
	}
	if (cut)
		v->ops->more(v);
	else if (left)
		tell_unreadable_rest(v, address + pos);
	close_box(v);
}
