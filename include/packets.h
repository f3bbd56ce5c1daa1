/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What both halves of weir packets share. */
#ifndef WEIR_PACKETS_H
#define WEIR_PACKETS_H

#include "record.h"

/* Read-only data of the kernel half. */
struct packets_conf {
	u32 snap;    /* bytes of each packet to copy */
	u32 netns;   /* inode number of the interfaces' namespace */
	u32 owner;   /* whether anybody asks whose it is */
	u32 summary; /* count, and send nothing */
};

/* By interface, where it differs from Ethernet at tc and native XDP; else there is no entry. */
struct packets_device {
	u32 ifindex;
	u16 link; /* LINKTYPE_ of pcap files */
	u8 bits;  /* PACKET_GENERIC */
	u8 pad;
};

#define PACKETS_PLACES 1024 /* a power of two */

/* Addresses that are this host's own, IPv4 as ::ffff:a.b.c.d; the key of an LPM trie. */
struct packets_prefix {
	u32 bits;
	u8 addr[16];
};

/* --summary */

/* Who talks with whom: the two ends in order, so that both directions are one. IPv4 in the first 4
 * bytes of an address. */
struct packets_end {
	u64 addr[2];
	u32 port; /* 0: none */
	u32 pad;
};

struct packets_pair {
	struct packets_end end[2];
	u16 type;   /* ethertype */
	u8 proto;   /* IP's, behind extension headers */
	u8 version; /* of IP; 0: it is none */
	u8 pad[4];
};

struct packets_count {
	u64 packets[2], bytes[2]; /* from the first end, from the second */
};

#define PACKETS_PAIRS 16384
#define PACKETS_TYPES 1024 /* kinds of packets: ethertype << 16 | version << 8 | IP's protocol */
#define PACKETS_SIZES 32   /* buckets: 2^(n-1) to 2^n - 1 bytes */

#define LINK_ETHER 1
#define LINK_RAW   101 /* an IP header is the first */

#endif
