/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What would help a socket whose receive buffer is too small: which option or sysctl, and its value
 * now. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "advice.h"

/* The last number of a file in /proc/sys, 0 when it is not there. */
static u64 last_number(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long v = 0, last = 0;

	while (f && fscanf(f, "%llu", &v) == 1)
		last = v;
	if (f)
		fclose(f);
	return last;
}

void advice_sysctls(u64 *values)
{
	static const char *const paths[RMEM_SYSCTLS] = {
		[RMEM_DEFAULT] = "/proc/sys/net/core/rmem_default",
		[RMEM_LARGEST] = "/proc/sys/net/core/rmem_max",
		[RMEM_TCP] = "/proc/sys/net/ipv4/tcp_rmem",
		[RMEM_TCP_ALL] = "/proc/sys/net/ipv4/tcp_mem",
		[RMEM_UDP_ALL] = "/proc/sys/net/ipv4/udp_mem",
	};

	for (u32 i = 0; i < RMEM_SYSCTLS; i++)
		values[i] = last_number(paths[i]);
}

static void put_now(struct buf *b, u64 v)
{
	if (!v)
		return;
	buf_str(b, " (now ");
	buf_u64(b, v);
	buf_chr(b, ')');
}

static void put_tcp(struct buf *b, const struct rmem_rec *r)
{
	u64 most = r->sysctls[RMEM_TCP];

	if (r->flags & RMEM_LOCKED) {
		buf_str(b, "SO_RCVBUF holds it: without that option TCP grows it up to "
			   "net.ipv4.tcp_rmem");
		put_now(b, most);
	} else if (most && r->limit >= most) {
		buf_str(b, "a faster reader, or a larger last number in net.ipv4.tcp_rmem");
		put_now(b, most);
	} else {
		buf_str(b, "a faster reader: TCP grows it as the reader keeps up, up to "
			   "net.ipv4.tcp_rmem");
		put_now(b, most);
	}
}

/* The kernel takes twice what SO_RCVBUF says, for its own overhead (socket(7)). */
static void put_others(struct buf *b, const struct rmem_rec *r)
{
	u64 most = r->sysctls[RMEM_LARGEST];

	if (most && r->limit >= 2 * most && r->flags & RMEM_LOCKED) {
		buf_str(b, "a larger net.core.rmem_max");
		put_now(b, most);
		buf_str(b, ", then a larger SO_RCVBUF");
		return;
	}
	buf_str(b, "SO_RCVBUF, up to net.core.rmem_max");
	put_now(b, most);
	if (r->flags & RMEM_LOCKED)
		return;
	buf_str(b, ", or net.core.rmem_default");
	put_now(b, r->sysctls[RMEM_DEFAULT]);
}

void advice_tell(struct buf *b, const struct rmem_rec *r)
{
	const struct sock_id *id = &r->s.sock;
	bool inet = id->family == AF_INET || id->family == AF_INET6;
	bool tcp = inet && id->type == SOCK_STREAM;

	if (r->exceeded) {
		buf_str(b, "less data in all sockets, or a larger net.ipv4.");
		buf_str(b, tcp ? "tcp_mem" : "udp_mem");
		put_now(b, r->sysctls[tcp ? RMEM_TCP_ALL : RMEM_UDP_ALL]);
		if (r->full + r->near)
			buf_str(b, "; ");
	}
	if (r->full + r->near && tcp)
		put_tcp(b, r);
	else if (r->full + r->near)
		put_others(b, r);
}
