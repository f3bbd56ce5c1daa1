/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a call returned, as strace tells it. */
#include <string.h>
#include "tell.h"

/* Seen by a tracer when a signal interrupts a call; the program never sees them. */
static const struct {
	int err;
	const char *text;
} restarts[] = {
	{512, "? ERESTARTSYS (To be restarted if SA_RESTART is set)"},
	{513, "? ERESTARTNOINTR (To be restarted)"},
	{514, "? ERESTARTNOHAND (To be restarted if no handler)"},
	{516, "? ERESTART_RESTARTBLOCK (Interrupted by signal)"},
	{515, "-1 ENOIOCTLCMD (Unknown error 515)"},
	{524, "-1 ENOTSUPP (Unknown error 524)"},
};

const char *errno_name(int err)
{
	return strerrorname_np(err);
}

static void tell_error(struct buf *b, int err)
{
	const char *name = errno_name(err);

	for (u32 i = 0; i < ARRAY_SIZE(restarts); i++)
		if (restarts[i].err == err) {
			buf_str(b, restarts[i].text);
			return;
		}
	buf_str(b, "-1 ");
	if (!name) {
		buf_str(b, "(errno ");
		buf_u64(b, err);
		buf_chr(b, ')');
		return;
	}
	buf_str(b, name);
	buf_str(b, " (");
	buf_str(b, strerrordesc_np(err));
	buf_chr(b, ')');
}

/* A bit for each call that returns a descriptor. */
#define X(name, fn, c, g, f, b, l, a, al, flags) | (u64)((flags)&CALL_NEWFD ? 1 : 0) << CALL_##name
static const u64 returns_fd = 0 CALLS(X);
#undef X

/* The descriptor that the call returned. */
static __attribute__((noinline)) void note_rsock(struct verbs *v, const struct call_rec *r)
{
	const struct sect *s = sect_find(&r->h, SECT_RSOCK, ANY_ARG, NULL);
	struct sock_id id;

	if (!s || s->len != sizeof(id))
		return;
	memcpy(&id, s + 1, sizeof(id));
	tell_note(v, &id, NULL);
}

/* recvmmsg tells a result of 0 as a time-out, also without one, as strace does. */
static void tell_left(struct verbs *v, const struct call_rec *r)
{
	const struct sect *s = sect_find(&r->h, SECT_TIME_OUT, ANY_ARG, NULL);

	if (!r->ret)
		buf_str(v->b, " (Timeout)");
	if (r->ret <= 0 || !s || s->len != 16)
		return;
	buf_str(v->b, " (left {tv_sec=");
	buf_s64(v->b, load64(s + 1));
	buf_str(v->b, ", tv_nsec=");
	buf_u64(v->b, load64((const u8 *)(s + 1) + 8));
	buf_str(v->b, "})");
}

void decode_result(struct verbs *v, const struct call_rec *r)
{
	buf_str(v->b, "= ");
	if (r->ret < 0 && r->ret >= -4095) {
		tell_error(v->b, -r->ret);
		return;
	}
	buf_s64(v->b, r->ret);
	if (r->call == CALL_recvmmsg)
		tell_left(v, r);
	else if (v->notes && returns_fd >> (r->call & 63) & 1)
		note_rsock(v, r);
}
