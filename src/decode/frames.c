/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Kernel stacks: addresses of a section, as symbols. */
#include "told.h"

/* The frames that the probe itself added: of BPF and of the tracepoint's own functions. */
static u32 skip_own(const u64 *ip, u32 n)
{
	static const char *const own[] = {"bpf_",        "__bpf_",           "__traceiter_",
					  "perf_trace_", "perf_call_bpf",    "trace_call_bpf",
					  "kprobe_",     "opt_kprobe_",      "ftrace_",
					  "fprobe_",     "arch_ftrace_ops_", "rethook_"};
	u32 skip = 0;

	for (u32 i = 0; i < n; i++) {
		const char *text = symbol_text(ip[i]);
		bool mine = !text;

		for (u32 k = 0; k < ARRAY_SIZE(own) && text; k++)
			mine |= !strncmp(text, own[k], strlen(own[k]));
		if (!mine)
			break;
		skip = i + 1;
	}
	return skip < n ? skip : 0;
}

static void put_frame(struct buf *b, u64 address)
{
	const char *text = symbol_text(address);

	if (text)
		buf_text(b, text);
	else
		buf_hex(b, address);
}

/* A section's addresses, copied: they need not be aligned. n gets their number. */
static const u64 *frames_of(const struct rec *r, u32 *n)
{
	static u64 ip[HIT_STACK_MAX];
	const struct sect *s = sect_find(r, SECT_STACK, ANY_ARG, NULL);

	*n = s ? s->len / 8u : 0;
	if (*n > HIT_STACK_MAX)
		*n = HIT_STACK_MAX;
	if (s)
		memcpy(ip, s + 1, *n * 8);
	return s ? ip : NULL;
}

void decode_stack(struct verbs *v, const struct rec *r)
{
	u32 n;
	const u64 *ip = frames_of(r, &n);

	if (!ip) {
		decode_none(v);
		return;
	}
	open_box(v, BOX_ARRAY);
	for (u32 i = skip_own(ip, n); i < n; i++) {
		const char *text = symbol_text(ip[i]);

		item(v);
		if (text)
			v->ops->word(v, text);
		else
			v->ops->ptr(v, ip[i]);
	}
	close_box(v);
}

void decode_frames(struct buf *b, const struct rec *r)
{
	u32 n;
	const u64 *ip = frames_of(r, &n);

	for (u32 i = skip_own(ip, n); i < n; i++) {
		buf_str(b, "\n        ");
		put_frame(b, ip[i]);
	}
}

void decode_frame_lines(struct buf *b, const u64 *ip, u32 n)
{
	while (n && !ip[n - 1])
		n--;
	for (u32 i = skip_own(ip, n); i < n; i++) {
		put_frame(b, ip[i]);
		buf_chr(b, '\n');
	}
}

void symbols_of(const struct rec *r, void (*each)(void *arg, u64 address), void *arg)
{
	const struct sect *s = sect_find(r, SECT_STACK, ANY_ARG, NULL);
	const struct tally_rec *t = (const struct tally_rec *)r;
	const struct drop_rec *d = (const struct drop_rec *)r;

	for (u32 i = 0; s && i < s->len / 8u; i++)
		each(arg, load64((const u8 *)(s + 1) + 8 * i));
	if (r->type == REC_HIT)
		symbols_of_hit((const struct hit_rec *)r, each, arg);
	if (r->type == REC_TALLY && t->flags & TALLY_SYMBOL)
		each(arg, t->key.id);
	if (r->type == REC_DROP) {
		each(arg, d->place);
		each(arg, d->caller);
	}
}
