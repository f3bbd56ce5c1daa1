/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Why packets are dropped: the numbers' names, which are one kernel's, and what the names mean. */
#ifndef WEIR_DECODE_REASON_H
#define WEIR_DECODE_REASON_H

#include "record.h"
#include "verbs.h"

enum drop_kind {
	DROP_LOSS,
	DROP_NONE,    /* no loss: it was used, or there already, or nobody's */
	DROP_UNKNOWN, /* the kernel does not say: NOT_SPECIFIED */
};

/* A row of tables/drop_reasons.txt. */
struct reason {
	const char *name;
	u8 kind;  /* enum drop_kind */
	u32 told; /* where its sentences begin among all rows' */
};
extern const struct reason reasons[];
extern const u32 nreasons;

/* Keeps the name of a number, of the kernel that is traced or of a recording. Copied. */
void reason_learn(u32 number, const char *name, u32 len);
/* The name, without SKB_DROP_REASON_; NULL when the number has none. Kept. */
const char *reason_name(u32 number);
/* The number of a name; 0 when the kernel has no such reason. */
u32 reason_number(const char *name);
/* Tells the name of a number, or the number. */
void decode_reason(struct verbs *v, u32 number);
/* All names that were learnt, in order of their numbers, NULL at the end. To be freed, the names
 * not. */
const char **reason_names(void);
/* What a name means; NULL when no row tells. */
const struct reason *reason_row(const char *name);
/* Its sentences, without full stops. */
enum reason_told { REASON_MEANING, REASON_CAUSE, REASON_LOOK };
const char *reason_told(const struct reason *row, enum reason_told which);
/* Of a number; what has no row is a loss. */
enum drop_kind reason_kind(u32 number);

#endif
