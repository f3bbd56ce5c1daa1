/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink: one value, by kind. */
#include <sys/socket.h>
#include "nl.h"

#define NAME_BYTES   8  /* attributes that are longer are no constants or flags */
#define HWADDR_BYTES 32 /* MAX_ADDR_LEN, linux/netdevice.h */
#define HZ           100

void nl_missing(struct nl *nl, u64 at)
{
	if (nl->unreadable)
		nl->v->ops->ptr(nl->v, nl->address + at);
	else
		nl->v->ops->word(nl->v, "...");
}

/*
 * A string's n bytes to show, of all that it has: fewer when the record has fewer. False when it
 * told what is missing. strace shows a string only when it can read one byte more than it shows.
 */
static bool fits(struct nl *nl, u64 at, u64 len, u64 *n, bool *cut)
{
	u64 wanted = len < (u64)nl->max + 1 ? len : (u64)nl->max + 1;

	if (nl_at(nl, at, nl->unreadable ? wanted : *n))
		return true;
	if (nl->unreadable || at >= nl->have) {
		nl_missing(nl, at);
		return false;
	}
	*n = nl->have - at;
	*cut = true;
	return true;
}

static u64 shown(const struct nl *nl, u64 len)
{
	return len < nl->max ? len : nl->max;
}

void nl_hex(struct nl *nl, u64 at, u64 len)
{
	u64 n = shown(nl, len);
	bool cut = n < len;

	if (!fits(nl, at, len, &n, &cut))
		return;
	tell_hex_bytes(nl->v, nl->base + at, n);
	if (cut)
		tell_raw(nl->v, "...");
}

void nl_text(struct nl *nl, u64 at, u64 len)
{
	u64 n = shown(nl, len);
	bool cut = n < len;

	if (fits(nl, at, len, &n, &cut))
		nl->v->ops->bytes(nl->v, nl->base + at, n, cut);
}

/* A NUL at the end is expected, and not told; NULs before it are. */
static void tell_str(struct nl *nl, u64 at, u64 len)
{
	u64 n = shown(nl, len);
	bool cut = true;

	if (n == len && nl_at(nl, at, len) && !nl->base[at + len - 1]) {
		n--;
		cut = false;
	}
	if (fits(nl, at, len, &n, &cut))
		nl->v->ops->bytes(nl->v, nl->base + at, n, cut);
}

void nl_cstr(struct nl *nl, u64 at, u64 len)
{
	u64 n = shown(nl, len), wanted = n < len ? n + 1 : n;
	const u8 *end = nl_at(nl, at, wanted) ? memchr(nl->base + at, 0, wanted) : NULL;
	bool cut = !end;

	if (end)
		n = end - nl->base - at;
	if (fits(nl, at, len, &n, &cut))
		nl->v->ops->bytes(nl->v, nl->base + at, n, cut);
}

/* Of a structure: its room, which ends with a NUL at the latest. */
static void tell_room(struct nl *nl, const u8 *p, u32 room)
{
	u32 n = strnlen((const char *)p, room);

	nl->v->ops->bytes(nl->v, p, n < room ? n : room - 1, n == room);
}

static void tell_mac(struct nl *nl, const u8 *p, u32 n)
{
	char text[3 * HWADDR_BYTES + 1] = "", *to = text;

	for (u32 i = 0; i < n && i < HWADDR_BYTES; i++) {
		if (i)
			*to++ = ':';
		*to++ = "0123456789abcdef"[p[i] >> 4];
		*to++ = "0123456789abcdef"[p[i] & 15];
	}
	*to = 0;
	nl->v->ops->word(nl->v, text);
}

/* strace 6.1 takes the family for a type of hardware (ARPHRD_*). */
static u64 link_bytes(const struct nl *nl, u64 len)
{
	static const u8 bytes[] = {[0] = 7,  [1] = 6,   [3] = 7,  [6] = 6,  [7] = 1,
				   [15] = 2, [24] = 16, [27] = 8, [32] = 20};
	u8 most = nl->family < ARRAY_SIZE(bytes) ? bytes[nl->family] : 0;

	return nl->exact && most && len > most ? most : len;
}

static bool tell_hwaddr(struct nl *nl, u64 at, u64 len, u64 n)
{
	if (len > HWADDR_BYTES)
		return false;
	if (nl_at(nl, at, len))
		tell_mac(nl, nl->base + at, n);
	else
		nl_missing(nl, at);
	return true;
}

static void tell_in6(struct nl *nl, const u8 *p)
{
	char text[128];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};

	buf_ip6(&b, p);
	buf_chr(&b, 0);
	tell_raw(nl->v, "inet_pton(AF_INET6, \"");
	nl->v->ops->word(nl->v, text);
	tell_raw(nl->v, "\")");
}

void nl_addr(struct nl *nl, u8 family, const char *member, u64 at, u64 len)
{
	u32 size = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
	const u8 *p = size && len >= size ? nl_at(nl, at, size) : NULL;

	if (p && family == AF_INET6 && member) {
		nl->v->ops->in6(nl->v, member, p);
		return;
	}
	if (member)
		field(nl->v, member);
	if (p && family == AF_INET)
		nl->v->ops->in4(nl->v, p);
	else if (p)
		tell_in6(nl, p);
	else if (size && len >= size)
		nl_missing(nl, at);
	else
		nl_hex(nl, at, len);
}

/* strace's %#0*x: as wide as digits are, the 0x included. */
void nl_padded(struct nl *nl, u64 n, u32 digits)
{
	char text[128];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};
	u32 shift = 4 * (n ? digits - 2 : digits);

	if (n && n >> shift) {
		nl->v->ops->hex(nl->v, n);
		return;
	}
	buf_str(&b, n ? "0x" : "");
	while (shift) {
		shift -= 4;
		buf_chr(&b, "0123456789abcdef"[n >> shift & 15]);
	}
	buf_chr(&b, 0);
	tell_as(nl->v, text, n);
}

static void tell_clock(struct nl *nl, u64 n)
{
	char text[128];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};

	nl->v->ops->uint(nl->v, n);
	if (!n)
		return;
	buf_str(&b, " /* ");
	buf_u64(&b, n / HZ);
	buf_chr(&b, '.');
	buf_chr(&b, '0' + n % HZ / 10);
	buf_chr(&b, '0' + n % 10);
	buf_str(&b, " s */");
	buf_chr(&b, 0);
	tell_raw(nl->v, text);
}

static void tell_dev(struct nl *nl, u32 dev)
{
	char text[128];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};
	u32 major = dev >> 8 & 0xfff, minor = (dev & 0xff) | (dev >> 12 & 0xfff00);

	buf_str(&b, nl->text ? "makedev(" : "");
	(nl->text ? buf_hex : buf_u64)(&b, major);
	buf_str(&b, nl->text ? ", " : ":");
	(nl->text ? buf_hex : buf_u64)(&b, minor);
	buf_str(&b, nl->text ? ")" : "");
	buf_chr(&b, 0);
	nl->v->ops->word(nl->v, text);
}

static bool has_name(const struct names *names, u64 n, bool flags)
{
	for (u32 i = 0; i < names->count; i++)
		if (flags ? names->rows[i].value & n : names->rows[i].value == n)
			return true;
	return false;
}

/* The number, and as a comment what it means. */
static void tell_commented(struct nl *nl, const struct nl_row *row, u64 n)
{
	struct verbs *v = nl->v;
	bool flags = row->kind == NL_flagsof8, comment = nl->text && has_name(row->arg, n, flags);

	if (comment) {
		v->ops->hex(v, n);
		tell_raw(v, " /* ");
	}
	(flags ? v->ops->flags : v->ops->name)(v, row->arg, n);
	if (comment)
		tell_raw(v, " */");
}

u64 nl_put_flags(struct buf *b, const struct names *names, u64 flags, bool down)
{
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < names->count; i++) {
			const struct name *row = &names->rows[down ? names->count - 1 - i : i];
			bool several = row->value & (row->value - 1);

			if (!row->value || (flags & row->value) != row->value || several == pass)
				continue;
			buf_str(b, buf_len(b) ? "|" : "");
			buf_text(b, row->name);
			flags &= ~row->value;
		}
	return flags;
}

static void tell_flags(struct nl *nl, const struct nl_row *row, u64 n)
{
	char text[400];
	struct buf b = {text, text, text + sizeof(text) - BUF_SLACK};
	u64 rest = nl_put_flags(&b, row->arg, n, row->kind == NL_flagsdown8);

	if (!buf_len(&b)) { /* no name at all */
		nl->v->ops->flags(nl->v, row->arg, n);
		return;
	}
	if (rest) {
		buf_chr(&b, '|');
		buf_hex(&b, rest);
	}
	buf_chr(&b, 0);
	nl->v->ops->word(nl->v, text);
}

static void tell_ethproto(struct nl *nl, u16 n)
{
	struct names names = names_eth_p;

	names.unknown = "ETHER_P_???";
	names.old = NULL;
	if (nl->exact && names_eth_p.old && !name_of(names_eth_p.old, n))
		names.count = 0;
	tell_raw(nl->v, "htons(");
	nl->v->ops->name(nl->v, &names, n);
	tell_raw(nl->v, ")");
}

static u32 width_of(u8 kind)
{
	switch (kind) {
	case NL_u8:
	case NL_s8:
	case NL_x8:
	case NL_p8:
	case NL_nz8:
	case NL_name8:
	case NL_flags8:
	case NL_flagsdown8:
	case NL_flagsof8: return 1;
	case NL_u16:
	case NL_s16:
	case NL_x16:
	case NL_be16:
	case NL_nz16:
	case NL_name16:
	case NL_flags16:
	case NL_ethproto:
	case NL_be16eth: return 2;
	case NL_u32:
	case NL_s32:
	case NL_x32:
	case NL_p32:
	case NL_be32:
	case NL_be32x:
	case NL_nz32:
	case NL_name32:
	case NL_flags32:
	case NL_flagsof32:
	case NL_nameof32:
	case NL_ifindex:
	case NL_uid:
	case NL_dev: return 4;
	case NL_u64:
	case NL_x64:
	case NL_be64: return 8;
	default: return 0;
	}
}

void nl_number(struct nl *nl, const struct nl_row *row, u64 n)
{
	struct verbs *v = nl->v;

	switch (row->kind) {
	case NL_s8: v->ops->sint(v, (signed char)n); return;
	case NL_s16: v->ops->sint(v, (short)n); return;
	case NL_s32: v->ops->sint(v, (s32)n); return;
	case NL_x8:
	case NL_x16:
	case NL_x32:
	case NL_x64:
	case NL_nz8:
	case NL_nz16:
	case NL_nz32:
	case NL_xint: v->ops->hex(v, n); return;
	case NL_p8: tell_byte(v, n); return;
	case NL_p32: nl_padded(nl, n, 8); return;
	case NL_be16: v->ops->wrapped(v, "htons", __builtin_bswap16(n)); return;
	case NL_be32: v->ops->wrapped(v, "htonl", __builtin_bswap32(n)); return;
	case NL_be64: v->ops->wrapped(v, "htobe64", __builtin_bswap64(n)); return;
	case NL_be32x:
		tell_raw(v, "htonl(");
		v->ops->hex(v, __builtin_bswap32(n));
		tell_raw(v, ")");
		return;
	case NL_ethproto: tell_ethproto(nl, __builtin_bswap16(n)); return;
	case NL_be16eth: tell_ethertype(v, __builtin_bswap16(n)); return;
	case NL_flagsdown8:
	case NL_flagsof32: tell_flags(nl, row, n); return;
	case NL_name:
	case NL_name8:
	case NL_name16:
	case NL_name32: v->ops->name(v, row->arg, n); return;
	case NL_flags8:
	case NL_flags16:
	case NL_flags32: v->ops->flags(v, row->arg, n); return;
	case NL_nameof32:
	case NL_flagsof8: tell_commented(nl, row, n); return;
	case NL_ifindex: tell_ifindex(v, n); return;
	case NL_uid:
		if ((u32)n == ~0u)
			v->ops->sint(v, -1);
		else
			v->ops->uint(v, n);
		return;
	case NL_dev: tell_dev(nl, n); return;
	case NL_clock: tell_clock(nl, n); return;
	default: v->ops->uint(v, n);
	}
}

/* A structure, and what is behind it. */
static bool tell_structrest(struct nl *nl, const struct nl_struct *s, u64 at, u64 len)
{
	if (!nl_struct(nl, s, at, len))
		return false;
	if (len > s->sizes[0]) {
		nl_part(nl, "rest");
		nl_hex(nl, at + s->sizes[0], len - s->sizes[0]);
	}
	return true;
}

/* Kinds that are numbers: of a fixed width, or of as many bytes as there are. */
static bool tell_scalar(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	u32 width = width_of(row->kind);
	bool named = row->arg || row->kind == NL_ethproto;
	const u8 *p;

	if (len < width || (named && len > (row->bytes ? row->bytes : NAME_BYTES)))
		return false;
	if (!width) {
		if (len > 8)
			return false;
		width = len;
	}
	p = nl_at(nl, at, width);
	if (p)
		nl_number(nl, row, nl_load(p, width));
	else
		nl_missing(nl, at);
	return true;
}

bool nl_kind(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	switch (row->kind) {
	case NL_hex: return false;
	case NL_name:
	case NL_clock: return tell_scalar(nl, row, at, len);
	case NL_xint:
		return (len == 1 || len == 2 || len == 4 || len == 8) &&
		       tell_scalar(nl, row, at, len);
	case NL_in4:
	case NL_in6:
		if (len < (row->kind == NL_in4 ? 4 : 16))
			return false;
		nl_addr(nl, row->kind == NL_in4 ? AF_INET : AF_INET6, NULL, at, len);
		return true;
	case NL_addr: nl_addr(nl, nl->family, NULL, at, len); return true;
	case NL_hwaddr: return tell_hwaddr(nl, at, len, len);
	case NL_linkaddr: return tell_hwaddr(nl, at, len, link_bytes(nl, len));
	case NL_str: tell_str(nl, at, len); return true;
	case NL_mac:
	case NL_cstr:
	case NL_bytes:
	case NL_pad:
		if (len < row->bytes)
			return false;
		if (!nl_at(nl, at, row->bytes))
			nl_missing(nl, at);
		else if (row->kind == NL_mac)
			tell_mac(nl, nl->base + at, row->bytes);
		else if (row->kind == NL_cstr)
			tell_room(nl, nl->base + at, row->bytes);
		else
			tell_hex_bytes(nl->v, nl->base + at, row->bytes);
		return true;
	case NL_u8s:
	case NL_u16s:
	case NL_u32s:
	case NL_x64s:
	case NL_s32at:
	case NL_u32at:
	case NL_u64at: return nl_array(nl, row, at, len);
	case NL_u32s2: return nl_array(nl, row, at, 8);
	case NL_struct: return nl_struct(nl, row->arg, at, len);
	case NL_structrest: return tell_structrest(nl, row->arg, at, len);
	case NL_structs:
	case NL_structs1: return nl_structs(nl, row, at, len);
	case NL_nested:
		if (row->arg == &nl_attrs_linkinfo)
			nl->link = nl->slave = NL_LINK_OTHER;
		nl_attrs(nl, row->arg, at, len);
		return true;
	}
	return width_of(row->kind) ? tell_scalar(nl, row, at, len) : nl_special(nl, row, at, len);
}

void nl_value(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	if (!nl_kind(nl, row, at, len))
		nl_hex(nl, at, len);
}

void nl_member(struct nl *nl, const struct nl_row *m, u64 at, u64 len)
{
	u32 width = width_of(m->kind);

	nl_value(nl, m, at, width && width < len ? width : len);
}
