/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Messages through the doors (door.h), counted: what and numbers of a row (struct tally_rec). */
#ifndef WEIR_IO_H
#define WEIR_IO_H

enum { WHAT_READ = 1, WHAT_WRITE = 2 }; /* key.what: enum door plus 1 */

enum {
	N_DONE,   /* went well */
	N_FAILED, /* -errno */
	N_BYTES,
	N_LARGEST, /* bytes of the largest one */
};

#endif
