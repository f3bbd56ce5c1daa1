/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "command.h"
#include "error.h"

static void child(const int *go, const int *err, char **argv)
{
	sigset_t none;
	char byte;
	int e;

	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		_exit(0); /* weir gave up before it began */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], argv);
	e = errno;
	if (write(err[1], &e, sizeof(e)) < 0)
		_exit(126);
	_exit(e == ENOENT ? 127 : 126);
}

int command_start(struct command *c, char **argv)
{
	int go[2], err[2];

	if (pipe2(go, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return fail("cannot start %s: %s", argv[0], strerror(errno));
	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		return fail("cannot start %s: %s", argv[0], strerror(errno));
	}
	if (!c->pid)
		child(go, err, argv);
	close(go[0]);
	close(err[1]);
	c->go = go[1];
	c->err = err[0];
	return 0;
}

int command_go(struct command *c, char **argv)
{
	int e = 0;
	ssize_t n;

	if (write(c->go, "", 1) != 1)
		return fail("cannot start %s: %s", argv[0], strerror(errno));
	close(c->go);
	c->go = -1;
	do {
		n = read(c->err, &e, sizeof(e)); /* end of file: exec went well */
	} while (n < 0 && errno == EINTR);
	close(c->err);
	if (n != sizeof(e))
		return 0;
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
	c->ended = c->failed = true;
	c->status = e == ENOENT ? 127 : 126;
	return fail("cannot run %s: %s", argv[0], strerror(e));
}

void command_poll(struct command *c)
{
	int status;

	if (!c->pid || c->ended || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	c->ended = true;
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void command_end(struct command *c, int sig)
{
	struct timespec nap = {0, 10000000};

	if (!c->pid || c->ended)
		return;
	if (c->go > 0) {
		close(c->go); /* never let go: it reads the end of file and leaves */
		close(c->err);
		waitpid(c->pid, NULL, 0);
		c->ended = true;
		return;
	}
	kill(c->pid, SIGCONT);
	kill(c->pid, sig);
	for (int i = 0; i < 100 && !c->ended; i++) {
		command_poll(c);
		if (!c->ended)
			nanosleep(&nap, NULL);
	}
}
