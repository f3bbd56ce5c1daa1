/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What a record means, told with verbs. Decoders trust nothing in a record: lengths are checked
 * against the section they stand in, and what is too short is told as raw bytes or as its pointer.
 */
#ifndef WEIR_DECODE_H
#define WEIR_DECODE_H

#include "call.h"
#include "names.h"
#include "record.h"
#include "verbs.h"

/* The arguments of a call as one BOX_ARGS, in strace's notation; with v->notes descriptors are
 * followed by what they are. */
void decode_args(struct verbs *v, const struct call_rec *r);
/* Text only: " = 0", " = -1 ECONNREFUSED (Connection refused)", " = 3", as strace; without spaces
 * around, from the "=" on. With v->notes a returned descriptor is annotated. */
void decode_result(struct verbs *v, const struct call_rec *r);
/* Text only: a call by its name, its arguments and what it returned, as the two above tell them. */
void decode_line(struct verbs *v, const char *name, const struct call_rec *r);
/* JSON's "socket": what the first descriptor is, as a STRUCT (family, type, protocol, state, local
 * and remote address and port or path, inode); a null ptr when it is no socket. */
void decode_socket(struct verbs *v, const struct call_rec *r);
/* Text of the annotation without its angle brackets: TCP:127.0.0.1:40000->127.0.0.1:80 */
/* r: the record whose sections have the paths of a Unix socket; NULL: they are not known. */
void decode_sock_id(struct buf *b, const struct sock_id *id, const struct rec *r);

/* What is not there: nothing in text, where an empty cell is a dash, and null in JSON. */
void decode_none(struct verbs *v);
/* Each line of a text, all ended by a line feed: an ARRAY. NULL: nothing is there. */
void decode_lines(struct verbs *v, const char *text);
/* Each of them behind indent, for people: what a file chose is made harmless. */
void decode_indented(struct buf *b, const char *text, const char *indent);
/* The words of the bits that are set, of n, the lowest first: an ARRAY. */
void decode_notes(struct verbs *v, const char *const *words, u32 n, u32 flags);

/*
 * One property of a socket, as a column of its own (src/tools/so*): nothing in text and null in
 * JSON where it is not known or the family has none. Addresses of vsock are cids.
 */
void decode_family(struct verbs *v, const struct sock_id *id);
void decode_protocol(struct verbs *v, const struct sock_id *id);
void decode_addr(struct verbs *v, const struct sock_id *id, bool remote);
void decode_port(struct verbs *v, const struct sock_id *id, bool remote);
/* A result in words: by the number of its error, 0 when it went well; else by the error's name. */
void decode_outcome(struct verbs *v, const struct names *words, s64 ret);

/* Most bytes of a payload to show (-s); what a record holds of it may be less. */
extern u32 decode_snap;

/* A sockaddr of n bytes, as strace tells it. */
void decode_sockaddr(struct verbs *v, const void *sa, u32 n);

/* Names of network devices as a recording has them: from the first one on, no other is asked for.
 * The namespace whose names live look-ups give is netdev_own()'s. */
void netdev_learn(u32 netns, u32 ifindex, const char *name, u32 len);
u32 netdev_own(void);
/* The namespace whose devices tell_ifindex() and netdev_name() are about: of the task that acted.
 */
void netdev_in(u32 netns);
/* NULL: it is not known. Valid until the next call. */
const char *netdev_name(u32 ifindex);
/* How often it was asked for: what was told meanwhile is another text in another namespace. */
extern u32 netdev_asked;
/* Generic netlink families as a recording has them: from the first one on, no other is asked for.
 */
void genl_learn(u32 id, const char *name, u32 len);
/* Those that are known now; the kernel is asked when id is not among them. */
const struct names *genl_names(u32 id);

/* Sections of a record, in order. The first with kind (and arg, when it is not ANY_ARG) after
 * the section after (NULL: from the start); NULL when there is none or the record ends within it.
 */
#define ANY_ARG 0xff
const struct sect *sect_find(const struct rec *r, u8 kind, u8 arg, const struct sect *after);
/* Its bytes as a string, which is room: cut where they are longer, empty where s is NULL. */
const char *sect_string(const struct sect *s, char *room, size_t size);
const struct sect *sect_next(const struct rec *r, const struct sect *after);

/* Tables made from tables/ at build time (tables/tables.sh). */
extern const struct names names_af, names_sock_type, names_ipproto, names_netlink_proto,
	names_eth_p, names_msg_flags, names_shut, names_sol, names_arphrd, names_packet_type,
	names_splice_flags, names_rwf, names_tcp_state, names_icmp, names_packet_mr, names_dns_type,
	names_dns_rcode;
/* What the comment behind an unlisted option says, by level; and behind a protocol, by family. */
extern const struct names names_sockopt_unknown, names_af_proto_unknown;

/* A name within a group: an option by level, a control message by level, a protocol by family. */
struct sockopt {
	u32 level, value;
	const char *name;
	u8 kind; /* enum kind, how its value is told: column KIND of the table, build/gen/kinds.h */
	bool fresh; /* strace 6.1 does not know it: --bare neither */
};
extern const struct sockopt sockopts[], sockopt_gets[], scms[], af_protos[];
extern const u32 nsockopts, nsockopt_gets, nscms, naf_protos;

#endif
