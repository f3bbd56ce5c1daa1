/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a payload is, in one line, where one look tells: HTTP/1, DNS, TLS' ClientHello (RFC 8446).
 */
#include "dns.h"
#include "packet_decode.h"
#include "tell.h"

#define LINE_MOST 200

/* A request's or status line: up to its end, or as much of it as was captured. */
static bool put_http(struct buf *b, const u8 *p, u32 n)
{
	u32 end = 0, word = 0;

	if (n < 9)
		return false;
	if (memcmp(p, "HTTP/1.", 7)) {
		while (word < n && word < 20 && p[word] >= 'A' && p[word] <= 'Z')
			word++;
		if (word < 3 || word + 1 >= n || p[word] != ' ')
			return false;
	}
	while (end < n && end < LINE_MOST && p[end] != '\r' && p[end] != '\n')
		end++;
	if (word) { /* a word in capitals is not enough */
		const u8 *version = end >= 9 ? p + end - 9 : p;

		if (end < n && end < LINE_MOST && memcmp(version, " HTTP/1.", 8))
			return false;
		if (p[word + 1] != '/' && p[word + 1] != '*' && p[word + 1] != 'h' &&
		    memcmp(p, "CONNECT", 7) != 0)
			return false;
	}
	buf_safe_utf8(b, (const char *)p, end);
	return true;
}

/* Walks over bytes that lie within others. */
struct span {
	const u8 *p;
	u32 n;
};

/* Takes what a length of so many bytes is in front of; what was not captured is left out. */
static bool take(struct span *from, u32 bytes, struct span *to)
{
	u32 len = 0;

	if (from->n < bytes)
		return false;
	for (u32 i = 0; i < bytes; i++)
		len = len << 8 | from->p[i];
	from->p += bytes;
	from->n -= bytes;
	*to = (struct span){from->p, len < from->n ? len : from->n};
	from->p += to->n;
	from->n -= to->n;
	return true;
}

static bool skip(struct span *s, u32 n)
{
	if (s->n < n)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static void put_sni(struct buf *b, struct span ext)
{
	struct span list, name;

	if (!take(&ext, 2, &list) || !skip(&list, 1) || !take(&list, 2, &name))
		return;
	buf_str(b, ", sni ");
	buf_safe_utf8(b, (const char *)name.p, name.n);
}

static void put_alpn(struct buf *b, struct span ext)
{
	struct span list, name;
	bool more = false;

	if (!take(&ext, 2, &list))
		return;
	buf_str(b, ", alpn ");
	while (take(&list, 1, &name) && name.n) {
		if (more)
			buf_chr(b, ',');
		buf_safe_utf8(b, (const char *)name.p, name.n);
		more = true;
	}
}

static bool put_hello(struct buf *b, const u8 *p, u32 n)
{
	struct span s = {p, n}, part, exts, ext;

	if (n < 11 || p[0] != 22 || p[1] != 3 || p[5] != 1 || p[9] != 3)
		return false;
	buf_str(b, "ClientHello");
	skip(&s, 5);
	if (!skip(&s, 1) || !take(&s, 3, &part))
		return true;
	s = part;
	/* version, random, session, ciphers, compression */
	if (!skip(&s, 34) || !take(&s, 1, &part) || !take(&s, 2, &part) || !take(&s, 1, &part) ||
	    !take(&s, 2, &exts))
		return true;
	while (exts.n >= 4) {
		u16 type = net16(exts.p);

		skip(&exts, 2);
		if (!take(&exts, 2, &ext))
			break;
		if (type == 0)
			put_sni(b, ext);
		else if (type == 16)
			put_alpn(b, ext);
	}
	return true;
}

static void put_named(struct buf *b, const struct names *table, u32 n)
{
	const char *name = name_of(table, n);

	if (name)
		buf_text(b, name);
	else
		buf_u64(b, n);
}

#define ANSWERS 4

/* 4711 A? example.org; 4711 A example.org NOERROR: A 10.0.0.1 */
static bool put_dns(struct buf *b, const u8 *p, u32 n)
{
	static struct dns_question q; /* too large for a stack of many */
	struct dns_answer a;
	struct dns_head h;
	u32 at;

	if (!dns_parse(p, n, &h, &q, &at))
		return false;
	buf_u64(b, h.id);
	buf_chr(b, ' ');
	put_named(b, &names_dns_type, q.type);
	if (!h.response)
		buf_chr(b, '?');
	buf_chr(b, ' ');
	buf_safe_utf8(b, q.name, strlen(q.name));
	if (!h.response)
		return true;
	buf_chr(b, ' ');
	put_named(b, &names_dns_rcode, h.rcode);
	for (u32 i = 0; i < h.answers && i < ANSWERS && dns_next(p, n, &at, &a); i++) {
		buf_str(b, i ? ", " : ": ");
		put_named(b, &names_dns_type, a.type);
		buf_chr(b, ' ');
		dns_data(b, p, n, &a);
	}
	return true;
}

static bool is_dns(const struct layer *l4)
{
	u16 ports[2] = {net16(l4->p), net16(l4->p + 2)};

	for (u32 i = 0; i < 2; i++) /* DNS, mDNS, LLMNR */
		if (ports[i] == 53 || ports[i] == 5353 || ports[i] == 5355)
			return true;
	return false;
}

const char *packet_payload(struct buf *b, const struct layer *l4, const struct layer *data)
{
	if (!data->len || (l4->kind != LAYER_TCP && l4->kind != LAYER_UDP))
		return NULL;
	if (l4->kind == LAYER_UDP)
		return is_dns(l4) && put_dns(b, data->p, data->len) ? "dns" : NULL;
	if (is_dns(l4) && data->len > 2 && put_dns(b, data->p + 2, data->len - 2))
		return "dns"; /* over TCP its length is in front */
	if (data->p[0] == 22 && put_hello(b, data->p, data->len))
		return "tls";
	if (data->p[0] >= 'A' && data->p[0] <= 'Z' && put_http(b, data->p, data->len))
		return "http";
	return NULL;
}
