/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* -- COMMAND: started held back, let go once everything is attached. */
#ifndef WEIR_COMMAND_H
#define WEIR_COMMAND_H

#include <stdbool.h>

struct command {
	int pid; /* 0: none */
	int go;  /* pipe: a byte lets it run */
	int err; /* pipe: errno of an exec that failed */
	bool ended;
	bool failed; /* it could not be run at all */
	int status;  /* exit status as a shell tells it: 128 + signal when killed */
};

/* Forks; the child waits. 0 or FAIL. */
int command_start(struct command *c, char **argv);
/* Lets the child exec. 0 or FAIL when it could not; its exit status is then in c->status. */
int command_go(struct command *c, char **argv);
/* Notices its end without waiting. */
void command_poll(struct command *c);
/* Ends a child that is still held back, or passes a signal on to a running one and waits a second.
 */
void command_end(struct command *c, int sig);

#endif
