/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Captures as files (draft-ietf-opsawg-pcapng). What pcapng has no place for is in custom blocks
 * and options, which other programs pass over; packets.md describes them.
 */
#ifndef WEIR_PACKETS_PCAPNG_H
#define WEIR_PACKETS_PCAPNG_H

#include "packet_decode.h"

/* Of the files that weir writes. Nobody has asked IANA for a number: this one is for documents (RFC
 * 5612), so what follows begins with a word that tells ours from others'. */
#define PCAPNG_PEN  32473
#define PCAPNG_WEIR 0x72696577 /* "weir", little-endian */

enum pcapng_custom {
	CUSTOM_OWNER = 1,     /* a block: struct custom_owner */
	CUSTOM_OWNED_BY = 2,  /* an option of a packet: struct custom_owned_by */
	CUSTOM_INTERFACE = 3, /* an option of an interface: struct custom_interface */
};

struct custom_owner {
	u32 weir, kind;
	u32 number; /* by which packets name it; a later block may give it to another */
	u32 pid, tid, uid;
	u32 netns;
	u32 pad;
	u64 cgroup;
	char comm[16];
};

struct custom_owned_by {
	u32 weir, kind, number;
};

struct custom_interface {
	u32 weir, kind;
	u32 netns, ifindex;
	u32 bits; /* PCAPNG_PLACE */
};

/* Of a packet's bits those that are its interface's. */
#define PCAPNG_PLACE (PACKET_XDP | PACKET_GENERIC | PACKET_NO_PLACE)

struct pcapng_how {
	const char *path; /* "-": standard output */
	u32 size_mb;      /* -C: a new file after so many million bytes; 0: no */
	u32 files;        /* -W; 0: any number */
	u64 seconds;      /* -G: a new file after so long; 0: no */
	u64 start_ns;     /* date of the first span of -G; 0: now */
	s64 wall_ns;      /* what makes a date of a record's time */
	u32 snap;
};

/* How is kept. 0 or FAIL. */
int pcapng_open(const struct pcapng_how *how);
/* What follows is of another machine, or of another time: a section of its own. */
void pcapng_section(void);
/* One packet. dropped: so many were lost before it. 0, FAIL, or 1 when -G and -W ask for an end. */
int pcapng_put(const struct packet_rec *r, u64 dropped);
int pcapng_flush(void);
int pcapng_close(void);

#endif
