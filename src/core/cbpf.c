/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "cbpf_work.h"

/* Shifts by more than 31 give 0; the kernel's would shift by the rest. */
static void do_shift(struct work *w, u8 op)
{
	u32 far = jump(w, BPF_JGT, X, 31), done;

	alu32_reg(w, op, A, X);
	done = jump(w, BPF_JA, 0, 0);
	land(w, far);
	alu32(w, BPF_MOV, A, 0);
	land(w, done);
}

static int do_alu(struct work *w, const struct cbpf *c)
{
	u8 op = BPF_OP(c->code);
	bool by_x = BPF_SRC(c->code) == BPF_X;

	switch (op) {
	case BPF_NEG: alu32(w, BPF_NEG, A, 0); return 0;
	case BPF_DIV:
	case BPF_MOD:
		if (by_x)
			refuse_if(w, BPF_JEQ, X, 0);
		else if (!c->k)
			return -EINVAL;
		break;
	case BPF_LSH:
	case BPF_RSH:
		if (by_x) {
			do_shift(w, op);
			return 0;
		}
		if (c->k > 31)
			return -EINVAL;
		break;
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_OR:
	case BPF_AND:
	case BPF_XOR: break;
	default: return -EINVAL;
	}
	if (by_x)
		alu32_reg(w, op, A, X);
	else
		alu32(w, op, A, c->k);
	return 0;
}

static int do_jump(struct work *w, const struct cbpf *c, u32 i)
{
	u8 op = BPF_OP(c->code);
	u32 at;

	if (op == BPF_JA) {
		if (c->k >= w->count - i - 1)
			return -EINVAL;
		later(w, jump(w, BPF_JA, 0, 0), i + 1 + c->k);
		return 0;
	}
	if (op != BPF_JEQ && op != BPF_JGT && op != BPF_JGE && op != BPF_JSET)
		return -EINVAL;
	if (i + 1 + (c->jt > c->jf ? c->jt : c->jf) >= w->count)
		return -EINVAL;
	/* in 32 bits: an immediate would be of the sign of its highest one */
	at = emit(w, BPF_JMP32 | op | BPF_SRC(c->code), A, BPF_SRC(c->code) == BPF_X ? X : 0, 0,
		  BPF_SRC(c->code) == BPF_X ? 0 : (s32)c->k);
	later(w, at, i + 1 + c->jt);
	if (c->jf)
		later(w, jump(w, BPF_JA, 0, 0), i + 1 + c->jf);
	return 0;
}

/* What passes goes to the program that takes it. */
static void do_accept(struct work *w)
{
	if (w->how->map < 0) {
		alu64(w, BPF_MOV, BPF_REG_0, 1);
		emit(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
		return;
	}
	alu64_reg(w, BPF_MOV, BPF_REG_1, CTX);
	emit(w, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, w->how->map);
	emit(w, 0, 0, 0, 0, 0);
	alu64(w, BPF_MOV, BPF_REG_3, w->how->index);
	call(w, BPF_FUNC_tail_call);
	alu64(w, BPF_MOV, BPF_REG_0, w->how->refused);
	emit(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int do_ret(struct work *w, const struct cbpf *c)
{
	if (BPF_RVAL(c->code) == BPF_A) {
		refuse_if(w, BPF_JEQ, A, 0);
		do_accept(w);
	} else if (BPF_RVAL(c->code) == BPF_K && c->k) {
		do_accept(w);
	} else if (BPF_RVAL(c->code) == BPF_K) {
		later(w, jump(w, BPF_JA, 0, 0), REFUSE);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int do_one(struct work *w, u32 i)
{
	const struct cbpf *c = &w->from[i];

	switch (BPF_CLASS(c->code)) {
	case BPF_LD:
	case BPF_LDX: return cbpf_load(w, c);
	case BPF_ST:
	case BPF_STX:
		if (c->k >= BPF_MEMWORDS)
			return -EINVAL;
		store(w, BPF_DW, FP, MEM(c->k), BPF_CLASS(c->code) == BPF_ST ? A : X);
		return 0;
	case BPF_ALU: return do_alu(w, c);
	case BPF_JMP: return do_jump(w, c, i);
	case BPF_RET: return do_ret(w, c);
	default: /* BPF_MISC */
		if (BPF_MISCOP(c->code) == BPF_TAX)
			alu64_reg(w, BPF_MOV, X, A);
		else if (BPF_MISCOP(c->code) == BPF_TXA)
			alu64_reg(w, BPF_MOV, A, X);
		else
			return -EINVAL;
		return 0;
	}
}

/* A, X and the words of M[] that are used begin as 0. */
static void begin(struct work *w)
{
	u32 used = 0;

	alu64(w, BPF_MOV, A, 0);
	alu64(w, BPF_MOV, X, 0);
	for (u32 i = 0; i < w->count; i++) {
		u16 class = BPF_CLASS(w->from[i].code);
		bool mem = class == BPF_ST || class == BPF_STX ||
			   (class <= BPF_LDX && BPF_MODE(w->from[i].code) == BPF_MEM);

		if (mem && w->from[i].k < BPF_MEMWORDS)
			used |= 1u << w->from[i].k;
	}
	for (u32 k = 0; k < BPF_MEMWORDS; k++)
		if (used >> k & 1)
			emit(w, BPF_ST | BPF_MEM | BPF_DW, FP, 0, MEM(k), 0);
}

/* The whole filter once, and the jumps within it. */
static int one_copy(struct work *w)
{
	u32 first = w->nfixups, refuse;
	int err = 0;

	begin(w);
	for (u32 i = 0; i < w->count && !err; i++) {
		w->starts[i] = w->n;
		err = do_one(w, i);
	}
	refuse = w->n;
	alu64(w, BPF_MOV, BPF_REG_0, w->how->map < 0 ? 0 : w->how->refused);
	emit(w, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (u32 i = first; i < w->nfixups && !err && !w->full; i++) {
		const struct fixup *f = &w->fixups[i];
		s64 far = (s64)(f->to == REFUSE ? refuse : w->starts[f->to]) - f->at - 1;

		if (far > 0x7fff)
			w->full = true;
		w->to[f->at].off = far;
	}
	w->nfixups = first;
	return err;
}

static int translate(struct work *w)
{
	u32 tagged = 0;
	int err;

	alu64_reg(w, BPF_MOV, CTX, BPF_REG_1);
	if (w->how->tags) {
		load(w, BPF_W, BPF_REG_1, CTX,
		     w->how->test_tag ? offsetof(struct __sk_buff, mark)
				      : offsetof(struct __sk_buff, vlan_present));
		tagged = jump(w, BPF_JNE, BPF_REG_1, 0);
	}
	err = one_copy(w);
	if (!err && w->how->tags) {
		land(w, tagged);
		w->tagged = true;
		err = one_copy(w);
	}
	return err ? err : w->full ? -E2BIG : (int)w->n;
}

int cbpf_translate(const struct cbpf *from, u32 n, const struct cbpf_how *how,
		   struct bpf_insn **insns)
{
	struct work w = {.from = from, .count = n, .how = how};
	int err;

	w.to = calloc(CBPF_MOST, sizeof(*w.to));
	w.starts = calloc(n ? n : 1, sizeof(*w.starts));
	w.fixups = calloc(CBPF_MOST, sizeof(*w.fixups));
	err = !n ? -EINVAL : !w.to || !w.starts || !w.fixups ? -ENOMEM : translate(&w);
	free(w.starts);
	free(w.fixups);
	if (err < 0) {
		free(w.to);
		w.to = NULL;
	}
	*insns = w.to;
	return err;
}
