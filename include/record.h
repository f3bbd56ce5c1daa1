/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The record: what the kernel half hands to the user half, byte for byte the same in the ring
 * and in a file written by --record. Host byte order; integers naturally aligned.
 */
#ifndef WEIR_RECORD_H
#define WEIR_RECORD_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif

enum rec_type {
	REC_NAME = 1,     /* a name the user half resolved while recording (struct name_rec) */
	REC_CALL = 2,     /* one finished system call (struct call_rec) */
	REC_END = 3,      /* the run's account, last record of a complete file (struct end_rec) */
	REC_NOTICE = 4,   /* something in scope that is not seen (struct notice_rec) */
	REC_TALLY = 5,    /* one counted row of an interval, or of the run (struct tally_rec) */
	REC_CONNECT = 6,  /* a connect, or what became of one (struct connect_rec) */
	REC_ACCEPT = 7,   /* an accept (struct accept_rec) */
	REC_RMEM = 8,     /* a socket whose receive buffer is or was full (struct rmem_rec) */
	REC_STACK = 9,    /* a user stack; in files its names are (struct stack_rec) */
	REC_HINT = 10,    /* between a tool's halves, never in files (struct hint_rec) */
	REC_HIT = 11,     /* a tracepoint or kernel function (struct hit_rec) */
	REC_CONN = 12,    /* a connection: its end, a change, or how it is now (struct conn_rec) */
	REC_DROP = 13,    /* a packet that the kernel dropped (struct drop_rec) */
	REC_PACKET = 14,  /* a packet of an interface, with its bytes (struct packet_rec) */
	REC_RETRANS = 18, /* a segment that TCP sent again (struct retrans_rec) */
	REC_SYNBL = 19,   /* the queues of a socket that listens (struct synbl_rec) */
	REC_PIECE = 21,   /* first bytes of a send or receive, never in files (struct piece_rec) */
	REC_HTTP = 22,    /* an HTTP request and its response (struct http_rec) */
	REC_DNS = 23,     /* a DNS query and its answer (struct dns_rec) */
	REC_LATENCY = 24, /* a message, and where its time went (struct latency_rec) */
	REC_HOOK = 25,    /* what stands at a hook of netfilter, never in files (drops/hooks.h) */
	REC_MAX,
};

/* Bytes of the longest record in the ring: the reader maps so much of its begin behind its end. */
#define REC_LONGEST (256 << 10)

/* Head of every record. */
struct rec {
	u32 len;  /* bytes that are meaningful, this head included; the ring's slot may be longer */
	u16 type; /* enum rec_type */
	u16 fixed; /* bytes of the fixed part; sections follow it up to len */
	u64 ts;    /* CLOCK_MONOTONIC, ns: when the thing began */
};

/* The task that acted, read in its own context. */
struct who {
	u32 pid; /* thread group, what users call the process */
	u32 tid;
	u32 uid;    /* effective, in the initial user namespace */
	u32 netns;  /* inode number of the task's network namespace */
	u64 cgroup; /* cgroup v2 id */
	char comm[16];
};

enum sock_id_flag {
	SOCK_ID_VALID = 1,  /* the descriptor was a socket and could be read */
	SOCK_ID_PEER = 2,   /* connected: the remote half is meaningful */
	SOCK_ID_BOUND = 4,  /* the local half is meaningful */
	SOCK_ID_SECOND = 8, /* of the second descriptor argument (sendfile, splice): the first is no
			       socket */
};

/* What a descriptor is, read from the socket in the kernel. Ports in host order. */
struct sock_id {
	u16 family;
	u16 type;
	u16 protocol;
	u8 state; /* skc_state: a TCP state, for every protocol */
	u8 flags; /* enum sock_id_flag */
	u16 lport;
	u16 rport;
	u32 pad;
	u64 ino; /* socket inode, as in /proc/PID/fd */
	union {
		struct {
			u8 laddr[16]; /* IPv4 in the first 4 bytes */
			u8 raddr[16];
		};
		struct {
			u64 peer_ino; /* AF_UNIX; the path is a section */
		};
		struct {
			u32 portid; /* AF_NETLINK */
			u32 dst_portid;
		};
		struct {
			u32 ifindex; /* AF_PACKET; rport holds the ethertype */
		};
		struct {
			u32 lcid, rcid; /* AF_VSOCK */
			u32 lvport, rvport;
		};
	};
};

/* Variable parts of a record, each padded to 8 bytes. */
enum sect_kind {
	SECT_DATA = 1, /* payload, or an option's value; full = bytes there were */
	SECT_ADDR,     /* a sockaddr; full = its length by the kernel's account */
	SECT_INLEN,    /* the value-result length before the call; full = it */
	SECT_OUTLEN,   /* the same after the call */
	SECT_MSGHDR,   /* struct msghdr as user memory had it; full = msg_namelen before the call */
	SECT_MMSG,     /* the same, of one message of a vector; full = msg_len */
	SECT_IOV, /* one struct iovec, then the first bytes it points to; full = bytes used of it */
	SECT_CONTROL,  /* control messages; full = msg_controllen */
	SECT_INTS,     /* the words an out-argument points to (socketpair, offsets of sendfile) */
	SECT_LPATH,    /* AF_UNIX: the socket's own sun_path */
	SECT_RPATH,    /* AF_UNIX: its peer's */
	SECT_RSOCK,    /* struct sock_id of the descriptor that the call returned */
	SECT_TIME,     /* struct timespec: in */
	SECT_TIME_OUT, /* struct timespec: out */
	SECT_MORE,     /* the record was too small for the rest */
	SECT_BUCKETS,  /* struct tally_bucket[]: a histogram's, ascending, empty ones left out */
	SECT_RAW,    /* the probe's context: record, arguments, registers; full = where it began */
	SECT_SOCK,   /* struct hit_sock of an argument */
	SECT_PACKET, /* struct packet_id of an argument */
	SECT_SIZE,   /* of a msghdr: full = bytes it is to move */
	SECT_DEVICE, /* of a net_device: name; full = ifindex */
	SECT_FIELD,  /* arg = number of the --arg; its bytes */
	SECT_STACK,  /* addresses, innermost first */
	SECT_TEXT,   /* a word of a request; arg says which */
};

struct sect {
	u8 kind; /* enum sect_kind */
	u8 arg;  /* index of the call's argument it belongs to */
	u16 len; /* bytes that follow, before padding */
	u32 full;
};

#define SECT_NEXT(len) (((len) + 7u) & ~7u)

/* A socket system call, entry and exit joined. */
struct call_rec {
	struct rec h;
	u64 dur; /* ns from entry to exit */
	s64 ret; /* -errno on failure */
	u64 args[6];
	u16 call;   /* enum call_id (call.h) */
	u16 unread; /* bit per argument: user memory could not be read */
	u32 snap; /* bytes of payload to show; one more is recorded, as strace wants it readable */
	struct who who;
	struct sock_id sock; /* of the first descriptor argument */
};

/*
 * What a counting tool counts by. A tool fills the members that its columns show; the others are 0.
 * Keys are compared up to the last member that the tool uses, so what most use stands first. comm
 * and name go with a key and are no part of it.
 */
struct tally_key {
	u32 pid;
	u16 what;   /* the tool's own: which call, which direction. Never 0 in a key that is used */
	u16 bucket; /* of a histogram (hist.h), plus 1; 0: none, or a whole histogram */
	u16 family, type, protocol, port;
	u64 id; /* cgroup, stack, ... */
	u8 addr[16];
	char comm[16]; /* of the process, when it was first seen */
	char name[16]; /* of the protocol */
};

enum tally_flag {
	TALLY_TOTAL = 1,   /* of the whole run; else of one interval */
	TALLY_OTHER = 2,   /* all that found no room for a row of its own */
	TALLY_CGROUP = 4,  /* key.id is a cgroup */
	TALLY_BLIND = 8,   /* results were not looked at: all events are counted as good */
	TALLY_SYMBOL = 16, /* key.id is a kernel address */
};

#define TALLY_COUNTS 7

/* A row of a counting tool, as one interval had it, or the whole run. */
struct tally_rec {
	struct rec h; /* ts: the interval's end */
	u64 interval_ns;
	u64 events; /* how many it counts */
	u32 flags;  /* enum tally_flag */
	u32 pad;
	struct tally_key key;
	u64 n[TALLY_COUNTS]; /* the tool's own */
};

struct tally_bucket {
	u32 bucket; /* of hist.h */
	u32 pad;
	u64 count;
};

/* What each record of one socket begins with: all that filters look at. */
struct sock_rec {
	struct rec h;
	u64 dur; /* ns; of what, the record says */
	s64 ret; /* -errno on failure */
	struct who who;
	struct sock_id sock;
};
#define DUR_UNKNOWN (~0ull)

/* Of which the record is. */
enum connect_stage {
	CONNECT_CALL,  /* the end of the call; dur: from entry to exit, DUR_UNKNOWN of io_uring's */
	CONNECT_FINAL, /* the end of the handshake; dur: from the call's entry on; ret: what the
			  socket's error was */
};

/* How a connection was made or accepted. */
enum conn_via {
	VIA_CALL, /* by the system call itself */
	VIA_IO_URING,
	VIA_SEND,   /* sendto, sendmsg or sendmmsg with MSG_FASTOPEN */
	VIA_COMPAT, /* a 32-bit program's call */
	VIA_KERNEL, /* the kernel itself: NFS, a further subflow of MPTCP */
	VIA_OTHER,
};

#define CONNECT_GIVEN_UP 125 /* ECANCELED; the socket was closed before it was connected */
struct connect_rec {
	struct sock_rec s; /* sock: its remote half is what was asked for */
	u16 stage;         /* enum connect_stage */
	u16 via;           /* enum conn_via */
	u32 pad;
};

/* An accept; s.dur: from the connection's arrival in the queue until accept returned it,
 * DUR_UNKNOWN where it came before weir, or is of a family without events. */
struct accept_rec {
	struct sock_rec s; /* sock: the accepted one; the listening one when the call failed */
	u32 queue;         /* connections that wait still */
	u32 limit;         /* of the queue: listen()'s backlog, as the kernel took it */
	u16 flags;         /* enum accept_flag */
	u16 via;           /* enum conn_via: by the call, or by io_uring */
	u32 pad;
};
enum accept_flag { ACCEPT_QUEUE = 1 /* queue and limit are known */ };

/* net.core.rmem_default, net.core.rmem_max, the last of net.ipv4.tcp_rmem, of net.ipv4.tcp_mem and
 * of net.ipv4.udp_mem (these in pages). */
enum { RMEM_DEFAULT, RMEM_LARGEST, RMEM_TCP, RMEM_TCP_ALL, RMEM_UDP_ALL, RMEM_SYSCTLS };

/*
 * A socket whose receive buffer is near its limit or over it, made by the user half. s.h.ts: the
 * interval's end; s.dur: its length; s.who: the receiver, or the process that has it open, pid 0
 * when unknown.
 */
struct rmem_rec {
	struct sock_rec s;
	u64 near;     /* receives that left it near its limit */
	u64 full;     /* what came and was dropped, because it was full */
	u64 exceeded; /* ... because all sockets of the protocol have too much memory */
	u64 most;     /* bytes, the most that were seen in it */
	u64 limit;    /* sk_rcvbuf, bytes */
	u64 sysctls[RMEM_SYSCTLS]; /* their values there, 0 where unknown; for the advice */
	u32 flags;                 /* enum rmem_flag */
	u32 pad;
};
enum rmem_flag {
	RMEM_LOCKED = 1, /* by SO_RCVBUF */
	RMEM_TOTAL = 2,  /* of the whole run */
};

/* Why there is a record of a connection. */
enum conn_event {
	CONN_OPENED = 1, /* it begins: its SYN is sent, or has come */
	CONN_ESTABLISHED,
	CONN_CLOSED, /* it is over; what a socket in TIME_WAIT answers is no part of it */
	CONN_LISTENS,
	CONN_IS,       /* as it is now: of a snapshot */
	CONN_WAS,      /* the same, told at the start: it is older than weir */
	CONN_INTERVAL, /* it moved bytes in an interval */
	CONN_TAKEN,    /* a program has accepted it: from here on it has an owner */
	CONN_PEER,     /* UDP: its socket exchanges datagrams with this peer */
};
enum conn_flag {
	CONN_ACTIVE = 1,      /* this side opened it */
	CONN_PASSIVE = 2,     /* it was accepted, or waits to be */
	CONN_BEFORE = 4,      /* there already when weir began */
	CONN_MPTCP = 8,       /* one path of a connection of MPTCP, which is counted by its paths */
	CONN_FIN_LOCAL = 16,  /* the first FIN was of this side */
	CONN_FIN_REMOTE = 32, /* ... of the other */
	CONN_ABORTED = 64,    /* closed by this side without a FIN: that sends a reset */
	CONN_HANDSHAKE = 128, /* it was established */
	CONN_OWNED = 256,     /* s.who is known */
	CONN_USED = 512,      /* user is known, and another task than s.who */
	CONN_COUNTERS =
		1024, /* TCP's counters are there: not of TIME_WAIT or SYN_RECV, nor of UDP */
	CONN_PENDING = 2048, /* of CONN_ESTABLISHED: CONN_TAKEN will tell the same, and its owner */
	CONN_DATAGRAMS = 4096, /* UDP: c.tx, c.rx, c.data_segs_out and _in are payload and datagrams
				  that weir counted, since opened; last is known */
	CONN_DROPS = 8192,     /* dropped is known */
	CONN_NO_QUEUES = 16384, /* neither queues nor drops: of TIME_WAIT or SYN_RECV, and of a peer
				   of UDP, whose socket they are of */
	CONN_LINGER = 32768,    /* aborted: SO_LINGER with no time asks for it */
	CONN_UNTAKEN = 65536,   /* aborted: no program had accepted it */
};

/* Counters of the kernel's own (struct tcp_sock), as they were at s.h.ts. */
struct conn_counts {
	u64 tx, rx; /* bytes that the other side has acknowledged, that came in order; without SYN
		       and FIN */
	u64 sent, retrans_bytes; /* bytes put on the wire, and of these again */
	u32 segs_out, segs_in, data_segs_out, data_segs_in;
	u32 retrans; /* segments sent again */
	u32 lost;    /* segments that were taken for lost */
	u32 reordering;
	u32 rtt_us, rttvar_us, min_rtt_us; /* 0: never measured */
	u32 cwnd, ssthresh, mss;           /* segments, segments, bytes */
	u32 pad;
	u64 rate; /* bytes per second that were delivered; 0: not known */
};
#define MIN_RTT_NONE (~0u)

/*
 * A connection of TCP, or a socket of UDP. s.h.ts: when it was so; s.dur: since it was opened, or
 * since weir saw it first when it was there before; s.ret: -errno of what ended it; s.who: who
 * opened or accepted it; pid 0: unknown.
 */
struct conn_rec {
	struct sock_rec s;          /* sock: an address of IPv4 within IPv6 as IPv4 */
	struct who user;            /* who used it last, of what is seen of that, when another */
	u64 cookie;                 /* as ss -e shows it (sk:) */
	u64 opened;                 /* CLOCK_MONOTONIC, ns; 0: before */
	u64 connect_ns;             /* until it was established; CONNECT_UNKNOWN */
	u64 dtx, drx;               /* of the interval: tx and rx */
	u64 interval_ns;            /* how long that was, set by the user half; 0: no interval */
	u32 event;                  /* enum conn_event */
	u32 flags;                  /* enum conn_flag */
	u32 netns;                  /* the socket's: inode number */
	u32 drops;                  /* packets that the socket itself dropped */
	u32 send_queue, send_limit; /* bytes: not acknowledged; SO_SNDBUF as the kernel has it */
	u32 recv_queue, recv_limit; /* bytes: not read; SO_RCVBUF. Listening: connections */
	struct conn_counts c;
	u64 last;        /* UDP: the last datagram, CLOCK_MONOTONIC, ns */
	u32 dropped;     /* packets of the socket that the kernel dropped while weir watched */
	u32 drop_reason; /* of the last of them */
};
#define CONNECT_UNKNOWN (~0ull)

/* Something that the user half should look at now. */
struct hint_rec {
	struct rec h;
	u64 a, b;
};

/* A user stack that was not seen before. */
#define STACK_MAX 64
struct stack_rec {
	struct rec h;
	u64 id; /* what it will be called by */
	u32 pid;
	u32 kernel;        /* 1: of the kernel's functions; pid means nothing then */
	u64 ip[STACK_MAX]; /* innermost first, 0 behind the last */
};

/* A socket that a probe's argument is. */
struct hit_sock {
	struct sock_id id;
	u64 cookie; /* as ss -e shows it (sk:); 0: it has none yet */
};

enum packet_flag {
	PACKET_VALID = 1, /* len, protocol and device are known */
	PACKET_IP = 2,    /* addresses and l4 too */
	PACKET_PORTS = 4, /* and ports */
};

/* A packet, read from its buffer. Ports in host order. */
struct packet_id {
	u32 len;
	u32 ifindex; /* 0: it has no device now */
	char dev[16];
	u16 protocol; /* ethertype */
	u8 flags;     /* enum packet_flag */
	u8 version;   /* 4 or 6 */
	u8 l4;        /* IP's protocol; extension headers are not followed */
	u8 tcp_flags;
	u16 sport, dport;
	u16 pad[3];
	u8 saddr[16], daddr[16]; /* IPv4 in the first 4 bytes */
};

enum hit_bit {
	HIT_WHO = 1,      /* who is known */
	HIT_RUNNING = 2,  /* ... as the task that ran: the probe is about no socket */
	HIT_RETURNED = 4, /* dur and ret are known */
};

enum hit_context { IN_TASK, IN_INTERRUPT };

/* A tracepoint or kernel function that a user named. What it is called and how its context is to be
 * read is a name of NAME_PROBE. */
struct hit_rec {
	struct rec h;
	u64 dur;        /* ns from entry to return */
	u64 ret;        /* as the register has it */
	u32 netns;      /* of the socket or the packet's device, else of the task; 0: unknown */
	u16 probe;      /* number within the run */
	u8 flags;       /* enum hit_bit */
	u8 context;     /* enum hit_context */
	struct who who; /* the socket's owner, or the task that ran */
};

/* A packet that was dropped. */
struct drop_rec {
	struct rec h;
	u64 place;      /* kernel address: who dropped it */
	u64 caller;     /* of a netfilter hook: who called that; 0: unknown */
	u64 hook;       /* and what stands there, a stack's name (NAME_STACK); 0: unknown */
	u32 reason;     /* enum skb_drop_reason of the kernel that dropped it */
	u32 netns;      /* of the device, else of the socket; 0: unknown */
	struct who who; /* the socket's owner; pid 0: nobody is known */
	struct hit_sock sock;
	struct packet_id packet;
};

/*
 * The first bytes of what was sent or received on a connection: what decoders of protocols are fed
 * with. The bytes follow the fixed part; what else was moved is known by its number only. Where
 * h.fixed is PIECE_BRIEF, who and sock are not there: they are as they were told before.
 */
struct piece_rec {
	struct rec h;
	u64 conn;  /* the socket's cookie, or what else tells connections from each other */
	u32 seq;   /* place in the stream of the first byte */
	u32 size;  /* bytes moved */
	u16 have;  /* bytes that follow */
	u16 flags; /* enum piece_flag */
	u32 pad;
	u8 tail[8]; /* the first five: the last bytes moved, where they are not among those that
		     * follow; zeros where unknown */
	struct who who;
	struct sock_id sock;
};
#define PIECE_BRIEF ((u32) __builtin_offsetof(struct piece_rec, who))
enum piece_flag {
	PIECE_SENT = 1,    /* else received */
	PIECE_END = 2,     /* nothing more comes in this direction */
	PIECE_CLOSED = 4,  /* nor in the other */
	PIECE_TLS = 8,     /* within TLS */
	PIECE_FRAMES = 16, /* of HTTP/2: payload of DATA is not among the bytes that follow */
};

/*
 * A request and its response, made by the user half. s.h.ts: the request's first byte; s.dur: from
 * there to the response's last; s.ret: -status where it is 400 or more, -1 without an answer and
 * where gRPC failed.
 * Method, host and path follow as SECT_TEXT, full their length before they were cut.
 */
struct http_rec {
	struct sock_rec s;
	u64 first_ns; /* from the request's first byte to the response's; ~0: none came */
	u64 request_bytes, response_bytes; /* with heads */
	u32 flags;                         /* enum http_flag */
	u32 stream;                        /* HTTP/2: its number */
	s32 grpc;                          /* grpc-status, -1: none */
	u16 status;                        /* 0: none came */
	u8 version;                        /* 10, 11, 20 */
	u8 side;                           /* enum http_side */
};
enum http_side { HTTP_SERVER, HTTP_CLIENT };
enum http_flag {
	HTTP_UNANSWERED = 1,  /* the connection ended before a response came */
	HTTP_CUT = 2,         /* it ended within the response */
	HTTP_UPGRADED = 4,    /* what follows on the connection is another protocol */
	HTTP_UNSURE = 8,      /* bytes were not seen: the end was guessed */
	HTTP_NO_REQUEST = 16, /* the response alone was seen */
	HTTP_TLS = 32,
};
enum http_text { HTTP_METHOD, HTTP_HOST, HTTP_PATH, HTTP_TEXTS };

/*
 * A query of DNS and its answer, made by the user half. s.h.ts: the query; s.dur: until the answer,
 * or as long as it was waited for; s.ret: -1 - rcode, 0 when that is 0, -1 without an answer.
 * s.sock: its remote half is the other end, where it is known. The name follows as SECT_TEXT 0,
 * then one for each answer: struct dns_text, then text.
 */
struct dns_rec {
	struct sock_rec s;
	u16 id, type, class, rcode;
	u16 answers; /* in the message; not all need be there */
	u8 side;     /* enum http_side */
	u8 flags;    /* enum dns_flag */
	u32 query_bytes, answer_bytes;
	u32 pad;
};
enum dns_flag {
	DNS_UNANSWERED = 1,
	DNS_TRUNCATED = 2, /* the answer says so */
	DNS_NO_QUERY = 4,  /* the answer alone was seen */
};
struct dns_text {
	u32 ttl;
	u16 type, pad;
};
#define DNS_ANSWERS_MOST 16
enum packet_bit {
	PACKET_OUT = 1,     /* it leaves by the interface; else it arrives */
	PACKET_XDP = 2,     /* seen at XDP; else at tc */
	PACKET_GENERIC = 4, /* ... the generic one, that any driver has */
	PACKET_WHO = 8,     /* who is known */
	PACKET_TAGGED = 16, /* the kernel keeps its VLAN tag beside it: tag_proto, tag_tci */
	/* of other programs' files */
	PACKET_NO_SIDE = 32,  /* whether it leaves or arrives is not known */
	PACKET_NO_PLACE = 64, /* nor where it was seen */
};

/*
 * A packet as an interface had it. One section (SECT_DATA) has its first bytes, without the tag
 * that the kernel keeps beside them; full = all of them, with it.
 */
struct packet_rec {
	struct rec h;
	u16 tag_proto, tag_tci;
	u16 gso_segs; /* packets that it will be cut into, or was joined of; 0: it is one */
	u16 gso_size; /* bytes of payload in each */
	/* from here on, what many packets have in common */
	u32 netns; /* of the interface */
	u32 ifindex;
	u8 bits; /* enum packet_bit */
	u8 pad;
	u16 link; /* what the bytes begin with: a LINKTYPE_ of pcap files */
	u32 pad2;
	struct who who; /* of its socket's owner */
};
#define PACKET_SNAP_MAX 65535 /* a section's length */

enum retrans_kind {
	RETRANS_DATA,
	RETRANS_SYN,
	RETRANS_SYNACK,
	RETRANS_FIN,
	RETRANS_PROBE, /* a tail loss probe (RFC 8985) */
};

/* A segment that TCP sent again, or several that were sent as one (segs). */
struct retrans_rec {
	struct rec h;
	struct who who;       /* the socket's owner; pid 0: nobody is known */
	struct hit_sock sock; /* of a SYN-ACK: the connection that is to be */
	u32 netns;
	u16 kind;   /* enum retrans_kind */
	u8 ca;      /* enum tcp_ca_state: 0 Open to 4 Loss */
	u8 attempt; /* so many timeouts went before this one, plus 1; 0: no timeout, a fast one */
	s64 err;    /* -errno: it could not be sent; known since Linux 6.18 */
	u32 seq, len;
	u32 segs, pad;
	u32 retrans, sent; /* of the connection until now: segments; 0 of a SYN-ACK */
	u32 rtt_us, cwnd;
};

/* Where a message's time goes; all but the last are of one that is sent. */
enum latency_stage {
	STAGE_CALL,  /* from the send call's entry to its return */
	STAGE_QUEUE, /* from there until its last byte is handed to the device's queue */
	STAGE_QDISC, /* from there to the device itself */
	STAGE_ACK,   /* from there until the last byte is acknowledged */
	STAGE_WAIT,  /* of a received one: from its arrival until it is read */
	STAGES,
};
#define STAGE_UNKNOWN (~0ull)

/*
 * A message that was sent or received. s.h.ts: its end; s.dur: how long it took, of all stages;
 * s.ret: -EPIPE where the connection ended before the acknowledgment came.
 */
struct latency_rec {
	struct sock_rec s; /* who: pid 0: the kernel reads for a program */
	u64 stage[STAGES]; /* ns; STAGE_UNKNOWN */
	u64 cookie;        /* as ss -e shows it (sk:) */
	u32 bytes;
	u32 again; /* how often its last byte was sent again */
};

/* The queues of a TCP socket that listens, made by the user half. s.h.ts: the interval's end;
 * s.dur: its length. */
struct synbl_rec {
	struct sock_rec s; /* who: pid 0: nobody is known */
	u32 netns;
	u32 flags;                   /* enum synbl_flag */
	u32 accept, accept_most;     /* connections that wait to be accepted: now, at most */
	u32 handshakes, shakes_most; /* that are not ended: now, at most */
	u32 limit;                   /* of both: listen()'s backlog, as the kernel took it */
	u32 somaxconn;               /* net.core.somaxconn there, 0: unknown */
	u32 drops;                   /* what came and was dropped, of the interval */
	u32 pad;
};
enum synbl_flag { SYNBL_TOTAL = 1 /* of the whole run */ };

/* A name for a number, written into a recording so that replay elsewhere prints the same. */
enum name_space {
	NAME_CGROUP = 1,
	NAME_NETDEV = 2,
	NAME_STACK = 4,
	NAME_PROBE = 5,  /* what a probe is, in the text of probe_learn() */
	NAME_SYMBOL = 6, /* what lies at a kernel address */
	NAME_GENL = 7,   /* a family of generic netlink */
	NAME_REASON = 8, /* why a packet is dropped */
};
struct name_rec {
	struct rec h;
	u32 space; /* enum name_space */
	u32 len;
	u64 id;
	char name[]; /* len bytes, no NUL */
};

/* Work that no event will tell of, and a task that does it: once a run. */
enum notice {
	NOTICE_COMPAT = 1,   /* system calls of 32-bit programs, i386's and x32's */
	NOTICE_IO_URING = 2, /* socket work without system calls */
};
struct notice_rec {
	struct rec h;
	struct who who;
	u32 what; /* enum notice */
	u32 pad;
};

/* Why something is missing. One slot a cause, per CPU in the kernel half. */
enum lost {
	LOST_RING,   /* the ring was full */
	LOST_STATE,  /* no room to remember a call's entry */
	LOST_UNREAD, /* user memory that could not be read (the event itself is there) */
	LOST_MAP,    /* a counting map was full */
	LOST_FOLLOW, /* a child could not be marked as followed */
	LOST_MISSED, /* the kernel skipped the program (recursion_misses) */
	LOST_OPEN,   /* calls entered and not finished when the run ended */
	LOST_OWNER,  /* under a filter by process: left out, since nobody knows whose it is */
	LOST_MAX,
};

struct end_rec {
	struct rec h;
	u64 events;         /* records that reached the user half */
	u64 lost[LOST_MAX]; /* by cause */
	u32 nlost;          /* LOST_MAX of the writer */
	u32 pad;
};

#endif
