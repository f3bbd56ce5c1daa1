/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Descriptors that refuse what an output writes, or take it slowly. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "out.h"

struct row {
	struct rec h;
	u32 number;
};

#define ROWS 20011
#define LINE 16 /* bytes of a row, its line end included */

static const struct column one[] = {
	{"number", "NUMBER", COL_UINT, COL_TEXT, COLUMN(struct row, number), LINE - 1, NULL, NULL}};
static const struct out_world world;
static const struct row some = {.number = 7};

static void closed_pipe(void **unused)
{
	struct out *o;
	int ends[2];

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	o = out_open(OUT_TEXT, ends[1], &world, false);
	assert_int_equal(out_flush(o), 0); /* nothing to write, nothing learnt */
	out_row(o, one, 1, &some.h);
	assert_int_equal(out_flush(o), -EPIPE);
	close(ends[1]);
	out_row(o, one, 1, &some.h);
	assert_int_equal(out_flush(o), -EPIPE); /* the first one stays */
	assert_int_equal(out_close(o), -EPIPE);
}

/* A row that is written by itself meets the error; it is told at the next flush. */
static void full_device(void **unused)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct out *o = out_open(OUT_JSON, fd, &world, false);

	(void)unused;
	assert_true(fd >= 0);
	for (int i = 0; i < 10007; i++)
		out_row(o, one, 1, &some.h);
	assert_int_equal(out_flush(o), -ENOSPC);
	assert_int_equal(out_close(o), -ENOSPC);
	close(fd);
}

/* Reads like a slow terminal; 0 when all rows came whole and in order. */
static int slow_reader(int fd)
{
	char part[4099], line[32], want[32];
	size_t len = 0;
	u32 next = 0;
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (len >= sizeof(line))
				return 1;
			line[len++] = part[i];
			if (part[i] != '\n')
				continue;
			snprintf(want, sizeof(want), "%*u\n", LINE - 1, next++);
			if (len != LINE || memcmp(line, want, len))
				return 1;
			len = 0;
		}
		usleep(200);
	}
	return n || next != ROWS;
}

static void alarmed(int sig)
{
	(void)sig;
}

/* A pipe that is full, does not block and is interrupted all the time: nothing is lost. */
static void slow_pipe(void **unused)
{
	struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
	struct sigaction action = {.sa_handler = alarmed};
	struct row r = {0};
	struct out *o;
	int ends[2], status;
	pid_t child;

	(void)unused;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		close(ends[1]);
		_exit(slow_reader(ends[0]));
	}
	close(ends[0]);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	o = out_open(OUT_TEXT, ends[1], &world, false);
	for (r.number = 0; r.number < ROWS; r.number++)
		out_row(o, one, 1, &r.h);
	assert_int_equal(out_close(o), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_pipe),
		cmocka_unit_test(full_device),
		cmocka_unit_test(slow_pipe),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
