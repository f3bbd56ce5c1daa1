/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <nghttp2/nghttp2.h>
#include "h2.h"
#include "http.h"
#include "transaction.h"

#define HEAD         9     /* bytes before a frame's payload, RFC 9113 4.1 */
#define TABLE_MOST   65536 /* bytes of a table of headers; what browsers ask for */
#define PREFACE_REST (sizeof(H2_PREFACE) - 1 - HEAD)
#define PREFACE      255 /* a type of frame: none has so high a number */
#define BEFORE_MOST  6   /* bytes before a block's first: padding's length, priority or stream */

/* One direction. */
struct h2_side {
	nghttp2_hd_inflater *inflater;
	u8 head[HEAD], nhead;
	u8 type, flags;
	bool block; /* a block of headers has begun and not ended */
	bool ends;  /* and the message ends with it */
	u8 nbefore, before_want, before[BEFORE_MOST];
	u32 stream, left; /* of the frame: payload that is to come */
	u32 padding;
	struct transaction *of; /* of the block; NULL: it is not told */
	bool draft;             /* of is in no queue yet */
};

struct h2 {
	struct h2_side sides[2];
	u32 client; /* 1 + the direction of requests, 0: not known */
	u32 top;    /* highest stream of which a head came by */
	bool joined;
};

u64 h2_lost, h2_untold;

static u32 stream_of(const u8 *p)
{
	return (p[0] & 0x7fu) << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static struct transaction *find(const struct conn *c, u32 stream)
{
	struct transaction *t = c->first;

	while (t && t->r.stream != stream)
		t = t->next;
	return t;
}

static void drop_draft(struct h2_side *s)
{
	if (s->draft)
		transaction_free(s->of);
	s->draft = false;
	s->of = NULL;
}

/* Tells the transaction of a stream; a block of it may not have ended. */
static void tell(struct conn *c, struct transaction *t, u32 flags)
{
	for (u32 i = 0; i < 2; i++)
		if (c->h2->sides[i].of == t)
			c->h2->sides[i].of = NULL;
	transaction_finish(c, t, flags);
}

void h2_end(struct conn *c)
{
	for (u32 i = 0; c->h2 && i < 2; i++) {
		drop_draft(&c->h2->sides[i]);
		if (c->h2->sides[i].inflater)
			nghttp2_hd_inflate_del(c->h2->sides[i].inflater);
	}
	free(c->h2);
	c->h2 = NULL;
}

/* Nothing of it can be told from here on. */
static void lose(struct conn *c)
{
	h2_lost += !c->h2->joined;
	while (c->first)
		tell(c, c->first, HTTP_UNSURE);
	h2_end(c);
	c->tunnel = true;
}

void h2_begin(struct conn *c, bool joined)
{
	c->h2 = calloc(1, sizeof(*c->h2));
	for (u32 i = 0; c->h2 && i < 2; i++) {
		nghttp2_hd_inflater **to = &c->h2->sides[i].inflater;

		if (nghttp2_hd_inflate_new(to))
			h2_end(c);
		else /* whatever their settings say: their encoders tell what they use */
			nghttp2_hd_inflate_change_table_size(*to, TABLE_MOST);
	}
	if (c->h2)
		c->h2->joined = joined;
	else
		c->tunnel = true;
}

void h2_upgraded(struct conn *c, struct transaction *t, u32 dir)
{
	h2_begin(c, false);
	if (!c->h2)
		return;
	c->h2->client = 1 + !dir;
	c->h2->top = 1;
	t->r.stream = 1;
	t->r.version = 20;
}

/* A header of a block. */
static void on_header(struct conn *c, struct h2_side *s, const nghttp2_nv *nv)
{
	static const struct {
		const char *name;
		enum http_text text;
	} texts[] = {{":method", HTTP_METHOD}, {":path", HTTP_PATH}, {":authority", HTTP_HOST}};
	struct transaction *t = s->of;
	char number[12] = "";

	if (!t)
		return;
	for (u32 i = 0; s->draft && i < sizeof(texts) / sizeof(*texts); i++)
		if (nv->namelen == strlen(texts[i].name) &&
		    !memcmp(nv->name, texts[i].name, nv->namelen))
			text_set(&t->texts[texts[i].text], (const char *)nv->value, nv->valuelen);
	if (s->draft && nv->namelen == 4 && !memcmp(nv->name, "host", 4) &&
	    !t->texts[HTTP_HOST].full)
		text_set(&t->texts[HTTP_HOST], (const char *)nv->value, nv->valuelen);
	if (s->draft || !nv->valuelen || nv->valuelen >= sizeof(number))
		return;
	memcpy(number, nv->value, nv->valuelen);
	if (nv->namelen == 11 && !memcmp(nv->name, "grpc-status", 11))
		t->r.grpc = atoi(number);
	if (nv->namelen != 7 || memcmp(nv->name, ":status", 7))
		return;
	if (t->r.first_ns == ~0ull)
		t->r.first_ns = c->now - t->r.s.h.ts;
	t->r.status = atoi(number);
	t->answered = t->r.status >= 200;
}

/* Bytes of a block; false when they are none. */
static bool inflate(struct conn *c, struct h2_side *s, const u8 *p, u32 n, bool last)
{
	int flags = 0;

	do {
		nghttp2_nv nv;
		ssize_t used = nghttp2_hd_inflate_hd2(s->inflater, &nv, &flags, p, n, last);

		if (used < 0)
			return false;
		p += used;
		n -= used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			on_header(c, s, &nv);
	} while (!(flags & NGHTTP2_HD_INFLATE_FINAL) && (n || flags & NGHTTP2_HD_INFLATE_EMIT));
	if (flags & NGHTTP2_HD_INFLATE_FINAL)
		nghttp2_hd_inflate_end_headers(s->inflater);
	return true;
}

static bool is_client(const struct conn *c, const struct h2_side *s)
{
	return c->h2->client && s == &c->h2->sides[c->h2->client - 1];
}

/* The message of a stream has ended, in the direction that is s. */
static void message_end(struct conn *c, const struct h2_side *s, u32 stream)
{
	struct transaction *t = find(c, stream);

	if (t && !is_client(c, s) && t->answered)
		tell(c, t, 0);
}

/* A request, whose stream this is. */
static void request_begin(struct conn *c, struct h2_side *s, u32 stream)
{
	struct transaction *t = transaction_new();

	if (!t)
		return;
	t->r.s.h.ts = c->now;
	t->r.s.who = c->who;
	t->r.s.sock = c->sock;
	t->r.version = 20;
	t->r.stream = stream;
	t->r.side = c->h2->client == 1 + DIR_RECEIVED ? HTTP_SERVER : HTTP_CLIENT;
	s->of = t;
	s->draft = true;
}

static void block_begin(struct conn *c, struct h2_side *s)
{
	u32 stream = s->stream;

	s->block = true;
	s->ends = s->flags & NGHTTP2_FLAG_END_STREAM && s->type == NGHTTP2_HEADERS;
	if (stream & 1 && stream > c->h2->top) {
		c->h2->top = stream;
		h2_untold += c->h2->joined;
	}
	if (s->type == NGHTTP2_HEADERS) {
		s->of = find(c, stream);
		if (!s->of && is_client(c, s))
			request_begin(c, s, stream);
	}
}

static void block_end(struct conn *c, struct h2_side *s)
{
	struct transaction *t = s->of;

	s->block = false;
	if (s->draft && c->waiting >= QUEUE_MOST) {
		http_dropped++;
		drop_draft(s);
	} else if (s->draft) {
		transaction_enqueue(c, t);
	}
	s->draft = false;
	s->of = NULL;
	if (s->ends && t)
		message_end(c, s, t->r.stream);
}

/* A frame's size and stream are as they must be (RFC 9113 6). */
static bool frame_fits(u32 type, u32 flags, u32 len, u32 stream)
{
	switch (type) {
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
	case NGHTTP2_CONTINUATION: return stream;
	case NGHTTP2_PUSH_PROMISE: return stream && len >= 4;
	case NGHTTP2_PRIORITY: return stream && len == 5;
	case NGHTTP2_RST_STREAM: return stream && len == 4;
	case NGHTTP2_SETTINGS: return !stream && len % 6 == 0 && (!(flags & 1) || !len);
	case NGHTTP2_PING: return !stream && len == 8;
	case NGHTTP2_GOAWAY: return !stream && len >= 8;
	case NGHTTP2_WINDOW_UPDATE: return len == 4;
	default: return true; /* to be passed over, 4.1 */
	}
}

bool h2_looks_so(const u8 *p, u32 n)
{
	u32 len = n < HEAD ? 0 : p[0] << 16 | p[1] << 8 | p[2];

	return n >= HEAD && len <= 16384 && p[3] < 10 && !(p[4] & ~0x2d) && p[5] < 0x80 &&
	       frame_fits(p[3], p[4], len, stream_of(p + 5));
}

/* How many bytes there are before a block's first. */
static u32 before_block(u32 type, u32 flags)
{
	u32 n = type != NGHTTP2_CONTINUATION && flags & NGHTTP2_FLAG_PADDED ? 1 : 0;

	if (type == NGHTTP2_HEADERS && flags & NGHTTP2_FLAG_PRIORITY)
		n += 5;
	return n + (type == NGHTTP2_PUSH_PROMISE ? 4 : 0);
}

static bool has_block(const struct h2_side *s)
{
	return s->type == NGHTTP2_HEADERS || s->type == NGHTTP2_PUSH_PROMISE ||
	       s->type == NGHTTP2_CONTINUATION;
}

/* A head is complete; false when it is none. */
static bool frame_begin(struct conn *c, struct h2_side *s)
{
	const u8 *h = s->head;
	struct h2 *h2 = c->h2;
	u32 len = h[0] << 16 | h[1] << 8 | h[2];
	struct transaction *t;

	s->nhead = 0;
	if (!memcmp(h, H2_PREFACE, HEAD)) {
		s->type = PREFACE;
		s->left = PREFACE_REST;
		h2->client = 1 + (s - h2->sides);
		if (!h2->top)
			h2->joined = false; /* settings alone were before */
		return true;
	}
	s->type = h[3];
	s->flags = h[4];
	s->stream = stream_of(h + 5);
	s->left = len;
	if (!frame_fits(s->type, s->flags, len, s->stream) ||
	    s->block != (s->type == NGHTTP2_CONTINUATION))
		return false;
	if (has_block(s)) {
		s->nbefore = s->padding = 0;
		s->before_want = before_block(s->type, s->flags);
		if (s->before_want > len)
			return false;
		if (s->type != NGHTTP2_CONTINUATION)
			block_begin(c, s);
	}
	t = s->of ? s->of : find(c, s->stream);
	if (t && is_client(c, s))
		t->r.request_bytes += HEAD + len;
	else if (t)
		t->r.response_bytes += HEAD + len;
	return true;
}

/* What stands before the block is complete. */
static bool before_end(struct conn *c, struct h2_side *s)
{
	const u8 *p = s->before;

	if (s->flags & NGHTTP2_FLAG_PADDED && s->type != NGHTTP2_CONTINUATION)
		s->padding = *p++;
	if (s->type == NGHTTP2_PUSH_PROMISE && c->h2->client && !is_client(c, s))
		request_begin(c, s, stream_of(p));
	return s->padding <= s->left;
}

/* Payload of a frame that has a block of headers; left: what is to come, with it. */
static bool block_bytes(struct conn *c, struct h2_side *s, const u8 *p, u32 n)
{
	while (n && s->nbefore < s->before_want) {
		s->before[s->nbefore++] = *p++;
		s->left--;
		n--;
		if (s->nbefore == s->before_want && !before_end(c, s))
			return false;
	}
	if (n > s->left - s->padding)
		n = s->left - s->padding;
	s->left -= n;
	return c->h2->joined || inflate(c, s, p, n, false);
}

static bool frame_end(struct conn *c, struct h2_side *s)
{
	struct transaction *t;

	if (has_block(s) && s->flags & NGHTTP2_FLAG_END_HEADERS) {
		if (!c->h2->joined && !inflate(c, s, s->head, 0, true))
			return false;
		block_end(c, s);
	}
	if (s->type == NGHTTP2_DATA && s->flags & NGHTTP2_FLAG_END_STREAM)
		message_end(c, s, s->stream);
	t = s->type == NGHTTP2_RST_STREAM ? find(c, s->stream) : NULL;
	if (t)
		tell(c, t, t->answered ? HTTP_CUT : HTTP_UNANSWERED);
	return true;
}

/* Takes bytes of a frame's head or payload; how many, 0: they make no sense. */
static u32 frame_bytes(struct conn *c, struct h2_side *s, const u8 *p, u32 n)
{
	u32 before = s->left;

	if (!s->left) {
		s->head[s->nhead++] = *p;
		if (s->nhead == HEAD && (!frame_begin(c, s) || (!s->left && !frame_end(c, s))))
			return 0;
		return 1;
	}
	if (n > s->left)
		n = s->left;
	if (has_block(s)) {
		if (!block_bytes(c, s, p, n))
			return 0;
		s->left = before - n; /* padding, too */
		if (s->padding > s->left)
			s->padding = s->left;
	} else {
		s->left -= n;
	}
	return s->left || frame_end(c, s) ? n : 0;
}

void h2_feed(struct conn *c, u32 dir, const u8 *p, u32 n, u32 size, bool frames)
{
	struct h2_side *s = &c->h2->sides[dir];

	while (size) {
		u32 part = s->left < size ? s->left : size;

		if (part && s->type == NGHTTP2_DATA) {
			u32 seen = frames ? 0 : part < n ? part : n;

			p += seen;
			n -= seen;
			s->left -= part;
			if (!s->left)
				frame_end(c, s);
		} else {
			part = n ? frame_bytes(c, s, p, n < size ? n : size) : 0;
			p += part;
			n -= part;
			if (!part) {
				lose(c);
				return;
			}
		}
		size -= part;
	}
}

void h2_half_end(struct conn *c, u32 dir)
{
	if (is_client(c, &c->h2->sides[dir]))
		return;
	while (c->first)
		tell(c, c->first, c->first->answered ? HTTP_CUT : HTTP_UNANSWERED);
}
