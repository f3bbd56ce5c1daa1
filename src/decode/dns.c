/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "dns.h"
#include "tell.h"

#define LABEL_MOST 63
#define NAME_MOST  255 /* octets of a name, with its lengths */
#define TYPE_OPT   41

enum { TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15 };
enum { TYPE_TXT = 16, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_DNAME = 39 };

/* As master files have it (RFC 1035, 5.1): \. and \\, and \DDD of what is no plain text. */
static char *put_label(char *to, const u8 *p, u32 len)
{
	for (u32 i = 0; i < len; i++) {
		u8 c = p[i];

		if (c > ' ' && c <= '~') {
			if (c == '.' || c == '\\')
				*to++ = '\\';
			*to++ = c;
		} else {
			*to++ = '\\';
			*to++ = '0' + c / 100;
			*to++ = '0' + c / 10 % 10;
			*to++ = '0' + c % 10;
		}
	}
	return to;
}

bool dns_name(const u8 *p, u32 n, u32 *at, char *to)
{
	u32 i = *at, least = i, octets = 1;
	bool jumped = false;
	char *start = to;

	for (;;) {
		u32 len;

		if (i >= n)
			return false;
		len = p[i];
		if (len >= 0xc0) { /* a pointer: further back than any before */
			u32 target;

			if (i + 1 >= n)
				return false;
			target = (len & 0x3f) << 8 | p[i + 1];
			if (target >= least || target < DNS_HEAD)
				return false;
			if (!jumped)
				*at = i + 2;
			jumped = true;
			i = least = target;
			continue;
		}
		if (len > LABEL_MOST) /* kinds of labels that nobody uses */
			return false;
		i++;
		if (!len)
			break;
		octets += len + 1;
		if (octets > NAME_MOST || len > n - i)
			return false;
		if (to > start)
			*to++ = '.';
		if (to)
			to = put_label(to, p + i, len);
		i += len;
	}
	if (to && to == start)
		*to++ = '.';
	if (to)
		*to = 0;
	if (!jumped)
		*at = i;
	return true;
}

bool dns_next(const u8 *p, u32 n, u32 *where, struct dns_answer *a)
{
	u32 at = *where;

	if (!dns_name(p, n, &at, NULL) || n - at < 10)
		return false;
	a->type = net16(p + at);
	a->class = net16(p + at + 2);
	a->ttl = net32(p + at + 4);
	a->len = net16(p + at + 8);
	at += 10;
	if (a->len > n - at)
		return false;
	a->data = p + at;
	a->at = at;
	*where = at + a->len;
	return true;
}

/* EDNS (RFC 6891) has the upper bits of the result code. */
static void extend(const u8 *p, u32 n, u32 at, struct dns_head *head)
{
	u32 count = (u32)head->answers + head->authorities + head->more;
	struct dns_answer a;

	for (u32 i = 0; i < count && dns_next(p, n, &at, &a); i++)
		if (a.type == TYPE_OPT)
			head->rcode |= a.ttl >> 24 << 4;
}

bool dns_question(const u8 *p, u32 n, u32 *at, struct dns_question *q)
{
	if (!dns_name(p, n, at, q ? q->name : NULL) || n - *at < 4)
		return false;
	if (q) {
		q->type = net16(p + *at);
		q->class = net16(p + *at + 2) & 0x7fff; /* mDNS: answer to me alone */
	}
	*at += 4;
	return true;
}

bool dns_parse(const u8 *p, u32 n, struct dns_head *head, struct dns_question *q, u32 *where)
{
	u32 at = DNS_HEAD, first;
	u16 flags;

	if (n < DNS_HEAD)
		return false;
	flags = net16(p + 2);
	*head = (struct dns_head){.id = net16(p),
				  .response = flags >> 15,
				  .opcode = flags >> 11 & 15,
				  .truncated = flags >> 9 & 1,
				  .rcode = flags & 15,
				  .questions = net16(p + 4),
				  .answers = net16(p + 6),
				  .authorities = net16(p + 8),
				  .more = net16(p + 10)};
	if (flags & 0x40 || head->opcode > 6) /* a bit that must be zero; an opcode nobody has */
		return false;
	for (u32 i = 0; i < head->questions; i++)
		if (!dns_question(p, n, &at, i ? NULL : q))
			return false;
	first = at;
	if (!head->questions) {
		if (!head->answers || !dns_name(p, n, &first, q->name) || n - first < 4)
			return false;
		q->type = net16(p + first);
		q->class = net16(p + first + 2) & 0x7fff;
	}
	*where = at;
	extend(p, n, at, head);
	return true;
}

static bool put_name(struct buf *b, const u8 *p, u32 n, u32 at)
{
	char name[DNS_NAME_MOST];

	if (!dns_name(p, n, &at, name))
		return false;
	buf_str(b, name);
	return true;
}

static void put_number(struct buf *b, u32 v)
{
	buf_u64(b, v);
	buf_chr(b, ' ');
}

/* Strings one after the other, each with its length; joined, as most are split for their length. */
static void put_strings(struct buf *b, const u8 *p, u32 n)
{
	while (n && p[0] < n) {
		u32 len = p[0];

		buf_room(b, 4 * len + 1);
		b->at = put_label(b->at, p + 1, len);
		p += len + 1;
		n -= len + 1;
	}
}

static void put_hex(struct buf *b, const u8 *p, u32 n)
{
	static const char digits[] = "0123456789abcdef";

	for (u32 i = 0; i < n; i++) {
		buf_chr(b, digits[p[i] >> 4]);
		buf_chr(b, digits[p[i] & 15]);
	}
}

void dns_data(struct buf *b, const u8 *p, u32 n, const struct dns_answer *a)
{
	size_t start = buf_len(b);
	bool told = false;

	switch (a->type) {
	case TYPE_A:
		if ((told = a->len == 4))
			buf_ip4(b, a->data);
		break;
	case TYPE_AAAA:
		if ((told = a->len == 16))
			buf_ip6(b, a->data);
		break;
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_SOA:
	case TYPE_DNAME: told = put_name(b, p, n, a->at); break;
	case TYPE_MX:
		if (a->len > 2) {
			put_number(b, net16(a->data));
			told = put_name(b, p, n, a->at + 2);
		}
		break;
	case TYPE_SRV:
		if (a->len > 6) {
			put_number(b, net16(a->data));
			put_number(b, net16(a->data + 2));
			put_number(b, net16(a->data + 4));
			told = put_name(b, p, n, a->at + 6);
		}
		break;
	case TYPE_TXT:
		put_strings(b, a->data, a->len);
		told = true;
		break;
	}
	if (told)
		return;
	b->at = b->base + start;
	put_hex(b, a->data, a->len < 64 ? a->len : 64);
}
