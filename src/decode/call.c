/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The calls: one row of argument kinds each. */
#include "tell.h"

struct param {
	/* as the manual page has it; aligned, so that it is never at the end of a page: buf_short()
	 */
	char name[BUF_SHORT] __attribute__((aligned(BUF_SHORT)));
	arg_fn *tell;
	u8 idx;
};

#define MOST 6
#define ADDR_IN(at)                                                                                \
	{"addr", arg_addr, at},                                                                    \
	{                                                                                          \
		"addrlen", arg_int, (at) + 1                                                       \
	}
#define ADDR_OUT(at)                                                                               \
	{"addr", arg_addr, at},                                                                    \
	{                                                                                          \
		"addrlen", arg_length_out, (at) + 1                                                \
	}
#define FD                                                                                         \
	{                                                                                          \
		"sockfd", arg_fd, 0                                                                \
	}

static const struct param params[CALL_MAX][MOST + 1] = {
	[CALL_socket] = {{"domain", arg_domain, 0},
			 {"type", arg_type, 1},
			 {"protocol", arg_protocol, 2}},
	[CALL_socketpair] = {{"domain", arg_domain, 0},
			     {"type", arg_type, 1},
			     {"protocol", arg_u64, 2},
			     {"sv", arg_pair, 3}},
	[CALL_setsockopt] = {FD,
			     {"level", arg_level, 1},
			     {"optname", arg_optname, 2},
			     {"optval", arg_optval, 3},
			     {"optlen", arg_int, 4}},
	[CALL_getsockopt] = {FD,
			     {"level", arg_level, 1},
			     {"optname", arg_optname, 2},
			     {"optval", arg_optval, 3},
			     {"optlen", arg_length_out, 4}},
	[CALL_getsockname] = {FD, ADDR_OUT(1)},
	[CALL_getpeername] = {FD, ADDR_OUT(1)},
	[CALL_bind] = {FD, ADDR_IN(1)},
	[CALL_listen] = {FD, {"backlog", arg_int, 1}},
	[CALL_accept] = {FD, ADDR_OUT(1)},
	[CALL_accept4] = {FD, ADDR_OUT(1), {"flags", arg_sock_flags, 3}},
	[CALL_connect] = {FD, ADDR_IN(1)},
	[CALL_shutdown] = {FD, {"how", arg_how, 1}},
	[CALL_recvfrom] = {FD,
			   {"buf", arg_received, 1},
			   {"len", arg_u64, 2},
			   {"flags", arg_msg_flags, 3},
			   {"src_addr", arg_addr, 4},
			   {"addrlen", arg_length_out, 5}},
	[CALL_recvmsg] = {FD, {"msg", arg_msg, 1}, {"flags", arg_msg_flags, 2}},
	[CALL_recvmmsg] = {FD,
			   {"msgvec", arg_msgvec, 1},
			   {"vlen", arg_uint, 2},
			   {"flags", arg_msg_flags, 3},
			   {"timeout", arg_timeout, 4}},
	[CALL_sendto] = {FD,
			 {"buf", arg_sent, 1},
			 {"len", arg_u64, 2},
			 {"flags", arg_msg_flags, 3},
			 {"dest_addr", arg_addr, 4},
			 {"addrlen", arg_int, 5}},
	[CALL_sendmsg] = {FD, {"msg", arg_msg, 1}, {"flags", arg_msg_flags, 2}},
	[CALL_sendmmsg] = {FD,
			   {"msgvec", arg_msgvec, 1},
			   {"vlen", arg_uint, 2},
			   {"flags", arg_msg_flags, 3}},
	[CALL_sethostname] = {{"name", arg_hostname, 0}, {"len", arg_uint, 1}},
	[CALL_setdomainname] = {{"name", arg_hostname, 0}, {"len", arg_uint, 1}},
	[CALL_read] = {{"fd", arg_fd, 0}, {"buf", arg_received, 1}, {"count", arg_u64, 2}},
	[CALL_write] = {{"fd", arg_fd, 0}, {"buf", arg_sent, 1}, {"count", arg_u64, 2}},
	[CALL_readv] = {{"fd", arg_fd, 0}, {"iov", arg_iov, 1}, {"iovcnt", arg_u64, 2}},
	[CALL_writev] = {{"fd", arg_fd, 0}, {"iov", arg_iov, 1}, {"iovcnt", arg_u64, 2}},
	/* the offset is in two registers; the higher is for 32-bit programs */
	[CALL_preadv2] = {{"fd", arg_fd, 0},
			  {"iov", arg_iov, 1},
			  {"iovcnt", arg_u64, 2},
			  {"offset", arg_s64, 3},
			  {"flags", arg_rwf, 5}},
	[CALL_pwritev2] = {{"fd", arg_fd, 0},
			   {"iov", arg_iov, 1},
			   {"iovcnt", arg_u64, 2},
			   {"offset", arg_s64, 3},
			   {"flags", arg_rwf, 5}},
	[CALL_sendfile] = {{"out_fd", arg_fd, 0},
			   {"in_fd", arg_fd, 1},
			   {"offset", arg_offset, 2},
			   {"count", arg_u64, 3}},
	[CALL_splice] = {{"fd_in", arg_fd, 0},
			 {"off_in", arg_offset, 1},
			 {"fd_out", arg_fd, 2},
			 {"off_out", arg_offset, 3},
			 {"len", arg_u64, 4},
			 {"flags", arg_splice_flags, 5}},
	[CALL_close] = {{"fd", arg_fd, 0}},
};

u32 decode_snap = ~0u;

static inline void tell_params(struct arg *a, const struct param *p, const struct param *end)
{
	for (; p < end && *p->name; p++) {
		a->val = a->r->args[p->idx];
		a->idx = p->idx;
		field(a->v, p->name);
		p->tell(a);
	}
}

/*
 * A call with a payload, as most are, is told in pieces: what comes before it, and after its
 * length, is mostly what it was before; payload and numbers are not.
 */
#define PAYLOAD    1 /* the parameter that is one, where a call has it; its length comes next */
#define TAIL       3 /* of calls with a payload: flags, address, its length */
#define TAIL_WORDS 5

static inline bool has_address(const struct call_rec *r)
{
	return r->call == CALL_sendto || r->call == CALL_recvfrom;
}

/* The address of a recvfrom, and its length before and after. */
static bool received_key(const struct call_rec *r, u64 *key)
{
	const struct sect *in = sect_find(&r->h, SECT_INLEN, 5, NULL);
	const struct sect *out = sect_find(&r->h, SECT_OUTLEN, 5, NULL);

	if (!in || !out || !r->args[5])
		return false;
	key[3] = in->full | (u64)out->full << 32;
	return true;
}

/* All that such a tail is told from, where that is little: no address, or one of IPv4. */
static inline bool tail_key(const struct call_rec *r, u64 *key)
{
	const struct sect *s;

	key[0] = key[1] = key[2] = key[3] = 0;
	key[4] = call_failed(r) ? r->ret : 0;
	if (!has_address(r))
		return true;
	key[0] = (u32)r->args[3];
	if (!r->args[4] || r->call == CALL_sendto) {
		key[0] |= r->args[5] << 32;
		if (r->args[5] >> 32)
			return false;
	}
	if (!r->args[4])
		return true;
	s = sect_find(&r->h, SECT_ADDR, 4, NULL);
	if (!s || !sockaddr_determined(s + 1, s->len))
		return false;
	memcpy(key + 1, s + 1, 16);
	return r->call == CALL_sendto || received_key(r, key);
}

/* What a program sends to, and how, is mostly what it was before. Of a line what was returned, too.
 */
static inline __attribute__((always_inline)) void tell_tail(struct arg *a, const struct param *p,
							    const bool line)
{
	u32 what = MEMO_TAIL + 2 * a->r->call + line;
	bool number = line && !call_failed(a->r);
	size_t start = buf_len(a->v->b);
	u64 key[TAIL_WORDS];
	bool known = tail_key(a->r, key);

	if (!known || !told_before(a->v, what, key, TAIL_WORDS)) {
		tell_params(a, p + TAIL, p + MOST);
		if (line)
			close_box(a->v);
		if (number) {
			buf_str(a->v->b, " = ");
		} else if (line) {
			buf_chr(a->v->b, ' ');
			decode_result(a->v, a->r);
		}
		if (known)
			keep_told(a->v, start, what, key, TAIL_WORDS);
	}
	if (number)
		buf_s64(a->v->b, a->r->ret);
}

#define MOST_FDS 4096 /* of higher ones the text is made each time */

/* What comes before a payload; of a line the call's name, too. */
static inline __attribute__((always_inline)) void tell_head(struct arg *a, const struct param *p,
							    const char *name)
{
	const struct call_rec *r = a->r;
	struct verbs *v = a->v;
	u32 what = MEMO_HEAD + 2 * (r->call * MOST_FDS + (u32)r->args[0]) + !!name;
	bool known = r->args[0] < MOST_FDS && (!v->notes || sock_id_determined(&r->sock));
	size_t start = buf_len(v->b);

	if (known && (v->notes ? told_before(v, what, &r->sock, SOCK_ID_WORDS)
			       : told_before(v, what, r->args, 1))) {
		verbs_within(v, BOX_ARGS);
		return;
	}
	if (name)
		buf_str(v->b, name);
	open_box(v, BOX_ARGS);
	tell_params(a, p, p + PAYLOAD);
	field(v, p[PAYLOAD].name);
	if (known && v->notes)
		keep_told(v, start, what, &r->sock, SOCK_ID_WORDS);
	else if (known)
		keep_told(v, start, what, r->args, 1);
}

static inline void tell_payload(struct arg *a, const struct param *p)
{
	a->idx = PAYLOAD;
	a->val = a->r->args[PAYLOAD];
	p[PAYLOAD].tell(a);
}

static inline bool has_payload(const struct param *p)
{
	return p[PAYLOAD].tell == arg_sent || p[PAYLOAD].tell == arg_received;
}

void decode_args(struct verbs *v, const struct call_rec *r)
{
	const struct param *p = params[r->call < CALL_MAX ? r->call : CALL_NONE];
	struct arg a = {.v = v, .r = r};

	netdev_in(r->who.netns);
	if (has_payload(p)) {
		tell_head(&a, p, NULL);
		tell_payload(&a, p);
		tell_params(&a, p + PAYLOAD + 1, p + TAIL);
		if (has_address(r))
			tell_tail(&a, p, false);
	} else {
		open_box(v, BOX_ARGS);
		tell_params(&a, p, p + MOST);
	}
	close_box(v);
}

void decode_line(struct verbs *v, const char *name, const struct call_rec *r)
{
	const struct param *p = params[r->call < CALL_MAX ? r->call : CALL_NONE];
	struct arg a = {.v = v, .r = r};

	if (!has_payload(p)) {
		buf_str(v->b, name);
		decode_args(v, r);
		buf_chr(v->b, ' ');
		decode_result(v, r);
		return;
	}
	netdev_in(r->who.netns);
	tell_head(&a, p, name);
	tell_payload(&a, p);
	buf_mem(v->b, ", ", 2);
	buf_u64(v->b, r->args[PAYLOAD + 1]);
	tell_tail(&a, p, true);
	v->depth = 0; /* a tail that was kept closed its box in text alone */
}
