/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The doors of the socket layer: the ways to them (programs in kernel/door.bpf.h), and their proof.
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "kernel.h"
#include "probes.h"
#include "ways.h"

/* A message through each of the functions that a compiler may have copied a door into. */
static int pass_doors(void)
{
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd[2], n = 0;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
		return -1;
	n += send(fd[0], &byte, 1, 0) == 1 && recv(fd[1], &byte, 1, 0) == 1;
	n += sendmsg(fd[0], &msg, 0) == 1 && recvmsg(fd[1], &msg, 0) == 1;
	n += write(fd[0], &byte, 1) == 1 && read(fd[1], &byte, 1) == 1;
	close(fd[0]);
	close(fd[1]);
	return n == 3 ? n : -1;
}

const struct probe door_probes[DOOR_MAX] = {
	[DOOR_RECVMSG] = {"sock_recvmsg",
			  DOOR_RECVMSG,
			  pass_doors,
			  {{"door_recv_tp", PROBE_TP_BTF, "sock_recv_length", 3},
			   {"door_recv_fexit", PROBE_FEXIT, "sock_recvmsg", 3},
			   {"door_recv_kret", PROBE_KRETPROBE, "sock_recvmsg", 3}}},
	[DOOR_SENDMSG] = {"sock_sendmsg",
			  DOOR_SENDMSG,
			  pass_doors,
			  {{"door_send_tp", PROBE_TP_BTF, "sock_send_length", 3},
			   {"door_send_fexit", PROBE_FEXIT, "__sock_sendmsg", 2},
			   {"door_send_fexit_old", PROBE_FEXIT, "sock_sendmsg", 2},
			   {"door_send_kret", PROBE_KRETPROBE, "__sock_sendmsg", 2},
			   {"door_send_kret", PROBE_KRETPROBE, "sock_sendmsg", 2}}},
};

static const struct probe entry_probes[DOOR_MAX] = {
	[DOOR_RECVMSG] = {"sock_recvmsg",
			  DOOR_RECVMSG,
			  pass_doors,
			  {{"door_recv_tp", PROBE_TP_BTF, "sock_recv_length", 3},
			   {"door_recv_fentry", PROBE_FENTRY, "sock_recvmsg", 3},
			   {"door_recv_kret", PROBE_KRETPROBE, "sock_recvmsg", 3}}},
	[DOOR_SENDMSG] = {"sock_sendmsg",
			  DOOR_SENDMSG,
			  pass_doors,
			  {{"door_send_tp", PROBE_TP_BTF, "sock_send_length", 3},
			   {"door_send_fentry", PROBE_FENTRY, "__sock_sendmsg", 2},
			   {"door_send_fentry_old", PROBE_FENTRY, "sock_sendmsg", 2},
			   {"door_send_kret", PROBE_KRETPROBE, "__sock_sendmsg", 2},
			   {"door_send_kret", PROBE_KRETPROBE, "sock_sendmsg", 2}}},
};

/* Ways around the door, of kernels that send pages otherwise than in messages. */
static const struct probe page_probes[] = {
	{"tcp_sendpage", DOOR_SENDMSG, NULL, {{"door_page_tcp", PROBE_FEXIT, "tcp_sendpage", 5}}},
	{"unix_stream_sendpage",
	 DOOR_SENDMSG,
	 NULL,
	 {{"door_page_unix", PROBE_FEXIT, "unix_stream_sendpage", 5}}},
};

static void want(struct attach *a, const struct probe *row, enum door door)
{
	struct kernel_name names[] = {{.name = page_probes[0].name, .kind = BTF_KIND_FUNC},
				      {.name = page_probes[1].name, .kind = BTF_KIND_FUNC}};

	probes_want(a, row);
	for (u32 i = 0; door == DOOR_SENDMSG && kernel_names(names, 2) && i < 2; i++)
		if (names[i].id)
			probes_want(a, &page_probes[i]);
}

void doors_want(struct attach *a, enum door door)
{
	want(a, &door_probes[door], door);
}

void doors_want_entry(struct attach *a, enum door door)
{
	want(a, &entry_probes[door], door);
}
