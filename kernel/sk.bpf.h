/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a socket is, from its struct sock. */
#ifndef WEIR_SK_BPF_H
#define WEIR_SK_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "record.h"

/*
 * A socket's value in a map, made where there is none; NULL: there is no memory. Two tracers may
 * come to a socket at once: who adds the first value of all maps while the other does is refused
 * (-EAGAIN, bpf_local_storage_alloc() in kernel/bpf/bpf_local_storage.c), the second time not.
 */
#define sk_value(map, sk)                                                                          \
	(bpf_sk_storage_get(map, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE)                            \
		 ?: bpf_sk_storage_get(map, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE))

/* Family, type and protocol into a key, by plain loads: sk is one that the verifier knows. */
static __always_inline void sk_kind(struct tally_key *key, struct sock *sk)
{
	key->family = sk->__sk_common.skc_family;
	key->type = sk->sk_type;
	key->protocol = sk->sk_protocol;
}

/* The same of any. with_type: else only the family. */
static __always_inline void sk_kind_read(struct tally_key *key, struct sock *sk,
					 const bool with_type)
{
	key->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (!with_type)
		return;
	key->type = BPF_CORE_READ(sk, sk_type);
	key->protocol = BPF_CORE_READ(sk, sk_protocol);
}

/* What the kernel calls its protocol: TCP, UDPv6, UNIX-STREAM, MPTCP. name: 16 bytes. */
static __always_inline void sk_name(char *name, struct sock *sk)
{
	struct proto *prot = BPF_CORE_READ(sk, __sk_common.skc_prot);

	bpf_core_read_str(name, 16, &prot->name);
}

/* What filters look at; sk is one that the verifier knows. */
static __always_inline void sk_look(struct sock_id *id, struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	id->flags = SOCK_ID_VALID;
	id->family = family;
	id->lport = sk->__sk_common.skc_num;
	id->rport = bpf_ntohs(sk->__sk_common.skc_dport);
	if (family == AF_INET) {
		*(u32 *)id->laddr = sk->__sk_common.skc_rcv_saddr;
		*(u32 *)id->raddr = sk->__sk_common.skc_daddr;
	} else if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&id->laddr, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&id->raddr, sk, __sk_common.skc_v6_daddr);
	}
	if (!id->lport && (family == AF_INET || family == AF_INET6)) /* cleared at TCP_CLOSE */
		id->lport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

#endif
