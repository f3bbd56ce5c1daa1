/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A number for many words, taken one after the other. */
#ifndef WEIR_MIX_BPF_H
#define WEIR_MIX_BPF_H

#include "types.bpf.h"

/* The number of the words before, and one word more. */
static __always_inline u64 mix(u64 id, u64 word)
{
	return (id ^ word ^ id >> 29) * 0x9e3779b97f4a7c15ULL; /* 2^64 by the golden ratio */
}

#endif
