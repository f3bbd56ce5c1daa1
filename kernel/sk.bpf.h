/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a socket is, from a struct sock that the verifier knows: plain loads. */
#ifndef WEIR_SK_BPF_H
#define WEIR_SK_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "record.h"

/* Family, type and protocol into a key. */
static __always_inline void sk_kind(struct tally_key *key, struct sock *sk)
{
	key->family = sk->__sk_common.skc_family;
	key->type = sk->sk_type;
	key->protocol = sk->sk_protocol;
}

/* What the kernel calls its protocol: TCP, UDPv6, UNIX-STREAM, MPTCP. name is 16 bytes. */
static __always_inline void sk_name(char *name, struct sock *sk)
{
	BPF_CORE_READ_STR_INTO((char(*)[16])name, sk, __sk_common.skc_prot, name);
}

#endif
