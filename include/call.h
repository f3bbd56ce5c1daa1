/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The socket system calls that weir knows. One row a call; both halves are made from it.
 * recv and send are no rows: on x86-64 and arm64 libc calls recvfrom and sendto.
 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include "record.h"

/* How the kernel half captures a call. */
enum call_class {
	CALL_SIMPLE, /* at most one buffer, one address, one descriptor */
	CALL_VECTOR, /* iovecs or msghdrs */
};

/* Groups, for the command line. */
enum call_group {
	GROUP_SOCKET = 1,
	GROUP_SEND = 2,
	GROUP_RECV = 4,
	GROUP_NAME = 8,
	GROUP_IO = 16, /* not only for sockets: asked for by --io, other files are left out */
};

/*
 * X(name, function, class, groups, fd, buf, len, addr, addrlen, flags): function is what the kernel
 * calls it; fd, buf, len, addr, addrlen are argument indices, NO where there is none.
 */
#define NO 7
#define CALLS(X)                                                                                   \
	X(socket, socket, SIMPLE, GROUP_SOCKET, NO, NO, NO, NO, NO, CALL_NEWFD)                    \
	X(socketpair, socketpair, SIMPLE, GROUP_SOCKET, NO, 3, NO, NO, NO, CALL_PAIR)              \
	X(setsockopt, setsockopt, SIMPLE, GROUP_SOCKET, 0, 3, 4, NO, NO, CALL_OPT)                 \
	X(getsockopt, getsockopt, SIMPLE, GROUP_SOCKET, 0, 3, 4, NO, NO, CALL_OPT | CALL_OUT)      \
	X(getsockname, getsockname, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, CALL_ADDR_OUT)          \
	X(getpeername, getpeername, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, CALL_ADDR_OUT)          \
	X(bind, bind, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, 0)                                    \
	X(listen, listen, SIMPLE, GROUP_SOCKET, 0, NO, NO, NO, NO, 0)                              \
	X(accept, accept, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, CALL_ADDR_OUT | CALL_NEWFD)       \
	X(accept4, accept4, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, CALL_ADDR_OUT | CALL_NEWFD)     \
	X(connect, connect, SIMPLE, GROUP_SOCKET, 0, NO, NO, 1, 2, 0)                              \
	X(shutdown, shutdown, SIMPLE, GROUP_SOCKET, 0, NO, NO, NO, NO, 0)                          \
	X(recvfrom, recvfrom, SIMPLE, GROUP_RECV, 0, 1, 2, 4, 5, CALL_OUT | CALL_ADDR_OUT)         \
	X(recvmsg, recvmsg, VECTOR, GROUP_RECV, 0, 1, NO, NO, NO, CALL_OUT | CALL_MSG)             \
	X(recvmmsg, recvmmsg, VECTOR, GROUP_RECV, 0, 1, 2, NO, NO, CALL_OUT | CALL_MMSG)           \
	X(sendto, sendto, SIMPLE, GROUP_SEND, 0, 1, 2, 4, 5, 0)                                    \
	X(sendmsg, sendmsg, VECTOR, GROUP_SEND, 0, 1, NO, NO, NO, CALL_MSG)                        \
	X(sendmmsg, sendmmsg, VECTOR, GROUP_SEND, 0, 1, 2, NO, NO, CALL_MMSG)                      \
	X(sethostname, sethostname, SIMPLE, GROUP_NAME, NO, 0, 1, NO, NO, 0)                       \
	X(setdomainname, setdomainname, SIMPLE, GROUP_NAME, NO, 0, 1, NO, NO, 0)                   \
	X(read, read, SIMPLE, GROUP_IO, 0, 1, 2, NO, NO, CALL_OUT | CALL_SOCKETS)                  \
	X(write, write, SIMPLE, GROUP_IO, 0, 1, 2, NO, NO, CALL_SOCKETS)                           \
	X(readv, readv, VECTOR, GROUP_IO, 0, 1, 2, NO, NO, CALL_OUT | CALL_IOV | CALL_SOCKETS)     \
	X(writev, writev, VECTOR, GROUP_IO, 0, 1, 2, NO, NO, CALL_IOV | CALL_SOCKETS)              \
	X(preadv2, preadv2, VECTOR, GROUP_IO, 0, 1, 2, NO, NO, CALL_OUT | CALL_IOV | CALL_SOCKETS) \
	X(pwritev2, pwritev2, VECTOR, GROUP_IO, 0, 1, 2, NO, NO, CALL_IOV | CALL_SOCKETS)          \
	X(sendfile, sendfile64, SIMPLE, GROUP_IO, 0, 2, NO, NO, NO,                                \
	  CALL_OFFSET | CALL_FD2 | CALL_SOCKETS)                                                   \
	X(splice, splice, SIMPLE, GROUP_IO, 0, 1, NO, NO, NO,                                      \
	  CALL_OFFSET | CALL_FD2 | CALL_SOCKETS)                                                   \
	X(close, close, SIMPLE, GROUP_IO, 0, NO, NO, NO, NO, CALL_EARLY | CALL_SOCKETS)

enum call_id {
	CALL_NONE,
#define X(name, ...) CALL_##name,
	CALLS(X)
#undef X
		CALL_MAX,
};

/*
 * The kernel half looks calls up by their number: enum call_id, 0 when it is not asked for. The
 * numbers that i386's socket calls have are marked; on x86-64 the first is getuid, the others are
 * free. See arch/x86/entry/syscalls/syscall_32.tbl: socketcall, socket to shutdown.
 */
#define CALL_NR_MAX            512 /* above the last socket call of x86-64 and arm64 (462 in 6.18) */
#define CALL_COMPAT            255
#define CALL_COMPAT_SOCKETCALL 102
#define CALL_COMPAT_FIRST      359
#if defined(__x86_64__) || defined(__TARGET_ARCH_x86)
#define CALL_COMPAT_N 16
#else
#define CALL_COMPAT_N 0
#endif

enum call_flag {
	CALL_OUT = 1 << 0,      /* the buffer is written by the kernel: its length is the result */
	CALL_ADDR_OUT = 1 << 1, /* the address too: its length is value-result */
	CALL_NEWFD = 1 << 2,    /* the result is a descriptor */
	CALL_OPT = 1 << 3,  /* the buffer is an option's value; CALL_OUT: length is value-result */
	CALL_PAIR = 1 << 4, /* the buffer is two descriptors, written by the kernel */
	CALL_OFFSET = 1 << 5,   /* the buffer is an offset, in and out */
	CALL_FD2 = 1 << 6,      /* a second descriptor may be the socket (sendfile 1, splice 2) */
	CALL_EARLY = 1 << 7,    /* the descriptor is gone at exit: look at it on entry */
	CALL_IOV = 1 << 8,      /* buf is iovec[len] */
	CALL_MSG = 1 << 9,      /* buf is a msghdr */
	CALL_MMSG = 1 << 10,    /* buf is mmsghdr[len] */
	CALL_SOCKETS = 1 << 11, /* leave out descriptors that are no sockets (the io calls) */
};

/* One call as the kernel half sees it: argument indices, NO for none. */
struct call_desc {
	u16 flags; /* enum call_flag */
	u8 cls;    /* enum call_class */
	u8 fd, buf, len, addr, addrlen;
};

#define CALL_DESC(n, fn, c, g, f, b, l, a, al, fl)                                                 \
	[CALL_##n] = {.flags = fl,                                                                 \
		      .cls = CALL_##c,                                                             \
		      .fd = f,                                                                     \
		      .buf = b,                                                                    \
		      .len = l,                                                                    \
		      .addr = a,                                                                   \
		      .addrlen = al},

#endif
