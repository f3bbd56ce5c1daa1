/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Netlink messages: heads, structures and attributes as tables/netlink/ describes them, told as
 * strace 6.1 tells them. Text has strace's shape, [{head}, payload, [attribute, ...]]; JSON one
 * object a message, with "payload" and "attrs", and always an array of them. Only the decoders of
 * netlink include this.
 */
#ifndef WEIR_DECODE_NL_H
#define WEIR_DECODE_NL_H

#include "tell.h"

#define NLMSG_HEAD 16 /* struct nlmsghdr */
#define NLA_HEAD   4  /* struct nlattr */

/*
 * How a value is told: KIND in tables/netlink/. A number in the name is its width in bits; where
 * none is, all bytes there are belong to it. What is too short for its kind is told as bytes.
 */
enum nl_kind {
	NL_hex, /* "\x01\x02" */
	/* numbers: unsigned, signed, hexadecimal, hexadecimal of full width */
	NL_u8,
	NL_u16,
	NL_u32,
	NL_u64,
	NL_s8,
	NL_s16,
	NL_s32,
	NL_x8,
	NL_x16,
	NL_x32,
	NL_x64,
	NL_p8,
	NL_p32,
	NL_xint, /* x8 to x64, by the length */
	/* of the network's byte order: htons(80), htonl(1), htobe64(1), htonl(0x1) */
	NL_be16,
	NL_be32,
	NL_be64,
	NL_be32x,
	/* a constant, flags; ARG: their names */
	NL_name,
	NL_name8,
	NL_name16,
	NL_name32,
	NL_flags8,
	NL_flags16,
	NL_flags32,
	NL_nameof32, /* 0x1 NAME, the name as a comment */
	NL_flagsof8,
	NL_flagsdown8, /* told from the highest on */
	NL_flagsof32,  /* several bits may have one name, which goes before the others */
	NL_ethproto,   /* htons(ETH_P_IP) */
	NL_be16eth,    /* the same; strace 6.1's comment is another */
	/* other single values */
	NL_ifindex,
	NL_uid,   /* -1 for none */
	NL_dev,   /* makedev(0x8, 0x1) */
	NL_clock, /* 100, with seconds as a comment; USER_HZ is 100 everywhere */
	/* addresses */
	NL_in4,
	NL_in6,
	NL_addr,     /* of the message's family */
	NL_addr16,   /* the same, in 16 bytes of a structure */
	NL_md5addr,  /* of the structure's own family */
	NL_mac,      /* ARG: bytes */
	NL_hwaddr,   /* all there is, up to 32 bytes */
	NL_linkaddr, /* the same; strace 6.1 shows as many bytes as the family, taken as a type of
			hardware, has */
	/* strings */
	NL_str,   /* with a NUL at its end */
	NL_cstr,  /* up to the first NUL; ARG: bytes */
	NL_bytes, /* hexadecimal; ARG: bytes */
	/* members that are told when they are not 0 */
	NL_nz8,
	NL_nz16,
	NL_nz32,
	NL_pad, /* ARG: bytes */
	/* arrays; ARG of those in a structure: bytes */
	NL_u8s,
	NL_u16s,
	NL_u32s,
	NL_u32s2, /* two: a cookie */
	NL_x64s,
	/* arrays whose places have names: ARG */
	NL_s32at,
	NL_u32at,
	NL_u64at,
	/* ARG: the table of the structure, or of the attributes */
	NL_struct,
	NL_structrest, /* what is behind it, as bytes */
	NL_structs,
	NL_structs1,
	NL_nested,
	/* that are like no other: nlspecial.c */
	NL_protinfo,
	NL_afspec,
	NL_linkkind,
	NL_linkdata,
	NL_linkxstats,
	NL_linkslave,
	NL_linkslavedata,
	NL_vfguid,
	NL_multipath,
	NL_via,
	NL_mdbentry,
	NL_mdbport,
	NL_bytecode,
	NL_md5key,
	NL_mcaddr,
	NL_sockopt,
	NL_sockaddrs,
	NL_filter,
};

/* An attribute, or a member of a structure. */
struct nl_row {
	u32 at;     /* the attribute's number, the member's offset */
	u8 kind;    /* enum nl_kind */
	u16 bytes;  /* of kinds that want a length */
	bool fresh; /* strace 6.1 does not know it */
	const char *name;
	const void *arg; /* struct names, nl_struct or nl_attrs: what the kind says */
};

struct nl_attrs {
	const struct nl_row *rows;
	u32 count;
	const struct names *names; /* of the types, also of those that have no row */
};

struct nl_struct {
	const struct nl_row *members;
	u32 count;
	u16 sizes[3]; /* that or more; else exactly one of the others; 0: none */
};

/* What links are, as IFLA_INFO_KIND says before IFLA_INFO_DATA. */
enum nl_link { NL_LINK_OTHER, NL_LINK_BRIDGE, NL_LINK_TUN, NL_LINK_CAN };

/* A buffer that is told. Positions are bytes from its begin; what lies at one is only there when
 * nl_at() says so. */
struct nl {
	struct verbs *v;
	const u8 *base;
	u32 have;        /* bytes that were recorded */
	bool unreadable; /* the others could not be read; else they were not recorded */
	bool text;       /* strace's shape, else JSON's */
	bool exact;      /* as strace 6.1 tells it, be it less */
	u64 address;     /* of the buffer in the program's memory */
	u32 max;         /* bytes of a string, members of a list: -s */
	u16 protocol;    /* NETLINK_*, or NL_UNKNOWN */
	u8 family;       /* first byte of the message's payload: addresses are of it */
	u8 link, slave;  /* enum nl_link */
};

#define NL_UNKNOWN 0xffff

/* n bytes at a position; NULL when they are not all there. */
static inline const u8 *nl_at(const struct nl *nl, u64 at, u64 n)
{
	return n <= nl->have && at <= nl->have - n ? nl->base + at : NULL;
}

/* They are there, and all 0. */
bool nl_zero(const struct nl *nl, u64 at, u64 n);
/* A number of up to 8 bytes. */
static inline u64 nl_load(const u8 *p, u32 n)
{
	u64 value = 0;

	memcpy(&value, p, n);
	return value;
}

/* In place of what is not there: its address when it could not be read, else ... */
void nl_missing(struct nl *nl, u64 at);
/* A value of len bytes by kind; as bytes when it is too short. */
void nl_value(struct nl *nl, const struct nl_row *row, u64 at, u64 len);
/* The same of a member of a structure, of which len bytes are left. */
void nl_member(struct nl *nl, const struct nl_row *m, u64 at, u64 len);
bool nl_kind(struct nl *nl, const struct nl_row *row, u64 at, u64 len);
bool nl_special(struct nl *nl, const struct nl_row *row, u64 at, u64 len);
/* A number by kind, and one in hexadecimal of so many digits, the 0x counted. */
void nl_number(struct nl *nl, const struct nl_row *row, u64 n);
void nl_padded(struct nl *nl, u64 n, u32 digits);
/* Arrays; false when there are too few bytes for an element. */
bool nl_array(struct nl *nl, const struct nl_row *row, u64 at, u64 len);
bool nl_structs(struct nl *nl, const struct nl_row *row, u64 at, u64 len);
void nl_hex(struct nl *nl, u64 at, u64 len);
/* A string of all bytes, and one up to its first NUL. */
void nl_text(struct nl *nl, u64 at, u64 len);
void nl_cstr(struct nl *nl, u64 at, u64 len);
/* inet_addr("127.0.0.1"); bytes when the family has no such notation. member: NULL, or the name of
 * the member that it is (which in6 wants, and field() was not called for). */
void nl_addr(struct nl *nl, u8 family, const char *member, u64 at, u64 len);
/* The members of a structure of size bytes, into an open box. */
void nl_members(struct nl *nl, const struct nl_struct *s, u64 at, u32 size);
/* Flags into text, or nothing: names of several bits first. down: from the highest on. Returns
 * those that have no name. */
u64 nl_put_flags(struct buf *b, const struct names *names, u64 flags, bool down);
/* False when there are too few bytes for it. */
bool nl_struct(struct nl *nl, const struct nl_struct *s, u64 at, u64 len);
/* As nl_struct(), of the first bytes of a payload: when there are too few, the family and ... False
 * when nothing can follow. */
bool nl_head(struct nl *nl, const struct nl_struct *s, u64 at, u64 len);
/* A list of attributes. */
void nl_attrs(struct nl *nl, const struct nl_attrs *t, u64 at, u64 len);

/* nlmsg_type and nlmsg_flags of a message. */
void nl_type(struct nl *nl, u16 type);
void nl_message_flags(struct nl *nl, u16 type, u16 flags);

/*
 * A head and what follows it: text [{a=1}, 2, 3], or {a=1} when nothing follows; JSON {"a": 1,
 * "name": 2, "more": 3}. more: something follows.
 */
void nl_open(struct nl *nl, bool more);
void nl_head_end(struct nl *nl);
void nl_part(struct nl *nl, const char *name);
void nl_close(struct nl *nl, bool more);

#include "nl_tables.h"

#endif
