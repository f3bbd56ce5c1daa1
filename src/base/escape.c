/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Bytes that a packet or a process chose, made harmless. A terminal must never see a control of
 * C0 or C1, DEL, or a character that turns the line around; JSON must stay JSON.
 */
#include "buf.h"

/* Which escaper must look at a byte; the others copy it. */
enum { IN_C = 1, IN_JSON = 2, IN_TEXT = 4 };

static const u8 class[256] = {
	[0 ... 31] = IN_C | IN_JSON | IN_TEXT,
	['"'] = IN_C | IN_JSON,
	['\\'] = IN_C | IN_JSON | IN_TEXT,
	[127 ... 255] = IN_C | IN_JSON | IN_TEXT,
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

/*
 * Each escaper copies the plain bytes that most strings are made of and leaves what follows, if
 * anything does, to its rest. Without room that is all.
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

#define REST static __attribute__((noinline))

/* The letter after a backslash, 0 when the byte has none. C has \v and no \b here, JSON \b. */
static inline char letter(u8 c, char at8, char at11)
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

static inline char *put_letter(char *at, char c)
{
	at[0] = '\\';
	at[1] = c;
	return at + 2;
}

/* As few digits as can be, but all three before a digit that would be taken for one more. */
static char *put_octal(char *at, u8 c, bool full)
{
	*at++ = '\\';
	if (full || c > 63)
		*at++ = '0' + (c >> 6);
	if (full || c > 7)
		*at++ = '0' + (c >> 3 & 7);
	*at++ = '0' + (c & 7);
	return at;
}

REST void c_rest(struct buf *b, const u8 *p, size_t n)
{
	char *at = buf_room(b, 4 * n), l;
	size_t i, run;

	for (i = 0; i < n; i += 1 + run, at += run) {
		l = letter(p[i], 0, 'v');
		if (l)
			at = put_letter(at, l);
		else
			at = put_octal(at, p[i], i + 1 < n && p[i + 1] >= '0' && p[i + 1] <= '7');
		run = copy_plain(at, p + i + 1, n - i - 1, IN_C);
	}
	b->at = at;
}

void buf_c_escaped(struct buf *b, const u8 *p, size_t n)
{
	size_t run = plain_run(b, p, n, IN_C);

	if (run < n)
		c_rest(b, p + run, n - run);
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

static inline char *put_json_ascii(char *at, u8 c)
{
	char l = letter(c, 'b', 0);

	return l ? put_letter(at, l) : put_u(at, c);
}

REST void json_bytes_rest(struct buf *b, const u8 *p, size_t n)
{
	char *at = buf_room(b, 6 * n);
	size_t i, run;

	for (i = 0; i < n; i += 1 + run, at += run) {
		if (p[i] < 0xa0) {
			at = put_json_ascii(at, p[i]);
		} else {
			*at++ = 0xc0 | p[i] >> 6;
			*at++ = 0x80 | (p[i] & 0x3f);
		}
		run = copy_plain(at, p + i + 1, n - i - 1, IN_JSON);
	}
	b->at = at;
}

void buf_json_bytes(struct buf *b, const u8 *p, size_t n)
{
	size_t run = plain_run(b, p, n, IN_JSON);

	if (run < n)
		json_bytes_rest(b, p + run, n - run);
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
