/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the decoders share: short names for the verbs, notations that strace has and the verbs have
 * not, and loads from bytes that need not be aligned. Nobody outside src/decode includes this. */
#ifndef WEIR_DECODE_TELL_H
#define WEIR_DECODE_TELL_H

#include "decode.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/* A table within the code: names that only one decoder needs. Sorted by value. */
#define NAMES(table, what, ...)                                                                    \
	static const struct name table##_rows[] = {__VA_ARGS__};                                   \
	static const struct names table = {table##_rows, ARRAY_SIZE(table##_rows), what, NULL}

static inline u16 load16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 load32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u64 load64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u16 net16(const void *p)
{
	return __builtin_bswap16(load16(p));
}

static inline u32 net32(const void *p)
{
	return __builtin_bswap32(load32(p));
}

/*
 * A value that words of 8 bytes determine, and nothing else, may have been told before:
 *
 *	size_t start = buf_len(v->b);
 *	if (told_before(v, what, key, words))
 *		return;
 *	...
 *	keep_told(v, start, what, key, words);
 */
static inline __attribute__((always_inline)) bool told_before(struct verbs *v, u32 what,
							      const void *key, u32 words)
{
	return v->memo && memo_tell(v->memo, v->b, what, key, words);
}

static inline void keep_told(struct verbs *v, size_t start, u32 what, const void *key, u32 words)
{
	if (v->memo)
		memo_keep(v->memo, v->b, start, what, key, words);
}

static inline void open_box(struct verbs *v, enum verbs_box box)
{
	v->ops->open(v, box);
}

static inline void close_box(struct verbs *v)
{
	v->ops->close(v);
}

static inline void field(struct verbs *v, const char *name)
{
	v->ops->field(v, name);
}

static inline void item(struct verbs *v)
{
	v->ops->item(v);
}

/* A member that is a STRUCT: an IP address and, where it is not negative, a port. */
void tell_address(struct verbs *v, const char *name, bool is4, const u8 *addr, s32 port);

/* One member of a STRUCT. */
static inline void field_sint(struct verbs *v, const char *name, s64 n)
{
	v->ops->field(v, name);
	v->ops->sint(v, n);
}

static inline void field_uint(struct verbs *v, const char *name, u64 n)
{
	v->ops->field(v, name);
	v->ops->uint(v, n);
}

static inline void field_hex(struct verbs *v, const char *name, u64 n)
{
	v->ops->field(v, name);
	v->ops->hex(v, n);
}

static inline void field_ptr(struct verbs *v, const char *name, u64 n)
{
	v->ops->field(v, name);
	v->ops->ptr(v, n);
}

static inline void field_name(struct verbs *v, const char *name, const struct names *table, u64 n)
{
	v->ops->field(v, name);
	v->ops->name(v, table, n);
}

static inline void field_flags(struct verbs *v, const char *name, const struct names *table, u64 n)
{
	v->ops->field(v, name);
	v->ops->flags(v, table, n);
}

static inline void field_in4(struct verbs *v, const char *name, const void *addr)
{
	v->ops->field(v, name);
	v->ops->in4(v, addr);
}

/* Notation around a value; JSON leaves it out. */
void tell_raw(struct verbs *v, const char *text);
/* Whether text listens: for the few values whose JSON is not their text's content. */
bool tell_is_text(struct verbs *v);
/* Whether more than strace tells is wanted: JSON, and text that is not --bare. */
bool tell_more_than_strace(struct verbs *v);
/* Text as it is given, JSON the number. */
void tell_as(struct verbs *v, const char *text, u64 n);
/* Text 128 => 16 (with another arrow), one number when equal; JSON {"in": 128, "out": 16}. */
void tell_change(struct verbs *v, s64 in, s64 out, const char *arrow);
/* Text 00, 0x1: strace's %#x of one byte in an array. */
void tell_byte(struct verbs *v, u8 n);
/* Text "\x01\xff", JSON as bytes(). */
void tell_hex_bytes(struct verbs *v, const void *p, u32 n);
/* An array of strace's hexadecimal bytes, at most max of them, then ... */
void tell_byte_array(struct verbs *v, const u8 *p, u32 n, u32 max);
/* An array of int, at most max of them, then ... */
void tell_int_array(struct verbs *v, const void *p, u32 n, u32 max);
/* if_nametoindex("lo"), or the number when no device of the namespace has it. JSON the number. */
void tell_ifindex(struct verbs *v, u32 ifindex);
/* htons(ETH_P_ALL), from host order. */
void tell_ethertype(struct verbs *v, u32 ethertype);
/* What strace tells of an address that ends an array early: ... and a comment with the address. */
void tell_unreadable_rest(struct verbs *v, u64 address);
/* {tv_sec=1, tv_nsec=2} of two 64-bit words. */
void tell_time(struct verbs *v, const void *p, const char *sec, const char *frac);
/* The name of an error number ([ECONNREFUSED]), or NULL. */
const char *errno_name(int err);

/* Whether the first 16 bytes of a sockaddr determine what is told of it, whatever follows them:
 * IPv4's do, in which no device is named. */
static inline bool sockaddr_determined(const void *sa, u32 n)
{
	return n >= 16 && load16(sa) == 2 /* AF_INET */;
}

#define SOCK_ID_WORDS (sizeof(struct sock_id) / 8)
_Static_assert(sizeof(struct sock_id) % 8 == 0, "a memo's key is of whole words");

/* Whether an id alone determines what is told of it: no path, no name of a device. */
static inline bool sock_id_determined(const struct sock_id *id)
{
	return id->family == 2 /* AF_INET */ || id->family == 10 /* AF_INET6 */;
}

/* Behind a descriptor, where notes are wanted: <TCP:127.0.0.1:40000->127.0.0.1:80> */
void tell_note(struct verbs *v, const struct sock_id *id, const struct rec *r);

#define IFNAME_MAX 15 /* bytes of such a name; all but a few are allowed: it is to be escaped */

/* One argument of a call. */
struct arg {
	struct verbs *v;
	const struct call_rec *r;
	u64 val;
	u8 idx;
};
typedef void arg_fn(const struct arg *a);

arg_fn arg_int, arg_uint, arg_u64, arg_s64, arg_fd, arg_domain, arg_type, arg_protocol, arg_how,
	arg_msg_flags, arg_sock_flags, arg_splice_flags, arg_rwf, arg_sent, arg_received,
	arg_hostname, arg_addr, arg_length_out, arg_level, arg_optname, arg_optval, arg_msg,
	arg_msgvec, arg_iov, arg_timeout, arg_pair, arg_offset;

/* The record says that memory this argument points to could not be read. */
static inline bool arg_unread(const struct arg *a)
{
	return a->r->unread >> a->idx & 1;
}

/* The memory of an out-argument is what it was before the call. */
static inline bool call_failed(const struct call_rec *r)
{
	return r->ret < 0;
}

/* What a pointer leads to; nothing lies behind a null pointer. */
static inline const struct sect *arg_sect(const struct arg *a, u8 kind)
{
	const struct sect *s = (const struct sect *)(a->r + 1);
	const u32 from = sizeof(*a->r) + sizeof(*s);

	if (!a->val)
		return NULL;
	if (a->r->h.fixed == sizeof(*a->r) && a->r->h.len >= from && s->kind == kind &&
	    s->arg == a->idx && s->len <= a->r->h.len - from)
		return s; /* mostly it is the first: found without a call */
	return sect_find(&a->r->h, kind, a->idx, NULL);
}

/* A piece of the program's memory, as much of it as was recorded. */
struct memory {
	const void *p;
	u32 n;    /* bytes that are here */
	u64 full; /* ... that there were */
	u64 address;
	bool unreadable; /* those that are not here could not be read */
};

/* Payload: as many bytes as the record wants shown. */
static inline void tell_shown(struct verbs *v, const struct call_rec *r, const struct memory *m)
{
	u32 n = m->n;

	if (n > r->snap)
		n = r->snap;
	if (n > decode_snap)
		n = decode_snap;
	v->ops->bytes(v, m->p, n, m->full > n);
}

/* Whether netlink messages are what the socket of the call carries. */
bool is_netlink(const struct call_rec *r);
/* Such messages; of a socket whose protocol is unknown only their heads. */
void tell_netlink(struct verbs *v, const struct call_rec *r, const struct memory *m);

/* Control messages of a msghdr, n bytes of full: an ARRAY. address: theirs, for the comment of what
 * cannot be read. */
void tell_control(struct verbs *v, u64 address, const void *p, u32 n, u64 full);

#endif
