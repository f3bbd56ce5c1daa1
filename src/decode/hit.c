/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A hit: arguments or a record's fields, result, socket, packet, stack. */
#include "told.h"

static const struct sect *raw_of(const struct hit_rec *r)
{
	return sect_find(&r->h, SECT_RAW, ANY_ARG, NULL);
}

/* The bytes of an argument within the context that was copied, or NULL. */
static const u8 *bytes_of(const struct sect *raw, const struct value *v)
{
	u32 from = raw ? raw->full : 0;

	if (!raw || v->at < from || (u32)v->at - from + v->size > raw->len)
		return NULL;
	return (const u8 *)(raw + 1) + v->at - from;
}

static void tell_args(struct verbs *v, const struct told *t, const struct hit_rec *r)
{
	const struct sect *raw = raw_of(r);
	bool text = tell_is_text(v);

	for (u32 i = 0; i < t->nargs; i++) {
		const u8 *p = bytes_of(raw, &t->args[i]);

		field(v, t->args[i].name);
		if (p)
			tell_value(v, &t->args[i], p, r);
		else if (text)
			v->ops->word(v, "?");
		else
			v->ops->ptr(v, 0);
	}
}

/* What --arg asked for; of a path that led nowhere there is no section. */
static void tell_fields(struct verbs *v, const struct told *t, const struct hit_rec *r)
{
	for (u32 i = 0; i < t->nfields; i++) {
		const struct value *f = &t->fields[i];
		const struct sect *s = sect_find(&r->h, SECT_FIELD, f->number, NULL);

		field(v, f->name);
		if (s && s->len >= f->size)
			tell_value(v, f, s + 1, r);
		else if (tell_is_text(v))
			v->ops->word(v, "?");
		else
			v->ops->ptr(v, 0);
	}
}

void decode_hit_args(struct verbs *v, const struct hit_rec *r)
{
	const struct told *t = told_of(r->probe);

	netdev_in(r->netns);
	open_box(v, BOX_STRUCT);
	if (t && t->tp)
		tell_record_fields(v, t->tp, raw_of(r));
	else if (t)
		tell_args(v, t, r);
	if (t)
		tell_fields(v, t, r);
	close_box(v);
}

/* The first section of that kind, an argument's before the packet's own. */
static const void *first(const struct hit_rec *r, u8 kind, u32 size)
{
	const struct sect *s = sect_find(&r->h, kind, ANY_ARG, NULL);

	return s && s->len >= size ? s + 1 : NULL;
}

void decode_hit_socket(struct verbs *v, const struct hit_rec *r)
{
	const struct hit_sock *s = first(r, SECT_SOCK, sizeof(*s));

	if (s && s->id.flags & SOCK_ID_VALID)
		tell_hit_sock(v, s);
	else
		v->ops->ptr(v, 0);
}

void decode_hit_packet(struct verbs *v, const struct hit_rec *r)
{
	const struct packet_id *p = first(r, SECT_PACKET, sizeof(*p));

	if (p && p->flags & PACKET_VALID)
		tell_packet(v, p);
	else
		v->ops->ptr(v, 0);
}

/* What a line needs of a record, in one walk over its sections; of each kind the first. */
struct parts {
	const struct sect *raw;
	bool stack;
	const struct hit_sock *sock;
	const struct packet_id *packet;
};

static void find_parts(struct parts *p, const struct hit_rec *r)
{
	*p = (struct parts){0};
	for (const struct sect *s = sect_next(&r->h, NULL); s; s = sect_next(&r->h, s)) {
		const void *data = s + 1;

		if (s->kind == SECT_RAW && !p->raw)
			p->raw = s;
		else if (s->kind == SECT_STACK)
			p->stack = true;
		else if (s->kind == SECT_SOCK && !p->sock && s->len >= sizeof(*p->sock))
			p->sock = data;
		else if (s->kind == SECT_PACKET && !p->packet && s->len >= sizeof(*p->packet))
			p->packet = data;
	}
}

/* Behind a record, whose own text tells only addresses in memory. */
static void note_subject(struct verbs *v, const struct parts *p)
{
	if (p->packet && p->packet->flags & PACKET_VALID) {
		buf_chr(v->b, ' ');
		tell_packet_text(v, p->packet);
	}
	if (p->sock && p->sock->id.flags & SOCK_ID_VALID) {
		buf_chr(v->b, ' ');
		tell_note(v, &p->sock->id, NULL);
	}
}

/* The result as -errno; 0 when it is no error. */
static s64 error_of(const struct told *t, const struct hit_rec *r)
{
	s64 n = t->ret.size == 4 ? (s32)r->ret : t->ret.size == 8 ? (s64)r->ret : 0;

	if (!(r->flags & HIT_RETURNED) || (t->ret.kind != VALUE_INT && t->ret.kind != VALUE_PTR))
		return 0;
	return n < 0 && n >= -4095 ? n : 0;
}

static void tell_ret(struct verbs *v, const struct told *t, const struct hit_rec *r)
{
	s64 err = error_of(t, r);
	const char *name = err ? errno_name(-err) : NULL;

	tell_value(v, &t->ret, &r->ret, r);
	if (name && v->notes) {
		buf_chr(v->b, ' ');
		buf_text(v->b, name);
	}
}

/*
 * The bytes that arguments are told by: the sections. Of a message only the size is told (sized),
 * and its address, which Linux makes another one in each call, would make another key of it.
 */
static u32 args_key(u64 *key, const struct told *t, const struct hit_rec *r, bool sized)
{
	const struct sect *raw = (const struct sect *)((const u8 *)r + r->h.fixed);
	u32 n = r->h.len - r->h.fixed;
	const u8 *p;

	if (n & 7 || !n || n > 8 * MEMO_WORDS)
		return 0;
	memcpy(key, raw, n);
	if (sized && t->message && sect_find(&r->h, SECT_SIZE, t->message - 1, NULL) &&
	    (p = bytes_of(raw_of(r), &t->args[t->message - 1])))
		memset((u8 *)key + (p - (const u8 *)raw), 0, 8);
	/* keys are told apart by their first words: here by all arguments */
	for (u32 i = 1; i <= raw->len / 8u && i < n / 8; i++)
		key[0] += key[i] << i;
	return n / 8;
}

/* In brackets. A program that does one thing again and again passes the same. */
static void tell_call_args(struct verbs *v, const struct told *t, const struct hit_rec *r)
{
	u64 key[MEMO_WORDS];
	u32 words = args_key(key, t, r, v->notes), what = MEMO_HIT + r->probe;
	size_t at = buf_len(v->b);
	u32 asked = netdev_asked;

	if (words && told_before(v, what, key, words))
		return;
	decode_hit_args(v, r); /* names are shown in a STRUCT only */
	v->b->base[at] = '(';
	v->b->at[-1] = ')';
	if (words && asked == netdev_asked)
		keep_told(v, at, what, key, words);
}

/* Of a tracepoint; true when a stack follows. */
static bool tell_record(struct verbs *v, const struct told *t, const struct hit_rec *r)
{
	size_t start = buf_len(v->b);
	struct parts parts;

	find_parts(&parts, r);
	if (!record_told_before(v, t->tp, r, parts.raw)) {
		buf_text(v->b, t->name);
		buf_chr(v->b, '(');
		tell_record_text(v, t->tp, parts.raw);
		buf_chr(v->b, ')');
		if (v->notes)
			note_subject(v, &parts);
		keep_record_told(v, t->tp, start, parts.raw);
	}
	if (t->nfields) {
		buf_chr(v->b, ' ');
		open_box(v, BOX_STRUCT);
		tell_fields(v, t, r);
		close_box(v);
	}
	return parts.stack;
}

void decode_hit_line(struct verbs *v, const struct hit_rec *r)
{
	const struct told *t = told_of(r->probe);
	bool stack = false;

	netdev_in(r->netns);
	if (t && t->tp) {
		stack = tell_record(v, t, r);
	} else {
		buf_text(v->b, t ? t->name : probe_name(r->probe));
		if (t) {
			tell_call_args(v, t, r);
			stack = sect_find(&r->h, SECT_STACK, ANY_ARG, NULL);
		}
	}
	if (t && r->flags & HIT_RETURNED && t->ret.size) {
		buf_str(v->b, " = ");
		tell_ret(v, t, r);
	}
	if (v->notes && r->flags & HIT_RETURNED) {
		buf_str(v->b, " <");
		buf_seconds(v->b, r->dur, 6);
		buf_chr(v->b, '>');
	}
	if (stack)
		decode_frames(v->b, &r->h);
}

void decode_hit_ret(struct verbs *v, const struct hit_rec *r)
{
	const struct told *t = told_of(r->probe);

	if (t && r->flags & HIT_RETURNED && t->ret.size)
		tell_value(v, &t->ret, &r->ret, r);
	else
		decode_none(v);
}

void decode_hit_error(struct verbs *v, const struct hit_rec *r)
{
	const struct told *t = told_of(r->probe);
	s64 err = t ? error_of(t, r) : 0;
	const char *name = err ? errno_name(-err) : NULL;

	if (name)
		v->ops->word(v, name);
	else if (err)
		v->ops->sint(v, -err);
	else
		decode_none(v);
}

void decode_hit_stack(struct verbs *v, const struct hit_rec *r)
{
	decode_stack(v, &r->h);
}

void symbols_of_hit(const struct hit_rec *r, void (*each)(void *arg, u64 address), void *arg)
{
	const struct told *t = told_of(r->probe);

	if (t && t->tp)
		record_symbols(t->tp, raw_of(r), each, arg);
}
