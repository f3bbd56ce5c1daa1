/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A recording: a header that describes itself, then the records as the ring had them, each behind
 * its length and a checksum, so that damage anywhere costs only what comes after it.
 *
 *	struct file_head, its name and field tables, then frames until the end:
 *	u32 sum, u32 size; size bytes of a record (struct rec first), padded to 8
 *
 * Since version 2 a frame may be short, see frame.h.
 *
 * Little-endian. A reader of any version takes fields by name: members it does not know are passed
 * over, members the file lacks read as 0.
 */
#ifndef WEIR_FILE_H
#define WEIR_FILE_H

#include <stdbool.h>
#include "buf.h"
#include "frame.h"
#include "record.h"

#define FILE_MAGIC   "weirrec\n"
#define FILE_VERSION 2

struct file_head {
	char magic[8];
	u32 version; /* FILE_VERSION; a newer one is refused */
	u32 size;    /* of this head with its fields; the first frame follows */
	u32 sum;     /* over the whole head, with sum 0 */
	u32 nfields;
	s64 wall_ns;  /* CLOCK_REALTIME - CLOCK_MONOTONIC at the start */
	s64 start_ns; /* CLOCK_MONOTONIC of the start */
	s32 zone_s;   /* local time zone, seconds east of UTC */
	u32 pad;
	char tool[16];    /* whose records these are */
	char weir[32];    /* version of the writer */
	char release[64]; /* uname: kernel release, machine, host */
	char machine[16];
	char host[64];
};

/* One member of a record's fixed part. */
struct file_field {
	u16 type; /* enum rec_type */
	u16 off, size;
	u16 pad;
	char name[24];
};

/* What this build's records look like; ends with type 0. */
extern const struct file_field file_fields[];

struct file_writer {
	int fd;
	int err; /* -errno of the first write that failed; nothing is written after it */
	u64 bytes;
	struct buf buf;
	struct kept kept;
};

/* Creates path, which must not be a terminal. 0 or FAIL; head's magic to nfields are filled here.
 */
int file_create(struct file_writer *w, const char *path, struct file_head *head);
void file_write(struct file_writer *w, const struct rec *r);
/* 0 or -errno */
int file_flush(struct file_writer *w);
int file_finish(struct file_writer *w);

struct file_reader {
	struct file_head head;
	const u8 *map; /* the file; a pipe is read into memory */
	u64 size, at;
	bool mapped;
	bool ended; /* the last record of a complete file was read */
	bool same;  /* the writer's schema is ours: records need no rearranging */
	const struct file_field *fields;
	struct buf copy; /* a rearranged record */
	struct kept kept;
};

/* Opens and checks the head. 0 or FAIL with a sentence that names path. */
int file_open(struct file_reader *f, const char *path);
/*
 * The next record: 1, with *r valid until the next call; 0 at the end; FAIL when the rest is
 * damaged or cut off, with a sentence.
 */
int file_next(struct file_reader *f, const struct rec **r);
void file_close(struct file_reader *f);

#endif
