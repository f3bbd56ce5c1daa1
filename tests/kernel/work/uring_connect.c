/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * uring_connect connect ADDRESS PORT COUNT: connections of TCP that io_uring makes, without
 * connect(2); udp ADDRESS PORT COUNT: the same with UDP. uring_connect accept PORT COUNT: accepts
 * so many, that io_uring accepts, of a thread that connects; multishot PORT COUNT: the same by one
 * request. Prints the result of each. Ends with 77 where the kernel has no io_uring for us.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring;
static struct io_uring_params params;
static char *sq, *cq;
static struct io_uring_sqe *sqes;

static void die(const char *what)
{
	fprintf(stderr, "uring: %s: %s\n", what, strerror(errno));
	exit(errno == EPERM || errno == ENOSYS ? 77 : 1);
}

static void *map(size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void setup(void)
{
	ring = syscall(SYS_io_uring_setup, 64, &params);
	if (ring < 0)
		die("io_uring_setup");
	sq = map(params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = map(params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
		 IORING_OFF_CQ_RING);
	sqes = map(params.sq_entries * sizeof(*sqes), IORING_OFF_SQES);
}

static void hand_over(const struct io_uring_sqe *request)
{
	unsigned *tail = (unsigned *)(sq + params.sq_off.tail);
	unsigned *mask = (unsigned *)(sq + params.sq_off.ring_mask);
	unsigned *array = (unsigned *)(sq + params.sq_off.array);
	unsigned at = *tail & *mask;

	sqes[at] = *request;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		die("io_uring_enter");
}

/* Waits for a result. */
static int result(void)
{
	unsigned *head = (unsigned *)(cq + params.cq_off.head);
	struct io_uring_cqe *cqe;
	int res;

	while (*head == __atomic_load_n((unsigned *)(cq + params.cq_off.tail), __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			die("io_uring_enter");
	cqe = (struct io_uring_cqe *)(cq + params.cq_off.cqes) +
	      (*head & *(unsigned *)(cq + params.cq_off.ring_mask));
	res = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

static int submit(const struct io_uring_sqe *request)
{
	hand_over(request);
	return result();
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};

	inet_pton(AF_INET, host, &in.sin_addr);
	return in;
}

static void do_connect(char **a, int type)
{
	struct sockaddr_in in = address(a[0], a[1]);

	for (int i = 0; i < atoi(a[2]); i++) {
		struct io_uring_sqe sqe = {.opcode = IORING_OP_CONNECT,
					   .fd = socket(AF_INET, type, 0),
					   .addr = (unsigned long)&in,
					   .off = sizeof(in)};

		printf("%d\n", submit(&sqe));
		close(sqe.fd);
	}
}

struct client {
	struct sockaddr_in in;
	int count;
};

static void *connect_all(void *arg)
{
	struct client *c = arg;

	for (int i = 0; i < c->count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&c->in, sizeof(c->in)))
			die("connect");
	}
	return NULL;
}

static void do_accept(char **a, int multishot)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_ACCEPT};
	struct client c = {address("127.0.0.1", a[0]), atoi(a[1])};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t t;

	if (bind(listener, (struct sockaddr *)&c.in, sizeof(c.in)) || listen(listener, 16) ||
	    pthread_create(&t, NULL, connect_all, &c))
		die("listen");
	sqe.fd = listener;
	sqe.ioprio = multishot ? IORING_ACCEPT_MULTISHOT : 0;
	for (int i = 0; i < c.count; i++)
		printf("%d\n", multishot && i ? result() : submit(&sqe));
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	setup();
	if (argc == 5 && !strcmp(argv[1], "connect"))
		do_connect(argv + 2, SOCK_STREAM);
	else if (argc == 5 && !strcmp(argv[1], "udp"))
		do_connect(argv + 2, SOCK_DGRAM);
	else if (argc == 4 && !strcmp(argv[1], "accept"))
		do_accept(argv + 2, 0);
	else if (argc == 4 && !strcmp(argv[1], "multishot"))
		do_accept(argv + 2, 1);
	else
		return 2;
	return 0;
}
