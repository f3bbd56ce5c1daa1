/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Options: name by level, value by the kind that the table gives it. --bare tells what strace
 * tells, which is little of timeouts, names and structures; text and JSON tell more (tell_known).
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "kinds.h"
#include "tell.h"

#define SOL_NETLINK_ 270

/* A value to be told: n bytes are there, of full that the caller gave or the kernel returned. */
struct value {
	struct verbs *v;
	const u8 *p;
	u32 n, full;
	u64 ptr;
	u32 level, name;
	u32 snap; /* bytes of a string that are shown */
	bool set;
};

#define SNAP 32 /* where no record says */

static const struct sockopt *find(const struct sockopt *rows, u32 count, u32 level, u32 value)
{
	u32 low = 0, high = count;

	while (low < high) {
		u32 mid = (low + high) / 2;

		if (rows[mid].level < level ||
		    (rows[mid].level == level && rows[mid].value < value))
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && rows[low].level == level && rows[low].value == value ? &rows[low]
										   : NULL;
}

static const struct sockopt *option(struct verbs *v, u32 level, u32 name, bool get)
{
	const struct sockopt *o = get ? find(sockopt_gets, nsockopt_gets, level, name) : NULL;

	if (!o)
		o = find(sockopts, nsockopts, level, name);
	return o && o->fresh && !tell_more_than_strace(v) ? NULL : o;
}

void arg_level(const struct arg *a)
{
	/* two question marks, as strace */
	static const struct names none = {NULL, 0, "SOL_??", NULL};
	const struct names *known = tell_more_than_strace(a->v) ? &names_sol : names_sol.old;
	const char *name = name_of(known, (u32)a->val);

	a->v->ops->name(a->v, name ? &names_sol : &none, (u32)a->val);
}

void arg_optname(const struct arg *a)
{
	u32 level = a->r->args[1], value = a->val;
	const struct sockopt *o = option(a->v, level, value, a->r->call == CALL_getsockopt);
	struct names unknown = {NULL, 0, name_of(&names_sockopt_unknown, level), NULL};

	if (o)
		a->v->ops->word(a->v, o->name);
	else if (unknown.unknown)
		a->v->ops->name(a->v, &unknown, value);
	else
		a->v->ops->uint(a->v, value);
}

static void tell_ptr(const struct value *o)
{
	o->v->ops->ptr(o->v, o->ptr);
}

static void tell_string(const struct value *o)
{
	u32 n = o->n < o->snap ? o->n : o->snap;

	o->v->ops->bytes(o->v, o->p, n, o->full > n);
}

static void tell_one(const struct value *o, s64 n, const char *name)
{
	open_box(o->v, BOX_ARRAY);
	item(o->v);
	if (name)
		o->v->ops->word(o->v, name);
	else
		o->v->ops->sint(o->v, n);
	close_box(o->v);
}

static void tell_raw_value(const struct value *o)
{
	if (o->n < (o->full < 33 ? o->full : 33)) {
		tell_ptr(o);
		return;
	}
	if (o->full == 4 && o->n == 4)
		tell_one(o, (s32)load32(o->p), NULL);
	else
		tell_string(o);
}

/* A whole int; less of one is the pointer for setsockopt, bytes for getsockopt. */
static void tell_int(const struct value *o, const char *name)
{
	if (o->n >= 4)
		tell_one(o, (s32)load32(o->p), name);
	else if (o->set)
		tell_ptr(o);
	else
		tell_hex_bytes(o->v, o->p, o->n);
}

static const char *txrehash(u32 n)
{
	return n == 0     ? "SOCK_TXREHASH_DISABLED"
	       : n == 1   ? "SOCK_TXREHASH_ENABLED"
	       : n == 255 ? "SOCK_TXREHASH_DEFAULT"
			  : NULL;
}

static void tell_txrehash(const struct value *o)
{
	const char *name = o->n >= 4 ? txrehash(load32(o->p)) : NULL;

	if (o->n < 4 || name) {
		tell_int(o, name);
		return;
	}
	open_box(o->v, BOX_ARRAY);
	item(o->v);
	o->v->ops->sint(o->v, (s32)load32(o->p));
	tell_raw(o->v, " /* SOCK_TXREHASH_??? */");
	close_box(o->v);
}

static void tell_int_list(const struct value *o)
{
	tell_int_array(o->v, o->p, o->n / 4, 32);
}

/* A structure of 32-bit members as far as it was returned; a piece of a member in hexadecimal. */
static void tell_words(const struct value *o, const char *const *names, bool ids)
{
	open_box(o->v, BOX_STRUCT);
	for (u32 i = 0; names[i] && 4 * i < o->n; i++) {
		const u8 *p = o->p + 4 * i;
		u32 n = o->n - 4 * i, w;

		field(o->v, names[i]);
		if (n < 4) {
			tell_hex_bytes(o->v, p, n);
			break;
		}
		w = load32(p);
		if (ids && i && w != ~0u)
			o->v->ops->uint(o->v, w);
		else
			o->v->ops->sint(o->v, (s32)w);
	}
	close_box(o->v);
}

static void tell_mreq(const struct value *o)
{
	open_box(o->v, BOX_STRUCT);
	field_in4(o->v, "imr_multiaddr", o->p);
	field_in4(o->v, "imr_interface", o->p + 4);
	close_box(o->v);
}

static void tell_mreq6(const struct value *o)
{
	open_box(o->v, BOX_STRUCT);
	o->v->ops->in6(o->v, "ipv6mr_multiaddr", o->p);
	field(o->v, "ipv6mr_interface");
	tell_ifindex(o->v, load32(o->p + 16));
	close_box(o->v);
}

static void tell_group(const struct value *o)
{
	open_box(o->v, BOX_STRUCT);
	field(o->v, "gr_interface");
	tell_ifindex(o->v, load32(o->p));
	field(o->v, "gr_group");
	decode_sockaddr(o->v, o->p + 8, 128);
	close_box(o->v);
}

/* Names of the bits that are set, or of the others when those are fewer. */
static void tell_icmp_filter(const struct value *o)
{
	u32 mask = ~0u;
	bool inverted, first = true;

	if (!o->n) {
		tell_ptr(o);
		return;
	}
	memcpy(&mask, o->p, o->n < 4 ? o->n : 4);
	if (!tell_is_text(o->v)) {
		o->v->ops->uint(o->v, mask);
		return;
	}
	inverted = __builtin_popcount(mask) > 16;
	tell_raw(o->v, inverted ? "~[" : "[");
	if (inverted)
		mask = ~mask;
	for (u32 i = 0; i < 32; i++) {
		if (!(mask >> i & 1))
			continue;
		if (!first)
			tell_raw(o->v, " ");
		o->v->ops->name(o->v, &names_icmp, i);
		first = false;
	}
	tell_raw(o->v, "]");
}

static void tell_packet_mreq(const struct value *o)
{
	u32 n = load16(o->p + 6);
	char text[32] = "";

	open_box(o->v, BOX_STRUCT);
	field(o->v, "mr_ifindex");
	tell_ifindex(o->v, load32(o->p));
	field_name(o->v, "mr_type", &names_packet_mr, load16(o->p + 4));
	field_uint(o->v, "mr_alen", n);
	field(o->v, "mr_address");
	for (u32 i = 0; i < n && i < 8; i++) {
		static const char digits[] = "0123456789abcdef";
		char *at = text + 3 * i;

		at[-!!i] = ':';
		at[0] = digits[o->p[8 + i] >> 4];
		at[1] = digits[o->p[8 + i] & 15];
		at[2] = 0;
	}
	o->v->ops->word(o->v, text);
	close_box(o->v);
}

static void tell_fprog(const struct value *o)
{
	open_box(o->v, BOX_STRUCT);
	field_uint(o->v, "len", load16(o->p));
	field_ptr(o->v, "filter", load64(o->p + 8));
	close_box(o->v);
}

static const char *const linger[] = {"l_onoff", "l_linger", NULL};
static const char *const ucred[] = {"pid", "uid", "gid", NULL};
static const char *const tpacket_req[] = {"tp_block_size", "tp_block_nr", "tp_frame_size",
					  "tp_frame_nr", NULL};
static const char *const tpacket_stats[] = {"tp_packets", "tp_drops", "tp_freeze_q_cnt", NULL};

/* Structures that are told only whole (setsockopt); exact: and not longer. */
static const struct {
	u8 kind, n;
	bool exact;
	void (*tell)(const struct value *o);
} wholes[] = {
	{KIND_mreq, 8, false, tell_mreq},         {KIND_ipv6_mreq, 20, false, tell_mreq6},
	{KIND_group_req, 136, false, tell_group}, {KIND_packet_mreq, 16, true, tell_packet_mreq},
	{KIND_fprog, 16, true, tell_fprog},
};

static void tell_set(const struct value *o, u8 kind)
{
	if ((s32)o->full < 0 && kind != KIND_raw) {
		tell_ptr(o);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(wholes); i++)
		if (wholes[i].kind == kind) {
			if (o->n >= wholes[i].n && (!wholes[i].exact || o->full == wholes[i].n))
				wholes[i].tell(o);
			else
				tell_ptr(o);
			return;
		}
	switch (kind) {
	case KIND_linger: o->n >= 8 ? tell_words(o, linger, false) : tell_ptr(o); return;
	case KIND_tpacket_req:
		o->full == 16 ? tell_words(o, tpacket_req, false) : tell_ptr(o);
		return;
	case KIND_int:
	case KIND_nlint:
	case KIND_nllist: tell_int(o, NULL); return;
	case KIND_txrehash: tell_txrehash(o); return;
	case KIND_icmp_filter: tell_icmp_filter(o); return;
	case KIND_pointer: tell_ptr(o); return;
	default: tell_raw_value(o);
	}
}

static void tell_get(const struct value *o, u8 kind)
{
	if (!o->n) {
		tell_ptr(o);
		return;
	}
	switch (kind) {
	case KIND_int: tell_int(o, NULL); return;
	case KIND_nlint: o->n >= 4 ? tell_int(o, NULL) : tell_ptr(o); return;
	case KIND_nllist: tell_int_list(o); return;
	case KIND_error: tell_int(o, o->n >= 4 ? errno_name(load32(o->p)) : NULL); return;
	case KIND_linger: tell_words(o, linger, false); return;
	case KIND_ucred: tell_words(o, ucred, true); return;
	case KIND_tpacket_stats: tell_words(o, tpacket_stats, true); return;
	case KIND_txrehash: tell_txrehash(o); return;
	case KIND_icmp_filter: tell_icmp_filter(o); return;
	case KIND_pointer: tell_ptr(o); return;
	default: tell_raw_value(o);
	}
}

static void tell_text_value(const struct value *o)
{
	o->v->ops->bytes(o->v, o->p, strnlen((const char *)o->p, o->n), o->full > o->n);
}

static void tell_tcp_info(const struct value *o)
{
	open_box(o->v, BOX_STRUCT);
	if (o->n)
		field_name(o->v, "tcpi_state", &names_tcp_state, o->p[0]);
	if (o->n >= 72)
		field_uint(o->v, "tcpi_rtt", load32(o->p + offsetof(struct tcp_info, tcpi_rtt)));
	o->v->ops->more(o->v);
	field_uint(o->v, "length", o->full);
	close_box(o->v);
}

/* What strace 6.1 shows raw and people want to read. False when it is none of these. */
static bool tell_known(const struct value *o)
{
	u64 key = (u64)o->level << 32 | o->name;

	if (!o->n || !tell_more_than_strace(o->v))
		return false;
	switch (key) {
	case (u64)SOL_SOCKET << 32 | SO_RCVTIMEO:
	case (u64)SOL_SOCKET << 32 | SO_SNDTIMEO:
		if (o->n < 16)
			return false;
		tell_time(o->v, o->p, "tv_sec", "tv_usec");
		return true;
	case (u64)SOL_SOCKET << 32 | SO_BINDTODEVICE:
	case (u64)IPPROTO_TCP << 32 | TCP_CONGESTION:
	case (u64)IPPROTO_TCP << 32 | TCP_ULP: tell_text_value(o); return true;
	case (u64)IPPROTO_IP << 32 | IP_MULTICAST_IF:
		if (o->n != 4)
			return false;
		open_box(o->v, BOX_ARRAY);
		item(o->v);
		o->v->ops->in4(o->v, o->p);
		close_box(o->v);
		return true;
	case (u64)IPPROTO_TCP << 32 | TCP_INFO: tell_tcp_info(o); return true;
	}
	return false;
}

static void tell_option(const struct value *o)
{
	const struct sockopt *row = option(o->v, o->level, o->name, !o->set);
	u8 kind = row ? row->kind : o->level == SOL_NETLINK_ ? KIND_nlint : KIND_raw;

	if (tell_known(o))
		return;
	if (o->set)
		tell_set(o, kind);
	else
		tell_get(o, kind);
}

void arg_optval(const struct arg *a)
{
	bool set = a->r->call == CALL_setsockopt;
	const struct sect *s = arg_sect(a, SECT_DATA);
	const struct sect *in = sect_find(&a->r->h, SECT_INLEN, 4, NULL);
	struct value o = {.v = a->v,
			  .ptr = a->val,
			  .level = a->r->args[1],
			  .name = a->r->args[2],
			  .snap = a->r->snap,
			  .set = set};

	if (s) {
		o.p = (const u8 *)(s + 1);
		o.n = s->len;
		o.full = s->full;
		if (in && o.n > in->full) /* the kernel had more to tell than there was room for */
			o.n = o.full = in->full;
	}
	if (!a->val || (!s && (arg_unread(a) || !set || (u32)a->r->args[4])))
		a->v->ops->ptr(a->v, a->val);
	else
		tell_option(&o);
}
