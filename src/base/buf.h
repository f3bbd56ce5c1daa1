/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A growing byte buffer with cheap writers: the only way text is made. A writer that needs room
 * asks once (buf_room) and then writes without further checks.
 */
#ifndef WEIR_BUF_H
#define WEIR_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "record.h"

struct buf {
	char *base; /* owned; freed by buf_free() */
	char *at;   /* where the next byte goes */
	char *end;  /* while at is before it, BUF_SLACK bytes can be written: one compare */
};

#define BUF_SLACK 64

/* Makes room for n more bytes; memory is doubled, and the process ends (exit 1) without it. */
void buf_grow(struct buf *b, size_t n);
void buf_free(struct buf *b);

static inline bool buf_has(const struct buf *b, size_t n)
{
	if (__builtin_constant_p(n <= BUF_SLACK) && n <= BUF_SLACK)
		return __builtin_expect(b->at < b->end, 1);
	return __builtin_expect(b->end - b->at > (ptrdiff_t)n, 1);
}

static inline char *buf_room(struct buf *b, size_t n)
{
	if (!buf_has(b, n))
		buf_grow(b, n);
	return b->at;
}

/*
 * A writer that is called often and finds no room leaves it to a function of its own, which makes
 * room and calls it again: then it calls nothing itself, and saves no registers.
 */
#define BUF_RARE static __attribute__((noinline, cold)) void

static inline size_t buf_len(const struct buf *b)
{
	return b->at - b->base;
}

static inline void buf_clear(struct buf *b)
{
	b->at = b->base;
}

/* The same, where there is no room yet. */
void buf_mem_grow(struct buf *b, const void *p, size_t n);

static inline void buf_mem(struct buf *b, const void *p, size_t n)
{
	if (!buf_has(b, n)) {
		buf_mem_grow(b, p, n);
	} else {
		memcpy(b->at, p, n);
		b->at += n;
	}
}

/*
 * Appends n bytes, one at least, in whole blocks; what is copied too much is written over. The
 * caller has looked that n, rounded up to blocks, can be read and has room.
 */
#define BUF_BLOCK 32

static inline __attribute__((always_inline)) void buf_blocks(struct buf *b, const char *from,
							     size_t n)
{
	const char *end = from + n;
	char *to = b->at;

	b->at = to + n;
	do {
		memcpy(to, from, BUF_BLOCK);
		to += BUF_BLOCK;
		from += BUF_BLOCK;
	} while (from < end);
}

void buf_chr_grow(struct buf *b, char c);

static inline void buf_chr(struct buf *b, char c)
{
	if (!buf_has(b, 1))
		buf_chr_grow(b, c);
	else
		*b->at++ = c;
}

/*
 * Copies a string of less than 16 bytes to a place with room for 16 and returns its end there;
 * NULL when it is longer, or when reading 16 bytes could touch a page beyond it. It is read past
 * its end, as libc's strlen does; a sanitizer would not understand that.
 */
#define BUF_SHORT 16

#if !defined(__SSE2__) || defined(__SANITIZE_ADDRESS__)
#define BUF_BLOCKS 0
#elif defined(__has_feature)
#define BUF_BLOCKS !(__has_feature(address_sanitizer) || __has_feature(memory_sanitizer))
#else
#define BUF_BLOCKS 1
#endif

static inline char *buf_short(char *at, const char *s)
{
#if BUF_BLOCKS
	typedef char __attribute__((vector_size(BUF_SHORT), aligned(1), may_alias)) block;
	block text;
	unsigned ends;

	if (((size_t)s & 4095) > 4096 - BUF_SHORT)
		return NULL;
	text = *(const block *)s;
	*(block *)at = text;
	ends = __builtin_ia32_pmovmskb128(text == 0);
	return ends ? at + (unsigned)__builtin_ctz(ends) : NULL;
#else
	(void)at, (void)s;
	return NULL;
#endif
}

/* A string of unknown length: what buf_str() is for such. */
void buf_text(struct buf *b, const char *s);

/* s is usually a literal: its length is then known to the compiler. */
static inline __attribute__((always_inline)) void buf_str(struct buf *b, const char *s)
{
	if (__builtin_constant_p(strlen(s)))
		buf_mem(b, s, strlen(s));
	else
		buf_text(b, s);
}

/* Decimal, hexadecimal (0x…, 0 as 0), octal with a leading 0; no padding. */
void buf_u64(struct buf *b, u64 v);
void buf_s64(struct buf *b, s64 v);
void buf_hex(struct buf *b, u64 v);
/* Exactly width digits, zero-filled; higher digits are cut off. */
void buf_digits(struct buf *b, u64 v, unsigned width);
/* Six digits of a number below 1000000, nine of one below 1000000000, at a place that has room for
 * one more; the place after them is returned. */
extern const char buf_digits3[1000 * 4]; /* 000 to 999, and a byte that is written over */

static inline char *buf_put_six(char *at, u32 v)
{
	memcpy(at, buf_digits3 + v / 1000 * 4, 4);
	memcpy(at + 3, buf_digits3 + v % 1000 * 4, 4);
	return at + 6;
}

static inline char *buf_put_nine(char *at, u32 v)
{
	memcpy(at, buf_digits3 + v / 1000000 * 4, 4);
	return buf_put_six(at + 3, v % 1000000);
}

/* ns as seconds with digits decimals (0 to 9), cut, not rounded: 53000000, 6 → 0.053000 */
void buf_seconds(struct buf *b, u64 ns, unsigned digits);
/* Nanoseconds as milliseconds with three digits: 1.234 */
void buf_ms(struct buf *b, u64 ns);
/* 4 bytes in network order → 127.0.0.1; 16 bytes → RFC 5952, as inet_ntop prints it */
void buf_ip4(struct buf *b, const u8 *addr);
void buf_ip6(struct buf *b, const u8 *addr);

/*
 * Bytes that a packet or a process chose, made harmless. strace's rules for a C string
 * (octal, no escape of its own beyond \\ \" \f \n \r \t \v), without the quotes.
 */
void buf_c_escaped(struct buf *b, const u8 *p, size_t n);
/* The same with the quotes; cut: there was more, "...". */
void buf_c_quoted(struct buf *b, const u8 *p, size_t n, bool cut);
/* A JSON string, with quotes, in which each byte is one code point U+0000 to U+00FF: lossless. */
void buf_json_bytes(struct buf *b, const u8 *p, size_t n);
/* A JSON string's inside from text that should be UTF-8: an invalid byte becomes U+FFFD. */
void buf_json_utf8(struct buf *b, const char *p, size_t n);
/*
 * The same for a terminal: valid UTF-8 stays, C0, C1, DEL, bidirectional controls, line and
 * paragraph separators and invalid bytes become \xNN, a backslash \\. Returns columns taken,
 * one a code point.
 */
size_t buf_safe_utf8(struct buf *b, const char *p, size_t n);

#endif
