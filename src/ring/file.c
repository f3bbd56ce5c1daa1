/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error.h"
#include "file.h"

#define F(t, s, m)                                                                                 \
	{                                                                                          \
		t, offsetof(struct s, m), sizeof(((struct s *)0)->m), 0, #m                        \
	}
#define HEAD(t, s) F(t, s, h.type), F(t, s, h.ts)
/* What begins with a struct sock_rec s. */
#define SOCK(t, r)                                                                                 \
	F(t, r, s.h.type), F(t, r, s.h.ts), F(t, r, s.dur), F(t, r, s.ret), F(t, r, s.who),        \
		F(t, r, s.sock)

const struct file_field file_fields[] = {
	HEAD(REC_NAME, name_rec),
	F(REC_NAME, name_rec, space),
	F(REC_NAME, name_rec, len),
	F(REC_NAME, name_rec, id),
	HEAD(REC_CALL, call_rec),
	F(REC_CALL, call_rec, dur),
	F(REC_CALL, call_rec, ret),
	F(REC_CALL, call_rec, args),
	F(REC_CALL, call_rec, call),
	F(REC_CALL, call_rec, unread),
	F(REC_CALL, call_rec, snap),
	F(REC_CALL, call_rec, who),
	F(REC_CALL, call_rec, sock),
	HEAD(REC_END, end_rec),
	F(REC_END, end_rec, events),
	F(REC_END, end_rec, lost),
	F(REC_END, end_rec, nlost),
	HEAD(REC_NOTICE, notice_rec),
	F(REC_NOTICE, notice_rec, who),
	F(REC_NOTICE, notice_rec, what),
	HEAD(REC_TALLY, tally_rec),
	F(REC_TALLY, tally_rec, interval_ns),
	F(REC_TALLY, tally_rec, events),
	F(REC_TALLY, tally_rec, flags),
	F(REC_TALLY, tally_rec, key),
	F(REC_TALLY, tally_rec, n),
	SOCK(REC_CONNECT, connect_rec),
	F(REC_CONNECT, connect_rec, stage),
	F(REC_CONNECT, connect_rec, via),
	SOCK(REC_ACCEPT, accept_rec),
	F(REC_ACCEPT, accept_rec, queue),
	F(REC_ACCEPT, accept_rec, limit),
	F(REC_ACCEPT, accept_rec, flags),
	F(REC_ACCEPT, accept_rec, via),
	SOCK(REC_RMEM, rmem_rec),
	F(REC_RMEM, rmem_rec, near),
	F(REC_RMEM, rmem_rec, full),
	F(REC_RMEM, rmem_rec, exceeded),
	F(REC_RMEM, rmem_rec, most),
	F(REC_RMEM, rmem_rec, limit),
	F(REC_RMEM, rmem_rec, sysctls),
	F(REC_RMEM, rmem_rec, flags),
	SOCK(REC_CONN, conn_rec),
	F(REC_CONN, conn_rec, user),
	F(REC_CONN, conn_rec, cookie),
	F(REC_CONN, conn_rec, opened),
	F(REC_CONN, conn_rec, connect_ns),
	F(REC_CONN, conn_rec, dtx),
	F(REC_CONN, conn_rec, drx),
	F(REC_CONN, conn_rec, interval_ns),
	F(REC_CONN, conn_rec, event),
	F(REC_CONN, conn_rec, flags),
	F(REC_CONN, conn_rec, netns),
	F(REC_CONN, conn_rec, drops),
	F(REC_CONN, conn_rec, send_queue),
	F(REC_CONN, conn_rec, send_limit),
	F(REC_CONN, conn_rec, recv_queue),
	F(REC_CONN, conn_rec, recv_limit),
	F(REC_CONN, conn_rec, c),
	F(REC_CONN, conn_rec, last),
	F(REC_CONN, conn_rec, dropped),
	F(REC_CONN, conn_rec, drop_reason),
	SOCK(REC_HTTP, http_rec),
	F(REC_HTTP, http_rec, first_ns),
	F(REC_HTTP, http_rec, request_bytes),
	F(REC_HTTP, http_rec, response_bytes),
	F(REC_HTTP, http_rec, flags),
	F(REC_HTTP, http_rec, stream),
	F(REC_HTTP, http_rec, grpc),
	F(REC_HTTP, http_rec, status),
	F(REC_HTTP, http_rec, version),
	F(REC_HTTP, http_rec, side),
	SOCK(REC_DNS, dns_rec),
	F(REC_DNS, dns_rec, id),
	F(REC_DNS, dns_rec, type),
	F(REC_DNS, dns_rec, class),
	F(REC_DNS, dns_rec, rcode),
	F(REC_DNS, dns_rec, answers),
	F(REC_DNS, dns_rec, side),
	F(REC_DNS, dns_rec, flags),
	F(REC_DNS, dns_rec, query_bytes),
	F(REC_DNS, dns_rec, answer_bytes),
	HEAD(REC_HIT, hit_rec),
	F(REC_HIT, hit_rec, dur),
	F(REC_HIT, hit_rec, ret),
	F(REC_HIT, hit_rec, netns),
	F(REC_HIT, hit_rec, probe),
	F(REC_HIT, hit_rec, flags),
	F(REC_HIT, hit_rec, context),
	F(REC_HIT, hit_rec, who),
	HEAD(REC_DROP, drop_rec),
	F(REC_DROP, drop_rec, place),
	F(REC_DROP, drop_rec, caller),
	F(REC_DROP, drop_rec, hook),
	F(REC_DROP, drop_rec, reason),
	F(REC_DROP, drop_rec, netns),
	F(REC_DROP, drop_rec, who),
	F(REC_DROP, drop_rec, sock),
	F(REC_DROP, drop_rec, packet),
	HEAD(REC_PACKET, packet_rec),
	F(REC_PACKET, packet_rec, netns),
	F(REC_PACKET, packet_rec, ifindex),
	F(REC_PACKET, packet_rec, tag_proto),
	F(REC_PACKET, packet_rec, tag_tci),
	F(REC_PACKET, packet_rec, bits),
	F(REC_PACKET, packet_rec, link),
	F(REC_PACKET, packet_rec, gso_segs),
	F(REC_PACKET, packet_rec, gso_size),
	F(REC_PACKET, packet_rec, who),
	SOCK(REC_SYNBL, synbl_rec),
	F(REC_SYNBL, synbl_rec, netns),
	F(REC_SYNBL, synbl_rec, flags),
	F(REC_SYNBL, synbl_rec, accept),
	F(REC_SYNBL, synbl_rec, accept_most),
	F(REC_SYNBL, synbl_rec, handshakes),
	F(REC_SYNBL, synbl_rec, shakes_most),
	F(REC_SYNBL, synbl_rec, limit),
	F(REC_SYNBL, synbl_rec, somaxconn),
	F(REC_SYNBL, synbl_rec, drops),
	HEAD(REC_RETRANS, retrans_rec),
	F(REC_RETRANS, retrans_rec, who),
	F(REC_RETRANS, retrans_rec, sock),
	F(REC_RETRANS, retrans_rec, netns),
	F(REC_RETRANS, retrans_rec, kind),
	F(REC_RETRANS, retrans_rec, ca),
	F(REC_RETRANS, retrans_rec, attempt),
	F(REC_RETRANS, retrans_rec, seq),
	F(REC_RETRANS, retrans_rec, len),
	F(REC_RETRANS, retrans_rec, segs),
	F(REC_RETRANS, retrans_rec, err),
	F(REC_RETRANS, retrans_rec, retrans),
	F(REC_RETRANS, retrans_rec, sent),
	F(REC_RETRANS, retrans_rec, rtt_us),
	F(REC_RETRANS, retrans_rec, cwnd),
	SOCK(REC_LATENCY, latency_rec),
	F(REC_LATENCY, latency_rec, stage),
	F(REC_LATENCY, latency_rec, cookie),
	F(REC_LATENCY, latency_rec, bytes),
	F(REC_LATENCY, latency_rec, again),
	{0},
};
#define NFIELDS (sizeof(file_fields) / sizeof(*file_fields) - 1)

#define RECORD_MAX (1 << 20) /* larger than any slot */

/* Sizes of the fixed parts, by type: where sections begin. */
static const u16 fixed_size[REC_MAX] = {
	[REC_NAME] = sizeof(struct name_rec),       [REC_CALL] = sizeof(struct call_rec),
	[REC_END] = sizeof(struct end_rec),         [REC_NOTICE] = sizeof(struct notice_rec),
	[REC_TALLY] = sizeof(struct tally_rec),     [REC_CONNECT] = sizeof(struct connect_rec),
	[REC_ACCEPT] = sizeof(struct accept_rec),   [REC_RMEM] = sizeof(struct rmem_rec),
	[REC_HIT] = sizeof(struct hit_rec),         [REC_CONN] = sizeof(struct conn_rec),
	[REC_DROP] = sizeof(struct drop_rec),       [REC_HTTP] = sizeof(struct http_rec),
	[REC_DNS] = sizeof(struct dns_rec),         [REC_PACKET] = sizeof(struct packet_rec),
	[REC_RETRANS] = sizeof(struct retrans_rec), [REC_SYNBL] = sizeof(struct synbl_rec),
	[REC_LATENCY] = sizeof(struct latency_rec),
};

int file_create(struct file_writer *w, const char *path, struct file_head *head)
{
	u8 *start;

	w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (w->fd < 0)
		return fail("cannot record to %s: %s", path, strerror(errno));
	if (isatty(w->fd)) {
		close(w->fd);
		return fail("%s is a terminal; a recording is binary, give a file", path);
	}
	memcpy(head->magic, FILE_MAGIC, sizeof(head->magic));
	head->version = FILE_VERSION;
	head->nfields = NFIELDS;
	head->size = sizeof(*head) + NFIELDS * sizeof(*file_fields);
	head->sum = 0;
	buf_mem(&w->buf, head, sizeof(*head));
	buf_mem(&w->buf, file_fields, NFIELDS * sizeof(*file_fields));
	start = (u8 *)w->buf.base;
	head->sum = frame_sum(start, head->size, head->size);
	memcpy(start + offsetof(struct file_head, sum), &head->sum, sizeof(head->sum));
	if (file_flush(w))
		return fail("cannot record to %s: %s", path, strerror(-w->err));
	return 0;
}

void file_write(struct file_writer *w, const struct rec *r)
{
	w->buf.at = frame_write(&w->kept, buf_room(&w->buf, FRAME_MOST(r->len)), r);
	if (buf_len(&w->buf) >= 256 << 10)
		file_flush(w);
}

int file_flush(struct file_writer *w)
{
	char *p = w->buf.base;

	while (p < w->buf.at && !w->err) {
		ssize_t n = write(w->fd, p, w->buf.at - p);

		if (n < 0 && errno != EINTR)
			w->err = -errno;
		else if (n > 0) {
			p += n;
			w->bytes += n;
		}
	}
	buf_clear(&w->buf);
	return w->err;
}

int file_finish(struct file_writer *w)
{
	file_flush(w);
	if (close(w->fd) && !w->err)
		w->err = -errno;
	buf_free(&w->buf);
	return w->err;
}

/* A pipe, or a file that cannot be mapped. */
static int slurp(struct file_reader *f, int fd, const char *path)
{
	struct buf b = {0};
	ssize_t n;

	do {
		n = read(fd, buf_room(&b, 1 << 16), 1 << 16);
		if (n > 0)
			b.at += n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	f->size = buf_len(&b);
	f->map = (u8 *)b.base;
	return n < 0 ? fail("cannot read %s: %s", path, strerror(errno)) : 0;
}

static int load(struct file_reader *f, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
	struct stat st;
	void *p = MAP_FAILED;
	int err = 0;

	if (fd < 0 || fstat(fd, &st))
		return fail("cannot open %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return fail("%s is a directory; give a file that weir --record wrote", path);
	}
	if (S_ISREG(st.st_mode) && st.st_size)
		p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		f->map = p;
		f->size = st.st_size;
		f->mapped = true;
	} else {
		err = slurp(f, fd, path);
	}
	close(fd);
	return err;
}

/* Is the writer's schema ours, so that its records can be used in place? */
static bool same_schema(const struct file_reader *f)
{
	return f->head.nfields == NFIELDS &&
	       !memcmp(f->fields, file_fields, NFIELDS * sizeof(*file_fields));
}

static int check_head(struct file_reader *f, const char *path)
{
	struct file_head *h = &f->head;
	u32 sum;
	u8 *copy;

	if (f->size < 16 || memcmp(f->map, FILE_MAGIC, sizeof(h->magic)))
		return fail("%s is no recording of weir: it does not begin like one", path);
	memcpy(h, f->map, f->size < sizeof(*h) ? f->size : sizeof(*h));
	if (h->version > FILE_VERSION)
		return fail("%s was written by a newer weir (format %u, this one reads up to %d): "
			    "replay it with that one",
			    path, h->version, FILE_VERSION);
	if (f->size < sizeof(*h) || h->size > f->size || h->nfields > 4096 ||
	    h->size != sizeof(*h) + h->nfields * sizeof(struct file_field))
		return fail("%s is cut off or damaged within its header: nothing of it can be read",
			    path);
	copy = malloc(h->size);
	if (!copy)
		return fail("no memory for the header of %s", path);
	memcpy(copy, f->map, h->size);
	memset(copy + offsetof(struct file_head, sum), 0, sizeof(h->sum));
	sum = frame_sum(copy, h->size, h->size);
	free(copy);
	if (sum != h->sum)
		return fail("%s is damaged within its header: nothing of it can be read", path);
	h->tool[sizeof(h->tool) - 1] = h->weir[sizeof(h->weir) - 1] = 0;
	h->release[sizeof(h->release) - 1] = h->machine[sizeof(h->machine) - 1] = 0;
	h->host[sizeof(h->host) - 1] = 0;
	f->fields = (const struct file_field *)(f->map + sizeof(*h));
	f->at = h->size;
	f->same = same_schema(f);
	return 0;
}

int file_open(struct file_reader *f, const char *path)
{
	memset(f, 0, sizeof(*f));
	return load(f, path) ? FAIL : check_head(f, path);
}

/* The file's place of one of our fields; NULL when the writer had none of that name. */
static const struct file_field *theirs(const struct file_reader *f, const struct file_field *ours)
{
	for (u32 i = 0; i < f->head.nfields; i++)
		if (f->fields[i].type == ours->type &&
		    !strncmp(f->fields[i].name, ours->name, sizeof(ours->name)))
			return &f->fields[i];
	return NULL;
}

/* A record of another version, member by member into our layout; sections stay as they are. */
static const struct rec *rearrange(struct file_reader *f, const struct rec *r)
{
	u16 fixed = fixed_size[r->type];
	u32 tail = r->len - r->fixed;
	u8 *to;

	buf_clear(&f->copy);
	to = (u8 *)buf_room(&f->copy, fixed + tail);
	memset(to, 0, fixed);
	for (const struct file_field *o = file_fields; o->type; o++) {
		const struct file_field *t = o->type == r->type ? theirs(f, o) : NULL;

		if (t && t->off + t->size <= r->fixed)
			memcpy(to + o->off, (const u8 *)r + t->off,
			       t->size < o->size ? t->size : o->size);
	}
	memcpy(to + fixed, (const u8 *)r + r->fixed, tail);
	((struct rec *)to)->len = fixed + tail;
	((struct rec *)to)->fixed = fixed;
	return (struct rec *)to;
}

static int damaged(struct file_reader *f, const char *what)
{
	u64 at = f->at;

	f->at = f->size;
	f->ended = true;
	return fail("the recording is %s at byte %llu of %llu; everything before it was shown",
		    what, (unsigned long long)at, (unsigned long long)f->size);
}

int file_next(struct file_reader *f, const struct rec **r)
{
	const u8 *p = f->map + f->at;
	u64 left = f->size - f->at;
	const struct rec *rec;
	u32 frame[2], size;

	while (left) {
		if (left < sizeof(frame))
			return damaged(f, "cut off");
		memcpy(frame, p, sizeof(frame));
		size = FRAME_SIZE(frame[1]);
		if (size > RECORD_MAX || size < sizeof(u64))
			return damaged(f, "damaged");
		if (left < sizeof(frame) + size)
			return damaged(f, "cut off");
		if (frame_sum(p + sizeof(frame), size, frame[1]) != frame[0])
			return damaged(f, "damaged");
		rec = frame_read(&f->kept, p + sizeof(frame), frame[1]);
		if (!rec)
			return damaged(f, "damaged");
		size = SECT_NEXT(size);
		if (size > left - sizeof(frame))
			size = left - sizeof(frame);
		f->at += sizeof(frame) + size;
		p = f->map + f->at;
		left = f->size - f->at;
		if (rec->type >= REC_MAX || !fixed_size[rec->type])
			continue; /* a kind of a later version */
		f->ended = rec->type == REC_END;
		*r = f->same && rec->fixed == fixed_size[rec->type] ? rec : rearrange(f, rec);
		return 1;
	}
	if (f->ended)
		return 0;
	f->ended = true;
	return fail("the recording is cut off after byte %llu: its last record is missing; "
		    "everything before "
		    "it was shown",
		    (unsigned long long)f->size);
}

void file_close(struct file_reader *f)
{
	if (f->mapped)
		munmap((void *)f->map, f->size);
	else
		free((void *)f->map);
	buf_free(&f->copy);
}
