/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Connects and accepts that io_uring makes, of which no system call tells (rows:
 * src/core/urings.c). A tool writes connected(file, addr, ret) and accepted(listening, file, ret):
 * struct file as numbers, the accepted one 0 where it is unknown; the address in user memory; the
 * result.
 */
#ifndef WEIR_URING_BPF_H
#define WEIR_URING_BPF_H

#include "sock.bpf.h"
#include "ways.bpf.h"

/* include/uapi/linux/io_uring.h */
#define IORING_OP_ACCEPT  13
#define IORING_OP_CONNECT 16

#define URING_EAGAIN 11

/* A request of this kind, that a program made; NULL (of a further result) is none. */
static __always_inline bool uring_is(u64 req, u8 wanted)
{
	u8 opcode = 0;

	if (!req || bpf_get_current_task_btf()->flags & PF_KTHREAD) /* what is cancelled at exit */
		return false;
	bpf_core_read(&opcode, sizeof(opcode), &((struct io_kiocb *)req)->opcode);
	return opcode == wanted;
}

static __always_inline u64 uring_file(u64 req)
{
	return (u64)BPF_CORE_READ((struct io_kiocb *)req, file);
}

/* The file that an accept made: with a slot it has no descriptor. */
static __always_inline u64 uring_accepted_file(u64 req, s64 ret)
{
	if (ret < 0 || BPF_CORE_READ((struct io_accept *)req, file_slot))
		return 0;
	return (u64)file_of_fd(bpf_get_current_task_btf(), ret);
}

#define NR_IO_URING_ENTER 426 /* in all tables */

/* Is a call of the running program's own underway, which tells of itself when it ends? Of a 32-bit
 * one, whose numbers are others, any but that which hands over requests may be it. */
static __always_inline bool uring_call(struct task_struct *task)
{
	u64 nr = regs_nr((struct pt_regs *)bpf_task_pt_regs(task));

	if (task->flags & PF_IO_WORKER)
		return false;
	return task_compat(task) ? nr != NR_IO_URING_ENTER : call_of(nr) != CALL_NONE;
}

/* io_uring_complete(ctx, req, cqe), before 6.15 or so (ctx, req, user_data, res, ...). */
#define URING_CONNECT_WAYS(connected)                                                              \
	static __always_inline int uring_connected(u64 req, s64 ret)                               \
	{                                                                                          \
		return uring_is(req, IORING_OP_CONNECT)                                            \
			       ? connected(uring_file(req),                                        \
					   (u64)BPF_CORE_READ((struct io_connect *)req, addr),     \
					   ret)                                                    \
			       : 0;                                                                \
	}                                                                                          \
	SEC("?tp_btf") int uring_connect_tp(u64 *ctx)                                              \
	{                                                                                          \
		return uring_connected(ctx[1], ((struct io_uring_cqe *)ctx[2])->res);              \
	}                                                                                          \
	SEC("?tp_btf") int uring_connect_tp_old(u64 *ctx)                                          \
	{                                                                                          \
		return uring_connected(ctx[1], (s32)ctx[3]);                                       \
	}

/*
 * do_accept(file, ...) returns a file or an error: it sees each connection of an accept that goes
 * on (multishot), of which the tracepoint tells no more than the last. EAGAIN: io_uring asks once
 * more.
 */
#define URING_ACCEPT_WAYS(accepted)                                                                \
	SEC("?fexit") int uring_accept(u64 *ctx)                                                   \
	{                                                                                          \
		s64 ret = ctx[5];                                                                  \
		bool failed = ret < 0 && ret >= -4095;                                             \
		if (uring_call(bpf_get_current_task_btf()) || ret == -URING_EAGAIN)                \
			return 0;                                                                  \
		return accepted(ctx[0], failed ? 0 : ret, failed ? ret : 0);                       \
	}                                                                                          \
	static __always_inline int uring_accepted(u64 req, s64 ret)                                \
	{                                                                                          \
		return uring_is(req, IORING_OP_ACCEPT)                                             \
			       ? accepted(uring_file(req), uring_accepted_file(req, ret), ret)     \
			       : 0;                                                                \
	}                                                                                          \
	SEC("?tp_btf") int uring_accept_tp(u64 *ctx)                                               \
	{                                                                                          \
		return uring_accepted(ctx[1], ((struct io_uring_cqe *)ctx[2])->res);               \
	}                                                                                          \
	SEC("?tp_btf") int uring_accept_tp_old(u64 *ctx)                                           \
	{                                                                                          \
		return uring_accepted(ctx[1], (s32)ctx[3]);                                        \
	}

#endif
