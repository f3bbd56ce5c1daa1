/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Connections: what a struct sock is, for programs that have it and no descriptor. */
#ifndef WEIR_CONN_BPF_H
#define WEIR_CONN_BPF_H

#define SOCK_ONCE /* its tools look at sockets that are new */
#include "sock.bpf.h"

/* include/net/tcp_states.h, ABI */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
};

/*
 * Fills id with what an IP socket is; returns id's flags, 0 when it could not be read or is of
 * another family. sk as a number: read as memory, it need not be one that the verifier knows.
 */
static __noinline u32 conn_look(struct sock_id *id, u64 sk)
{
	u8 skc[SKC_BYTES] __attribute__((aligned(8)));
	struct sock *s = (struct sock *)sk;

	id->flags = 0;
	if (bpf_probe_read_kernel(skc, sizeof(skc), (void *)sk))
		return 0;
	id->family = SKC(skc, u16, skc_family);
	if (id->family != AF_INET && id->family != AF_INET6)
		return 0;
	id->flags = SOCK_ID_VALID;
	id->state = SKC(skc, u8, skc_state);
	id->pad = 0;
	id->ino = 0;
	sock_kind(&id->type, &id->protocol, sk);
	sock_inet(id, skc, s);
	return id->flags;
}

/* The struct sock of an open file, 0 when it is no socket. */
static __always_inline u64 conn_sk(u64 file)
{
	struct socket *sock = file ? sock_of_file((struct file *)file) : NULL;
	u64 sk = 0;

	if (sock)
		bpf_core_read(&sk, sizeof(sk), &sock->sk);
	return sk;
}

/* The same as conn_look() for an open file, of any family; returns its struct sock, 0 when it is no
 * socket. */
static __noinline u64 conn_of_file(struct sock_id *id, u64 file)
{
	struct sock *sk = (struct sock *)conn_sk(file);

	__builtin_memset(id, 0, sizeof(*id));
	if (!sk)
		return 0;
	if (!conn_look(id, (u64)sk)) {
		id->flags = SOCK_ID_VALID;
		id->state = BPF_CORE_READ(sk, __sk_common.skc_state);
		sock_kind(&id->type, &id->protocol, (u64)sk);
		sock_other(id, sk, (struct file *)file);
	}
	return (u64)sk;
}

/* Is this the socket of a program? It has a file, and is what that file leads to: the kernel's own
 * have none, and the sockets of TCP within one of MPTCP may have its file. */
static __always_inline bool conn_of_program(struct sock *sk)
{
	return sk->sk_socket && sk->sk_socket->file && sk->sk_socket->sk == sk;
}

/* Does a socket pass the filters that look at sockets, when no call names an address? */
static __always_inline bool conn_matches(const struct sock_id *id)
{
	struct peer none = {};

	return !(filter.have & FILTER_SOCK) || sock_matches(id, &none);
}

#endif
