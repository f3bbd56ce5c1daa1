/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * For programs that make system calls with every kind of argument, good and bad. Their buffers lie
 * at fixed addresses, so that what is traced is the same run after run; and the calls are made
 * without libc, which would change some arguments and refuse others.
 */
#ifndef PROBE_H
#define PROBE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA      ((char *)0x20000000)
#define ARENA_SIZE 0x40000
#define GUARD      (ARENA + ARENA_SIZE)      /* where readable memory ends */
#define BAD        ((void *)(GUARD + 0x100)) /* an address that is no memory, and not NULL */

static size_t arena_used;

/* Every page is touched: one that is not there yet could not be read by a tracer in the kernel. */
static inline void arena(void)
{
	char *p = mmap(ARENA, ARENA_SIZE + 0x10000, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != ARENA || mprotect(p, ARENA_SIZE, PROT_READ | PROT_WRITE)) {
		perror("arena");
		exit(1);
	}
	memset(ARENA, 0, ARENA_SIZE);
	signal(SIGPIPE, SIG_IGN);
}

/* n bytes that end where readable memory ends. */
static inline void *tail(size_t n)
{
	return GUARD - n;
}

static inline void *tail_copy(const void *from, size_t n)
{
	return memcpy(tail(n), from, n);
}

/* n zeroed bytes, aligned to 16; setting arena_used back frees all that came after. */
static inline void *mem(size_t n)
{
	void *p = ARENA + arena_used;

	arena_used += (n + 15) & ~(size_t)15;
	return memset(p, 0, n);
}

static inline void *copy(const void *from, size_t n)
{
	return memcpy(mem(n), from, n);
}

#define DUP(...) copy(&(__VA_ARGS__), sizeof(__VA_ARGS__))

/* A value-result length at the very end of readable memory. */
static inline int *len_at_end(int n)
{
	int *len = tail(4);

	*len = n;
	return len;
}

static inline struct sockaddr_in *ip4(const char *address, int port)
{
	struct sockaddr_in s = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &s.sin_addr);
	return DUP(s);
}

static inline struct sockaddr_in6 *ip6(const char *address, int port)
{
	struct sockaddr_in6 s = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	inet_pton(AF_INET6, address, &s.sin6_addr);
	return DUP(s);
}

#define L(x)                       ((long)(x))
#define Sys(name, ...)             syscall(SYS_##name, __VA_ARGS__)
#define Socket(a, b, c)            Sys(socket, L(a), L(b), L(c))
#define Socketpair(a, b, c, d)     Sys(socketpair, L(a), L(b), L(c), d)
#define Bind(f, a, l)              Sys(bind, L(f), a, L(l))
#define Connect(f, a, l)           Sys(connect, L(f), a, L(l))
#define Listen(f, n)               Sys(listen, L(f), L(n))
#define Accept(f, a, l)            Sys(accept, L(f), a, l)
#define Accept4(f, a, l, g)        Sys(accept4, L(f), a, l, L(g))
#define Getsockname(f, a, l)       Sys(getsockname, L(f), a, l)
#define Getpeername(f, a, l)       Sys(getpeername, L(f), a, l)
#define Sendto(f, b, n, g, a, l)   Sys(sendto, L(f), b, L(n), L(g), a, L(l))
#define Recvfrom(f, b, n, g, a, l) Sys(recvfrom, L(f), b, L(n), L(g), a, l)
#define Sendmsg(f, m, g)           Sys(sendmsg, L(f), m, L(g))
#define Recvmsg(f, m, g)           Sys(recvmsg, L(f), m, L(g))
#define Sendmmsg(f, m, n, g)       Sys(sendmmsg, L(f), m, L(n), L(g))
#define Recvmmsg(f, m, n, g, t)    Sys(recvmmsg, L(f), m, L(n), L(g), t)
#define Setsockopt(f, l, o, v, n)  Sys(setsockopt, L(f), L(l), L(o), v, L(n))
#define Getsockopt(f, l, o, v, n)  Sys(getsockopt, L(f), L(l), L(o), v, n)
#define Shutdown(f, h)             Sys(shutdown, L(f), L(h))

#endif
