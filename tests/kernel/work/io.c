/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Calls that are not for sockets only: the same ones on sockets, pipes, files and nothing. */
#include "probe.h"

static char *data, *room;
static struct iovec *out, *in;
static int a, b, file, pipes[2];

static void read_write(void)
{
	Sys(write, a, data, 7L);
	Sys(read, b, room, 64L);
	Sys(write, a, data, 64L);
	Sys(read, b, room, 64L);
	Sys(write, a, data, 0L);
	Sys(write, a, NULL, 4L);
	Sys(write, a, BAD, 4L);
	Sys(write, -1, data, 4L);
	Sys(write, -1, NULL, 0L);
	fcntl(b, F_SETFL, O_NONBLOCK);
	Sys(read, b, room, 64L);
	Sys(read, -1, room, 64L);
	Sys(read, b, room, 0L);
	Sys(write, a, data, 4L);
	Sys(read, b, BAD, 4L);
	Sys(read, b, room, -1L);
	Sys(read, b, room, 4L);
	Sys(write, file, data, 5L);
	Sys(write, pipes[1], data, 5L);
	Sys(read, pipes[0], room, 5L);
}

static void vectors(void)
{
	struct iovec many[40], odd[4] = {{NULL, 0}, {NULL, 5}, {BAD, 0}, {BAD, 5}}, *all;

	Sys(writev, a, out, 3L);
	Sys(readv, b, in, 3L);
	Sys(writev, a, out, 1L);
	Sys(readv, b, in, 3L);
	Sys(writev, a, out, 0L);
	Sys(writev, a, NULL, 0L);
	Sys(writev, a, NULL, 2L);
	Sys(writev, a, BAD, 2L);
	Sys(writev, a, out, -1L);
	Sys(writev, -1, out, 2L);
	Sys(readv, b, in, 3L);
	Sys(readv, b, NULL, 0L);
	Sys(readv, b, in, 0L);
	Sys(readv, b, NULL, 1L);
	Sys(writev, a, tail_copy(out, 16), 2L);
	Sys(writev, a, tail_copy(out, 24), 2L);
	for (int i = 0; i < 40; i++)
		many[i] = (struct iovec){data, 1};
	all = DUP(many);
	for (long n = 31; n <= 40; n += n < 33 ? 1 : 7) {
		Sys(writev, a, all, n);
		Sys(readv, b, in, 3L);
	}
	Sys(writev, a, DUP(odd), 4L);
	Sys(readv, b, DUP(odd), 4L);
	Sys(writev, file, out, 2L);
	Sys(writev, pipes[1], out, 2L);
	Sys(readv, pipes[0], in, 3L);
}

/* The position is in two registers; -1 is the file's own. */
static void with_position(void)
{
	Sys(pwritev2, a, out, 2L, -1L, -1L, 0L);
	Sys(preadv2, b, in, 3L, -1L, -1L, 0L);
	Sys(pwritev2, a, out, 2L, 0L, 0L, 0L);
	Sys(preadv2, b, in, 2L, 5L, 0L, 0L);
	Sys(pwritev2, a, out, 1L, -1L, -1L, 0x1fL);
	Sys(pwritev2, a, out, 1L, 7L, 1L, 0x60L);
	Sys(preadv2, b, in, 1L, -1L, -1L, 8L);
	Sys(preadv2, b, in, 1L, -1L, -1L, 0x80000000L);
	Sys(preadv2, -1, in, 1L, -1L, -1L, 8L);
	Sys(pwritev2, file, out, 1L, 0L, 0L, 0L);
}

static void sendfiles(void)
{
	long *at = mem(8);

	Sys(lseek, file, 0L, 0L);
	Sys(sendfile, a, file, NULL, 10L);
	*at = 5;
	Sys(sendfile, a, file, at, 10L);
	Sys(sendfile, a, file, at, 0L);
	*at = 100;
	Sys(sendfile, a, file, at, 10L);
	*at = -3;
	Sys(sendfile, a, file, at, 10L);
	*at = 4;
	Sys(sendfile, -1, file, at, 10L);
	Sys(sendfile, a, -1, BAD, 10L);
	Sys(sendfile, a, file, BAD, 10L);
	Sys(sendfile, a, file, tail(4), 10L);
	Sys(sendfile, pipes[1], file, at, 4L);
}

static void splices(void)
{
	long *at = mem(8);

	Sys(write, pipes[1], data, 10L);
	Sys(splice, pipes[0], NULL, a, NULL, 10L, 0L);
	Sys(splice, b, NULL, pipes[1], NULL, 10L, 2L);
	*at = 7;
	Sys(splice, a, at, pipes[1], NULL, 10L, 2L);
	Sys(splice, pipes[0], NULL, a, at, 10L, 0xfL);
	Sys(splice, a, BAD, pipes[1], BAD, 1L, 0x10L);
	Sys(splice, a, NULL, -1, NULL, 1L, 0x83L);
	Sys(splice, -1, NULL, a, NULL, 10L, 1L);
	Sys(splice, file, at, pipes[1], NULL, 10L, 2L);
}

static void closes(void)
{
	Sys(close, a);
	Sys(close, a);
	Sys(close, -1);
	Sys(close, file);
	Sys(close, pipes[0]);
	Sys(close, b);
}

int main(void)
{
	int *sv;

	arena();
	data = memset(mem(256), 'a', 64);
	memcpy(data, "he\0\1llo", 7);
	room = mem(256);
	out = DUP(((struct iovec[]){{data, 5}, {data, 40}, {data, 0}}));
	in = DUP(((struct iovec[]){{room, 3}, {room + 16, 33}, {room + 64, 64}}));
	sv = mem(8);
	Socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	a = sv[0];
	b = sv[1];
	file = Sys(memfd_create, "weir", 0);
	Sys(write, file, data, 64L);
	if (pipe(pipes))
		return 1;
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	read_write();
	vectors();
	with_position();
	sendfiles();
	splices();
	closes();
	return 0;
}
