/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir trace agree on, beside struct call_rec (record.h). */
#ifndef WEIR_TRACE_H
#define WEIR_TRACE_H

#include "call.h"
#include "hist.h"

#define TRACE_OPT_MAX    256  /* bytes of an option's value: struct tcp_info is 248 in 6.18 */
#define TRACE_ADDR_MAX   128  /* sizeof(struct sockaddr_storage), the kernel's own limit */
#define TRACE_INET_MAX   28   /* sizeof(struct sockaddr_in6) */
#define TRACE_IPV4       16   /* sizeof(struct sockaddr_in) */
#define TRACE_SNAP_MAX   4096 /* -s at most */
#define TRACE_SNAP_SMALL 40   /* bytes of payload that the common case has room for */
#define TRACE_CTL_MAX    256  /* bytes of control messages */
#define TRACE_CTL_BIG    1280 /* ... in the larger slot: 253 descriptors (SCM_MAX_FD) are 1028 */
#define TRACE_IOV_MAX    32   /* iovecs of one message; strace shows as many */
#define TRACE_STEPS_MAX  512  /* iovecs and messages of one call */
/* Bytes of netlink messages in one buffer: what the kernel gives in one piece of a dump, unless it
 * is asked for more (NLMSG_GOODSIZE, linux/netlink.h) */
#define TRACE_NETLINK_MAX 4096

struct trace_conf {
	u32 snap;      /* -s: bytes of payload */
	u32 snap_read; /* one more: strace shows a string only when that can be read, too; 0 hides
			  it */
	u32 slot_any; /* bytes reserved for a simple call that does not fit its state, multiple of 8
		       */
	u32 slot_small;   /* ... for a vector call with one or two iovecs */
	u32 slot_big;     /* ... of the others; the rest is cut and marked SECT_MORE */
	u32 slot_netlink; /* ... for sendto and recvfrom of netlink messages */
	u8 summary;       /* count in the kernel, send nothing */
	u8 sockets;       /* look at what descriptors are */
	u8 small;         /* payloads fit the common case (small.bpf.h) */
	u8 who;           /* all of struct who; text shows less */
	u8 straight;      /* small, sockets, no summary, and no filter that asks more than who */
	/* What a call may be of those that are wanted: the verifier does not look at the rest. */
	u8 vectors;
	u32 flags; /* enum call_flag */
};

/* --summary: one a call and CPU. */
struct tally {
	u64 calls;
	u64 errors;
	u64 total_ns;
	u64 max_ns;
	u64 bytes;
	u64 hist[HIST_SLOTS];
};

#endif
