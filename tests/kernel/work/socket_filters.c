/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Classic BPF programs as option values: every kind of instruction, lengths and pointers. */
#include "probe.h"
#include <linux/filter.h>

static int fd;

static void attach(const void *program, int n)
{
	Setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, n);
}

static void attach_code(struct sock_filter *code, int n)
{
	struct sock_fprog p = {n, code};

	attach(DUP(p), sizeof(p));
}

static void get(int n, void *value)
{
	int *len = mem(4);

	*len = n;
	Getsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, len);
}

int main(void)
{
	static const struct sock_filter small[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
						   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x800, 0, 1),
						   BPF_STMT(BPF_RET | BPF_K, 0xffff),
						   BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter kinds[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffff000),
						   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffff004),
						   BPF_STMT(BPF_LD | BPF_B | BPF_IND, 4),
						   BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
						   BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
						   BPF_STMT(BPF_LD | BPF_IMM, 5),
						   BPF_STMT(BPF_LD | BPF_MEM, 3),
						   BPF_STMT(BPF_ST, 2),
						   BPF_STMT(BPF_STX, 2),
						   BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
						   BPF_STMT(BPF_ALU | BPF_AND | BPF_X, 0),
						   BPF_STMT(BPF_ALU | BPF_NEG, 0),
						   BPF_STMT(BPF_JMP | BPF_JA, 1),
						   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 5, 1, 2),
						   BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, 1, 2),
						   BPF_STMT(BPF_MISC | BPF_TAX, 0),
						   BPF_STMT(BPF_MISC | BPF_TXA, 0),
						   BPF_STMT(BPF_RET | BPF_A, 0),
						   BPF_STMT(BPF_RET | BPF_X, 0),
						   {0xffff, 1, 2, 3},
						   {0x100, 0, 0, 0}};
	struct sock_filter *code, *all;
	struct sock_fprog *program;
	int *none;

	arena();
	code = DUP(small);
	all = DUP(kinds);
	none = mem(4);
	program = mem(sizeof(*program));
	*program = (struct sock_fprog){4, code};
	fd = Socket(AF_INET, SOCK_DGRAM, 0);
	for (int n = 15; n <= 17; n++)
		attach(program, n);
	attach(BAD, 16);
	attach(NULL, 16);
	get(4, mem(64));
	get(8, mem(64));
	get(0, mem(64));
	get(3, mem(64));
	get(0, NULL);
	attach_code(code, 0);
	attach_code(NULL, 2);
	attach_code(BAD, 2);
	attach_code(tail_copy(code, 8), 2);
	attach_code(mem(4096), 65535);
	attach_code(all, sizeof(kinds) / sizeof(*kinds));
	Setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, 16);
	Setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, none, 4);
	*none = 5;
	Setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, none, 4);
	return 0;
}
