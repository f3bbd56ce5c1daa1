/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The decoders of addresses, options, control messages, messages and netlink, told to text and to
 * JSON. The first bytes choose the call, its arguments and the socket; the rest are sections: kind,
 * argument, a length, bytes. What was told before changes nothing.
 */
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "out.h"

#define SECTIONS 40
#define NETLINK  16 /* AF_NETLINK */

#define LONGEST 2040 /* bytes of a section: netlink messages are long, and come in eights */

/* Copies that end where the allocation ends, so that reading past them is noticed. */
static struct call_rec *make(const u8 *data, size_t size)
{
	size_t max = sizeof(struct call_rec) + SECTIONS * (sizeof(struct sect) + 272) + LONGEST, at;
	u8 *room = calloc(1, max);
	struct call_rec *r = (struct call_rec *)room, *exact;

	r->call = data[0] % CALL_MAX;
	for (u32 i = 0; i < 6; i++)
		r->args[i] = data[1 + i] & 0x80 ? data[1 + i] * 0x100000000000ull : data[1 + i];
	r->ret = (signed char)data[7];
	r->unread = data[8];
	r->snap = data[8] & 0x10 ? 255 : 32;
	memcpy(&r->sock, data + 9, 23);
	if (data[8] & 0x20)
		r->sock = (struct sock_id){
			.family = NETLINK, .flags = SOCK_ID_VALID, .protocol = data[9] % 24};
	at = sizeof(*r);
	data += 32;
	size -= 32;
	while (size >= 8 && at + sizeof(struct sect) + 8 + LONGEST < max) {
		struct sect *s = (struct sect *)(room + at);
		size_t len;

		*s = (struct sect){.kind = data[0] % (SECT_MORE + 1), .arg = data[1] & 7};
		memcpy(&s->full, data + 4, 4);
		if (data[3] & 1)
			s->full = data[2];
		data += 8;
		size -= 8;
		len = data[-6] * (r->sock.family == NETLINK ? 8 : 1);
		s->len = len < size ? len : size;
		memcpy(s + 1, data, s->len);
		data += s->len;
		size -= s->len;
		at += sizeof(*s) + SECT_NEXT(s->len);
	}
	r->h = (struct rec){.len = at, .type = REC_CALL, .fixed = sizeof(*r)};
	exact = malloc(at);
	memcpy(exact, r, at);
	free(room);
	return exact;
}

static struct buf tell(const struct verbs_ops *ops, bool notes, struct memo *memo,
		       const struct call_rec *r)
{
	struct buf b = {0};
	struct verbs v = {.ops = ops, .b = &b, .notes = notes, .memo = memo};

	if (memo)
		buf_room(&b, 16 * MEMO_TEXT); /* without room nothing is taken from it */
	decode_args(&v, r);
	if (ops == &verbs_text)
		decode_result(&v, r);
	else
		decode_socket(&v, r);
	if (v.depth)
		abort(); /* a box was left open */
	return b;
}

/* Told twice: as if it were the first of all records, and after those that came before. */
static void both(const struct verbs_ops *ops, bool notes, struct memo *memo,
		 const struct call_rec *r)
{
	struct buf anew = tell(ops, notes, NULL, r), kept = tell(ops, notes, memo, r);

	if (buf_len(&anew) != buf_len(&kept) || memcmp(anew.base, kept.base, buf_len(&kept)))
		abort(); /* a text was taken for another's */
	buf_free(&anew);
	buf_free(&kept);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	genl_learn(0, "", 0); /* the kernel is not to be asked */
	return 0;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct memo memos[3];
	struct call_rec *r;

	if (size < 32)
		return 0;
	r = make(data, size);
	both(&verbs_text, true, &memos[0], r);
	both(&verbs_text, false, &memos[1], r);
	both(&verbs_json, false, &memos[2], r);
	free(r);
	return 0;
}
