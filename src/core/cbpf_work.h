/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What translating a filter works with. Nobody but cbpf*.c includes this.
 *
 * Registers: r6 the context, r7 X, r9 A; r8 an offset while it is looked at. M[] is on the stack.
 * The frame's bounds are taken from the context for each load anew: what the verifier has learnt of
 * one is then no part of its state at the next, and it need not follow each path by itself.
 */
#ifndef WEIR_CBPF_WORK_H
#define WEIR_CBPF_WORK_H

#include <stdbool.h>
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

static inline u32 emit(struct work *w, u8 code, u8 dst, u8 src, short off, s32 imm)
{
	if (w->n >= CBPF_MOST) {
		w->full = true;
		return 0;
	}
	w->to[w->n] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
	return w->n++;
}

static inline void alu64(struct work *w, u8 op, u8 dst, s32 imm)
{
	emit(w, BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

static inline void alu64_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	emit(w, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static inline void alu32(struct work *w, u8 op, u8 dst, s32 imm)
{
	emit(w, BPF_ALU | op | BPF_K, dst, 0, 0, imm);
}

static inline void alu32_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	emit(w, BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

static inline void load(struct work *w, u8 size, u8 dst, u8 src, short off)
{
	emit(w, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static inline void store(struct work *w, u8 size, u8 dst, short off, u8 src)
{
	emit(w, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

static inline void call(struct work *w, s32 helper)
{
	emit(w, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* A jump that land() leads here. */
static inline u32 jump(struct work *w, u8 op, u8 dst, s32 imm)
{
	return emit(w, BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

static inline u32 jump_reg(struct work *w, u8 op, u8 dst, u8 src)
{
	return emit(w, BPF_JMP | op | BPF_X, dst, src, 0, 0);
}

static inline void land(struct work *w, u32 at)
{
	s64 far = (s64)w->n - at - 1;

	if (far > 0x7fff)
		w->full = true;
	w->to[at].off = far;
}

/* A jump to where an instruction of the source will begin, or to REFUSE. */
static inline void later(struct work *w, u32 at, u32 to)
{
	w->fixups[w->nfixups++] = (struct fixup){at, to};
	if (w->nfixups >= CBPF_MOST) {
		w->nfixups--;
		w->full = true;
	}
}

static inline void refuse_if(struct work *w, u8 op, u8 reg, s32 imm)
{
	later(w, jump(w, op, reg, imm), REFUSE);
}

/* Always. A plain jump would leave what follows to nobody, which the verifier refuses. */
static inline void refuse(struct work *w)
{
	later(w, jump_reg(w, BPF_JEQ, A, A), REFUSE);
}

/* An instruction that loads A or X. 0, or -EINVAL when there is none such. */
int cbpf_load(struct work *w, const struct cbpf *c);

#endif
