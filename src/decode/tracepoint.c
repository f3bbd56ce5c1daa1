/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The record of a tracepoint, by libtraceevent: it reads the format that tracefs tells, and prints
 * as the kernel does. What it does not check is checked here: a field lies within the record.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <traceevent/event-parse.h>
#include "kept.h"
#include "record_text.h"
#include "told.h"

enum field_kind {
	FIELD_UINT,
	FIELD_SINT,
	FIELD_PTR,
	FIELD_STRING,  /* within the record: char[16] */
	FIELD_DYNAMIC, /* a string that the record ends with */
	FIELD_IP4,
	FIELD_IP6,
	FIELD_SOCKADDR,
	FIELD_BYTES,
	FIELD_SYMBOL, /* one of names */
	FIELD_FLAGS,
	FIELD_SKIP,
};

struct field {
	const struct tep_format_field *f;
	u8 kind;
	bool address; /* of code: printed as a symbol */
	struct names names;
};

struct tracepoint {
	struct tep_handle *tep;
	struct tep_event *event;
	struct trace_seq seq;
	struct record_text *text; /* NULL: libtraceevent prints it */
	struct kept *kept;        /* lines; NULL: each is told anew */
	struct field *fields;
	u32 nfields;
	u32 size; /* of the fixed part: the least that a record has */
	const struct tep_format_field **dynamic; /* fields that point beyond it */
	u32 ndynamic;
};

/* libtraceevent's own notes on formats that it does not understand; it then prints raw numbers. */
static void be_quiet(void)
{
	static bool done;

	if (!done)
		tep_set_loglevel(TEP_LOG_NONE);
	done = true;
}

/* %pS and its like: libtraceevent wants name and beginning, and tells the distance itself. */
static char *resolve(void *priv, unsigned long long *address, char **module)
{
	static char text[256];
	const char *known = symbol_text(*address);
	char *plus;

	(void)priv;
	*module = NULL;
	if (!known)
		return NULL;
	snprintf(text, sizeof(text), "%s", known);
	plus = strchr(text, '+');
	if (plus) {
		*address -= strtoull(plus + 1, NULL, 16);
		*plus = 0;
	}
	return text;
}

/* Of a __print_symbolic or __print_flags over just this field. */
static const struct tep_print_arg *named_by(const struct tep_print_arg *arg, const char *name)
{
	for (; arg; arg = arg->next) {
		const struct tep_print_arg *of = arg->type == TEP_PRINT_SYMBOL  ? arg->symbol.field
						 : arg->type == TEP_PRINT_FLAGS ? arg->flags.field
										: NULL;

		while (of && of->type == TEP_PRINT_TYPE)
			of = of->typecast.item;
		if (of && of->type == TEP_PRINT_FIELD && !strcmp(of->field.name, name))
			return arg;
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static void take_names(struct field *to, const struct tep_print_arg *arg)
{
	const struct tep_print_flag_sym *first =
		arg->type == TEP_PRINT_SYMBOL ? arg->symbol.symbols : arg->flags.flags;
	struct name *rows;
	u32 n = 0;

	for (const struct tep_print_flag_sym *s = first; s; s = s->next)
		n++;
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return;
	n = 0;
	for (const struct tep_print_flag_sym *s = first; s; s = s->next)
		rows[n++] = (struct name){strtoull(s->value, NULL, 0), told_clean(s->str)};
	qsort(rows, n, sizeof(*rows), by_value);
	to->names.rows = rows;
	to->names.count = n;
	to->kind = arg->type == TEP_PRINT_SYMBOL ? FIELD_SYMBOL : FIELD_FLAGS;
}

static u8 kind_of(const struct tep_format_field *f)
{
	bool bytes = f->flags & TEP_FIELD_IS_ARRAY && f->elementsize == 1;

	if (f->flags & TEP_FIELD_IS_DYNAMIC)
		return f->flags & TEP_FIELD_IS_STRING ? FIELD_DYNAMIC : FIELD_SKIP;
	/* to libtraceevent any array of bytes is a string */
	if (f->flags & TEP_FIELD_IS_STRING && !strncmp(f->type, "char", 4))
		return FIELD_STRING;
	if (bytes && f->size == 4 && strstr(f->name, "addr"))
		return FIELD_IP4;
	if (bytes && f->size == 16 && strstr(f->name, "addr"))
		return FIELD_IP6;
	if (bytes && f->size == 28)
		return FIELD_SOCKADDR;
	if (f->flags & TEP_FIELD_IS_ARRAY)
		return FIELD_BYTES;
	if (f->flags & TEP_FIELD_IS_POINTER)
		return FIELD_PTR;
	return f->flags & TEP_FIELD_IS_SIGNED ? FIELD_SINT : FIELD_UINT;
}

/* Does the text print this field as a symbol (%pS, %ps)? Arguments stand in the order of the
 * conversions. */
static bool is_address(const struct tep_event *e, const char *name)
{
	const struct tep_print_arg *arg = e->print_fmt.args;

	for (const char *p = e->print_fmt.format; p && *p; p++) {
		const struct tep_print_arg *of = arg;

		if (*p != '%')
			continue;
		if (*++p == '%')
			continue;
		while (*p && strchr("-+ #0123456789.*lhzL", *p))
			p++;
		if (!*p || !of)
			return false;
		while (of->type == TEP_PRINT_TYPE)
			of = of->typecast.item;
		if (*p == 'p' && p[1] && strchr("sSfF", p[1]) && of->type == TEP_PRINT_FIELD &&
		    !strcmp(of->field.name, name))
			return true;
		arg = arg->next;
	}
	return false;
}

static bool take_fields(struct tracepoint *t)
{
	u32 n = 0;

	for (struct tep_format_field *f = t->event->format.fields; f; f = f->next)
		n++;
	t->fields = calloc(n + 1, sizeof(*t->fields));
	t->dynamic = calloc(n + 1, sizeof(*t->dynamic));
	if (!t->fields || !t->dynamic)
		return false;
	for (struct tep_format_field *f = t->event->format.fields; f; f = f->next) {
		struct field *to = &t->fields[t->nfields++];
		const struct tep_print_arg *arg;

		if (f->offset < 0 || f->size < 0 || f->offset + f->size > 4096)
			return false;
		if ((u32)(f->offset + f->size) > t->size)
			t->size = f->offset + f->size;
		told_clean(f->name);
		if (f->flags & TEP_FIELD_IS_DYNAMIC)
			t->dynamic[t->ndynamic++] = f;
		to->f = f;
		to->kind = kind_of(f);
		if (to->kind == FIELD_PTR || to->kind == FIELD_UINT)
			to->address = f->size == 8 && is_address(t->event, f->name);
		arg = f->flags & (TEP_FIELD_IS_ARRAY | TEP_FIELD_IS_STRING)
			      ? NULL
			      : named_by(t->event->print_fmt.args, f->name);
		if (arg)
			take_names(to, arg);
	}
	return true;
}

/* Lines are kept of formats that are understood, and tell no symbols: those may be learnt later. */
static void keep_lines(struct tracepoint *t)
{
	struct kept_pointer pointers[KEPT_POINTERS];
	u32 n = 0;

	for (u32 i = 0; i < t->nfields; i++) {
		const struct tep_format_field *f = t->fields[i].f;
		enum record_prints prints = record_text_prints(t->text, f->offset);

		if (t->fields[i].address || prints == PRINTS_SYMBOL)
			return;
		if (t->fields[i].kind != FIELD_PTR || prints == PRINTS_OTHER)
			continue;
		if (f->size != 8 || n == KEPT_POINTERS)
			return;
		pointers[n++] = (struct kept_pointer){f->offset, prints == PRINTS_POINTER};
	}
	t->kept = kept_make(pointers, n);
}

static struct tracepoint *parse(const char *name, const char *format, u32 len)
{
	struct tracepoint *t = calloc(1, sizeof(*t));
	const char *colon = strchr(name, ':');
	char group[128];

	be_quiet();
	snprintf(group, sizeof(group), "%.*s", colon ? (int)(colon - name) : 0, name);
	if (!t || !(t->tep = tep_alloc()))
		goto bad;
	tep_set_long_size(t->tep, 8);
	tep_set_file_bigendian(t->tep, TEP_LITTLE_ENDIAN);
	tep_set_function_resolver(t->tep, resolve, NULL);
	tep_parse_format(t->tep, &t->event, format, len, group);
	if (!t->event || !take_fields(t))
		goto bad;
	trace_seq_init(&t->seq);
	t->text = record_text_make(t->event);
	if (t->text)
		keep_lines(t);
	return t;
bad:
	tracepoint_free(t);
	return NULL;
}

/* Prints a record of nothing but one byte, over and over. */
static void print_trial(struct tracepoint *t, u8 byte)
{
	static u8 room[1 << 17];
	struct tep_record record = {.data = room, .size = 65536};
	u16 id = t->event->id;

	memset(room, byte, sizeof(room) - 1);
	memcpy(room, &id, sizeof(id));
	trace_seq_reset(&t->seq);
	tep_print_event(t->tep, &t->seq, &record, "%s", TEP_PRINT_INFO);
}

/*
 * libtraceevent trusts the formats that it reads: there are some that end it. Those of the running
 * kernel are no such, but a recording's may be: so these are tried in a process of their own first.
 */
static bool survives(const char *name, const char *format, u32 len)
{
	int pid = fork(), status = -1;

	if (!pid) {
		struct rlimit none = {0};
		struct tracepoint *t;

		setrlimit(RLIMIT_CORE, &none);
		for (int sig = SIGILL; sig <= SIGSEGV; sig++)
			signal(sig, SIG_DFL);
		alarm(2);
		t = parse(name, format, len);
		if (t && !t->text) {
			print_trial(t, 0);
			print_trial(t, 1);
			print_trial(t, 0xff);
		}
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return !status;
}

bool decode_trusted;

struct tracepoint *tracepoint_parse(const char *name, const char *format, u32 len)
{
	return decode_trusted || survives(name, format, len) ? parse(name, format, len) : NULL;
}

void tracepoint_free(struct tracepoint *t)
{
	if (!t)
		return;
	for (u32 i = 0; i < t->nfields; i++)
		free((struct name *)t->fields[i].names.rows);
	record_text_free(t->text);
	free(t->kept);
	free(t->fields);
	free(t->dynamic);
	if (t->seq.buffer)
		trace_seq_destroy(&t->seq);
	if (t->tep)
		tep_free(t->tep);
	free(t);
}

static u64 load_field(const struct tep_format_field *f, const u8 *p)
{
	u64 n = 0;

	memcpy(&n, p, f->size < 8 ? f->size : 8);
	return n;
}

static s64 load_signed(const struct tep_format_field *f, const u8 *p)
{
	u32 unused = f->size < 8 ? 64 - 8 * f->size : 0;

	return (s64)(load_field(f, p) << unused) >> unused;
}

/* A string at the end of the record: its place is in the field. Unterminated ones are refused. */
static const char *dynamic(const struct tep_format_field *f, const u8 *data, u32 size)
{
	u32 v = load_field(f, data + f->offset), at = v & 0xffff, n = v >> 16;

	if (f->flags & TEP_FIELD_IS_RELATIVE)
		at += f->offset + f->size;
	if (at + n > size || !n || !memchr(data + at, 0, n))
		return NULL;
	return (const char *)data + at;
}

/* All that libtraceevent follows without looking lies within the record. */
static bool sound(const struct tracepoint *t, const u8 *data, u32 size)
{
	if (size < t->size)
		return false;
	for (u32 i = 0; i < t->ndynamic; i++) {
		const struct tep_format_field *f = t->dynamic[i];
		u32 v, at;

		v = load_field(f, data + f->offset);
		at = (v & 0xffff) + (f->flags & TEP_FIELD_IS_RELATIVE ? f->offset + f->size : 0);
		if (at + (v >> 16) > size ||
		    (f->flags & TEP_FIELD_IS_STRING && !dynamic(f, data, size)))
			return false;
	}
	return true;
}

/* The record with its common fields put back, and room behind it for a careless reader. */
static u8 *whole(const struct tracepoint *t, const struct sect *raw)
{
	static u64 room[(65536 + 256) / 8];
	u8 *data = (u8 *)room;
	u16 id = t->event->id;

	memcpy(data, raw + 1, raw->len);
	memset(data + raw->len, 0, 256);
	memset(data, 0, 8);
	memcpy(data, &id, sizeof(id));
	return data;
}

void tell_record_text(struct verbs *v, const struct tracepoint *t, const struct sect *raw)
{
	struct tracepoint *w = (struct tracepoint *)t; /* its buffer */
	struct tep_record record = {0};

	if (!raw || raw->full || !sound(t, (const u8 *)(raw + 1), raw->len)) {
		buf_str(v->b, "...");
		return;
	}
	if (t->text) {
		record_text_put(v->b, t->text, (const u8 *)(raw + 1));
		return;
	}
	record.data = whole(t, raw);
	record.size = raw->len;
	trace_seq_reset(&w->seq);
	tep_print_event(t->tep, &w->seq, &record, "%s", TEP_PRINT_INFO);
	buf_safe_utf8(v->b, w->seq.buffer, w->seq.len);
}

bool record_told_before(struct verbs *v, const struct tracepoint *t, const struct hit_rec *r,
			const struct sect *raw)
{
	if (!t->kept || !v->memo || !raw || raw->full || raw->len < t->size)
		return false;
	return kept_tell(t->kept, v->b, &r->h, raw, (u64)r->netns << 1 | v->notes);
}

void keep_record_told(struct verbs *v, const struct tracepoint *t, size_t start,
		      const struct sect *raw)
{
	if (t->kept && v->memo && raw && !raw->full && raw->len >= t->size)
		kept_keep(t->kept, v->b, start);
}

static void tell_field(struct verbs *v, const struct field *f, const u8 *data, u32 size)
{
	const u8 *p = data + f->f->offset;
	u64 n = load_field(f->f, p);
	char room[64 + BUF_SLACK];
	struct buf b = {room, room, room + sizeof(room) - BUF_SLACK};
	const char *text;

	switch ((enum field_kind)f->kind) {
	case FIELD_SINT: v->ops->sint(v, load_signed(f->f, p)); break;
	case FIELD_UINT:
	case FIELD_PTR:
		text = f->address ? symbol_text(n) : NULL;
		if (text) {
			v->ops->word(v, text);
		} else if (f->kind == FIELD_PTR || f->address) {
			v->ops->ptr(v, n);
		} else {
			v->ops->uint(v, n);
		}
		break;
	case FIELD_STRING: v->ops->bytes(v, p, strnlen((const char *)p, f->f->size), false); break;
	case FIELD_DYNAMIC:
		text = dynamic(f->f, data, size);
		if (text)
			v->ops->bytes(v, text, strlen(text), false);
		else
			v->ops->ptr(v, 0);
		break;
	case FIELD_IP4: v->ops->in4(v, p); break;
	case FIELD_IP6:
		buf_ip6(&b, p);
		*b.at = 0;
		v->ops->word(v, room);
		break;
	case FIELD_SOCKADDR: decode_sockaddr(v, p, load16(p) == AF_INET ? 16 : f->f->size); break;
	case FIELD_SYMBOL:
		if (f->f->flags & TEP_FIELD_IS_SIGNED)
			n = load_signed(f->f, p);
		text = name_of(&f->names, n);
		if (text)
			v->ops->word(v, text);
		else
			v->ops->uint(v, n);
		break;
	case FIELD_FLAGS: v->ops->flags(v, &f->names, n); break;
	default: tell_byte_array(v, p, f->f->size, 64); break;
	}
}

void tell_record_fields(struct verbs *v, const struct tracepoint *t, const struct sect *raw)
{
	const u8 *data = raw ? (const u8 *)(raw + 1) : NULL;

	if (!raw || raw->full || raw->len < t->size)
		return;
	for (u32 i = 0; i < t->nfields; i++) {
		if (t->fields[i].kind == FIELD_SKIP)
			continue;
		field(v, t->fields[i].f->name);
		tell_field(v, &t->fields[i], data, raw->len);
	}
}

void record_symbols(const struct tracepoint *t, const struct sect *raw,
		    void (*each)(void *arg, u64 address), void *arg)
{
	if (!raw || raw->full || raw->len < t->size)
		return;
	for (u32 i = 0; i < t->nfields; i++)
		if (t->fields[i].address)
			each(arg, load_field(t->fields[i].f,
					     (const u8 *)(raw + 1) + t->fields[i].f->offset));
}
