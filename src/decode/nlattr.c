/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink: structures, and lists of attributes. */
#include <sys/socket.h>
#include "nl.h"

#define NLA_NESTED     0x8000 /* NLA_F_NESTED, linux/netlink.h */
#define NLA_BYTEORDER  0x4000 /* NLA_F_NET_BYTEORDER */
#define NLA_ALIGN(len) (((len) + 3ull) & ~3ull)
#define DEPTH_MAX      24 /* open boxes; no message nests so deep, but for mischief */

void nl_open(struct nl *nl, bool more)
{
	if (nl->text && more) {
		open_box(nl->v, BOX_ARRAY);
		item(nl->v);
	}
	open_box(nl->v, BOX_STRUCT);
}

void nl_head_end(struct nl *nl)
{
	if (nl->text)
		close_box(nl->v);
}

void nl_part(struct nl *nl, const char *name)
{
	if (nl->text)
		item(nl->v);
	else
		field(nl->v, name);
}

void nl_close(struct nl *nl, bool more)
{
	if (!nl->text || more)
		close_box(nl->v);
}

bool nl_zero(const struct nl *nl, u64 at, u64 n)
{
	const u8 *p = nl_at(nl, at, n);

	for (; p && n; n--)
		if (*p++)
			return false;
	return p;
}

static u32 nonzero_bytes(const struct nl_row *m)
{
	switch (m->kind) {
	case NL_nz8: return 1;
	case NL_nz16: return 2;
	case NL_nz32: return 4;
	case NL_pad: return m->bytes;
	default: return 0;
	}
}

/* False: the record ends before it. */
static bool tell_member(struct nl *nl, const struct nl_row *m, u64 at, u64 len)
{
	u32 nonzero = nonzero_bytes(m);

	if (nonzero && nl_zero(nl, at + m->at, nonzero))
		return true;
	if (!nl_at(nl, at + m->at, 1)) {
		nl->v->ops->more(nl->v);
		return false;
	}
	if (m->kind == NL_addr16) {
		nl_addr(nl, nl->family == AF_SMC ? AF_INET : nl->family, m->name, at + m->at, 16);
	} else if (m->kind == NL_md5addr) { /* the structure begins with its family */
		nl_addr(nl, *nl_at(nl, at, 1), m->name, at + m->at, 16);
	} else {
		field(nl->v, m->name);
		nl_member(nl, m, at + m->at, len - m->at);
	}
	return true;
}

static u32 size_of(const struct nl_struct *s, u64 len)
{
	if (len >= s->sizes[0])
		return s->sizes[0];
	for (u32 i = 1; i < ARRAY_SIZE(s->sizes); i++)
		if (s->sizes[i] && len == s->sizes[i])
			return len;
	return 0;
}

void nl_members(struct nl *nl, const struct nl_struct *s, u64 at, u32 size)
{
	for (u32 i = 0; i < s->count && s->members[i].at < size; i++)
		if (!tell_member(nl, &s->members[i], at, size))
			break;
}

bool nl_struct(struct nl *nl, const struct nl_struct *s, u64 at, u64 len)
{
	u32 size = size_of(s, len);

	if (!size)
		return false;
	if (!nl_at(nl, at, size) && (nl->unreadable || !nl_at(nl, at, 1))) {
		nl_missing(nl, at);
		return true;
	}
	open_box(nl->v, BOX_STRUCT);
	nl_members(nl, s, at, size);
	close_box(nl->v);
	return true;
}

bool nl_head(struct nl *nl, const struct nl_struct *s, u64 at, u64 len)
{
	u32 size = s->sizes[0];

	if (len >= size || !nl_at(nl, at, 1)) {
		if (!nl_struct(nl, s, at, len))
			nl_missing(nl, at);
		return nl_at(nl, at, size);
	}
	open_box(nl->v, BOX_STRUCT);
	tell_member(nl, s->members, at, len);
	nl->v->ops->more(nl->v);
	close_box(nl->v);
	return false;
}

static const struct nl_row *find(const struct nl *nl, const struct nl_attrs *t, u32 type)
{
	for (u32 i = 0; i < t->count; i++)
		if (t->rows[i].at == type)
			return t->rows[i].fresh && nl->exact ? NULL : &t->rows[i];
	return NULL;
}

static void tell_type(struct nl *nl, const struct nl_attrs *t, u16 type)
{
	struct verbs *v = nl->v;

	field(v, "nla_type");
	if (nl->text && type & NLA_NESTED)
		v->ops->word(v, "NLA_F_NESTED|");
	if (nl->text && type & NLA_BYTEORDER)
		v->ops->word(v, "NLA_F_NET_BYTEORDER|");
	v->ops->name(v, t->names, type & ~(NLA_NESTED | NLA_BYTEORDER));
	if (nl->text || !(type & (NLA_NESTED | NLA_BYTEORDER)))
		return;
	field(v, "nla_flags");
	v->ops->word(v, (type & NLA_NESTED && type & NLA_BYTEORDER)
				? "NLA_F_NESTED|NLA_F_NET_BYTEORDER"
			: type & NLA_NESTED ? "NLA_F_NESTED"
					    : "NLA_F_NET_BYTEORDER");
}

/* The attribute at a position: len bytes are left, and its head is there. */
static void tell_attr(struct nl *nl, const struct nl_attrs *t, u64 at, u64 len)
{
	static const struct nl_row bytes = {.kind = NL_hex};
	u16 full = load16(nl->base + at), type = load16(nl->base + at + 2);
	u64 n = full < len ? full : len;
	const struct nl_row *row = find(nl, t, type & ~(NLA_NESTED | NLA_BYTEORDER));
	bool more = n > NLA_HEAD;

	nl_open(nl, more);
	field_uint(nl->v, "nla_len", full);
	tell_type(nl, t, type);
	nl_head_end(nl);
	if (more) {
		nl_part(nl, "value");
		if (!row || nl->v->depth > DEPTH_MAX)
			row = &bytes;
		nl_value(nl, row, at + NLA_HEAD, n - NLA_HEAD);
	}
	nl_close(nl, more);
}

void nl_attrs(struct nl *nl, const struct nl_attrs *t, u64 at, u64 len)
{
	struct verbs *v = nl->v;
	bool list = !nl->text;

	if (list)
		open_box(v, BOX_ARRAY);
	for (u32 count = 0;; count++) {
		u64 step;
		bool next;

		if (len >= NLA_HEAD && !nl_at(nl, at, NLA_HEAD) && list) {
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
		step = len < NLA_HEAD || !nl_at(nl, at, NLA_HEAD) ? 0 : load16(nl->base + at);
		step = step < NLA_HEAD ? 0 : NLA_ALIGN(step);
		next = step && len > step;
		if (next && !list) {
			open_box(v, BOX_ARRAY);
			list = true;
		}
		if (list)
			item(v);
		if (len < NLA_HEAD)
			nl_hex(nl, at, len);
		else if (!nl_at(nl, at, NLA_HEAD))
			nl_missing(nl, at);
		else
			tell_attr(nl, t, at, len);
		if (!next)
			break;
		at += step;
		len -= step;
	}
	if (list)
		close_box(v);
}
