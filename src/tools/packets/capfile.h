/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Reads pcap and pcapng files of either byte order, and trusts nothing in them. */
#ifndef WEIR_PACKETS_CAPFILE_H
#define WEIR_PACKETS_CAPFILE_H

#include <stdbool.h>
#include <stdio.h>
#include "packets.h"

#define CAPFILE_INTERFACES 4096
#define CAPFILE_OWNERS     1024

struct capfile_interface {
	u16 link;
	u8 bits;
	bool decimal; /* its clock's unit: 10^-exponent seconds, else 2^-exponent */
	u8 exponent;
	s64 offset_s;
	u32 netns, ifindex;
	char name[16];
};

struct capfile {
	FILE *file;
	const char *path;
	bool ng, swap, nanos;
	u64 at; /* bytes read */
	u64 packets;
	u32 named;       /* interface blocks: each may give a number another name */
	u32 ninterfaces; /* of this section */
	u32 described;   /* of all */
	u32 sections;    /* that have begun */
	struct capfile_interface *interfaces;
	struct {
		u32 number;
		struct who who;
	} * owners;
	u8 *block; /* the one that is read now */
	u32 room;
	struct packet_rec *rec; /* with its section */
};

/* "-": standard input. 0 or FAIL. capfile_close() releases all, also after a failure. */
int capfile_open(struct capfile *c, const char *path);
/* 1 and the next packet, valid until the next call; 0 at the end; FAIL: what follows is cut off or
 * no capture. h.ts is CLOCK_REALTIME. */
int capfile_next(struct capfile *c, const struct packet_rec **r);
void capfile_close(struct capfile *c);

#endif
