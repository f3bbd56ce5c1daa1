/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a descriptor is: from the current task's descriptor table to the socket behind it. */
#ifndef WEIR_SOCK_BPF_H
#define WEIR_SOCK_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "record.h"
#include "task.bpf.h"

/* The open file that fd of the current task is, or NULL. known: it was one a moment ago, and tables
 * of files never shrink. */
static __always_inline struct file *file_of(struct task_struct *task, u64 fd, bool known)
{
	struct fdtable *fdt = task_walk(task)->files->fdt;
	struct file **slot = fdt->fd;
	struct file *file = NULL;

	if (!known && (u32)fd >= fdt->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), slot + (u32)fd);
	return file;
}

static __always_inline struct file *file_of_fd(struct task_struct *task, u64 fd)
{
	return file_of(task, fd, false);
}

/* The socket that a file is, or NULL. */
static __always_inline struct socket *sock_of_file(struct file *file)
{
	struct socket *sock = NULL;
	u64 fops = 0;

	bpf_core_read(&fops, sizeof(fops), &file->f_op);
	if (fops == learnt.socket_fops)
		bpf_core_read(&sock, sizeof(sock), &file->private_data);
	return sock;
}

static __always_inline struct socket *sock_of_fd(struct task_struct *task, u64 fd)
{
	struct file *file = file_of_fd(task, fd);

	return file ? sock_of_file(file) : NULL;
}

#define SKC(buf, type, field) (*(type *)((buf) + bpf_core_field_offset(struct sock_common, field)))

/* The first bytes of struct sock_common: IPv4 addresses, ports, family, state (19 of them
 * on 6.1, 6.12 and 6.18); the verifier refuses the program where a field should lie beyond. */
#define SKC_BYTES 24

static __always_inline void sock_ports(struct sock_id *id, struct sock *sk, u16 num, __be16 dport)
{
	u32 flags = id->flags;

	id->lport = num;
	id->rport = bpf_ntohs(dport);
	if (!num) { /* skc_num is cleared at TCP_CLOSE */
		__be16 port = 0;

		bpf_core_read(&port, sizeof(port), &((struct inet_sock *)sk)->inet_sport);
		id->lport = bpf_ntohs(port);
	}
	if (id->lport)
		flags |= SOCK_ID_BOUND;
	if (dport)
		flags |= SOCK_ID_PEER;
	id->flags = flags;
}

static __always_inline void sock_inet(struct sock_id *id, const u8 *skc, struct sock *sk)
{
	u64 *laddr = (u64 *)id->laddr, *raddr = (u64 *)id->raddr;

	if (id->family == AF_INET) {
		laddr[0] = SKC(skc, u32, skc_rcv_saddr);
		raddr[0] = SKC(skc, u32, skc_daddr);
		laddr[1] = raddr[1] = 0;
	} else {
		bpf_core_read(laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(raddr, 16, &sk->__sk_common.skc_v6_daddr);
	}
	sock_ports(id, sk, SKC(skc, u16, skc_num), SKC(skc, __be16, skc_dport));
}

static __always_inline u64 sock_ino(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_ino);
}

/* Families may be modules that are not loaded: their types are then unknown, and so are their
 * sockets. */
static __always_inline void sock_other(struct sock_id *id, struct sock *sk, struct file *file)
{
	u64 *words = (u64 *)id->laddr;

	words[0] = words[1] = words[2] = words[3] = 0;
	id->lport = id->rport = 0;
	id->ino = sock_ino(file);
	if (id->family == AF_UNIX && bpf_core_type_exists(struct unix_sock)) {
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

		if (peer) {
			id->peer_ino = BPF_CORE_READ(peer, sk_socket, file, f_inode, i_ino);
			id->flags |= SOCK_ID_PEER;
		}
	} else if (id->family == AF_NETLINK && bpf_core_type_exists(struct netlink_sock)) {
		struct netlink_sock *nl = (struct netlink_sock *)sk;

		id->portid = BPF_CORE_READ(nl, portid);
		id->dst_portid = BPF_CORE_READ(nl, dst_portid);
		id->flags |= SOCK_ID_BOUND;
	} else if (id->family == AF_PACKET && bpf_core_type_exists(struct packet_sock)) {
		struct packet_sock *po = (struct packet_sock *)sk;

		id->ifindex = BPF_CORE_READ(po, ifindex);
		id->rport = bpf_ntohs(BPF_CORE_READ(po, num));
		id->flags |= SOCK_ID_BOUND;
	} else if (id->family == AF_VSOCK && bpf_core_type_exists(struct vsock_sock)) {
		struct vsock_sock *vs = (struct vsock_sock *)sk;

		id->lcid = BPF_CORE_READ(vs, local_addr.svm_cid);
		id->lvport = BPF_CORE_READ(vs, local_addr.svm_port);
		id->rcid = BPF_CORE_READ(vs, remote_addr.svm_cid);
		id->rvport = BPF_CORE_READ(vs, remote_addr.svm_port);
		id->flags |= SOCK_ID_BOUND;
	}
}

/* Type and protocol of a struct sock: one read, as they lie near each other, in this order or the
 * other. */
static __always_inline void sock_kind(u16 *kind, u16 *proto, u64 sk)
{
	const u32 type = bpf_core_field_offset(struct sock, sk_type);
	const u32 protocol = bpf_core_field_offset(struct sock, sk_protocol);
	u32 from = type < protocol ? type : protocol;
	struct sock *s = (struct sock *)sk;
	u64 both = 0;

	if (type - from > 6 || protocol - from > 6) {
		bpf_core_read(kind, sizeof(*kind), &s->sk_type);
		bpf_core_read(proto, sizeof(*proto), &s->sk_protocol);
		return;
	}
	bpf_probe_read_kernel(&both, sizeof(both), (void *)sk + from);
	*kind = both >> 8 * (type - from);
	*proto = both >> 8 * (protocol - from);
}

/* The first bytes of struct socket, up to its operations. */
#define SOCKET_BYTES       40
#define SOCKET(buf, field) (*(u64 *)((buf) + bpf_core_field_offset(struct socket, field)))

/* Reads anew what file is; false when it is no socket. */
static __always_inline bool sock_learn(struct sock_cache *c, struct file *file)
{
	u8 buf[SOCKET_BYTES] __attribute__((aligned(8))) = {};
	struct sock *sk;

	c->file = 0;
	c->sock = (u64)sock_of_file(file);
	if (!c->sock || bpf_probe_read_kernel(buf, sizeof(buf), (void *)c->sock))
		return false;
	sk = (struct sock *)SOCKET(buf, sk);
	if (!sk)
		return false;
	c->ops = SOCKET(buf, ops);
	c->sk = (u64)sk;
	sock_kind(&c->type, &c->protocol, (u64)sk);
	c->file = (u64)file;
	return true;
}

/* Does the socket that file was still belong to it, with the same operations? */
static __always_inline bool sock_same(const struct sock_cache *c, struct file *file)
{
	u8 buf[SOCKET_BYTES] __attribute__((aligned(8))) = {};

	return !bpf_probe_read_kernel(buf, sizeof(buf), (void *)c->sock) &&
	       SOCKET(buf, file) == (u64)file && SOCKET(buf, ops) == c->ops &&
	       SOCKET(buf, sk) == c->sk;
}

/*
 * Where the kernel tells of each socket's end, nothing else needs to be asked of one that is known:
 * the last close of a file runs sock_close() before its memory can be another file's. Counted by
 * file, many to a slot: a change of the count says no more than that it must be looked at again.
 */
#define SOCK_ENDS 1024

SEC(".data.ends") u32 sock_ends[SOCK_ENDS];
SEC(".data.ends_seen") u32 sock_ends_seen; /* set by the loader when sock_gone is attached */

static __always_inline u32 *sock_end(u64 file)
{
	return &sock_ends[file >> 8 & (SOCK_ENDS - 1)];
}

#ifndef SOCK_ONCE /* of a tool that looks at each descriptor once: to hear of ends would only cost \
		   */
/* sock_close(inode, file) */
SEC("?fentry/sock_close") int sock_gone(u64 *ctx)
{
	u64 file = 0;

	/* read as a number: with a pointer that it knows, the verifier lets nobody calculate */
	bpf_probe_read_kernel(&file, sizeof(file), &ctx[1]);
	__sync_fetch_and_add(sock_end(file), 1);
	return 0;
}
#endif

/* Brings the cache up to date with what file is; false when it is no socket. */
static __always_inline bool sock_cached(struct sock_cache *c, struct file *file)
{
	u32 ends = *sock_end((u64)file);

	if (c->file == (u64)file && (sock_ends_seen ? c->ends == ends : sock_same(c, file)))
		return true;
	c->ends = ends;
	return sock_learn(c, file);
}

/* What fd of the current task is, in the cache, and the first bytes of its socket, in skc; NULL
 * when it is no socket. known: see file_of(). */
static __always_inline struct sock_cache *sock_read(struct task_struct *task, u64 fd, bool known,
						    struct sock_cache *caches, u8 *skc,
						    struct file **file)
{
	struct sock_cache *c = &caches[fd & (SOCK_CACHES - 1)];

	*file = file_of(task, fd, known);
	if (!*file || !sock_cached(c, *file) ||
	    bpf_probe_read_kernel(skc, SKC_BYTES, (void *)c->sk))
		return NULL;
	return c;
}

/* Is it a socket of TCP or UDP, or of their like? */
static __always_inline bool sock_is_plain(const struct sock_cache *c, const u8 *skc)
{
	u16 family = SKC(skc, u16, skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       (c->type == SOCK_STREAM || c->type == SOCK_DGRAM);
}

static __always_inline void sock_first(struct sock_id *id, const struct sock_cache *c,
				       const u8 *skc)
{
	id->flags = SOCK_ID_VALID;
	id->family = SKC(skc, u16, skc_family);
	id->state = SKC(skc, u8, skc_state);
	id->type = c->type;
	id->protocol = c->protocol;
	id->pad = 0;
	id->ino = 0;
}

/* Fills id with what sock_read() has read; returns its flags. */
static __always_inline u32 sock_tell(struct sock_id *id, struct sock_cache *c, const u8 *skc,
				     struct file *file)
{
	sock_first(id, c, skc);
	if (sock_is_plain(c, skc)) {
		sock_inet(id, skc, (struct sock *)c->sk);
		return id->flags;
	}
	c->ops = 0; /* sockets of one kind share memory: read type and protocol anew each time */
	if (id->family == AF_SMC) /* its file changes hands when it falls back to TCP */
		c->file = 0;
	if (id->family == AF_INET || id->family == AF_INET6)
		sock_inet(id, skc, (struct sock *)c->sk);
	else
		sock_other(id, (struct sock *)c->sk, file);
	return id->flags;
}

/* Fills id with what fd of the current task is; returns id's flags, 0 when it is no socket. */
static __always_inline u32 sock_look_here(struct sock_id *id, struct task_struct *task, u64 fd,
					  struct sock_cache *caches)
{
	u8 skc[SKC_BYTES] __attribute__((aligned(8)));
	struct file *file;
	struct sock_cache *c = sock_read(task, fd, false, caches, skc, &file);

	return c ? sock_tell(id, c, skc, file) : 0;
}

/*
 * The same as a function, as are the other big ones: a program holds it once. It is not static, so
 * the verifier looks at it once as well, by itself: with any memory of these sizes. (Callers use
 * what it returns, or clang drops the result and leaves a stack address in r0, which the verifier
 * refuses.)
 */
__noinline u32 sock_look(struct sock_id *id, u64 fd, struct sock_caches *caches)
{
	return id && caches ? sock_look_here(id, bpf_get_current_task_btf(), fd, caches->at) : 0;
}

/* Is addr (16 bytes, IPv4 as v4-mapped) in the filter's prefix? */
static __always_inline bool in_prefix(const u64 *addr)
{
	const volatile u64 *host = (const volatile u64 *)filter.host;
	const volatile u64 *mask = (const volatile u64 *)filter.mask;

	return (addr[0] & mask[0]) == host[0] && (addr[1] & mask[1]) == host[1];
}

static __always_inline bool addr_matches(u16 family, const u8 *addr)
{
	if (family == AF_INET && filter.host_family != AF_INET)
		return false;
	if (family == AF_INET) {
		u64 mapped[2] = {0, bpf_cpu_to_be64(0xffff00000000ULL) | (u64) * (u32 *)addr << 32};

		return in_prefix(mapped);
	}
	return in_prefix((const u64 *)addr);
}

/* The sockaddr of a call, as far as filters look at it. */
struct peer {
	u16 family;
	u16 port; /* host order */
	u8 addr[16];
};

/* From the sockaddr in user memory at at; family stays 0 where it is not of IP. */
static __always_inline void peer_read(struct peer *peer, u64 at)
{
	u8 sa[28] = {};

	if (!at || bpf_probe_read_user(sa, 16, (void *)at))
		return;
	peer->family = *(u16 *)sa;
	if (peer->family == AF_INET) {
		*(u32 *)peer->addr = *(u32 *)(sa + 4);
	} else if (peer->family == AF_INET6 && !bpf_probe_read_user(sa, 28, (void *)at)) {
		__builtin_memcpy(peer->addr, sa + 8, 16);
	} else {
		peer->family = 0;
		return;
	}
	peer->port = bpf_ntohs(*(u16 *)(sa + 2));
}

/* Either end of the socket, or the address in the call, may match. */
static __always_inline bool sock_matches(const struct sock_id *id, const struct peer *peer)
{
	bool valid = id->flags & SOCK_ID_VALID;
	bool inet = valid && (id->family == AF_INET || id->family == AF_INET6);

	if (filter.have & FILTER_FAMILY) {
		u16 family = valid ? id->family : peer->family;

		if (family != filter.family)
			return false;
	}
	if (filter.have & FILTER_PORT &&
	    !(inet && (id->lport == filter.port || id->rport == filter.port)) &&
	    !(peer->family && peer->port == filter.port))
		return false;
	if (filter.have & FILTER_HOST &&
	    !(inet &&
	      (addr_matches(id->family, id->laddr) || addr_matches(id->family, id->raddr))) &&
	    !(peer->family && addr_matches(peer->family, peer->addr)))
		return false;
	return true;
}

#endif
