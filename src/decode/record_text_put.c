/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A record as its format tells it, by what record_text.c has worked out. */
#include <sys/socket.h>
#include "record_text_ops.h"
#include "told.h"

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

void record_text_runs(struct record_text *t)
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
		record_text_runs(t);
}
