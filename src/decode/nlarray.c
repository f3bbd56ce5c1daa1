/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Netlink: arrays of numbers and of structures. */
#include "nl.h"

/* Arrays of numbers: their elements as a kind of their own. */
static const struct array {
	u8 kind, width;
} arrays[] = {
	[NL_u8s] = {NL_u8, 1},    [NL_u16s] = {NL_u16, 2},  [NL_u32s] = {NL_u32, 4},
	[NL_u32s2] = {NL_u32, 4}, [NL_x64s] = {NL_x64, 8},  [NL_s32at] = {NL_s32, 4},
	[NL_u32at] = {NL_u32, 4}, [NL_u64at] = {NL_u64, 8},
};

/* The name of a place: [NAME]= before the value, JSON's key. */
static void tell_place(struct nl *nl, const struct names *names, u32 i)
{
	const char *name = name_of(names, i);
	char number[128];
	struct buf b = {number, number, number + sizeof(number) - BUF_SLACK};

	if (!name) {
		buf_u64(&b, i);
		buf_chr(&b, 0);
		name = number;
	}
	if (!nl->text) {
		field(nl->v, name);
		return;
	}
	item(nl->v);
	tell_raw(nl->v, "[");
	tell_raw(nl->v, name);
	if (name == number && names->unknown) {
		tell_raw(nl->v, " /* ");
		tell_raw(nl->v, names->unknown);
		tell_raw(nl->v, " */");
	}
	tell_raw(nl->v, "]=");
}

/* An array ends early: more than is shown, or more than is here. */
static void tell_array_rest(struct nl *nl, u64 at)
{
	if (nl->unreadable && !nl_at(nl, at, 1))
		tell_unreadable_rest(nl->v, nl->address + at);
	else
		nl->v->ops->more(nl->v);
}

bool nl_array(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	const struct array *a = &arrays[row->kind];
	bool places = row->kind == NL_s32at || row->kind == NL_u32at || row->kind == NL_u64at;
	struct nl_row element = {.kind = a->kind};
	u64 count = (row->bytes ? row->bytes : len) / a->width;

	if (!count)
		return false;
	if (!nl_at(nl, at, a->width)) {
		nl_missing(nl, at);
		return true;
	}
	open_box(nl->v, places && !nl->text ? BOX_STRUCT : BOX_ARRAY);
	for (u64 i = 0; i < count; i++, at += a->width) {
		if ((nl->text && i == nl->max && i) || !nl_at(nl, at, a->width)) {
			tell_array_rest(nl, at);
			break;
		}
		if (places)
			tell_place(nl, row->arg, i);
		else
			item(nl->v);
		if (row->kind == NL_x64s)
			nl_padded(nl, load64(nl->base + at), 16);
		else
			nl_number(nl, &element, nl_load(nl->base + at, a->width));
	}
	close_box(nl->v);
	return true;
}

bool nl_structs(struct nl *nl, const struct nl_row *row, u64 at, u64 len)
{
	const struct nl_struct *s = row->arg;
	u64 count = row->kind == NL_structs1 ? 1 : len / s->sizes[0];

	if (!count)
		return false;
	if (!nl_at(nl, at, s->sizes[0]) && nl->unreadable) {
		nl_missing(nl, at);
		return true;
	}
	open_box(nl->v, BOX_ARRAY);
	for (u64 i = 0; i < count; i++, at += s->sizes[0]) {
		if ((nl->text && i == nl->max && i) || !nl_at(nl, at, s->sizes[0])) {
			tell_array_rest(nl, at);
			break;
		}
		item(nl->v);
		nl_struct(nl, s, at, s->sizes[0]);
	}
	close_box(nl->v);
	return true;
}
