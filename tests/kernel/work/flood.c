/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* flood COUNT THREADS: each thread makes COUNT calls of sendto as fast as it can. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char word[] = "     ";

static void *flood(void *count)
{
	for (long i = 0; i < (long)count; i++)
		sendto(-1, word, 5, 0, NULL, 0);
	return NULL;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[1]) : 0, threads = argc > 2 ? atol(argv[2]) : 0;
	pthread_t t[16];

	memcpy(word, "flood", 5); /* a page that nobody touched is not there for a tracer */
	if (!count || threads < 1 || threads > 16)
		return 1;
	for (long i = 0; i < threads; i++)
		if (pthread_create(t + i, NULL, flood, (void *)count))
			return 1;
	for (long i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}
