/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* stack PORT COUNT...: connects to this port of 127.0.0.1 so many times, by a path of functions
 * whose frames can be followed; then as often by another path. With "later" behind it, the other
 * path comes when there is a byte to read, and the end at once. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <string.h>
#include <unistd.h>

#define KEPT                                                                                       \
	__attribute__((noinline, noclone,                                                          \
		       optimize("no-omit-frame-pointer", "no-optimize-sibling-calls")))

static volatile int calls; /* what follows a call, so that it is none that is jumped to */

KEPT void dial(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)))
		calls++;
	close(fd);
}

KEPT void dial_once(int port)
{
	dial(port);
	calls++;
}

KEPT void by_day(int port)
{
	dial_once(port);
	calls++;
}

KEPT void by_night(int port)
{
	dial_once(port);
	calls--;
}

KEPT int main(int argc, char **argv)
{
	int later = argc == 5 && !strcmp(argv[4], "later");
	char byte;

	for (int i = 0; argc >= 4 && i < atoi(argv[2]); i++)
		by_day(atoi(argv[1]));
	if (later && read(0, &byte, 1) != 1)
		return 1;
	for (int i = 0; argc >= 4 && i < atoi(argv[3]); i++)
		by_night(atoi(argv[1]));
	if (later)
		_exit(0);
	usleep(getenv("WEIR_TEST_SLOW") ? 3000000 : 200000); /* the tracer reads our maps */
	return argc < 4;
}
