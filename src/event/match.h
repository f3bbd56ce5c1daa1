/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* The filter over records: what the kernel half did live, for replay. */
#ifndef WEIR_MATCH_H
#define WEIR_MATCH_H

#include <stdbool.h>
#include "filter.h"

/* Is the task one that the filter asks for? FILTER_FOLLOW is not asked: only followed tasks were
 * recorded then. */
bool match_task(const struct filter *f, const struct who *w);
/* Does the record pass? */
bool match_call(const struct filter *f, const struct call_rec *r);
bool match_sock(const struct filter *f, const struct sock_rec *r);
/* The same of a tracepoint or function; what has no known owner does not pass filters that ask who.
 */
bool match_hit(const struct filter *f, const struct hit_rec *r);
/* The same for a record of any type; one that filters know nothing of passes. */
bool match_rec(const struct filter *f, const struct rec *r);
/* Who acted, NULL when the record does not say. */
const struct who *rec_who(const struct rec *r);

#endif
