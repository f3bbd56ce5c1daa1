/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * HTTP/2 in the kernel half: frames are followed through all that is sent and received, from head
 * to head, so that all is copied but the payload of DATA. Comes with http.bpf.c.
 */
#ifndef WEIR_HTTP_H2_BPF_H
#define WEIR_HTTP_H2_BPF_H

#define H2_HEAD    9          /* bytes before a frame's payload, RFC 9113 4.1 */
#define H2_PRI     0x20495250 /* "PRI ": the client's preface (3.4), which has no length */
#define H2_101     0x31303120 /* " 101": where a response has its status */
#define H2_PREFACE 24
#define H2_STEPS   16384 /* heads, payloads and buffers of one message */
#define H2_UPGRADE 1024  /* bytes of a response 101 within which its head must end */

struct h2_walk {
	struct slot *s;
	struct known *k;
	u32 dir;
	u32 how; /* enum take */
};

/* The next buffer of the message; false when there is none. */
static __noinline bool h2_buffer(struct slot *s)
{
	struct payload_iov v = {};

	if (!s->p.count || bpf_probe_read_user(&v, sizeof(v), (void *)s->p.iovs))
		return false;
	s->p.count--;
	s->p.iovs += sizeof(v);
	s->base = v.base;
	s->chunk = v.len < s->p.moved ? v.len : s->p.moved;
	return true;
}

/* Copies n bytes behind those that are there already; false when they cannot be read. */
static __noinline bool h2_copy(struct slot *s, u32 n)
{
	u32 off = s->p.have;

	barrier_var(n);
	if (!n || n > PAYLOAD_MOST)
		return !n;
	barrier_var(off);
	if (off > PAYLOAD_MOST || bpf_probe_read_user(s->p.bytes + off, n, (void *)s->base))
		return false;
	s->p.have = off + n;
	return true;
}

static __always_inline void h2_advance(struct slot *s, u32 n)
{
	s->base += n;
	s->chunk -= n;
	s->p.moved -= n;
	s->walked += n;
}

/* Bytes of a frame's head; false when it is none. */
static __noinline bool h2_head(struct slot *s, struct h2_dir *d)
{
	u32 had = d->nhead, n = H2_HEAD - had;
	u8 *h = d->head;

	if (n > s->chunk)
		n = s->chunk;
	barrier_var(had);
	barrier_var(n);
	if (had >= H2_HEAD || !n || n > H2_HEAD ||
	    bpf_probe_read_user(h + had, n, (void *)s->base) || !h2_copy(s, n))
		return false;
	h2_advance(s, n);
	d->nhead = had + n;
	if (d->nhead < H2_HEAD)
		return true;
	d->nhead = 0;
	d->left = h[0] << 16 | h[1] << 8 | h[2];
	d->keep = h[3] != 0; /* not DATA */
	if (*(u32 *)h == H2_PRI)
		d->left = H2_PREFACE - H2_HEAD;
	return true;
}

/* Bytes of a payload; false when they cannot be read. */
static __noinline bool h2_payload(struct slot *s, struct h2_dir *d)
{
	u32 n = d->left, room = PAYLOAD_MOST - s->p.have;

	if (n > s->chunk)
		n = s->chunk;
	if (d->keep && n > room)
		n = room;
	if (d->keep && !h2_copy(s, n))
		return false;
	h2_advance(s, n);
	d->left -= n;
	return true;
}

/* Tells what was gathered. */
static __noinline int h2_tell(struct slot *s, struct known *k)
{
	s->p.r.size = s->walked;
	tell(s, k);
	s->p.r.seq += s->walked;
	s->walked = 0;
	s->p.have = 0;
	return 0;
}

static long h2_step(u32 i, struct h2_walk *w)
{
	struct slot *s = w->s;
	struct known *k = w->k;
	struct h2_dir *d = &k->h2[w->dir & 1];

	if (!s->p.moved)
		return 1;
	if (!s->chunk)
		return !h2_buffer(s);
	if (s->p.have > PAYLOAD_MOST - H2_HEAD)
		h2_tell(s, k);
	if (d->left ? !h2_payload(s, d) : !h2_head(s, d))
		return 1;
	return 0;
}

/* Where the message has its bytes. */
static __noinline int h2_begin(struct slot *s, u64 at, u64 moved)
{
	struct payload_msg msg = {};
	u64 args[6] = {};
	u32 shape;

	s->p.tail = 0;
	s->p.have = s->walked = s->p.count = s->chunk = 0;
	s->p.moved = moved;
	s->base = at;
	if (at) {
		s->chunk = moved;
		return 0;
	}
	shape = payload_call(bpf_get_current_task_btf(), args);
	if (shape == PAYLOAD_NONE)
		return 0;
	if (shape == PAYLOAD_BUF) {
		s->base = args[1];
		s->chunk = moved;
		return 0;
	}
	msg.iov = args[1];
	msg.iovlen = args[2];
	if (shape == PAYLOAD_MMSG)
		args[1] += s->p.index * PAYLOAD_MMSG_STRIDE;
	if (shape != PAYLOAD_IOV && bpf_probe_read_user(&msg, sizeof(msg), (void *)args[1]))
		return 0;
	s->p.iovs = msg.iov;
	s->p.count = msg.iovlen;
	return 0;
}

/* A message of a connection that speaks HTTP/2. Where it cannot be followed, the connection is left
 * alone from here on: the rest that is told as not seen says so. */
__noinline int h2_message(struct slot *s, struct known *k, u32 dir, u64 moved, u64 at)
{
	struct h2_walk w = {.s = s, .k = k, .dir = dir & 1};
	struct h2_dir *d;

	if (!s || !k)
		return 0;
	d = &k->h2[dir & 1];
	s->p.r.conn = k->cookie;
	s->p.r.flags |= PIECE_FRAMES;
	h2_begin(s, at, moved);
	bpf_loop(H2_STEPS, h2_step, &w, 0);
	if (s->p.moved && s->p.moved <= d->left && !d->keep) { /* of a file */
		d->left -= s->p.moved;
		s->walked += s->p.moved;
		s->p.moved = 0;
	}
	if (s->p.moved) {
		s->walked += s->p.moved;
		k->speaks = OTHER;
	}
	if (s->p.have || !d->left || s->p.moved || !moved)
		h2_tell(s, k);
	return 0;
}

/* Where in a message that was read the head of a response ends that changes to HTTP/2; 0: it is
 * none. */
struct h2_scan {
	struct slot *s;
	u32 end; /* of the head */
	bool h2c;
};

static long h2_scan(u32 i, struct h2_scan *c)
{
	u32 four;

	barrier_var(i);
	if (i >= H2_UPGRADE || i + 4 > c->s->p.have)
		return 1;
	four = *(u32 *)(c->s->p.bytes + i);
	if ((four & 0xffffff) == 0x633268) /* "h2c" */
		c->h2c = true;
	if (four != 0x0a0d0a0d)
		return 0;
	c->end = i + 4;
	return 1;
}

static __noinline u32 h2_upgraded(struct slot *s)
{
	struct h2_scan c = {.s = s};

	if (s->p.have < 12 || s->p.bytes[9] != '1' || s->p.bytes[10] != '0' ||
	    s->p.bytes[11] != '1' || s->p.bytes[8] != ' ')
		return 0;
	bpf_loop(H2_UPGRADE, h2_scan, &c, 0);
	return c.h2c ? c.end : 0;
}

/* Does a message that begins like HTTP change to HTTP/2? */
static __noinline bool h2_begins(struct slot *s, struct known *k, u32 dir)
{
	struct h2_dir *d = &k->h2[dir & 1];

	d->nhead = 0;
	d->left = 0;
	if (s->p.have >= 4 && *(u32 *)s->p.bytes == H2_PRI) {
		k->speaks = H2;
		return true;
	}
	if (s->p.bytes[0] != 'H')
		return false;
	d->left = h2_upgraded(s);
	d->keep = true;
	if (d->left)
		k->speaks = H2;
	return d->left;
}

/* Does a message look like a frame's begin, on a connection whose begin was not seen? As
 * h2_looks_so() in the user half, but for what goes by the type. */
static __noinline bool h2_looks_so(struct slot *s)
{
	const u8 *h = s->p.bytes;
	u32 len = h[0] << 16 | h[1] << 8 | h[2], stream = (*(u32 *)(h + 5)) & 0xffffff7f;

	if (s->p.have < H2_HEAD || len > 16384 || h[3] > 9 || h[4] & ~0x2d || h[5] & 0x80)
		return false;
	if (h[3] == 4 || h[3] == 6 || h[3] == 7) /* SETTINGS, PING, GOAWAY */
		return !stream && (h[3] == 4 ? len % 6 == 0 : len >= 8);
	return h[3] == 8 ? len == 4 : stream != 0;
}

#endif
