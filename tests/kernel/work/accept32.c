/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Five connections on a Unix socket, accepted by i386's accept4. 77: the kernel has no such calls.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifdef __x86_64__
static int accept4_32(int fd)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(364), "b"(fd), "c"(0), "d"(0), "S"(0)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}
#else
static int accept4_32(int fd)
{
	(void)fd;
	return -ENOSYS;
}
#endif

int main(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0accept32"};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(listener, (void *)&a, sizeof(a)) || listen(listener, 8))
		return 1;
	for (int i = 0; i < 5; i++) {
		int ret;

		if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof(a)))
			return 1;
		ret = accept4_32(listener);
		if (ret < 0)
			return ret == -ENOSYS ? 77 : 1;
	}
	return 0;
}
