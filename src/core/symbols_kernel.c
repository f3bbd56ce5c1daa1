/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Names of kernel addresses, asked of the kernel one at a time: a program that formats the address
 * that it is called with. /proc/kallsyms is 10 MB of text, and tens of milliseconds to read.
 */
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include "buf.h"
#include "hit_decode.h"
#include "symbols.h"

#define TEXT_WORDS 30 /* a name of 127 bytes, distance, size, and a module's of 55: 224 */

struct question {
	u64 address, text[TEXT_WORDS];
};

#define INSN(code_, dst, src, off_, imm_)                                                          \
	(struct bpf_insn)                                                                          \
	{                                                                                          \
		.code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_)  \
	}
#define LOAD   (BPF_LDX | BPF_MEM | BPF_DW)
#define STORE  (BPF_STX | BPF_MEM | BPF_DW)
#define ZERO   (BPF_ST | BPF_MEM | BPF_DW)
#define NUMBER (BPF_ALU64 | BPF_MOV | BPF_K)
#define COPY   (BPF_ALU64 | BPF_MOV | BPF_X)
#define ADD    (BPF_ALU64 | BPF_ADD | BPF_K)

enum { R0, R1, R2, R3, R4, R5, R6, FRAME = 10 };

#define ADDRESS_AT (-8) /* on the stack, and the text below it */
#define TEXT_AT    (ADDRESS_AT - TEXT_WORDS * 8)

/* The format has to lie where nothing can change it: in a map of one element that is frozen. */
static int make_format(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_RDONLY_PROG);
	char format[8] = "%pS";
	u32 zero = 0;
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "symbol_format", sizeof(zero), sizeof(format),
				 1, &opts);

	if (map >= 0 && (bpf_map_update_elem(map, &zero, format, 0) || bpf_map_freeze(map))) {
		close(map);
		return -1;
	}
	return map;
}

/* bpf_snprintf(text, sizeof(text), format, &address, sizeof(address)), by way of the stack: into
 * what it is called with it may write since Linux 6.1 only. */
static int make_program(int format)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	struct bpf_insn insns[3 * TEXT_WORDS + 16];
	u32 n = 0;

	insns[n++] = INSN(COPY, R6, R1, 0, 0);
	insns[n++] = INSN(LOAD, R1, R6, 0, 0);
	insns[n++] = INSN(STORE, FRAME, R1, ADDRESS_AT, 0);
	for (u32 i = 0; i < TEXT_WORDS; i++)
		insns[n++] = INSN(ZERO, FRAME, 0, TEXT_AT + (int)i * 8, 0);
	insns[n++] = INSN(COPY, R1, FRAME, 0, 0);
	insns[n++] = INSN(ADD, R1, 0, 0, TEXT_AT);
	insns[n++] = INSN(NUMBER, R2, 0, 0, TEXT_WORDS * 8);
	insns[n++] = INSN(BPF_LD | BPF_IMM | BPF_DW, R3, BPF_PSEUDO_MAP_VALUE, 0, format);
	insns[n++] = INSN(0, 0, 0, 0, 0);
	insns[n++] = INSN(COPY, R4, FRAME, 0, 0);
	insns[n++] = INSN(ADD, R4, 0, 0, ADDRESS_AT);
	insns[n++] = INSN(NUMBER, R5, 0, 0, 8);
	insns[n++] = INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_snprintf);
	for (u32 i = 0; i < TEXT_WORDS; i++) {
		insns[n++] = INSN(LOAD, R1, FRAME, TEXT_AT + (int)i * 8, 0);
		insns[n++] = INSN(STORE, R6, R1, offsetof(struct question, text[i]), 0);
	}
	insns[n++] = INSN(NUMBER, R0, 0, 0, 0);
	insns[n++] = INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "symbol_name", "Dual BSD/GPL", insns, n, &opts);
}

static int program(void)
{
	static int fd;
	int format;

	if (fd)
		return fd;
	format = make_format();
	fd = format < 0 ? -1 : make_program(format);
	if (format >= 0)
		close(format);
	return fd;
}

static const char *name_at(u64 address)
{
	static struct question q;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &q, .ctx_size_in = sizeof(q));

	q = (struct question){.address = address};
	if (program() < 0 || bpf_prog_test_run_opts(program(), &opts))
		return NULL;
	return (const char *)q.text;
}

void symbols_kernel(void)
{
	decode_symbol = name_at;
}
