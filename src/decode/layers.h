/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The headers of a packet, found one behind the other. Nothing in it is trusted: each length is
 * checked against what was captured and against what the header around it says.
 */
#ifndef WEIR_DECODE_LAYERS_H
#define WEIR_DECODE_LAYERS_H

#include <stdbool.h>
#include "record.h"

enum layer_kind {
	LAYER_ETHER,
	LAYER_VLAN, /* TPID and TCI: the 4 bytes behind the addresses */
	LAYER_LLC,
	LAYER_COOKED, /* LINKTYPE_LINUX_SLL or, of 20 bytes, _SLL2 */
	LAYER_ARP,
	LAYER_IP4,
	LAYER_IP6,
	LAYER_EXT, /* an extension header of IPv6 */
	LAYER_ICMP,
	LAYER_ICMP6,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_SCTP,
	LAYER_GRE,
	LAYER_VXLAN,
	LAYER_DATA, /* payload of the layer before */
	LAYER_CUT, /* a header that was not captured as a whole, or is shorter than it may be: as */
		   /* says of what */
	LAYER_KINDS,
};

struct layer {
	u8 kind;   /* enum layer_kind */
	u8 as;     /* LAYER_CUT: the kind that it would be. LAYER_EXT: its number */
	bool bad;  /* LAYER_CUT: by the packet's own word; else only the capture ends */
	u8 depth;  /* 0, or 1 within a tunnel */
	u16 proto; /* what the layer before calls it: an ethertype, or IP's protocol */
	const u8 *p;
	u32 len;  /* of the header; of LAYER_DATA: captured bytes */
	u32 full; /* from p on, by the word of the headers around it; never beyond the frame */
};

#define LAYERS_MAX 40

struct layers {
	u32 n;
	struct layer at[LAYERS_MAX];
};

#define COOKED2 20 /* bytes of LINKTYPE_LINUX_SLL2's header; the older one has 16 */

/* What a header of LAYER_COOKED says. */
struct cooked {
	u32 way; /* PACKET_HOST and others of packet(7) */
	u32 hardware;
	u32 ifindex;   /* of SLL2 alone */
	const u8 *mac; /* whose it is from, within the packet; NULL: no address of 6 bytes */
};
struct cooked layer_cooked(const struct layer *l);

enum linktype { /* of pcap files */
		LINKTYPE_NULL =
			0, /* BSD's loopback: an address family first, in the writer's byte order */
		LINKTYPE_ETHERNET = 1,
		LINKTYPE_RAW = 101,
		LINKTYPE_LOOP = 108,      /* OpenBSD's: the same, in network byte order */
		LINKTYPE_LINUX_SLL = 113, /* "cooked", of all interfaces in one */
		LINKTYPE_IPV4 = 228,
		LINKTYPE_IPV6 = 229,
		LINKTYPE_LINUX_SLL2 = 276,
};

/* Of the len bytes at p, of a frame of full bytes. They must outlive l. link: a LINKTYPE_ of pcap
 * files; of an unknown one all is data. */
void layers_find(struct layers *l, u16 link, const u8 *p, u32 len, u32 full);
/* The innermost layer of such a kind at depth, NULL: none. */
const struct layer *layers_last(const struct layers *l, u8 kind, u8 depth);

#endif
