/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Probes that a user names: tracepoints and kernel functions. One kernel half serves all of them;
 * what it copies and follows is data, worked out by the user half from what the kernel says of
 * itself (tracefs, BTF). Whatever the way, a program's context is memory in which each argument or
 * field has its place: the tracepoint's record, the array of arguments, or the saved registers.
 */
#ifndef WEIR_HIT_H
#define WEIR_HIT_H

#include "record.h"

#define HITS_MAX      1024 /* probes of one run */
#define HIT_LOOKS     6    /* arguments that are looked at */
#define HIT_PATHS     4    /* --arg, of one probe */
#define HIT_STEPS     6    /* pointers on the way to such a field */
#define HIT_FIELD_MAX 64   /* its bytes */
#define HIT_STACK_MAX 32   /* frames */
#define HIT_RAW_MAX   512  /* bytes of context that a record holds */
#define HIT_ROOM      1280 /* of all sections: context, stack, 300 bytes of others, --arg */

/* Where in the context something is; NOWHERE: it is not there. */
#define NOWHERE 0xffff

enum hit_what {
	LOOK_NONE,
	LOOK_SOCK,     /* struct sock * */
	LOOK_SOCKET,   /* struct socket * */
	LOOK_PACKET,   /* struct sk_buff * */
	LOOK_MSGHDR,   /* struct msghdr *: how many bytes its iterator holds */
	LOOK_SOCKADDR, /* struct sockaddr * in kernel memory */
	LOOK_DEVICE,   /* struct net_device * */
};

/* The section's number of a packet's own socket, which is no argument. */
#define OF_PACKET 0xfe

/* An argument that is a pointer to something worth telling. */
struct hit_look {
	u8 what; /* enum hit_what */
	u8 arg;  /* its number, for the section */
	u16 at;  /* of the pointer in the context */
};

/* --arg: pointers to follow, and what to read at the end. */
struct hit_path {
	u16 at;    /* of the first pointer in the context */
	u8 nsteps; /* pointers read on the way, after that one */
	u8 arg;    /* number of the --arg, for the section */
	u16 size;  /* bytes at the end, 0: no path */
	u16 off[HIT_STEPS + 1];
};

enum hit_flag {
	HIT_RETURNS = 1, /* entry and return are joined to one record, sent at the return */
	HIT_STACKS = 2,
	HIT_NOTES = 4,    /* note what it is about, for another probe that comes next on this CPU */
	HIT_NOTED = 8,    /* what it is about was noted just before, by its number */
	HIT_SILENT = 16,  /* send nothing */
	HIT_RET_INT = 32, /* the result is an int */
	HIT_NOTED_PACKET = 64, /* what its packet was has been noted, by that one's address */
};

struct hit_conf {
	u32 flags; /* enum hit_flag */
	u16 from;  /* the context's bytes to copy */
	u16 size;
	u16 dynamic;   /* record: place of the last dynamic field's u32, offset | length << 16, or
			  NOWHERE: what the record has beyond size ends with that field */
	u16 relative;  /* bytes to add to its offset (__rel_loc) */
	u16 ret;       /* where the program at the return finds the result */
	u16 notes_for; /* HIT_NOTES: number of the probe, 0xffff: any of that packet */
	struct hit_look looks[HIT_LOOKS]; /* LOOK_NONE ends them */
	struct hit_path paths[HIT_PATHS];
};

/* What is the same for all of them. */
struct hit_globals {
	u32 mask; /* of places in which hits are built: their number - 1 */
	u32 pad;
};

/* What is asked of a tracepoint: by the name of its structure. */
struct hit_symbol {
	char name[96] __attribute__((aligned(8)));
};

/* What the loader puts a probe's number in place of, in programs that have no cookie. */
#define HIT_NUMBER 0x7765697270726f62
/* In programs that know the types of a socket and a packet among their arguments: what stands
 * before their loads, where the loader puts their places in; what it puts the number of arguments
 * in place of; and 1, where the socket is the packet's own. */
#define HIT_SOCK   0x77656972736f636b
#define HIT_PACKET 0x776569727061636b
#define HIT_WORDS  0x7765697277726473
#define HIT_OWN    0x776569726f776e73
#define HIT_NOTE   0x776569726e6f7465
/* What a copy is to ask before all else; whether it only notes; and for which port, which is
 * compared, also in network order. */
#define HIT_BY_PORT  0x7765697270727430
#define HIT_BY_OWNER 0x776569726f776e30
#define HIT_SILENTLY 0x77656972736c6e74
#define HIT_PORT     0x77657031
#define HIT_BE_PORT  0x77657032
#define NOTE_FOR     (1u << 31) /* with a record's number, in its cookie: it may have notes */
#define NOTE_MAKES   (1u << 16) /* with the probe's number: its record is begun, too */
#define KNOWN_WORDS  6          /* the most of them */

#endif
