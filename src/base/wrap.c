/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "wrap.h"

/* Blocks of Unicode whose letters are wide (EastAsianWidth.txt: W and F), as far as they occur in
 * names and in our own texts. */
static u32 wide(u32 c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
	       (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	       (c >= 0x1f300 && c <= 0x1f64f) || (c >= 0x20000 && c <= 0x3fffd);
}

/* Length of a sequence by its first byte; what continues one counts as one. */
static u32 letter_bytes(u8 c)
{
	return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

static u32 letter_columns(const char *p, u32 bytes)
{
	static const u8 first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	u32 c = (u8)*p & first[bytes];

	for (u32 i = 1; i < bytes; i++)
		c = c << 6 | ((u8)p[i] & 0x3f);
	return 1 + wide(c);
}

u32 text_columns(const char *p, size_t n)
{
	u32 columns = 0, bytes;

	for (const char *end = p + n; p < end; p += bytes) {
		bytes = letter_bytes(*p);
		if (bytes > (size_t)(end - p))
			bytes = 1;
		columns += letter_columns(p, bytes);
	}
	return columns;
}

void wrap(struct buf *b, const char *text, u32 indent, u32 width)
{
	u32 column = indent;

	while (*text) {
		size_t n = strcspn(text, " ");
		size_t start = buf_len(b);
		bool first = column == indent;
		u32 taken;

		buf_chr(b, ' ');
		buf_safe_utf8(b, text, n);
		taken = text_columns(b->base + start + 1, buf_len(b) - start - 1);
		if (!first && column + 1 + taken > width) {
			b->at = b->base + start;
			buf_chr(b, '\n');
			for (u32 i = 0; i < indent; i++)
				buf_chr(b, ' ');
			buf_safe_utf8(b, text, n);
			column = indent + taken;
		} else if (first) {
			b->at = b->base + start;
			buf_safe_utf8(b, text, n);
			column += taken;
		} else {
			column += 1 + taken;
		}
		text += n;
		text += strspn(text, " ");
	}
}

void cut(struct buf *b, const char *text, u32 columns)
{
	size_t n = strlen(text), at = 0;
	u32 taken = 0;

	if (text_columns(text, n) <= columns) {
		buf_safe_utf8(b, text, n);
		return;
	}
	while (at < n) {
		u32 bytes = letter_bytes(text[at]);
		u32 more = bytes > n - at ? 1 : letter_columns(text + at, bytes);

		if (taken + more + 3 > columns)
			break;
		taken += more;
		at += bytes > n - at ? 1 : bytes;
	}
	buf_safe_utf8(b, text, at);
	buf_str(b, "...");
}
