/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Every kernel field that weir reads, and no other: the whole contact surface with the kernel.
 * Offsets are relocated at load time (CO-RE), so order and padding here mean nothing.
 */
#ifndef WEIR_TYPES_BPF_H
#define WEIR_TYPES_BPF_H

typedef unsigned char u8, __u8;
typedef unsigned short u16, __u16, __be16;
typedef unsigned int u32, __u32, __be32, __wsum;
typedef unsigned long long u64, __u64;
typedef int s32, __s32;
typedef long long s64, __s64;
typedef short s16;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define AF_UNIX    1
#define AF_INET    2
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_VSOCK   40
#define AF_SMC     43

#define SOCK_STREAM 1
#define SOCK_DGRAM  2

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_NO_PREALLOC = 1, BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
enum { BPF_F_USER_STACK = 1 << 8 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2, BPF_RB_AVAIL_DATA = 0 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, cx, dx, si, di, orig_ax, ax, sp;
};
#define RETURN_ADDRESS 8 /* bytes that a call pushes */
struct thread_info {
	unsigned long flags;
	u32 status; /* TS_COMPAT: a 32-bit system call is running */
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 sp;
	u64 orig_x0;
	s32 syscallno;
};
#define RETURN_ADDRESS 0
struct thread_info {
	unsigned long flags;
};
#endif

struct ns_common {
	u32 inum;
};
/* A base chain's, or another module's, that a packet goes through at a hook. */
struct nf_hook_entry {
	void *hook;
	void *priv;
};
struct nf_hook_entries {
	u16 num_hook_entries;
	struct nf_hook_entry hooks[1]; /* so many, and as many pointers to struct nf_hook_ops */
};
enum nf_hook_ops_type { NF_HOOK_OP_UNDEFINED };
struct nf_hook_ops {
	u8 pf;
	enum nf_hook_ops_type hook_ops_type : 8;
};
struct netns_nf {
	struct nf_hook_entries *hooks_ipv4[5];
	struct nf_hook_entries *hooks_ipv6[5];
	struct nf_hook_entries *hooks_arp[3];
	struct nf_hook_entries *hooks_bridge[5];
};
/* Of modules: nf_tables, and x_tables for those before it. */
struct nft_table {
	char *name;
};
struct nft_chain {
	struct nft_table *table;
	char *name;
};
struct xt_table {
	u8 af;
	char name[32];
};
struct net {
	struct ns_common ns;
	struct netns_nf nf;
};
struct nsproxy {
	struct net *net_ns;
};
typedef struct {
	u32 val;
} kuid_t;
struct cred {
	kuid_t euid;
};
struct kernfs_node {
	u64 id; /* a number since 67c0496e87d1 (5.5) */
};
struct cgroup {
	struct kernfs_node *kn;
	int level;
	struct cgroup *ancestors[1]; /* a flexible array, since 7f203bc89eb6 (6.1) */
};
struct cgroup___ids {
	u64 ancestor_ids[1]; /* instead, before */
};
struct css_set {
	struct cgroup *dfl_cgrp;
};

struct inode {
	unsigned long i_ino;
};
struct file_operations {
	void *owner;
};
struct file {
	struct inode *f_inode;
	const struct file_operations *f_op;
	void *private_data;
	const struct cred *f_cred; /* of who opened it */
};
struct fdtable {
	u32 max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct io_uring_task;
struct io_kiocb {
	struct file *file;
	u8 opcode;
};
struct io_connect { /* over the beginning of its io_kiocb, as the next one */
	void *addr;
};
struct io_accept {
	u32 file_slot;
};
struct io_uring_cqe {
	s32 res;
};
struct mm_struct {
	unsigned long task_size;
};

struct upid {
	int nr;
};
struct pid {
	unsigned int level;
	struct upid numbers[1]; /* a flexible array since 6.6; its size is not used */
};
struct task_struct {
	struct thread_info thread_info;
	void *stack;
	unsigned int flags;
	u32 pid;
	u32 tgid;
	struct pid *thread_pid;
	struct task_struct *group_leader;
	char comm[16];
	const struct cred *cred;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct mm_struct *mm;
	struct css_set *cgroups;
	struct io_uring_task *io_uring; /* only with CONFIG_IO_URING */
};
struct bpf_iter__task {
	struct task_struct *task; /* NULL after the last */
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task_file {
	struct task_struct *task; /* NULL after the last */
	struct file *file;
};

struct in6_addr {
	u8 in6_u[16];
};
typedef struct {
	struct net *net;
} possible_net_t;
struct proto {
	char name[32];
};
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	u32 skc_hash;     /* of both ends, once they are known */
	u32 skc_portpair; /* both of these: they lie in a union */
	__be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	volatile unsigned char skc_state;
	struct proto *skc_prot;
	unsigned long skc_flags; /* enum sock_flags */
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct {
		s64 counter;
	} skc_cookie;
	struct {
		struct {
			int counter;
		} refs;
	} skc_refcnt;
};
struct socket;
struct sk_buff_head {
	u32 qlen;
};
typedef struct {
	int counter;
} atomic_t;
typedef struct {
	atomic_t refs;
} refcount_t;
typedef struct {
	int owned; /* a task has it, not a softirq */
} socket_lock_t;
#define SOCK_LINGER 4       /* enum sock_flags: a bit of skc_flags */
struct numa_drop_counters { /* of UDP, since 6.18: beside sk_drops */
	atomic_t drops0, drops1;
};
struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	u16 sk_type;
	u16 sk_protocol;
	int sk_err;
	int sk_err_soft;
	atomic_t sk_drops;
	struct numa_drop_counters *sk_drop_counters;
	refcount_t sk_wmem_alloc;
	int sk_sndbuf;
	struct {
		atomic_t rmem_alloc;
	} sk_backlog; /* sk_rmem_alloc */
	int sk_rcvbuf;
	u8 sk_userlocks : 4; /* a byte of its own in 6.18 */
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	struct sk_buff_head sk_receive_queue;
	struct socket *sk_socket;
	unsigned long sk_lingertime;
	struct dst_entry *sk_dst_cache;
};
struct dst_entry {
	struct net_device *dev;
	struct xfrm_state *xfrm;
};
struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
	struct nf_hook_entries *nf_hooks_ingress;
	struct nf_hook_entries *nf_hooks_egress; /* since 42df6e1d221d (5.16) */
};
struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len, data_len;
	int skb_iif;
	__be16 protocol;
	char cb[48];
	u16 transport_header;
	u16 network_header;
	u16 mac_header;
	unsigned long _nfct;
	unsigned long _skb_refdst;
	unsigned int end; /* sk_buff_data_t */
	unsigned char *head;
	unsigned char *data;
	refcount_t users;
};
struct skb_shared_info {
	unsigned short gso_segs;
};
struct tracepoint_func {
	void *func;
	void *data;
	int prio;
};
struct tracepoint {
	struct tracepoint_func *funcs; /* the last has no func */
};
struct iov_iter {
	unsigned long count;
};
struct msghdr {
	struct iov_iter msg_iter;
};
struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
	__be16 inet_dport;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common; /* NULL after the last */
};
struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *key, *value; /* NULL after the last */
};
struct bpf_iter__bpf_sk_storage_map {
	struct sock *sk; /* NULL after the last */
	void *value;
};
struct udp_sock;
struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk; /* NULL after the last */
};
struct socket {
	s16 type;
	struct file *file;
	struct sock *sk;
	const void *ops;
};
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct {
		atomic_t qlen;
	} icsk_accept_queue; /* handshakes that are not ended */
	u8 icsk_retransmits;
	u8 icsk_pending; /* which timer: ICSK_TIME_RETRANS, … */
	u8 icsk_ca_state : 5;
};
struct request_sock {
	struct sock_common __req_common;
	u8 num_timeout : 7;
};
struct tcp_skb_cb {
	u32 seq, end_seq;
	u16 tcp_gso_segs;
};
struct minmax_sample {
	u32 v;
};
struct minmax {
	struct minmax_sample s[3];
};
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 snd_una, snd_nxt, write_seq;
	u32 rcv_nxt, copied_seq;
	u64 bytes_sent, bytes_acked, bytes_received, bytes_retrans;
	u32 segs_out, segs_in, data_segs_out, data_segs_in;
	u32 total_retrans, lost, reordering;
	u32 srtt_us; /* eighths */
	u32 mdev_us; /* quarters */
	struct minmax rtt_min;
	u32 snd_cwnd, snd_ssthresh, mss_cache;
	u32 rate_delivered, rate_interval_us;
	u64 tcp_clock_cache; /* ns: when it was looked at last */
	bool is_mptcp;       /* a subflow; only with CONFIG_MPTCP */
};
struct udp_sock {
	struct inet_sock inet;
	int forward_deficit;
};
struct mptcp_sock {
	struct sock *first; /* subflow */
};
struct netlink_sock {
	struct sock sk;
	u32 portid;
	u32 dst_portid;
};
struct packet_sock {
	struct sock sk;
	int ifindex;
	__be16 num;
};
struct sockaddr_vm {
	unsigned short svm_family;
	unsigned int svm_port;
	unsigned int svm_cid;
};
struct vsock_sock {
	struct sock sk;
	struct sockaddr_vm local_addr;
	struct sockaddr_vm remote_addr;
};

#pragma clang attribute pop

/* Contexts of XDP and tc programs, as include/uapi/linux/bpf.h has them: the verifier puts the
 * kernel's fields in their place. */
struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};
struct bpf_sock {
	u32 bound_dev_if, family, type, protocol, mark, priority, src_ip4, src_ip6[4];
};
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
	u32 priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid;
	u32 data, data_end, napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4];
	u32 remote_port, local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	struct bpf_sock *sk;
	u32 gso_size;
};
struct bpf_sock_tuple {
	union {
		struct {
			__be32 saddr, daddr;
			__be16 sport, dport;
		} ipv4;
		struct {
			__be32 saddr[4], daddr[4];
			__be16 sport, dport;
		} ipv6;
	};
};

/* Context of tracepoint programs on syscalls:sys_enter_X and sys_exit_X: an ABI of tracefs. The
 * first 8 bytes are not the record's common fields: the kernel overwrites them (perf's pt_regs).
 * What pads nr is the kernel's stack, not 0. */
struct sys_enter_ctx {
	u64 unusable;
	s32 nr, pad;
	u64 args[6];
};
struct sys_exit_ctx {
	u64 unusable;
	s32 nr, pad;
	s64 ret;
};

#endif
