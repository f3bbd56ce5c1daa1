/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the two halves of weir sormem agree on. */
#ifndef WEIR_SORMEM_H
#define WEIR_SORMEM_H

#include "tally.h"

enum sormem_by { BY_ALL, BY_PROCESS, BY_PROTOCOL };

/* tally_key.what: whose histogram. */
enum sormem_what {
	WHAT_ALLOCATED = 1, /* bytes in the buffer, as log2 */
	WHAT_LIMIT,         /* bytes that may be in it, as log2 */
	WHAT_FILL,          /* the one in percent of the other, linear */
	WHAT_MAX,
};
#define FILL_STEP  5
#define FILL_SLOTS 25 /* up to 120; all above into the last */

enum { N_COUNT, N_SUM, N_LARGEST }; /* tally_slot's n */

struct sormem_conf {
	u32 by;   /* enum sormem_by */
	u32 near; /* percent */
};

/* A socket that was near its limit; by struct sock and inode, as struct sock is used again. */
struct rmem_id {
	u64 sk, ino;
};
struct rmem_sock {
	struct who who; /* who received, pid 0: nobody yet */
	struct sock_id sock;
	u64 near, full, exceeded; /* as in struct rmem_rec */
	u64 most, limit;
	u64 locked;
};
#define SOCKETS_MAX 4096

#endif
