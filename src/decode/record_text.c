/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The text of a tracepoint's format, worked out once for all records: libtraceevent walks over its
 * tree of arguments for each, which takes 4 000 to 8 000 instructions. What is not understood here
 * is left to it.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <traceevent/event-parse.h>
#include "record_text.h"
#include "told.h"

enum op_kind {
	OP_TEXT,
	OP_NUMBER,
	OP_POINTER,
	OP_PLACE,  /* %pS */
	OP_STRING, /* within the record */
	OP_DYNAMIC,
	OP_SYMBOL,
	OP_FLAGS,
	OP_IP4,
	OP_IP6,
	OP_SOCKADDR,
};

#define KEPT_TEXT 64
#define KEPT_KEY  32

struct op {
	const char *before; /* text in front of it */
	u32 nbefore;
	u8 kind;
	char conversion; /* d, u, x */
	bool sign, wide, prefix, zeros, relative;
	u8 width;
	u8 half;            /* bits of a %h or %hh, else 0 */
	u16 at, size;       /* of the field */
	struct name *names; /* in the format's order; name NULL ends them */
	const char *delim;
	/* Most fields are what they were in the record before: their text is kept, with what stands
	 * in front. */
	u8 keep;    /* enum keep */
	u8 kept;    /* bytes of text; 0: none */
	u8 length;  /* KEEP_BYTES: of the key */
	u8 changes; /* how often it was not what it had been, up to CHANGES_MANY: never mind */
	union {
		u64 word;
		u8 key[KEPT_KEY];
	};
	char text[KEPT_TEXT];
};

enum keep { KEEP_NOT, KEEP_WORD, KEEP_BYTES };

#define CHANGES_MANY 16
#define RUN_KEY      64
#define RUN_TEXT     256

/* Fields one after the other that seldom change, as one. */
struct run {
	u8 first, n;    /* ops */
	u16 from, size; /* in the record; size 0: each for itself */
	u16 kept;
	u8 key[RUN_KEY];
	char text[RUN_TEXT];
};

#define MOST_OPS 128

struct record_text {
	u32 n, nruns;
	bool changed; /* a field has changed once too often: runs are to be made anew */
	struct run *runs;
	struct op ops[];
};

/* The field that an argument is, through casts; NULL when it is more than a field. */
static const struct tep_format_field *field_of(struct tep_event *e, const struct tep_print_arg *arg)
{
	while (arg && arg->type == TEP_PRINT_TYPE)
		arg = arg->typecast.item;
	if (arg && arg->type == TEP_PRINT_FIELD)
		return tep_find_field(e, arg->field.name);
	if (arg && arg->type == TEP_PRINT_STRING)
		return tep_find_field(e, arg->string.string);
	return NULL;
}

static bool take_field(struct op *op, const struct tep_format_field *f)
{
	if (!f)
		return false;
	op->at = f->offset;
	op->size = f->size;
	op->sign = f->flags & TEP_FIELD_IS_SIGNED;
	op->relative = f->flags & TEP_FIELD_IS_RELATIVE;
	return true;
}

static bool is_scalar(const struct tep_format_field *f)
{
	return f && !(f->flags & (TEP_FIELD_IS_ARRAY | TEP_FIELD_IS_DYNAMIC)) && f->size <= 8;
}

static struct name *take_names(const struct tep_print_flag_sym *first)
{
	struct name *rows;
	u32 n = 0;

	for (const struct tep_print_flag_sym *s = first; s; s = s->next)
		n++;
	rows = calloc(n + 1, sizeof(*rows));
	n = 0;
	for (const struct tep_print_flag_sym *s = first; s && rows; s = s->next)
		rows[n++] = (struct name){strtoull(s->value, NULL, 0), s->str};
	return rows;
}

/* %s: of what, the argument says. */
static bool compile_string(struct op *op, struct tep_event *e, const struct tep_print_arg *arg)
{
	const struct tep_format_field *f;

	if (arg->type == TEP_PRINT_SYMBOL || arg->type == TEP_PRINT_FLAGS) {
		bool flags = arg->type == TEP_PRINT_FLAGS;

		f = field_of(e, flags ? arg->flags.field : arg->symbol.field);
		op->kind = flags ? OP_FLAGS : OP_SYMBOL;
		op->names = take_names(flags ? arg->flags.flags : arg->symbol.symbols);
		op->delim = flags && arg->flags.delim ? arg->flags.delim : "";
		return op->names && is_scalar(f) && take_field(op, f);
	}
	f = field_of(e, arg);
	if (!f)
		return false;
	op->kind = f->flags & TEP_FIELD_IS_DYNAMIC ? OP_DYNAMIC : OP_STRING;
	return (op->kind == OP_DYNAMIC || f->flags & TEP_FIELD_IS_ARRAY) && take_field(op, f);
}

/* %p and what follows it; *p is moved to the last letter. */
static bool compile_pointer(struct op *op, struct tep_event *e, const struct tep_print_arg *arg,
			    const char **p)
{
	const struct tep_format_field *f = field_of(e, arg);
	bool bytes = f && f->flags & TEP_FIELD_IS_ARRAY && !(f->flags & TEP_FIELD_IS_DYNAMIC);

	op->kind = OP_POINTER;
	if (!strncmp(*p + 1, "I4", 2) && bytes && f->size == 4) {
		op->kind = OP_IP4;
		*p += 2;
	} else if (!strncmp(*p + 1, "I6c", 3) && bytes && f->size == 16) {
		op->kind = OP_IP6;
		*p += 3;
	} else if (!strncmp(*p + 1, "ISpc", 4) && bytes && f->size == 28) {
		op->kind = OP_SOCKADDR;
		*p += 4;
	} else if ((*p)[1] == 'S' && is_scalar(f)) {
		op->kind = OP_PLACE;
		++*p;
	} else if ((*p)[1] == 'x' && is_scalar(f)) {
		++*p;
	} else if (((*p)[1] | 32) >= 'a' && ((*p)[1] | 32) <= 'z') {
		return false;
	} else if (!is_scalar(f)) {
		return false;
	}
	return take_field(op, f);
}

/* One conversion; *p is at its %, and is moved behind it. */
static bool compile_one(struct op *op, struct tep_event *e, const struct tep_print_arg *arg,
			const char **at)
{
	const char *p = *at + 1;
	bool done;

	for (; *p == '#' || *p == '0'; p++) {
		op->prefix |= *p == '#';
		op->zeros |= *p == '0';
	}
	for (; *p >= '0' && *p <= '9'; p++)
		op->width = op->width * 10 + *p - '0';
	for (; *p == 'l' || *p == 'z'; p++)
		op->wide = true;
	for (; *p == 'h'; p++)
		op->half = op->half ? 8 : 16;
	if (*p == 's') {
		done = !op->width && compile_string(op, e, arg);
	} else if (*p == 'p') {
		done = !op->width && compile_pointer(op, e, arg, &p);
	} else {
		const struct tep_format_field *f = field_of(e, arg);

		op->kind = OP_NUMBER;
		op->conversion = *p == 'i' ? 'd' : *p;
		done = *p && strchr("diuxX", *p) && is_scalar(f) && take_field(op, f);
	}
	*at = p + 1;
	return done && op->width <= 20;
}

/* What cannot be the same for long, or is told otherwise later, is not kept. */
static u8 keep_of(const struct op *op)
{
	switch ((enum op_kind)op->kind) {
	case OP_NUMBER:
	case OP_SYMBOL:
	case OP_FLAGS: return KEEP_WORD;
	case OP_IP4:
	case OP_STRING:
	case OP_DYNAMIC:
	case OP_IP6:
	case OP_SOCKADDR: return KEEP_BYTES;
	case OP_TEXT:
	case OP_POINTER:
	case OP_PLACE: break;
	}
	return KEEP_NOT;
}

static bool can_run(const struct op *op)
{
	return op->keep && op->kind != OP_DYNAMIC && op->changes < CHANGES_MANY;
}

/* Does the run, with that op too, still have room for its bytes? */
static bool takes(struct run *run, const struct op *op)
{
	u32 from = run->from, to = from + run->size;

	if (!run->n) {
		from = op->at;
		to = op->at + op->size;
	}
	from = op->at < from ? op->at : from;
	to = (u32)(op->at + op->size) > to ? (u32)(op->at + op->size) : to;
	if (to - from > RUN_KEY)
		return false;
	run->from = from;
	run->size = to - from;
	return true;
}

static void make_runs(struct record_text *t)
{
	t->nruns = 0;
	t->changed = false;
	for (u32 i = 0; i < t->n;) {
		struct run *run = &t->runs[t->nruns++];

		memset(run, 0, sizeof(*run));
		run->first = i;
		for (; i < t->n && can_run(&t->ops[i]) && takes(run, &t->ops[i]); i++)
			run->n++;
		if (run->n > 1)
			continue;
		i = run->first + 1;
		run->n = 1;
		run->size = 0;
	}
}

struct record_text *record_text_make(struct tep_event *e)
{
	struct record_text *t = calloc(1, sizeof(*t) + MOST_OPS * sizeof(struct op));
	const struct tep_print_arg *arg = e->print_fmt.args;
	const char *p = e->print_fmt.format;

	while (t && p && *p && t->n < MOST_OPS) {
		struct op *op = &t->ops[t->n++];

		op->before = p;
		op->nbefore = strcspn(p, "%\\");
		p += op->nbefore;
		if (*p == '\\' && p[1] == 'n' && !p[2])
			p += 2;
		if (!*p)
			op->kind = OP_TEXT;
		else if (!arg || *p != '%' || !compile_one(op, e, arg, &p))
			break;
		else
			arg = arg->next;
		op->keep = keep_of(op);
	}
	if (t && p && !*p && !arg && (t->runs = calloc(t->n, sizeof(*t->runs)))) {
		make_runs(t);
		return t;
	}
	record_text_free(t);
	return NULL;
}

enum record_prints record_text_prints(const struct record_text *t, u16 at)
{
	enum record_prints prints = PRINTS_NOTHING;

	for (u32 i = 0; i < t->n; i++) {
		const struct op *op = &t->ops[i];

		if (op->kind == OP_TEXT || op->at != at)
			continue;
		if (op->kind == OP_PLACE)
			return PRINTS_SYMBOL;
		prints = op->kind == OP_POINTER && prints == PRINTS_NOTHING ? PRINTS_POINTER
									    : PRINTS_OTHER;
	}
	return prints;
}

void record_text_free(struct record_text *t)
{
	for (u32 i = 0; t && i < t->n; i++)
		free(t->ops[i].names);
	free(t ? t->runs : NULL);
	free(t);
}

static inline u64 load_plain(const struct op *op, const u8 *data)
{
	const u8 *p = data + op->at;
	u64 n = 0;

	switch (op->size) {
	case 1: return *p;
	case 2: return load16(p);
	case 4: return load32(p);
	case 8: return load64(p);
	}
	memcpy(&n, p, op->size < 8 ? op->size : 8);
	return n;
}

static u64 load(const struct op *op, const u8 *data)
{
	u32 unused = op->size < 8 ? 64 - 8 * op->size : 0;
	u64 n = load_plain(op, data);

	return op->sign ? (u64)((s64)(n << unused) >> unused) : n;
}

static void put_hex(struct buf *b, u64 n, const char *digits)
{
	char room[16];
	u32 k = 16;

	do
		room[--k] = digits[n & 15];
	while (n >>= 4);
	buf_mem(b, room + k, 16 - k);
}

static void put_number(struct buf *b, const struct op *op, u64 n)
{
	size_t start = buf_len(b), len;

	if (!op->wide)
		n = op->conversion == 'd' ? (u64)(s64)(s32)n : (u32)n;
	if (op->half)
		n = op->conversion == 'd' ? (u64)((s64)(n << (64 - op->half)) >> (64 - op->half))
					  : n & ((1u << op->half) - 1);
	if ((op->conversion | 32) == 'x') {
		if (op->prefix && n)
			buf_str(b, op->conversion == 'x' ? "0x" : "0X");
		put_hex(b, n, op->conversion == 'x' ? "0123456789abcdef" : "0123456789ABCDEF");
	} else if (op->conversion == 'd') {
		buf_s64(b, n);
	} else {
		buf_u64(b, n);
	}
	len = buf_len(b) - start;
	if (len >= op->width)
		return;
	buf_mem(b, "00000000000000000000", op->width - len); /* room; then to the right */
	memmove(b->base + start + op->width - len, b->base + start, len);
	memset(b->base + start, op->zeros ? '0' : ' ', op->width - len);
}

static void put_symbol(struct buf *b, const struct op *op, u64 n)
{
	for (const struct name *s = op->names; s->name; s++)
		if (s->value == n) {
			buf_text(b, s->name);
			return;
		}
	buf_hex(b, n);
}

static void put_flags(struct buf *b, const struct op *op, u64 n)
{
	bool more = false;

	for (const struct name *s = op->names; s->name; s++) {
		u64 mask = s->value;

		if ((n & mask) != mask || (!mask && n))
			continue;
		if (more)
			buf_text(b, op->delim);
		buf_text(b, s->name);
		more = true;
		n &= ~mask;
		if (!mask)
			return;
	}
	if (!n && more)
		return;
	if (more)
		buf_text(b, op->delim);
	buf_hex(b, n);
}

static void put_sockaddr(struct buf *b, const u8 *sa)
{
	u16 family = load16(sa);

	if (family == AF_INET) {
		buf_ip4(b, sa + 4);
	} else if (family == AF_INET6) {
		buf_chr(b, '[');
		buf_ip6(b, sa + 8);
		buf_chr(b, ']');
	} else {
		buf_str(b, "(invalid address)");
		return;
	}
	buf_chr(b, ':');
	buf_u64(b, net16(sa + 2));
}

/* A string at the record's end: within it, and it ends there, as the caller has looked. */
static const u8 *dynamic(const struct op *op, const u8 *data, u32 *n)
{
	u32 v = load32(data + op->at);

	*n = v >> 16;
	return data + (v & 0xffff) + (op->relative ? op->at + op->size : 0);
}

static void put_value(struct buf *b, const struct op *op, const u8 *data)
{
	const u8 *p = data + op->at;
	const char *text;
	u32 n;

	switch ((enum op_kind)op->kind) {
	case OP_TEXT: break;
	case OP_NUMBER: put_number(b, op, load(op, data)); break;
	case OP_POINTER: buf_hex(b, load(op, data)); break;
	case OP_PLACE:
		text = symbol_text(load(op, data));
		if (text)
			buf_text(b, text);
		else
			buf_hex(b, load(op, data));
		break;
	case OP_STRING:
		buf_safe_utf8(b, (const char *)p, strnlen((const char *)p, op->size));
		break;
	case OP_DYNAMIC:
		text = (const char *)dynamic(op, data, &n);
		buf_safe_utf8(b, text, strlen(text));
		break;
	case OP_SYMBOL: put_symbol(b, op, load(op, data)); break;
	case OP_FLAGS: put_flags(b, op, load(op, data)); break;
	case OP_IP4: buf_ip4(b, p); break;
	case OP_IP6: buf_ip6(b, p); break;
	case OP_SOCKADDR: put_sockaddr(b, p); break;
	}
}

static void keep(struct buf *b, struct op *op, size_t start, const void *key, u32 n)
{
	size_t len = buf_len(b) - start;

	op->kept = 0;
	if (len > KEPT_TEXT || n > KEPT_KEY)
		return;
	op->kept = len;
	op->length = n;
	memcpy(op->key, key, n);
	memcpy(op->text, b->base + start, len);
}

static void put_op(struct buf *b, struct op *op, const u8 *data)
{
	const u8 *key = data + op->at;
	size_t start = buf_len(b);
	u64 word = 0;
	u32 n = op->size;

	if (op->keep == KEEP_WORD) {
		word = load_plain(op, data);
		if (op->kept && op->word == word && buf_has(b, KEPT_TEXT))
			goto kept;
		key = (const u8 *)&word;
		n = sizeof(word);
	} else if (op->keep == KEEP_BYTES) {
		if (op->kind == OP_DYNAMIC)
			key = dynamic(op, data, &n);
		if (op->kept && op->length == n && buf_has(b, KEPT_TEXT) &&
		    !memcmp(op->key, key, n))
			goto kept;
	}
	buf_mem(b, op->before, op->nbefore);
	put_value(b, op, data);
	if (!op->keep)
		return;
	op->changes += op->kept && op->changes < CHANGES_MANY;
	keep(b, op, start, key, n);
	return;
kept:
	memcpy(b->at, op->text, KEPT_TEXT); /* what is too much is written over */
	b->at += op->kept;
}

static bool run_same(const struct run *run, const u8 *data)
{
	const u8 *p = data + run->from, *key = run->key;
	u32 n = run->size;

	for (; n >= 8; n -= 8, p += 8, key += 8)
		if (load64(p) != load64(key))
			return false;
	return !n || !memcmp(p, key, n);
}

static __attribute__((noinline)) void run_anew(struct buf *b, struct record_text *t,
					       struct run *run, const u8 *data)
{
	size_t start = buf_len(b), len;

	for (u32 i = run->first; i < (u32)run->first + run->n; i++) {
		u8 before = t->ops[i].changes;

		put_op(b, &t->ops[i], data);
		t->changed |= before != t->ops[i].changes && !can_run(&t->ops[i]);
	}
	len = buf_len(b) - start;
	run->kept = len <= RUN_TEXT ? len : 0;
	memcpy(run->key, data + run->from, run->size);
	memcpy(run->text, b->base + start, run->kept);
}

static void put_run(struct buf *b, struct record_text *t, struct run *run, const u8 *data)
{
	if (!run->kept || !buf_has(b, RUN_TEXT) || !run_same(run, data)) {
		run_anew(b, t, run, data);
		return;
	}
	buf_blocks(b, run->text, run->kept);
}

void record_text_put(struct buf *b, struct record_text *t, const u8 *data)
{
	for (u32 i = 0; i < t->nruns; i++) {
		struct run *run = &t->runs[i];

		if (run->size)
			put_run(b, t, run, data);
		else
			put_op(b, &t->ops[run->first], data);
	}
	if (t->changed)
		make_runs(t);
}
