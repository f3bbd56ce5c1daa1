/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include "chains.h"
#include "hit_decode.h"
#include "hooks.h"
#include "stacks.h"

static const struct hook_row rows[] = HOOK_ROWS;

const char *hook_of(const char *symbol)
{
	size_t n = symbol ? strcspn(symbol, "+ \n") : 0;

	for (u32 i = 0; n && i < sizeof(rows) / sizeof(*rows); i++)
		if (strlen(rows[i].function) == n && !memcmp(rows[i].function, symbol, n) &&
		    *rows[i].name)
			return rows[i].name;
	return NULL;
}

/* "ip filter" as nft calls it, "iptables filter" where it is not of nft. */
static const char *family_of(const struct hook_chain *c)
{
	static const char *const of_nft[] = {[1] = "inet ",   [2] = "ip ",     [3] = "arp ",
					     [5] = "netdev ", [7] = "bridge ", [10] = "ip6 "};
	static const char *const of_xt[] = {
		[2] = "iptables ", [3] = "arptables ", [10] = "ip6tables "};
	const char *const *names = c->kind == CHAIN_NFT ? of_nft : of_xt;

	return c->family < sizeof(of_nft) / sizeof(*of_nft) && names[c->family] ? names[c->family]
										: "";
}

/* A name that a user chose stays on its line. */
static void put_name(struct buf *b, const char *name, size_t most)
{
	for (size_t i = 0; i < most && name[i]; i++)
		buf_chr(b, name[i] == '\n' ? '?' : name[i]);
}

static void put_chain(struct buf *b, const struct hook_chain *c, const char *hook)
{
	const char *symbol = symbol_text(c->function);

	if (c->kind == CHAIN_FUNCTION) {
		buf_mem(b, symbol ? symbol : "?", symbol ? strcspn(symbol, "+") : 1);
	} else {
		buf_text(b, family_of(c));
		put_name(b, c->table, sizeof(c->table));
		buf_chr(b, ' ');
		if (c->kind == CHAIN_NFT)
			put_name(b, c->chain, sizeof(c->chain));
		else
			buf_text(b, hook);
	}
	buf_chr(b, '\n');
}

/* The stack's name of that id: who asked, and a line for each that may have dropped it. */
bool hooks_inner(struct run *run, const struct rec *rec)
{
	const struct hook_rec *r = (const struct hook_rec *)rec;
	const char *caller;
	struct buf b = {0};

	if (rec->type != REC_HOOK)
		return false;
	caller = symbol_text(r->caller);
	buf_text(&b, caller ? caller : rows[r->row].function);
	buf_chr(&b, '\n');
	for (u32 i = 0; i < r->n; i++)
		put_chain(&b, &r->chains[i], rows[r->row].name);
	if (run->common.record)
		run_record_name(run, NAME_STACK, r->id, b.base, buf_len(&b));
	else
		stack_learn(r->id, b.base, buf_len(&b));
	buf_free(&b);
	return true;
}

/* Of that id's lines the first, and the others. */
static const char *others(u64 id)
{
	const char *text = id ? stack_text(id) : NULL, *end = text ? strchr(text, '\n') : NULL;

	return end ? end + 1 : NULL;
}

void chains_tell(struct verbs *v, u64 id)
{
	decode_lines(v, others(id));
}

/* " (ip filter INPUT or nf_confirm)" */
void chains_text(struct buf *b, u64 id)
{
	const char *text = others(id), *end, *before = " (";

	for (; text && (end = strchr(text, '\n')); text = end + 1) {
		buf_str(b, before);
		buf_safe_utf8(b, text, end - text);
		before = " or ";
	}
	if (text && strcmp(before, " ("))
		buf_chr(b, ')');
}
