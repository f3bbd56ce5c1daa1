/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include "conns.h"
#include "http.h"
#include "order.h"
#include "packet_decode.h"
#include "segments.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 }; /* RFC 9293 3.1 */

/* A segment of TCP. */
struct segment {
	struct sock_id sock; /* the remote end is the other one */
	u32 seq, ack, size, have;
	u8 flags;
	u8 dir; /* of the connection that it is told of */
	const u8 *p;
};

static u32 net32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static bool find(struct segment *s, const struct packet_rec *r)
{
	const struct layers *l = packet_layers(r);
	const struct layer *tcp = layers_last(l, LAYER_TCP, 0), *data;
	const struct layer *ip = layers_last(l, LAYER_IP4, 0);
	bool out = r->bits & PACKET_OUT;
	u32 n = ip ? 4 : 16, at = ip ? 12 : 8;
	const u8 *ports;

	if (!ip)
		ip = layers_last(l, LAYER_IP6, 0);
	if (!tcp || !ip)
		return false;
	data = tcp + 1 < l->at + l->n && tcp[1].kind == LAYER_DATA ? tcp + 1 : NULL;
	memset(s, 0, sizeof(*s));
	s->sock.family = n == 4 ? AF_INET : AF_INET6;
	s->sock.type = SOCK_STREAM;
	s->sock.protocol = 6;
	s->sock.flags = SOCK_ID_VALID | SOCK_ID_BOUND | SOCK_ID_PEER;
	memcpy(s->sock.laddr, ip->p + at + (out ? 0 : n), n);
	memcpy(s->sock.raddr, ip->p + at + (out ? n : 0), n);
	ports = tcp->p;
	s->sock.lport = out ? ports[0] << 8 | ports[1] : ports[2] << 8 | ports[3];
	s->sock.rport = out ? ports[2] << 8 | ports[3] : ports[0] << 8 | ports[1];
	s->seq = net32(tcp->p + 4);
	s->ack = net32(tcp->p + 8);
	s->flags = tcp->p[13];
	s->p = data ? data->p : tcp->p;
	s->have = data ? data->len : 0;
	s->size = data ? data->full : 0;
	s->dir = out ? DIR_SENT : DIR_RECEIVED;
	return true;
}

static u64 mix(u64 h, u64 word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

/* The connection's number: of its ends, with a key, so that nobody can make two that are alike. */
static u64 id_of(const struct segment *s, u32 netns)
{
	static u64 key[2];
	u64 words[4], h;

	if (!key[0] && getrandom(key, sizeof(key), 0) != sizeof(key))
		key[0] = 1;
	memcpy(words, s->sock.laddr, 16);
	memcpy(words + 2, s->sock.raddr, 16);
	h = mix(key[0], (u64)netns << 32 | s->sock.lport << 16 | s->sock.rport);
	for (u32 i = 0; i < 4; i++)
		h = mix(h, words[i] ^ key[1]);
	return h;
}

/* Both directions arrive, where a switch mirrors what others say: then the one that was seen first
 * is received, the other sent. */
static struct conn *mirrored(struct segment *s, const struct packet_rec *r)
{
	struct segment other = *s;
	struct conn *c;

	memcpy(other.sock.laddr, s->sock.raddr, 16);
	memcpy(other.sock.raddr, s->sock.laddr, 16);
	other.sock.lport = s->sock.rport;
	other.sock.rport = s->sock.lport;
	c = conns_find(id_of(&other, r->netns), r->h.ts, false);
	if (!c || c->ifindex != r->ifindex || (c->streams[DIR_SENT].placed && !c->mirrored))
		return NULL;
	c->mirrored = true;
	other.dir = DIR_SENT;
	*s = other;
	return c;
}

static struct conn *conn_of(struct segment *s, const struct packet_rec *r)
{
	u64 id = id_of(s, r->netns);
	struct conn *c = conns_find(id, r->h.ts, false);

	if (!c && s->dir == DIR_RECEIVED)
		c = mirrored(s, r);
	if (c && s->flags & SYN && !(s->flags & ACK)) { /* the ports are used again */
		conns_drop(c, r->h.ts);
		c = NULL;
	}
	if (!c && (s->size || s->flags & SYN)) {
		c = conns_find(id, r->h.ts, true);
		if (c)
			c->ifindex = r->ifindex;
	}
	if (c && s->flags & SYN && !c->streams[s->dir].placed) {
		c->streams[s->dir].placed = true;
		c->streams[s->dir].next = s->seq + 1;
	}
	return c;
}

static void tell(struct conn *c, const struct segment *s, const struct packet_rec *r)
{
	static struct {
		struct piece_rec r;
		u8 bytes[PACKET_SNAP_MAX];
	} piece;
	struct piece_rec *p = &piece.r;
	u32 have = s->have < s->size ? s->have : s->size;

	*p = (struct piece_rec){.h = {.len = sizeof(*p) + have,
				      .type = REC_PIECE,
				      .fixed = sizeof(*p),
				      .ts = r->h.ts > c->now ? r->h.ts : c->now},
				.who = r->who,
				.sock = s->sock,
				.conn = c->id,
				.seq = s->seq + (s->flags & SYN ? 1 : 0),
				.size = s->size,
				.have = have,
				.flags = (s->dir == DIR_SENT ? PIECE_SENT : 0) |
					 (s->flags & FIN ? PIECE_END : 0)};
	if (!(r->bits & PACKET_WHO))
		p->who.pid = 0;
	memcpy(piece.bytes, s->p, have);
	order_piece(c, p);
}

void segments_packet(const struct packet_rec *r)
{
	struct segment s;
	struct conn *c;

	if (!find(&s, r))
		return;
	c = conn_of(&s, r);
	if (!c)
		return;
	if (!c->who.netns)
		c->who.netns = r->netns;
	if (s.flags & ACK)
		order_passed(c, !s.dir, s.ack);
	if (s.size || s.flags & FIN)
		tell(c, &s, r);
	if (s.flags & RST || (c->streams[0].ended && c->streams[1].ended))
		conns_drop(c, r->h.ts > c->now ? r->h.ts : c->now);
}
