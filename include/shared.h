/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the user half reads of the kernel half's memory, beside the ring. */
#ifndef WEIR_SHARED_H
#define WEIR_SHARED_H

#include "record.h"

/* Per CPU: no atomics in the hot path. */
struct counters {
	u64 lost[LOST_MAX];
};

/* Mapped by both halves: the reader sets idle before it sleeps, and only then is woken. */
struct shared {
	u32 idle;
	u32 notices; /* enum notice: sent already */
	s64 live;    /* followed tasks that live */
};

/* Where a walk over the messages and iovecs of a call stands. */
struct walk {
	u64 msg; /* next message, and how many */
	u64 msgs;
	u64 stride; /* bytes from a message to the next: mmsghdr or msghdr */
	u64 iov;    /* next iovec of this message, and how many */
	u64 iovs;
	u64 left;    /* bytes of this message that the iovecs still hold */
	u16 full;    /* no room for more */
	u16 out;     /* written by the kernel */
	u16 control; /* whether to show control data: not of a failed receive */
	u16 netlink; /* payload is messages to or from the kernel */
};

/*
 * A call between its entry and its exit: what the entry leaves for the exit, and all that the exit
 * works on. It is memory of the task's own, so safe when the program is preempted, and of no
 * interest to the verifier, which would follow each value on the stack through every branch.
 *
 * States stand in an array, at the task's id modulo its size, or a few places further when that one
 * is taken: 15 instructions to find, where task storage takes 120. Those that are further away are
 * counted at home, so that a task that has none is known at once.
 */
#define STATES       8192 /* calls that may be in progress at once; 4 MiB of kernel memory */
#define STATE_PROBES 16

/*
 * The socket that a descriptor was last time. It still is while the descriptor leads to the same
 * file and the socket to it: a socket that is closed forgets its file (__sock_release(),
 * net/socket.c). Type and protocol are then known without being read, except where sockets of one
 * kind share memory.
 */
#define SOCK_CACHES 4

struct sock_cache {
	u64 file; /* struct file *, 0: nothing known */
	u64 sock; /* struct socket * */
	u64 sk;   /* struct sock * */
	u64 ops;  /* its operations: they tell family and type */
	u16 type, protocol;
	u32 ends; /* sock_ends of the file when it was looked at */
};

struct sock_caches {
	struct sock_cache at[SOCK_CACHES]; /* by the descriptor's lowest bits */
};

#define STATE_INLENS 32

struct call_state {
	u32 owner; /* thread id, 0: free */
	u32 away;  /* states whose home this place is and that stand elsewhere */
	u8 moved;  /* places from home */
	u8 unread; /* inlen or time could not be read */
	u16 pad;
	u32 inlen;   /* value-result length before the call */
	s64 time[2]; /* recvmmsg's timeout before the call, or the offsets of sendfile and splice */
	u32 inlens[STATE_INLENS]; /* recvmmsg: msg_namelen of its first messages before the call */
	struct sock_caches caches;
	struct walk walk;
	struct call_rec rec; /* what is known of the call so far */
};

/* Kept with a followed task (-- COMMAND and its children); freed by the kernel with the task. */
struct follow_state {
	u32 followed;
};

#endif
