/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Messages: msghdr, vectors of iovecs and of messages. Their parts are sections in the kernel
 * half's order: a head, its name, its control data, its iovecs; then the next head. */
#include <sys/socket.h>
#include "tell.h"

#define IOVS 32 /* as many are shown, by strace and in a record */

/* struct msghdr of 64-bit programs, as the section has it. */
struct head {
	u64 name;
	u32 namelen, pad;
	u64 iov, iovlen, control, controllen;
	u32 flags, pad2;
};

/* The section after s, if it is of that kind and still of this message. */
static const struct sect *part(const struct call_rec *r, const struct sect *s, u8 kind)
{
	const struct sect *next = s ? sect_next(&r->h, s) : sect_next(&r->h, NULL);

	return next && next->kind == kind ? next : NULL;
}

/* An array is not whole: unreadable from there on, or else more than is shown or was recorded. */
static void tell_rest(struct verbs *v, const struct call_rec *r, const struct sect *s,
		      bool unreadable, u64 address)
{
	if (unreadable && !part(r, s, SECT_MORE))
		tell_unreadable_rest(v, address);
	else
		v->ops->more(v);
}

/* How payload is told. */
struct shown {
	bool hidden;  /* of a failed receive: only the pointers mean something */
	bool netlink; /* as messages */
};

#define PAGE 4096

/* Bytes of a message, section s has the iovec that leads to them. */
static void tell_base(struct verbs *v, const struct call_rec *r, const struct sect *s,
		      const struct shown *how)
{
	const u8 *p = (const u8 *)(s + 1);
	u64 base = load64(p), len = load64(p + 8);
	struct memory m = {.p = p + 16, .n = s->len - 16u, .full = s->full, .address = base};

	/* what could not be read ends with a page */
	m.unreadable = r->unread & 1 << 1 && m.n < PAGE && !((base + m.n) & (PAGE - 1));
	/* of messages what can be read is recorded; strace reads all that it shows, or nothing */
	if (!base || how->hidden ||
	    (m.unreadable && !how->netlink && m.n <= r->snap && m.n < m.full))
		v->ops->ptr(v, base);
	else if (m.n && how->netlink)
		tell_netlink(v, r, &m);
	else if (m.n)
		tell_shown(v, r, &m);
	else if (!len || !m.full || !r->snap)
		v->ops->bytes(v, "", 0, len && m.full);
	else
		v->ops->ptr(v, base);
}

static const struct sect *tell_iovs(struct verbs *v, const struct call_rec *r, const struct sect *s,
				    u64 at, u64 count, const struct shown *how)
{
	const struct sect *next = part(r, s, SECT_IOV);
	u64 shown = 0;

	if (!at || (count && !next) || count > ~0ull / 16) { /* as strace: no array is that long */
		v->ops->ptr(v, at);
		return s;
	}
	open_box(v, BOX_ARRAY);
	for (; next && shown < count && next->len >= 16; next = part(r, s, SECT_IOV)) {
		const u8 *p = (const u8 *)(next + 1);

		s = next;
		item(v);
		open_box(v, BOX_STRUCT);
		field(v, "iov_base");
		tell_base(v, r, s, how);
		field_uint(v, "iov_len", load64(p + 8));
		close_box(v);
		shown++;
	}
	if (shown < count)
		tell_rest(v, r, s, shown < IOVS, at + 16 * shown);
	close_box(v);
	return s;
}

/* Returns the family. */
static u16 tell_name(struct verbs *v, const struct head *h, const struct sect *addr, u32 in,
		     bool out)
{
	u32 n = addr ? addr->len : 0;

	if (out && n > in)
		n = in;
	field(v, "msg_name");
	if (n >= 2)
		decode_sockaddr(v, addr + 1, n);
	else
		v->ops->ptr(v, h->name);
	field(v, "msg_namelen");
	if (out)
		tell_change(v, (s32)in, (s32)h->namelen, " => ");
	else
		v->ops->sint(v, (s32)h->namelen);
	return n >= 2 ? load16(addr + 1) : AF_UNSPEC;
}

/* in: msg_namelen before the call, out: the kernel wrote it. Returns the last section that was
 * told. */
static const struct sect *tell_head(struct verbs *v, const struct call_rec *r, const struct sect *s,
				    u32 in, bool out)
{
	const struct sect *addr, *control;
	struct shown how = {0};
	struct head h;

	memcpy(&h, s + 1, sizeof(h));
	addr = part(r, s, SECT_ADDR);
	if (addr)
		s = addr;
	control = part(r, s, SECT_CONTROL);
	if (control)
		s = control;
	open_box(v, BOX_STRUCT);
	/* strace goes by the name only, which may be there or not */
	how.netlink = tell_name(v, &h, addr, in, out) == AF_NETLINK ||
		      (is_netlink(r) && tell_more_than_strace(v));
	field(v, "msg_iov");
	s = tell_iovs(v, r, s, h.iov, h.iovlen, &how);
	field_uint(v, "msg_iovlen", h.iovlen);
	if (h.controllen) {
		field(v, "msg_control");
		if (control && control->len >= 16)
			tell_control(v, h.control, control + 1, control->len, control->full);
		else
			v->ops->ptr(v, h.control);
	}
	field_uint(v, "msg_controllen", h.controllen);
	field_flags(v, "msg_flags", &names_msg_flags, h.flags);
	close_box(v);
	return s;
}

void arg_msg(const struct arg *a)
{
	const struct sect *s = sect_find(&a->r->h, SECT_MSGHDR, ANY_ARG, NULL);
	bool out = a->r->call == CALL_recvmsg;

	if (!s || s->len != sizeof(struct head)) {
		a->v->ops->ptr(a->v, a->val);
		return;
	}
	if (out && call_failed(a->r)) { /* as strace: only what was there before the call */
		open_box(a->v, BOX_STRUCT);
		field_sint(a->v, "msg_namelen", (s32)s->full);
		close_box(a->v);
		return;
	}
	tell_head(a->v, a->r, s, s->full, out);
}

void arg_msgvec(const struct arg *a)
{
	bool out = a->r->call == CALL_recvmmsg;
	const struct sect *s = sect_find(&a->r->h, SECT_MMSG, ANY_ARG, NULL);
	u32 vlen = a->r->args[2], count = out ? (a->r->ret > 0 ? a->r->ret : 0) : vlen, shown = 0;

	if (!a->val || (out && call_failed(a->r)) || (count && !s)) {
		a->v->ops->ptr(a->v, a->val);
		return;
	}
	open_box(a->v, BOX_ARRAY);
	for (; s && shown < count && shown < IOVS && s->len == sizeof(struct head); shown++) {
		u32 len = s->full, in = load32((const u8 *)(s + 1) + 8);
		const struct sect *before = sect_find(&a->r->h, SECT_INLEN, shown, NULL);

		item(a->v);
		open_box(a->v, BOX_STRUCT);
		field(a->v, "msg_hdr");
		tell_head(a->v, a->r, s, out && before ? before->full : in, out);
		if ((s64)shown < a->r->ret)
			field_uint(a->v, "msg_len", len);
		close_box(a->v);
		s = sect_find(&a->r->h, SECT_MMSG, ANY_ARG, s);
	}
	if (shown < count && shown < IOVS && !sect_find(&a->r->h, SECT_MORE, ANY_ARG, NULL))
		tell_unreadable_rest(a->v, a->val + 64 * shown);
	else if (shown < count)
		a->v->ops->more(a->v);
	close_box(a->v);
}

void arg_iov(const struct arg *a)
{
	bool in = a->r->call == CALL_readv || a->r->call == CALL_preadv2;
	struct shown how = {.hidden = in && call_failed(a->r)};

	tell_iovs(a->v, a->r, NULL, a->val, a->r->args[2], &how);
}
