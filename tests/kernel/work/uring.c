/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Sends seven messages through io_uring, without its library: none is a socket call. With an
 * argument it stops itself when the ring is there, until somebody lets it go on. With two, a stream
 * socket and a number, it sends that many bytes on it. Status 77: the kernel gives no ring.
 */
#include <linux/io_uring.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *ring_map(int fd, size_t size, off_t what)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
}

#define PIECE 50021

/* One after the other, as each may send less than it was given. */
static int stream(int fd, const struct io_uring_params *p, char *sq, char *cq,
		  struct io_uring_sqe *sqes, int to, long left)
{
	static char piece[PIECE];
	unsigned *head = (unsigned *)(cq + p->cq_off.head);
	unsigned mask = *(unsigned *)(cq + p->cq_off.ring_mask);
	struct io_uring_cqe *cqes = (void *)(cq + p->cq_off.cqes);

	for (unsigned i = 0; left > 0; i++) {
		int sent;

		sqes[0] = (struct io_uring_sqe){.opcode = IORING_OP_SEND,
						.fd = to,
						.addr = (unsigned long)piece,
						.len = left < PIECE ? left : PIECE};
		((unsigned *)(sq + p->sq_off.array))[i & (p->sq_entries - 1)] = 0;
		__atomic_store_n((unsigned *)(sq + p->sq_off.tail), i + 1, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
			return 1;
		sent = cqes[*head & mask].res;
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		if (sent <= 0)
			return 1;
		left -= sent;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct io_uring_params p = {};
	int fd = syscall(SYS_io_uring_setup, 8, &p), pair[2];
	char *sq, *cq, word[] = "seven";
	struct io_uring_sqe *sqes;

	if (fd < 0)
		return 77;
	sq = ring_map(fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	sqes = ring_map(fd, p.sq_entries * sizeof(*sqes), IORING_OFF_SQES);
	cq = ring_map(fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		      IORING_OFF_CQ_RING);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		return 1;
	if (argc > 2)
		return stream(fd, &p, sq, cq, sqes, atoi(argv[1]), atol(argv[2]));
	if (argc > 1)
		raise(SIGSTOP);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return 1;
	for (unsigned i = 0; i < 7; i++) {
		sqes[i] = (struct io_uring_sqe){.opcode = IORING_OP_SEND,
						.fd = pair[0],
						.addr = (unsigned long)word,
						.len = 5};
		((unsigned *)(sq + p.sq_off.array))[i] = i;
	}
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 7, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 7, 7, IORING_ENTER_GETEVENTS, NULL, 0) != 7)
		return 1;
	for (int i = 0; i < 7; i++) {
		char got[8] = "";

		if (read(pair[1], got, sizeof(got)) != 5 || strcmp(got, word))
			return 1;
	}
	return 0;
}
