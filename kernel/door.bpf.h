/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The doors of the socket layer (include/door.h), on whatever way the kernel grants. A tool writes
 * pass(door, sk, ret), called in the context of the task that sends or receives: the socket (NULL
 * where a kretprobe is the way), and the bytes or -errno. DOOR_WAYS() makes the programs of every
 * way from it, DOOR_SOCK_WAYS() those of ways that know the socket, and of messages only: looks at
 * one are left out. The rows of src/core/doors.c name them.
 */
#ifndef WEIR_DOOR_BPF_H
#define WEIR_DOOR_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include "door.h"

#if defined(__TARGET_ARCH_x86)
#define regs_ret(r) ((r)->ax)
#elif defined(__TARGET_ARCH_arm64)
#define regs_ret(r) ((r)->regs[0])
#endif

/* include/linux/socket.h: of a receive. Neither takes a message out: that looks at one which will
 * be received, this gets back what was sent. */
#define MSG_PEEK     0x2
#define MSG_ERRQUEUE 0x2000

static __always_inline bool door_looks(u64 flags)
{
	return flags & (MSG_PEEK | MSG_ERRQUEUE);
}

static __always_inline bool door_never(u64 flags)
{
	return false;
}

/*
 * What they are called, and with what:
 *   sock_recv_length(sk, ret, flags)  tracepoints, Linux 6.3
 *   sock_send_length(sk, ret, flags)
 *   sock_recvmsg(sock, msg, flags)
 *   __sock_sendmsg(sock, msg)         since 86a7e0b69bd5 (6.6 and stable releases), where the
 *                                     compiler made it a function
 *   sock_sendmsg(sock, msg)           before; since then only the kernel itself calls it
 *   tcp_sendpage(sk, page, offset, size, flags)  until dc97391e6610 (6.5): sendfile and splice to a
 *   unix_stream_sendpage(sock, ...)              socket, a page at a time; other sockets got
 * messages
 */
#define DOOR_SOCK_WAYS_BUT(none, pass)                                                             \
	SEC("?tp_btf") int door_recv_tp(u64 *ctx)                                                  \
	{                                                                                          \
		return none(ctx[2]) ? 0 : pass(DOOR_RECVMSG, (struct sock *)ctx[0], (s32)ctx[1]);  \
	}                                                                                          \
	SEC("?fexit") int door_recv_fexit(u64 *ctx)                                                \
	{                                                                                          \
		return none(ctx[2])                                                                \
			       ? 0                                                                 \
			       : pass(DOOR_RECVMSG, ((struct socket *)ctx[0])->sk, (s32)ctx[3]);   \
	}                                                                                          \
	SEC("?tp_btf") int door_send_tp(u64 *ctx)                                                  \
	{                                                                                          \
		return pass(DOOR_SENDMSG, (struct sock *)ctx[0], (s32)ctx[1]);                     \
	}                                                                                          \
	SEC("?fexit") int door_send_fexit(u64 *ctx)                                                \
	{                                                                                          \
		return pass(DOOR_SENDMSG, ((struct socket *)ctx[0])->sk, (s32)ctx[2]);             \
	}                                                                                          \
	SEC("?fexit") int door_send_fexit_old(u64 *ctx)                                            \
	{                                                                                          \
		return pass(DOOR_SENDMSG, ((struct socket *)ctx[0])->sk, (s32)ctx[2]);             \
	}                                                                                          \
	SEC("?fexit") int door_page_tcp(u64 *ctx)                                                  \
	{                                                                                          \
		return pass(DOOR_SENDMSG, (struct sock *)ctx[0], (s32)ctx[5]);                     \
	}                                                                                          \
	SEC("?fexit") int door_page_unix(u64 *ctx)                                                 \
	{                                                                                          \
		return pass(DOOR_SENDMSG, ((struct socket *)ctx[0])->sk, (s32)ctx[5]);             \
	}

#define DOOR_SOCK_WAYS(pass) DOOR_SOCK_WAYS_BUT(door_looks, pass)

/* The same functions as they are entered, where no result is wanted: ret is 0. */
#define DOOR_ENTRY_WAYS(pass)                                                                      \
	SEC("?fentry") int door_recv_fentry(u64 *ctx)                                              \
	{                                                                                          \
		return pass(DOOR_RECVMSG, ((struct socket *)ctx[0])->sk, 0);                       \
	}                                                                                          \
	SEC("?fentry") int door_send_fentry(u64 *ctx)                                              \
	{                                                                                          \
		return pass(DOOR_SENDMSG, ((struct socket *)ctx[0])->sk, 0);                       \
	}                                                                                          \
	SEC("?fentry") int door_send_fentry_old(u64 *ctx)                                          \
	{                                                                                          \
		return pass(DOOR_SENDMSG, ((struct socket *)ctx[0])->sk, 0);                       \
	}

#define DOOR_WAYS(pass)                                                                            \
	DOOR_SOCK_WAYS_BUT(door_never, pass)                                                       \
	SEC("?kretprobe") int door_recv_kret(struct pt_regs *ctx)                                  \
	{                                                                                          \
		return pass(DOOR_RECVMSG, NULL, (s32)regs_ret(ctx));                               \
	}                                                                                          \
	SEC("?kretprobe") int door_send_kret(struct pt_regs *ctx)                                  \
	{                                                                                          \
		return pass(DOOR_SENDMSG, NULL, (s32)regs_ret(ctx));                               \
	}

#endif
