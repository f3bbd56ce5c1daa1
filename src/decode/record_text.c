/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The text of a tracepoint's format, worked out once for all records: libtraceevent walks over its
 * tree of arguments for each, which takes 4 000 to 8 000 instructions. What is not understood here
 * is left to it.
 */
#include <stdlib.h>
#include <traceevent/event-parse.h>
#include "record_text_ops.h"
#include "told.h"

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
		record_text_runs(t);
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
