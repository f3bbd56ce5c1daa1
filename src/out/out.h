/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Outputs: rows of a record become text, JSON lines or CSV on a file descriptor. An output knows
 * columns, not sockets.
 */
#ifndef WEIR_OUT_H
#define WEIR_OUT_H

#include "buf.h"
#include "column.h"
#include "verbs.h"

enum out_format { OUT_TEXT, OUT_JSON, OUT_CSV };

/* What an output must know of the world to print a record; the same live and in replay. */
struct out_world {
	s64 wall_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	s32 zone_s;  /* local time zone, seconds east of UTC */
	/* Path of a cgroup v2 id, NULL when unknown; kept by the callee. */
	const char *(*cgroup)(u64 id);
};

struct out;

/* An output on fd (not closed by out_close), NULL without memory. Owns its buffer; world is copied.
 * color: only OUT_TEXT. */
struct out *out_open(enum out_format format, int fd, const struct out_world *world, bool color);
/* notes: whether descriptors are annotated with what they are (text). */
void out_notes(struct out *o, bool notes);
/*
 * Heading: the table's (text), the CSV header; nothing in JSON. Text headings are left out when
 * quiet. Columns are read once, here or with the first row of them: an array that was passed must
 * stay as it is until out_head() or another array.
 */
void out_head(struct out *o, const struct column *cols, u32 ncols, bool quiet);
/* A name that the world did not know before: what was made without it is not to be used again. */
void out_forget(struct out *o);
void out_row(struct out *o, const struct column *cols, u32 ncols, const struct rec *r);
/* One whole JSON object or text line that is not a row (the final statistics of --stats). */
void out_line(struct out *o, const char *text, size_t n);
/*
 * Writes all that is buffered. Rows are written by themselves when 64 KiB have gathered; callers
 * flush before they sleep. Returns 0, or -errno of the first write that failed, from then on.
 */
int out_flush(struct out *o);
int out_close(struct out *o);

/*
 * The listeners a nested value is told to; text and JSON use them on their own buffer. A cell of
 * CSV says what JSON says, in the notation of text: what a column has for people is text's alone.
 */
extern const struct verbs_ops verbs_text, verbs_csv, verbs_json;

#endif
