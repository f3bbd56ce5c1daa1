/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Loads from a frame, wherever its bytes are, and from what the kernel has taken out of it. */
#include <errno.h>
#include <stddef.h>
#include "cbpf_work.h"

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

int cbpf_load(struct work *w, const struct cbpf *c)
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
