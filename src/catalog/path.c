/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What relo_core.c of libbpf says of members and types, which tests/unit/test_types.c compares. */
#include <stdlib.h>
#include <string.h>
#include "path.h"

/* The type without names and qualifiers. */
static const struct btf_type *plain(const struct raw_btf *r, u32 *id)
{
	static const struct btf_type nothing;
	const struct btf_type *t;

	for (; *id; *id = t->type) {
		t = raw_type(r, *id);
		if (!btf_is_mod(t) && !btf_is_typedef(t) && !btf_is_type_tag(t))
			return t;
	}
	return &nothing;
}

u32 raw_size(const struct raw_btf *r, u32 id)
{
	const struct btf_type *t = plain(r, &id);

	if (btf_is_array(t))
		return btf_array(t)->nelems * raw_size(r, btf_array(t)->type);
	return btf_is_ptr(t) ? 8 : t->size;
}

u32 path_essential(const char *name)
{
	const char *flavour = strstr(name, "___");

	return flavour ? flavour - name : (u32)strlen(name);
}

/* Could a member of the one type be, in another kernel, what one of the other is here? */
static bool alike(const struct raw_btf *a, u32 x, const struct raw_btf *b, u32 y)
{
	const struct btf_type *t = plain(a, &x), *u = plain(b, &y);
	const char *name = raw_string(a, t->name_off), *other = raw_string(b, u->name_off);
	u32 len = path_essential(name);

	if (btf_is_composite(t) && btf_is_composite(u))
		return true;
	if (btf_is_any_enum(t) ? !btf_is_any_enum(u) : btf_kind(t) != btf_kind(u))
		return false;
	if (btf_is_array(t))
		return alike(a, btf_array(t)->type, b, btf_array(u)->type);
	if (btf_is_any_enum(t) || btf_is_fwd(t))
		return !len || !*other ||
		       (len == path_essential(other) && !memcmp(name, other, len));
	if (btf_is_int(t))
		return !btf_int_offset(t) && !btf_int_offset(u);
	return btf_is_ptr(t) || btf_is_float(t);
}

static bool add_step(struct path *p, u32 type, u32 index, const char *name)
{
	if (p->n == STEPS_MAX)
		return false;
	p->steps[p->n++] = (struct step){type, index, name};
	if (!name)
		p->bit += (u64)index * raw_size(p->btf, type) * 8;
	return true;
}

bool path_read(struct path *p, const struct raw_btf *r, u32 id, const char *access)
{
	*p = (struct path){.btf = r};
	for (bool first = true; first || *access++ == ':'; first = false) {
		const struct btf_type *t = plain(r, &id);
		u32 index = strtoul(access, (char **)&access, 10);
		const struct btf_member *m = btf_members(t) + index;
		bool added = true;

		if (first) {
			added = add_step(p, id, index, NULL);
		} else if (btf_is_composite(t) && index < btf_vlen(t)) {
			p->bit += btf_member_bit_offset(t, index);
			if (m->name_off)
				added = add_step(p, id, index, raw_string(r, m->name_off));
			id = m->type;
		} else if (btf_is_array(t)) {
			id = btf_array(t)->type;
			plain(r, &id);
			added = add_step(p, id, index, NULL);
		} else {
			return false;
		}
		if (!added)
			return false;
		if (!*access)
			return true;
	}
	return false;
}

/* The member of that name of type id, or of what has no name within it; id gets its type. */
static bool find_member(struct path *p, u32 *id, const struct path *like, const struct step *s)
{
	u32 type = *id, wanted = btf_members(raw_type(like->btf, s->type))[s->index].type;
	const struct btf_type *t = plain(p->btf, &type);

	for (u32 i = 0; btf_is_composite(t) && i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = raw_string(p->btf, m->name_off);
		u32 within = m->type, off = btf_member_bit_offset(t, i);

		p->bit += off;
		if (!*name && find_member(p, &within, like, s)) {
			*id = within;
			return true;
		}
		if (*name && *name == *s->name && !strcmp(name, s->name)) {
			*id = within;
			return alike(like->btf, wanted, p->btf, within) &&
			       add_step(p, type, i, name);
		}
		p->bit -= off;
	}
	return false;
}

bool path_follow(struct path *p, const struct path *like, const struct raw_btf *r, u32 id)
{
	*p = (struct path){.btf = r};
	for (u32 i = 0; i < like->n; i++) {
		const struct step *s = &like->steps[i];
		const struct btf_type *t = plain(r, &id);

		if (s->name) {
			if (!find_member(p, &id, like, s))
				return false;
			continue;
		}
		if (i) {
			const struct btf_array *a = btf_array(t);

			if (!btf_is_array(t) || (a->nelems && s->index >= a->nelems))
				return false;
			id = a->type;
			plain(r, &id);
		}
		if (!add_step(p, id, s->index, NULL))
			return false;
	}
	return true;
}

/* Of a bit field: of the smallest integer around it. */
static bool answer_bits(struct answer *a, u32 kind, const struct btf_type *t, u32 bit, u32 bits)
{
	u32 size = t->size, off;

	for (off = bit / 8 / size * size; bit + bits > (off + size) * 8;) {
		if (size == 8)
			return false;
		size *= 2;
		off = bit / 8 / size * size;
	}
	a->value = kind == BPF_CORE_FIELD_BYTE_OFFSET ? off
		   : kind == BPF_CORE_FIELD_BYTE_SIZE ? size
		   : kind == BPF_CORE_FIELD_LSHIFT_U64
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			   ? 64 - (bit + bits - off * 8)
#else
			   ? (8 - size) * 8 + (bit - off * 8)
#endif
			   : 64 - bits;
	a->sure = kind == BPF_CORE_FIELD_RSHIFT_U64;
	return true;
}

bool path_answer(struct answer *a, u32 kind, const struct path *p)
{
	const struct step *s = &p->steps[p->n - 1];
	u32 type = s->type, bits = 0;
	const struct btf_type *t = raw_type(p->btf, type);

	*a = (struct answer){.value = 1, .sure = true};
	if (kind == BPF_CORE_FIELD_EXISTS || kind == BPF_CORE_TYPE_EXISTS)
		return true;
	if (kind == BPF_CORE_TYPE_SIZE) {
		a->value = raw_size(p->btf, p->steps[0].type);
		return true;
	}
	if (s->name) {
		bits = btf_member_bitfield_size(t, s->index);
		type = btf_members(t)[s->index].type;
		t = plain(p->btf, &type);
	}
	if (kind == BPF_CORE_FIELD_SIGNED) {
		a->value = btf_is_any_enum(t)
				   ? btf_kflag(t)
				   : btf_is_int(t) && btf_int_encoding(t) & BTF_INT_SIGNED;
		return true;
	}
	if (bits)
		return answer_bits(a, kind, t, p->bit, bits);
	a->size = raw_size(p->btf, type);
	a->type = type;
	a->value = kind == BPF_CORE_FIELD_BYTE_OFFSET ? p->bit / 8
		   : kind == BPF_CORE_FIELD_BYTE_SIZE ? a->size
						      : 64 - a->size * 8;
	return true;
}

static bool unsigned_int(const struct btf_type *t)
{
	return btf_is_int(t) && !(btf_int_encoding(t) & BTF_INT_SIGNED);
}

bool path_same_load(const struct raw_btf *a, const struct answer *x, const struct raw_btf *b,
		    const struct answer *y)
{
	u32 one = x->type, other = y->type;
	const struct btf_type *t = plain(a, &one), *u = plain(b, &other);

	return x->size == y->size || (btf_is_ptr(t) && btf_is_ptr(u)) ||
	       (unsigned_int(t) && unsigned_int(u));
}
