/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Registers: r6 the context, r7 X, r9 A; r8 an offset while it is looked at. M[] is on the stack.
 * The frame's bounds are taken from the context for each load anew: what the verifier has learnt of
 * one is then no part of its state at the next, and it need not follow each path by itself.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/filter.h>
#include "cbpf.h"

#define CTX BPF_REG_6
#define X   BPF_REG_7
#define OFF BPF_REG_8
#define A   BPF_REG_9
#define FP  BPF_REG_10

#define ROOM   (-8)  /* on the stack: what a helper has read */
#define GATHER (-16) /* bytes that are put together */
#define MEM(k) (-24 - 8 * (int)(k))

#define REFUSE ~0u /* a target: the end that refuses */

struct fixup {
	u32 at, to; /* the jump; an instruction of the source, or REFUSE */
};

struct work {
	const struct cbpf *from;
	u32 count;
	const struct cbpf_how *how;
	struct bpf_insn *to;
	u32 n;
	u32 *starts; /* of each instruction of the source */
	struct fixup *fixups;
	u32 nfixups;
	bool tagged; /* now: for frames whose tag the kernel has taken out */
	bool full;
};

static u32 emit(struct work *w, u8 code, u8 dst, u8 src, short off, s32 imm)
{
	if (w->n >= CBPF_MOST) {
		w->full = true;
		return 0;
	}
	w->to[w->n] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
	return w->n++;
}

static void alu64(struct work *w, u8 op, u8 dst, s32 imm)
{
	emit(w, BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

static void alu64_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	emit(w, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static void alu32(struct work *w, u8 op, u8 dst, s32 imm)
{
	emit(w, BPF_ALU | op | BPF_K, dst, 0, 0, imm);
}

static void alu32_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	emit(w, BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

static void load(struct work *w, u8 size, u8 dst, u8 src, short off)
{
	emit(w, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static void store(struct work *w, u8 size, u8 dst, short off, u8 src)
{
	emit(w, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

static void call(struct work *w, s32 helper)
{
	emit(w, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* A jump that land() leads here. */
static u32 jump(struct work *w, u8 op, u8 dst, s32 imm)
{
	return emit(w, BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

static u32 jump_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	return emit(w, BPF_JMP | op | BPF_X, dst, src, 0, 0);
}

static void land(struct work *w, u32 at)
{
	s64 far = (s64)w->n - at - 1;

	if (far > 0x7fff)
		w->full = true;
	w->to[at].off = far;
}

/* A jump to where an instruction of the source will begin, or to REFUSE. */
static void later(struct work *w, u32 at, u32 to)
{
	w->fixups[w->nfixups++] = (struct fixup){at, to};
	if (w->nfixups >= CBPF_MOST) {
		w->nfixups--;
		w->full = true;
	}
}

static void refuse_if(struct work *w, u8 op, u8 reg, s32 imm)
{
	later(w, jump(w, op, reg, imm), REFUSE);
}

/* Always. A plain jump would leave what follows to nobody, which the verifier refuses. */
static void refuse(struct work *w)
{
	later(w, jump_reg(w, BPF_JEQ, A, A), REFUSE);
}

static u32 bytes_of(u8 size)
{
	return size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
}

static void to_host(struct work *w, u8 reg, u8 size)
{
	if (size != BPF_B)
		emit(w, BPF_ALU | BPF_END | BPF_TO_BE, reg, 0, 0, 8 * bytes_of(size));
}

/* r1, r2: where the frame's linear part begins and ends. */
static void load_bounds(struct work *w)
{
	bool xdp = w->how->hook == CBPF_XDP;

	load(w, BPF_W, BPF_REG_1, CTX,
	     xdp ? offsetof(struct xdp_md, data) : offsetof(struct __sk_buff, data));
	load(w, BPF_W, BPF_REG_2, CTX,
	     xdp ? offsetof(struct xdp_md, data_end) : offsetof(struct __sk_buff, data_end));
}

/* The same bytes from wherever they are; the offset is in r2. */
static void load_by_helper(struct work *w, u8 dst, u8 size)
{
	alu64_reg(w, BPF_MOV, BPF_REG_1, CTX);
	alu64_reg(w, BPF_MOV, BPF_REG_3, FP);
	alu64(w, BPF_ADD, BPF_REG_3, ROOM);
	alu64(w, BPF_MOV, BPF_REG_4, bytes_of(size));
	call(w, w->how->hook == CBPF_XDP ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_skb_load_bytes);
	refuse_if(w, BPF_JNE, BPF_REG_0, 0);
	load(w, size, dst, FP, ROOM);
}

/* dst: what is at a place of the frame as it lies in memory. */
static void load_at(struct work *w, u8 dst, u8 size, u32 at)
{
	u32 slow, done;

	if (at > 0x7fffff00) { /* no frame is that long */
		refuse(w);
		return;
	}
	if (at > 0x7f00) {
		alu64(w, BPF_MOV, BPF_REG_2, at);
		load_by_helper(w, dst, size);
		to_host(w, dst, size);
		return;
	}
	load_bounds(w);
	alu64_reg(w, BPF_MOV, BPF_REG_3, BPF_REG_1);
	alu64(w, BPF_ADD, BPF_REG_3, at + bytes_of(size));
	slow = jump_reg(w, BPF_JGT, BPF_REG_3, BPF_REG_2);
	load(w, size, dst, BPF_REG_1, at);
	done = jump(w, BPF_JA, 0, 0);
	land(w, slow);
	alu64(w, BPF_MOV, BPF_REG_2, at);
	load_by_helper(w, dst, size);
	land(w, done);
	to_host(w, dst, size);
}

/* The same, where the place is in OFF, a number of 64 bits. */
static void load_off(struct work *w, u8 dst, u8 size)
{
	u32 far, slow, done;

	load_bounds(w);
	far = jump(w, BPF_JGT, OFF, 0x7fff);
	alu64_reg(w, BPF_ADD, BPF_REG_1, OFF);
	alu64_reg(w, BPF_MOV, BPF_REG_3, BPF_REG_1);
	alu64(w, BPF_ADD, BPF_REG_3, bytes_of(size));
	slow = jump_reg(w, BPF_JGT, BPF_REG_3, BPF_REG_2);
	load(w, size, dst, BPF_REG_1, 0);
	done = jump(w, BPF_JA, 0, 0);
	land(w, far);
	land(w, slow);
	refuse_if(w, BPF_JGT, OFF, 0x7fffff00);
	alu64_reg(w, BPF_MOV, BPF_REG_2, OFF);
	load_by_helper(w, dst, size);
	land(w, done);
	to_host(w, dst, size);
}

/* reg: the tag as the frame had it, protocol and tci, in host order. */
static void load_tag(struct work *w, u8 reg)
{
	if (w->how->test_tag) {
		load(w, BPF_W, reg, CTX, offsetof(struct __sk_buff, mark));
		return;
	}
	load(w, BPF_W, reg, CTX, offsetof(struct __sk_buff, vlan_proto));
	to_host(w, reg, BPF_H);
	alu64(w, BPF_LSH, reg, 16);
	load(w, BPF_W, BPF_REG_5, CTX, offsetof(struct __sk_buff, vlan_tci));
	alu64_reg(w, BPF_OR, reg, BPF_REG_5);
}

#define TAG_AT 12 /* behind the addresses */

/* dst: the byte at OFF of a frame with its tag. */
static void tagged_byte(struct work *w, u8 dst)
{
	u32 before = jump(w, BPF_JLT, OFF, TAG_AT), behind, done, end;

	behind = jump(w, BPF_JGE, OFF, TAG_AT + 4);
	load_tag(w, dst);
	alu64(w, BPF_MOV, BPF_REG_1, TAG_AT + 3);
	alu64_reg(w, BPF_SUB, BPF_REG_1, OFF);
	alu64(w, BPF_AND, BPF_REG_1, 3);
	alu64(w, BPF_LSH, BPF_REG_1, 3);
	alu64_reg(w, BPF_RSH, dst, BPF_REG_1);
	alu64(w, BPF_AND, dst, 255);
	done = jump(w, BPF_JA, 0, 0);
	land(w, behind);
	alu64(w, BPF_SUB, OFF, 4);
	load_off(w, dst, BPF_B);
	alu64(w, BPF_ADD, OFF, 4);
	end = jump(w, BPF_JA, 0, 0);
	land(w, before);
	load_off(w, dst, BPF_B);
	land(w, done);
	land(w, end);
}

/* Byte for byte, some of the frame and some of the tag; OFF is where they begin. */
static void tagged_bytes(struct work *w, u8 size)
{
	u32 n = bytes_of(size);

	store(w, BPF_DW, FP, GATHER, X);
	alu64(w, BPF_MOV, A, 0);
	for (u32 i = 0; i < n; i++) {
		tagged_byte(w, X);
		alu64(w, BPF_LSH, A, 8);
		alu64_reg(w, BPF_OR, A, X);
		alu64(w, BPF_ADD, OFF, 1);
	}
	load(w, BPF_DW, X, FP, GATHER);
}

/* A = the frame's bytes at k, as the wire had it. */
static void load_abs(struct work *w, u8 size, u32 k)
{
	if (!w->tagged || k + bytes_of(size) <= TAG_AT) {
		load_at(w, A, size, k);
	} else if (k >= TAG_AT + 4) {
		load_at(w, A, size, k - 4);
	} else {
		alu64(w, BPF_MOV, OFF, k);
		tagged_bytes(w, size);
	}
}

/* A = those at X + k: a sum that does not wrap. */
static void load_ind(struct work *w, u8 size, u32 k)
{
	u32 behind, before, done, end;

	if (k > 0x7fffff00) {
		refuse(w);
		return;
	}
	alu32_reg(w, BPF_MOV, OFF, X);
	alu64(w, BPF_ADD, OFF, k);
	if (!w->tagged) {
		load_off(w, A, size);
		return;
	}
	behind = jump(w, BPF_JGE, OFF, TAG_AT + 4);
	before = jump(w, BPF_JLE, OFF, TAG_AT - bytes_of(size));
	tagged_bytes(w, size);
	done = jump(w, BPF_JA, 0, 0);
	land(w, behind);
	alu64(w, BPF_SUB, OFF, 4);
	land(w, before);
	load_off(w, A, size);
	end = jump(w, BPF_JA, 0, 0);
	land(w, done);
	land(w, end);
}

/* X = 4 * (the byte at k & 15) */
static void load_msh(struct work *w, u32 k)
{
	store(w, BPF_DW, FP, MEM(BPF_MEMWORDS), A);
	load_abs(w, BPF_B, k);
	alu32(w, BPF_AND, A, 15);
	alu32(w, BPF_LSH, A, 2);
	alu64_reg(w, BPF_MOV, X, A);
	load(w, BPF_DW, A, FP, MEM(BPF_MEMWORDS));
}

static void load_len(struct work *w, u8 dst)
{
	if (w->how->hook == CBPF_TC) {
		load(w, BPF_W, dst, CTX, offsetof(struct __sk_buff, len));
		if (w->tagged)
			alu32(w, BPF_ADD, dst, 4);
		return;
	}
	alu64_reg(w, BPF_MOV, BPF_REG_1, CTX);
	call(w, BPF_FUNC_xdp_get_buff_len);
	alu32_reg(w, BPF_MOV, dst, BPF_REG_0);
}

static int do_load(struct work *w, const struct cbpf *c)
{
	u8 dst = BPF_CLASS(c->code) == BPF_LD ? A : X, size = BPF_SIZE(c->code);

	switch (BPF_MODE(c->code)) {
	case BPF_IMM: alu32(w, BPF_MOV, dst, c->k); return 0;
	case BPF_LEN: load_len(w, dst); return 0;
	case BPF_MEM:
		if (c->k >= BPF_MEMWORDS)
			return -EINVAL;
		load(w, BPF_DW, dst, FP, MEM(c->k));
		return 0;
	}
	if (size == BPF_DW)
		return -EINVAL;
	if (dst == X) {
		if (BPF_MODE(c->code) != BPF_MSH)
			return -EINVAL;
		load_msh(w, c->k);
		return 0;
	}
	if (BPF_MODE(c->code) == BPF_ABS)
		load_abs(w, size, c->k);
	else if (BPF_MODE(c->code) == BPF_IND)
		load_ind(w, size, c->k);
	else
		return -EINVAL;
	return 0;
}

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
	case BPF_LDX: return do_load(w, c);
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
