/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * crowd MANY STRIDE FEW: MANY processes with ids in a row, and FEW more with the ids of the first
 * of those plus STRIDE, each in a recvfrom of its own until this ends its standard input. 77: ids
 * cannot be chosen here.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 256

static pid_t made[MOST];
static int nmade, ends[2], gates[2][2];

/* What clone3() calls set_tid, since 5.5. 0: somebody has the id. */
static pid_t child(pid_t id, int gate)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&id, .set_tid_size = 1};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));
	char byte;

	if (pid < 0 && errno != EEXIST)
		exit(errno == EPERM || errno == ENOSYS ? 77 : 1);
	if (pid)
		return pid < 0 ? 0 : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(ends[1]);
	close(gates[0][1]);
	close(gates[1][1]);
	while (read(gates[gate][0], &byte, 1)) /* until it is closed */
		;
	_exit(recvfrom(ends[0], &byte, 1, 0, NULL, NULL) == 0 ? 0 : 1);
}

static void end_all(void)
{
	while (nmade) {
		kill(made[--nmade], SIGKILL);
		waitpid(made[nmade], NULL, 0);
	}
}

/* All of them, or none: somebody has one of the ids. */
static int gather(pid_t first, int many, int stride, int few)
{
	for (int i = 0; i < many + few; i++) {
		pid_t id = i < many ? first + i : first + stride + i - many;

		if (!child(id, i >= many)) {
			end_all();
			return 0;
		}
		made[nmade++] = id;
	}
	return 1;
}

int main(int argc, char **argv)
{
	int many = argc > 3 ? atoi(argv[1]) : 0, stride = argc > 3 ? atoi(argv[2]) : 0,
	    few = argc > 3 ? atoi(argv[3]) : 0, status;
	pid_t first = 15000;

	if (many < 1 || many + few > MOST || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) ||
	    pipe(gates[0]) || pipe(gates[1]))
		return 1;
	prctl(PR_SET_NAME, "crowd");
	while (!gather(first, many, stride, few))
		if ((first += 50) > 24000)
			return 77;
	for (int i = 0; i < nmade; i++)
		printf("%d\n", made[i]);
	fflush(stdout);
	close(gates[0][1]);
	getchar();
	close(gates[1][1]);
	while (getchar() != EOF)
		;
	shutdown(ends[1], SHUT_WR); /* each reads the end */
	while (nmade)
		if (waitpid(made[--nmade], &status, 0) < 0 || status)
			return 1;
	return 0;
}
