/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Bytes that a packet or a process chose, made harmless. A terminal must never see a control of
 * C0 or C1, DEL, or a character that turns the line around; JSON must stay JSON.
 */
#include "buf.h"

/* What is left of a string when the usual part of it is written. */
#define REST static __attribute__((noinline))

/* Which of the escapers of UTF-8 must look at a byte; the others copy it. */
enum { IN_JSON = 1, IN_TEXT = 2 };

static const u8 class[256] = {
	[0 ... 31] = IN_JSON | IN_TEXT,
	['"'] = IN_JSON,
	['\\'] = IN_JSON | IN_TEXT,
	[127 ... 255] = IN_JSON | IN_TEXT,
};

static const char nibble[] = "0123456789abcdef";

/* True when all 8 bytes are printable ASCII and neither " nor \. */
static inline bool harmless(u64 w)
{
	const u64 ones = 0x0101010101010101, high = ones << 7;
	u64 quote = w ^ ones * '"', slash = w ^ ones * '\\', del = w ^ ones * 127;
	/* A byte that borrows is below what is taken from it; bytes above it do not matter then. */
	u64 bad = (w - ones * 32) | (quote - ones) | (slash - ones) | (del - ones) | w;

	return !(bad & high);
}

/* Copies 8 bytes, or says that one of them needs a look. */
static inline bool copy_eight(char *at, const u8 *p)
{
	u64 w;

	memcpy(&w, p, 8);
	memcpy(at, &w, 8);
	return harmless(w);
}

/* The same for 4 to 8 bytes, by two words that overlap. */
static inline bool copy_few(char *at, const u8 *p, size_t n)
{
	u32 first, last;

	memcpy(&first, p, 4);
	memcpy(&last, p + n - 4, 4);
	memcpy(at, &first, 4);
	memcpy(at + n - 4, &last, 4);
	return harmless(first | (u64)last << 32);
}

/* Copies bytes up to the first of the class; returns how many. Room is for n. */
static inline size_t copy_plain(char *at, const u8 *p, size_t n, u8 stop)
{
	size_t i = 0;

	while (n - i >= 8 && copy_eight(at + i, p + i))
		i += 8;
	if (n - i >= 4 && n - i < 8 && copy_few(at + i, p + i, n - i))
		return n;
	for (; i < n && !(class[p[i]] & stop); i++)
		at[i] = p[i];
	return i;
}

/* What a byte becomes. */
struct form {
	char text[6];
	u8 digit; /* an octal escape that a digit after it would change */
	u8 len;
};

static struct form c_forms[256], json_forms[256];

/* The letter after a backslash, 0 when the byte has none. C has \v and no \b here, JSON \b. */
static char letter(u8 c, char at8, char at11)
{
	switch (c) {
	case '"':
	case '\\': return c;
	case 8: return at8;
	case '\t': return 't';
	case '\n': return 'n';
	case 11: return at11;
	case '\f': return 'f';
	case '\r': return 'r';
	}
	return 0;
}

static char *put_letter(char *at, char c)
{
	at[0] = '\\';
	at[1] = c;
	return at + 2;
}

/* As few digits as can be. */
static char *put_octal(char *at, u8 c)
{
	*at++ = '\\';
	if (c > 63)
		*at++ = '0' + (c >> 6);
	if (c > 7)
		*at++ = '0' + (c >> 3 & 7);
	*at++ = '0' + (c & 7);
	return at;
}

static char *put_u(char *at, u32 point)
{
	at[0] = '\\';
	at[1] = 'u';
	at[2] = nibble[point >> 12 & 15];
	at[3] = nibble[point >> 8 & 15];
	at[4] = nibble[point >> 4 & 15];
	at[5] = nibble[point & 15];
	return at + 6;
}

static void make_forms(u8 c)
{
	struct form *in_c = c_forms + c, *in_json = json_forms + c;
	char *c_end = in_c->text, *json_end = in_json->text, l = letter(c, 0, 'v');

	if (!class[c]) {
		*c_end++ = *json_end++ = c;
	} else {
		in_c->digit = !l && c < 64;
		c_end = l ? put_letter(c_end, l) : put_octal(c_end, c);
		l = letter(c, 'b', 0);
		if (c >= 0xa0) {
			*json_end++ = 0xc0 | c >> 6;
			*json_end++ = 0x80 | (c & 0x3f);
		} else {
			json_end = l ? put_letter(json_end, l) : put_u(json_end, c);
		}
	}
	in_c->len = c_end - in_c->text;
	in_json->len = json_end - in_json->text;
}

static __attribute__((constructor)) void make_all_forms(void)
{
	for (u32 c = 0; c < 256; c++)
		make_forms(c);
}

static inline bool digit_at(const u8 *p)
{
	return (*p & ~7u) == '0';
}

/* All three digits before a digit that would be taken for one more. */
static inline char *full_octal(char *at, u8 c)
{
	at[0] = '\\';
	at[1] = '0';
	at[2] = '0' + (c >> 3);
	at[3] = '0' + (c & 7);
	return at + 4;
}

/* n bytes, each in its form; more follow them. */
static __attribute__((noinline)) char *put_forms(char *at, const struct form *forms, const u8 *p,
						 size_t n, size_t more)
{
	for (; n; n--, p++) {
		const struct form *form = forms + *p;

		memcpy(at, form, sizeof(*form)); /* what is too much is written over */
		if (forms == c_forms && form->digit && n + more > 1 && digit_at(p + 1))
			at = full_octal(at, *p);
		else
			at += form->len;
	}
	return at;
}

typedef signed char __attribute__((vector_size(16), aligned(1), may_alias)) block;
typedef u64 __attribute__((vector_size(16), aligned(1), may_alias)) halves;

static inline bool none(halves h)
{
	return !(h[0] | h[1]);
}

/* The same as harmless() of 16 bytes. */
static inline bool harmless_block(block text)
{
	/* signed: what is not ASCII is below the blank */
	return none((halves)((text < 32) | (text == 127) | (text == '"') | (text == '\\')));
}

/* A notation of bytes, and how eight zeros look in it. */
struct notation {
	const struct form *forms;
	const char *zeros;
	size_t len;
};

static const struct notation in_c = {c_forms, "\\0\\0\\0\\0\\0\\0\\0\\0", 16};
static const struct notation in_json = {
	json_forms, "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000", 48};

/*
 * 16 bytes at a time: zeros, of which binary messages are full, and plain text, up to a block that
 * is neither or less than one. p and n are moved on. There is room for the longest form of each
 * byte, and 8.
 */
static inline __attribute__((always_inline)) char *put_blocks(char *at, const struct notation *in,
							      const u8 **p, size_t *n)
{
	for (; *n >= 16; *n -= 16, *p += 16) {
		const block *text = (const block *)*p;

		if (none(*(const halves *)text)) {
			memcpy(at, in->zeros, in->len);
			memcpy(at + in->len, in->zeros, in->len);
			at += 2 * in->len;
			if (in == &in_c && *n > 16 && digit_at(*p + 16))
				at = full_octal(at - 2, 0);
		} else if (harmless_block(*text)) {
			*(block *)at = *text;
			at += 16;
		} else {
			break;
		}
	}
	return at;
}

/* The same to the end: all else byte by byte. */
static inline __attribute__((always_inline)) char *put_bytes(char *at, const struct notation *in,
							     const u8 *p, size_t n)
{
	for (;;) {
		at = put_blocks(at, in, &p, &n);
		if (n < 16)
			break;
		at = put_forms(at, in->forms, p, 16, n - 16);
		p += 16;
		n -= 16;
	}
	if (n >= 8 && copy_eight(at, p)) {
		at += 8;
		p += 8;
		n -= 8;
	}
	if (n >= 4 && n < 8 && copy_few(at, p, n))
		return at + n;
	return put_forms(at, in->forms, p, n, 0);
}

void buf_c_escaped(struct buf *b, const u8 *p, size_t n)
{
	b->at = put_bytes(buf_room(b, 4 * n), &in_c, p, n);
}

static inline void end_c(struct buf *b, char *at, bool cut)
{
	memcpy(at, "\"...", 4);
	b->at = at + (cut ? 4 : 1);
}

REST void c_rest(struct buf *b, const u8 *p, size_t n, bool cut, char *at)
{
	end_c(b, put_bytes(at, &in_c, p, n), cut);
}

BUF_RARE c_again(struct buf *b, const u8 *p, size_t n, bool cut)
{
	buf_room(b, 4 * n + 8);
	buf_c_quoted(b, p, n, cut);
}

void buf_c_quoted(struct buf *b, const u8 *p, size_t n, bool cut)
{
	char *at = b->at;

	if (!buf_has(b, 4 * n + 8)) {
		c_again(b, p, n, cut);
		return;
	}
	*at = '"';
	at = put_blocks(at + 1, &in_c, &p, &n);
	if (n)
		c_rest(b, p, n, cut, at);
	else
		end_c(b, at, cut);
}

static inline void end_json(struct buf *b, char *at)
{
	*at = '"';
	b->at = at + 1;
}

REST void json_rest(struct buf *b, const u8 *p, size_t n, char *at)
{
	end_json(b, put_bytes(at, &in_json, p, n));
}

BUF_RARE json_again(struct buf *b, const u8 *p, size_t n)
{
	buf_room(b, 6 * n + 8);
	buf_json_bytes(b, p, n);
}

void buf_json_bytes(struct buf *b, const u8 *p, size_t n)
{
	char *at = b->at;

	if (!buf_has(b, 6 * n + 8)) {
		json_again(b, p, n);
		return;
	}
	*at = '"';
	at = put_blocks(at + 1, &in_json, &p, &n);
	if (n)
		json_rest(b, p, n, at);
	else
		end_json(b, at);
}

/*
 * The code point at p and its length in bytes; 0 when they are not UTF-8: cut short, overlong, a
 * surrogate, beyond U+10FFFF.
 */
static unsigned utf8_point(const u8 *p, size_t n, u32 *point)
{
	static const u32 least[5] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	unsigned i;
	u32 v;

	*point = p[0];
	if (len < 2)
		return len;
	if (len > n || p[0] > 0xf4)
		return 0;
	v = p[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	*point = v;
	return v < least[len] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000) ? 0 : len;
}

/* Controls of C0 and C1, DEL, bidirectional controls, line and paragraph separators. */
static bool hidden(u32 v)
{
	return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0x61c || v == 0x200e || v == 0x200f ||
	       (v >= 0x2028 && v <= 0x202e) || (v >= 0x2066 && v <= 0x2069);
}

/*
 * The escapers of UTF-8 copy the plain bytes that most strings are made of and leave what follows,
 * if anything does, to their rest. Without room that is all.
 */
static inline size_t plain_run(struct buf *b, const void *p, size_t n, u8 stop)
{
	size_t run;

	if (!buf_has(b, n))
		return 0;
	run = copy_plain(b->at, p, n, stop);
	b->at += run;
	return run;
}

static inline char *put_json_ascii(char *at, u8 c)
{
	memcpy(at, json_forms + c, sizeof(*json_forms));
	return at + json_forms[c].len;
}

static char *put_json_point(char *at, const u8 *p, unsigned len, u32 point)
{
	if (!len) {
		memcpy(at, "\xef\xbf\xbd", 3); /* U+FFFD */
		return at + 3;
	}
	if (len == 1)
		return put_json_ascii(at, point);
	if (hidden(point))
		return put_u(at, point);
	memcpy(at, p, len);
	return at + len;
}

REST void json_utf8_rest(struct buf *b, const u8 *p, size_t n)
{
	char *at = buf_room(b, 6 * n);
	const u8 *end = p + n;
	unsigned len;
	size_t run;
	u32 point;

	while (p < end) {
		len = utf8_point(p, end - p, &point);
		at = put_json_point(at, p, len, point);
		p += len ? len : 1;
		run = copy_plain(at, p, end - p, IN_JSON);
		p += run;
		at += run;
	}
	b->at = at;
}

void buf_json_utf8(struct buf *b, const char *p, size_t n)
{
	size_t run = plain_run(b, p, n, IN_JSON);

	if (run < n)
		json_utf8_rest(b, (const u8 *)p + run, n - run);
}

/* n bytes as \xNN each. */
static char *put_x(char *at, const u8 *p, unsigned n)
{
	for (; n; n--, p++, at += 4) {
		at[0] = '\\';
		at[1] = 'x';
		at[2] = nibble[*p >> 4];
		at[3] = nibble[*p & 15];
	}
	return at;
}

/* One code point that is not plain; adds the columns it takes. */
static char *put_safe_point(char *at, const u8 *p, unsigned len, u32 point, size_t *columns)
{
	if (point == '\\') {
		*columns += 2;
		return put_letter(at, '\\');
	}
	if (!len || hidden(point)) {
		*columns += 4 * (len ? len : 1);
		return put_x(at, p, len ? len : 1);
	}
	memcpy(at, p, len);
	*columns += 1;
	return at + len;
}

/* columns: taken before */
REST size_t safe_rest(struct buf *b, const u8 *p, size_t n, size_t columns)
{
	char *at = buf_room(b, 4 * n);
	const u8 *end = p + n;
	unsigned len;
	size_t run;
	u32 point;

	while (p < end) {
		len = utf8_point(p, end - p, &point);
		at = put_safe_point(at, p, len, point, &columns);
		p += len ? len : 1;
		run = copy_plain(at, p, end - p, IN_TEXT);
		p += run;
		at += run;
		columns += run;
	}
	b->at = at;
	return columns;
}

size_t buf_safe_utf8(struct buf *b, const char *p, size_t n)
{
	size_t run = plain_run(b, p, n, IN_TEXT);

	return run < n ? safe_rest(b, (const u8 *)p + run, n - run, run) : n;
}
