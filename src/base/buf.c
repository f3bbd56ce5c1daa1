/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Numbers and addresses. What strangers chose is in escape.c. */
#include <stdio.h>
#include <stdlib.h>
#include "buf.h"

void buf_grow(struct buf *b, size_t n)
{
	size_t len = b->at - b->base, need = len + n + BUF_SLACK + 1;
	size_t cap = b->base ? b->end - b->base + BUF_SLACK : 256;
	char *base;

	while (cap < need)
		cap *= 2;
	base = realloc(b->base, cap);
	if (!base) {
		fprintf(stderr, "weir: out of memory: no room for a buffer of %zu bytes\n", cap);
		exit(1);
	}
	b->base = base;
	b->at = base + len;
	b->end = base + cap - BUF_SLACK;
}

void buf_free(struct buf *b)
{
	free(b->base);
	*b = (struct buf){0};
}

void buf_mem_grow(struct buf *b, const void *p, size_t n)
{
	memcpy(buf_room(b, n), p, n);
	b->at += n;
}

void buf_chr_grow(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->at++;
}

BUF_RARE long_text(struct buf *b, const char *s)
{
	buf_mem(b, s, strlen(s));
}

void buf_text(struct buf *b, const char *s)
{
	char *end = buf_has(b, BUF_SHORT) ? buf_short(b->at, s) : NULL;

	if (end)
		b->at = end;
	else
		long_text(b, s);
}

/* "00" to "99", "000" to "999", "00" to "ff", and "0.  " to "255." for IPv4: made by the
 * preprocessor. */
#define TWO(m, n)  m(n), m((n) + 1)
#define FOUR(m, n) TWO(m, n), TWO(m, (n) + 2)
#define TEN(m, n)  FOUR(m, n), FOUR(m, (n) + 4), TWO(m, (n) + 8)
#define C50(m, n)  TEN(m, n), TEN(m, (n) + 10), TEN(m, (n) + 20), TEN(m, (n) + 30), TEN(m, (n) + 40)
#define C100(m, n) C50(m, n), C50(m, (n) + 50)
#define R16(m, n)  FOUR(m, n), FOUR(m, (n) + 4), FOUR(m, (n) + 8), FOUR(m, (n) + 12)
#define R64(m, n)  R16(m, n), R16(m, (n) + 16), R16(m, (n) + 32), R16(m, (n) + 48)

#define DEC(n)    '0' + (n) / 10, '0' + (n) % 10
#define DEC3(n)   '0' + (n) / 100, '0' + (n) / 10 % 10, '0' + (n) % 10, 0
#define NIBBLE(n) "0123456789abcdef"[n]
#define HEX(n)    NIBBLE((n) / 16), NIBBLE((n) % 16)
#define FIRST(n)  ('0' + ((n) > 99 ? (n) / 100 : (n) > 9 ? (n) / 10 : (n) % 10))
#define SECOND(n) ((n) > 99 ? '0' + (n) / 10 % 10 : (n) > 9 ? '0' + (n) % 10 : '.')
#define THIRD(n)  ((n) > 99 ? '0' + (n) % 10 : '.')
#define LENGTH(n) (2 + ((n) > 9) + ((n) > 99))
#define OCTET(n)  FIRST(n), SECOND(n), THIRD(n), '.', LENGTH(n), 0, 0, 0

static const char decimal[2 * 100] = {TEN(DEC, 0),  TEN(DEC, 10), TEN(DEC, 20), TEN(DEC, 30),
				      TEN(DEC, 40), TEN(DEC, 50), TEN(DEC, 60), TEN(DEC, 70),
				      TEN(DEC, 80), TEN(DEC, 90)};
const char buf_digits3[1000 * 4] = {
	C100(DEC3, 0),   C100(DEC3, 100), C100(DEC3, 200), C100(DEC3, 300), C100(DEC3, 400),
	C100(DEC3, 500), C100(DEC3, 600), C100(DEC3, 700), C100(DEC3, 800), C100(DEC3, 900)};
static const char hexadecimal[2 * 256] = {R64(HEX, 0), R64(HEX, 64), R64(HEX, 128), R64(HEX, 192)};
/* An octet and the point after it, in four bytes; their length; three bytes unused. */
static const char octets[8 * 256] = {R64(OCTET, 0), R64(OCTET, 64), R64(OCTET, 128),
				     R64(OCTET, 192)};

static inline const char *pair(size_t v)
{
	return decimal + 2 * v;
}

static inline const char *hex_pair(size_t v)
{
	return hexadecimal + 2 * v;
}

/* The put_ functions write at a place that has room and return the place after. */

static inline char *put_pair(char *at, u32 v)
{
	memcpy(at, pair(v), 2);
	return at + 2;
}

static inline char *put_quad(char *at, u32 v)
{
	return put_pair(put_pair(at, v / 100), v % 100);
}

/* Below 100, no leading zero. */
static inline char *put_low(char *at, u32 v)
{
	if (v > 9)
		return put_pair(at, v);
	*at = '0' + v;
	return at + 1;
}

/* Below 10000, no leading zero. */
static inline char *put_short(char *at, u32 v)
{
	if (v > 99)
		return put_pair(put_low(at, v / 100), v % 100);
	return put_low(at, v);
}

/* Below 100000000, no leading zero. */
static inline char *put_medium(char *at, u32 v)
{
	if (v > 9999)
		return put_quad(put_short(at, v / 10000), v % 10000);
	return put_short(at, v);
}

static inline char *put_eight(char *at, u32 v)
{
	return put_quad(put_quad(at, v / 10000), v % 10000);
}

#define E8 100000000u

static char *put_u64(char *at, u64 v)
{
	if (v < E8)
		return put_medium(at, v);
	if (v / E8 < E8)
		return put_eight(put_medium(at, v / E8), v % E8);
	at = put_medium(at, v / E8 / E8);
	return put_eight(put_eight(at, v / E8 % E8), v % E8);
}

/* Most numbers are small: descriptors, lengths, counts. */
static inline bool put_small(struct buf *b, u64 v)
{
	char *at = b->at;

	if (v > 99 || !buf_has(b, 20))
		return false;
	if (v > 9) {
		b->at = put_pair(at, v);
	} else {
		*at = '0' + v;
		b->at = at + 1;
	}
	return true;
}

static __attribute__((noinline)) void large_u64(struct buf *b, u64 v)
{
	b->at = put_u64(buf_room(b, 20), v);
}

void buf_u64(struct buf *b, u64 v)
{
	if (!put_small(b, v))
		large_u64(b, v);
}

static __attribute__((noinline)) void large_s64(struct buf *b, s64 v)
{
	if (v < 0)
		buf_chr(b, '-');
	large_u64(b, v < 0 ? -(u64)v : (u64)v);
}

void buf_s64(struct buf *b, s64 v)
{
	if (!put_small(b, v)) /* a negative one is as large as can be */
		large_s64(b, v);
}

void buf_hex(struct buf *b, u64 v)
{
	char *at = buf_room(b, 18), *p;
	unsigned n;

	if (!v) {
		*at = '0';
		b->at = at + 1;
		return;
	}
	memcpy(at, "0x", 2);
	n = (67 - __builtin_clzll(v)) / 4;
	p = at + 2 + n;
	b->at = p;
	for (; n > 1; n -= 2, v >>= 8)
		memcpy(p -= 2, hex_pair(v & 255), 2);
	if (n)
		p[-1] = hex_pair(v & 15)[1];
}

/* Any number of digits, from the last to the first. */
static void digits(char *at, u64 v, unsigned width)
{
	char *p = at + width;

	for (; width > 1; width -= 2, v /= 100)
		memcpy(p -= 2, pair(v % 100), 2);
	if (width)
		p[-1] = '0' + v % 10;
}

BUF_RARE any_digits(struct buf *b, u64 v, unsigned width)
{
	digits(buf_room(b, width), v, width);
	b->at += width;
}

/* Microseconds and nanoseconds are what a tracer prints. */
void buf_digits(struct buf *b, u64 v, unsigned width)
{
	char *at = b->at;

	if (!buf_has(b, 16) || v >= 1000000000) {
		any_digits(b, v, width);
	} else if (width == 6 && v < 1000000) {
		b->at = buf_put_six(at, v);
	} else if (width == 9) {
		b->at = buf_put_nine(at, v);
	} else {
		any_digits(b, v, width);
	}
}

BUF_RARE any_seconds(struct buf *b, u64 ns, unsigned width)
{
	static const u32 cut[10] = {1000000000, 100000000, 10000000, 1000000, 100000,
				    10000,      1000,      100,      10,      1};
	char *at = put_u64(buf_room(b, 32), ns / 1000000000);

	if (width) {
		*at++ = '.';
		digits(at, ns % 1000000000 / cut[width], width);
	}
	b->at = at + width;
}

void buf_seconds(struct buf *b, u64 ns, unsigned width)
{
	char *at = b->at;

	if (!buf_has(b, 8) || width != 6 || ns >= 1000000000) {
		any_seconds(b, ns, width);
		return;
	}
	memcpy(at, "0.", 2);
	b->at = buf_put_six(at + 2, (u32)ns / 1000);
}

void buf_ms(struct buf *b, u64 ns)
{
	buf_u64(b, ns / 1000000);
	buf_chr(b, '.');
	buf_digits(b, ns / 1000 % 1000, 3);
}

static inline char *put_octet(char *at, size_t v)
{
	const char *octet = octets + 8 * v;

	memcpy(at, octet, 4); /* what is too much is written over */
	return at + octet[4];
}

static inline char *put_ip4(char *at, const u8 *a)
{
	return put_octet(put_octet(put_octet(put_octet(at, a[0]), a[1]), a[2]), a[3]) - 1;
}

BUF_RARE grow_ip4(struct buf *b, const u8 *a)
{
	b->at = put_ip4(buf_room(b, 16), a);
}

void buf_ip4(struct buf *b, const u8 *a)
{
	if (buf_has(b, 16))
		b->at = put_ip4(b->at, a);
	else
		grow_ip4(b, a);
}

/* A group of IPv6: up to four digits, no leading zero. */
static char *put_group(char *at, u8 hi, u8 lo)
{
	if (hi > 15) {
		memcpy(at, hex_pair(hi), 2);
		memcpy(at + 2, hex_pair(lo), 2);
		return at + 4;
	}
	if (hi) {
		*at = hex_pair(hi)[1];
		memcpy(at + 1, hex_pair(lo), 2);
		return at + 3;
	}
	if (lo > 15) {
		memcpy(at, hex_pair(lo), 2);
		return at + 2;
	}
	*at = hex_pair(lo)[1];
	return at + 1;
}

/* The longest run of zero groups, two at least; the first of equals. */
static unsigned zero_run(const u8 *a, unsigned *start)
{
	unsigned i, run = 0, best = 1;

	*start = 8;
	for (i = 0; i < 8; i++) {
		run = a[2 * i] | a[2 * i + 1] ? 0 : run + 1;
		if (run > best) {
			best = run;
			*start = i + 1 - run;
		}
	}
	return best;
}

void buf_ip6(struct buf *b, const u8 *a)
{
	char *at = buf_room(b, 48);
	unsigned start, len = zero_run(a, &start), i = 0;

	/* ::1.2.3.4 and ::ffff:1.2.3.4 */
	if (!start && (len == 6 || (len == 5 && a[10] == 255 && a[11] == 255))) {
		memcpy(at, "::ffff:", 7);
		b->at = put_ip4(at + (len == 6 ? 2 : 7), a + 12);
		return;
	}
	while (i < 8) {
		if (i == start) {
			*at++ = ':';
			i += len;
			if (i == 8)
				*at++ = ':';
			continue;
		}
		if (i)
			*at++ = ':';
		at = put_group(at, a[2 * i], a[2 * i + 1]);
		i++;
	}
	b->at = at;
}
