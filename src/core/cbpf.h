/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Classic BPF, as libpcap compiles filters to, becomes a program of the kernel's BPF. What it says
 * of a packet is what libpcap's own interpreter says of the whole frame (bpf_filter(3PCAP)): loads
 * beyond the end and divisions by 0 refuse it.
 */
#ifndef WEIR_CBPF_H
#define WEIR_CBPF_H

#include <stdbool.h>
#include <linux/bpf.h>
#include "record.h"

struct bpf_program; /* libpcap's: linux/bpf.h and pcap/bpf.h do not know of each other */

/* One of libpcap's instructions: struct bpf_insn of pcap/bpf.h, struct sock_filter of Linux. */
struct cbpf {
	u16 code;
	u8 jt, jf;
	u32 k;
};

enum cbpf_hook { CBPF_XDP, CBPF_TC };

struct cbpf_how {
	enum cbpf_hook hook;
	/* tc: a tag that the kernel took out of the frame (vlan_tci) is where it was on the wire.
	 * 0: there are none; else the offset in struct __sk_buff of the word that is not 0 then...
	 */
	bool tags;
	bool test_tag; /* ... for tests: the tag is the context's mark, protocol above tci */
	/* What follows when the filter lets a packet pass: a tail call to the program that map
	 * has at index, or, where map is below 0, the end with the value 1. */
	int map;
	u32 index;
	s32 refused; /* the value with which the others end: the hook's verdict "go on" */
};

#define CBPF_MOST 65536 /* instructions that a translation may have */

/*
 * Translates n instructions, which libpcap or bpf_validate() held to be well formed. *insns is
 * malloc()ed. How many there are, or -E2BIG (jumps are too far, or more than CBPF_MOST), -EINVAL
 * (an instruction that is none of classic BPF), -ENOMEM.
 */
int cbpf_translate(const struct cbpf *from, u32 n, const struct cbpf_how *how,
		   struct bpf_insn **insns);

#endif
