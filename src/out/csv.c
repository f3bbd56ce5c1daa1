/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * CSV by RFC 4180: a header, lines that end in CR LF, quotes where they are needed. What a process
 * chose is made harmless as in text; numbers, times and units are JSON's; what is unknown is empty.
 */
#include "private.h"

static bool needs_quotes(const char *p, size_t n)
{
	static const char special[256] = {['"'] = 1, [','] = 1, ['\r'] = 1, ['\n'] = 1};

	for (; n; n--, p++)
		if (special[(u8)*p])
			return true;
	return false;
}

/* Copies the cell, quoted when it holds a quote, a comma or a line end. */
static void put_quoted(struct buf *b, const char *p, size_t n)
{
	const char *quote;
	size_t run;

	if (!needs_quotes(p, n)) {
		buf_mem(b, p, n);
		return;
	}
	buf_chr(b, '"');
	while ((quote = memchr(p, '"', n))) {
		run = quote + 1 - p;
		buf_mem(b, p, run);
		buf_chr(b, '"');
		p += run;
		n -= run;
	}
	buf_mem(b, p, n);
	buf_chr(b, '"');
}

static void put_string(struct out *o, const char *s, size_t n)
{
	buf_clear(&o->cell);
	buf_safe_utf8(&o->cell, s, n);
	put_quoted(&o->b, o->cell.base, buf_len(&o->cell));
}

static void put_text(struct out *o, const char *s)
{
	if (s)
		put_string(o, s, strlen(s));
}

static void put_cgroup(struct out *o, const struct column *c, const struct rec *r)
{
	const char *path = cell_cgroup(o, c, r);

	if (path)
		put_text(o, path);
	else
		buf_u64(&o->b, cell_u64(c, r));
}

static void put_error(struct out *o, s64 ret)
{
	char scratch[8];

	put_text(o, error_name(ret, scratch));
}

static void put_nest(struct out *o, const struct column *c, const struct rec *r)
{
	buf_clear(&o->cell);
	c->nest(nested(o), r);
	put_quoted(&o->b, o->cell.base, buf_len(&o->cell));
}

static void put_cell(struct out *o, const struct column *c, const struct rec *r)
{
	const char *s;

	switch ((enum column_kind)c->kind) {
	case COL_UINT: buf_u64(&o->b, cell_uint(c, r)); break;
	case COL_INT: buf_s64(&o->b, cell_sint(c, r)); break;
	case COL_CLOCK:
		if (!(c->flags & COL_MAYBE) || cell_u64(c, r))
			put_time(o, &o->b, cell_u64(c, r));
		break;
	case COL_NS: buf_u64(&o->b, cell_u64(c, r)); break;
	case COL_COMM:
		s = cell_at(c, r);
		put_string(o, s, strnlen(s, c->size));
		break;
	case COL_STRING: put_text(o, cell_string(c, r)); break;
	case COL_CGROUP: put_cgroup(o, c, r); break;
	case COL_ERROR: put_error(o, cell_sint(c, r)); break;
	case COL_PORT:
		if (cell_port(c, r))
			buf_u64(&o->b, cell_port(c, r));
		break;
	case COL_NEST: put_nest(o, c, r); break;
	case COL_KINDS: break;
	}
}

static void csv_cell(struct out *o, const struct shown *s, const struct rec *r)
{
	put_cell(o, &s->c, r);
	if (!s->last)
		buf_chr(&o->b, ',');
}

static void csv_head(struct out *o, const struct shown *s, const struct shown *end)
{
	for (; s < end; s++) {
		buf_str(&o->b, s->c.name);
		if (!s->last)
			buf_chr(&o->b, ',');
	}
	buf_str(&o->b, "\r\n");
}

const struct out_ops out_csv = {
	.without = COL_DATA_ONLY,
	.verbs = &verbs_csv,
	.head = csv_head,
	.put = {[0 ... COL_KINDS - 1] = csv_cell},
	.empty = "",
	.line_end = "\r\n",
};
