/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Connects and accepts, counted: the numbers of a row (struct tally_rec). */
#ifndef WEIR_ATTEMPT_H
#define WEIR_ATTEMPT_H

enum attempt {
	N_CONNECTS,       /* went well, or are under way (EINPROGRESS) */
	N_CONNECT_ERRORS, /* failed */
	N_ACCEPTS,
	N_ACCEPT_ERRORS,
	/*
	 * Calls that were no attempt: an accept when there was nothing to accept (EAGAIN), a
	 * connect of what is connected or under way (EISCONN, EALREADY), one that only undoes a
	 * connection (AF_UNSPEC), and calls that a signal interrupted.
	 */
	N_NO_ATTEMPTS,
};

enum { WHAT_ATTEMPT = 1 }; /* key.what */

#endif
