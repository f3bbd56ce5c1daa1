/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "match.h"

static bool in_prefix(const struct filter *f, u16 family, const u8 *addr)
{
	u8 full[16] = {[10] = 0xff, [11] = 0xff};

	if (family == AF_INET && f->host_family != AF_INET)
		return false;
	memcpy(family == AF_INET ? full + 12 : full, addr, family == AF_INET ? 4 : 16);
	for (u32 i = 0; i < 16; i++)
		if ((full[i] & f->mask[i]) != f->host[i])
			return false;
	return true;
}

/* The section at *p, which then is the next one's place; NULL at the end, or where one is cut off.
 */
static const struct sect *take_sect(const u8 **p, const u8 *end)
{
	const struct sect *s = (const struct sect *)*p;

	if (end - *p < (long)sizeof(*s) || s->len > end - (const u8 *)(s + 1))
		return NULL;
	*p += sizeof(*s) + SECT_NEXT(s->len);
	return s;
}

/* The address in the call itself, or NULL; what it is cut off by is 0. Valid until the next call.
 */
static const struct sockaddr *address(const struct call_rec *r)
{
	static struct sockaddr_in6 whole;
	const u8 *p = (const u8 *)r + r->h.fixed, *end = (const u8 *)r + r->h.len;
	const struct sect *s;

	while ((s = take_sect(&p, end)))
		if (s->kind == SECT_ADDR && s->len >= sizeof(struct sockaddr_in)) {
			memset(&whole, 0, sizeof(whole));
			memcpy(&whole, s + 1, s->len < sizeof(whole) ? s->len : sizeof(whole));
			return (const struct sockaddr *)&whole;
		}
	return NULL;
}

bool match_task(const struct filter *f, const struct who *w)
{
	if (f->have & FILTER_PID && w->pid != f->pid)
		return false;
	if (f->have & FILTER_UID && w->uid != f->uid)
		return false;
	if (f->have & FILTER_NETNS && w->netns != f->netns)
		return false;
	if (f->have & FILTER_CGROUP && w->cgroup != f->cgroup)
		return false;
	return !(f->have & FILTER_COMM) || !memcmp(w->comm, f->comm, sizeof(f->comm));
}

/* sa: the address that the call named, or NULL. */
static bool match_socket(const struct filter *f, const struct sock_id *id,
			 const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	bool valid = id->flags & SOCK_ID_VALID;
	bool inet = valid && (id->family == AF_INET || id->family == AF_INET6);
	bool peer = sa && (sa->sa_family == AF_INET || sa->sa_family == AF_INET6);
	const u8 *addr = !peer                      ? NULL
			 : sa->sa_family == AF_INET ? (u8 *)&in->sin_addr
						    : (u8 *)&in6->sin6_addr;

	if (f->have & FILTER_FAMILY && (valid ? id->family : sa ? sa->sa_family : 0) != f->family)
		return false;
	if (f->have & FILTER_PORT && !(inet && (id->lport == f->port || id->rport == f->port)) &&
	    !(peer && ntohs(in->sin_port) == f->port))
		return false;
	if (f->have & FILTER_HOST &&
	    !(inet &&
	      (in_prefix(f, id->family, id->laddr) || in_prefix(f, id->family, id->raddr))) &&
	    !(peer && in_prefix(f, sa->sa_family, addr)))
		return false;
	return true;
}

static bool match_result(const struct filter *f, s64 ret, u64 dur)
{
	return !(f->have & FILTER_FAILED && ret >= 0) &&
	       !(f->have & FILTER_SLOWER && (dur < f->slower_ns || dur == DUR_UNKNOWN));
}

bool match_call(const struct filter *f, const struct call_rec *r)
{
	return match_result(f, r->ret, r->dur) && match_task(f, &r->who) &&
	       (!(f->have & FILTER_SOCK) || match_socket(f, &r->sock, address(r)));
}

bool match_sock(const struct filter *f, const struct sock_rec *r)
{
	return match_result(f, r->ret, r->dur) && match_task(f, &r->who) &&
	       (!(f->have & FILTER_SOCK) || match_socket(f, &r->sock, NULL));
}

static bool match_packet(const struct filter *f, const struct packet_id *p)
{
	u16 family = p->version == 4 ? AF_INET : p->version == 6 ? AF_INET6 : 0;

	if (!(p->flags & PACKET_IP))
		return false;
	if (f->have & FILTER_FAMILY && family != f->family)
		return false;
	if (f->have & FILTER_PORT && p->sport != f->port && p->dport != f->port)
		return false;
	return !(f->have & FILTER_HOST) || in_prefix(f, family, p->saddr) ||
	       in_prefix(f, family, p->daddr);
}

static bool match_id(const struct filter *f, const struct sock_id *id)
{
	bool inet = id->family == AF_INET || id->family == AF_INET6;

	if (f->have & FILTER_FAMILY && id->family != f->family)
		return false;
	if (f->have & FILTER_PORT && !(inet && (id->lport == f->port || id->rport == f->port)))
		return false;
	return !(f->have & FILTER_HOST) || (inet && (in_prefix(f, id->family, id->laddr) ||
						     in_prefix(f, id->family, id->raddr)));
}

/* What it is about is the first socket and the first packet, as in the kernel half. */
static bool match_subject(const struct filter *f, const struct hit_rec *r)
{
	const u8 *p = (const u8 *)r + r->h.fixed, *end = (const u8 *)r + r->h.len;
	bool sock = false, packet = false;
	const struct sect *s;

	while ((s = take_sect(&p, end))) {
		if (s->kind == SECT_SOCK && s->len >= sizeof(struct hit_sock) && !sock) {
			sock = true;
			if (match_id(f, &((const struct hit_sock *)(s + 1))->id))
				return true;
		}
		if (s->kind == SECT_PACKET && s->len >= sizeof(struct packet_id) && !packet) {
			packet = true;
			if (match_packet(f, (const struct packet_id *)(s + 1)))
				return true;
		}
	}
	return false;
}

/* Of what has a namespace of its own, beside its task's: is it the one that is asked for? *rest is
 * what there is left to ask. */
static bool match_netns(const struct filter *f, u32 netns, struct filter *rest)
{
	*rest = *f;
	rest->have &= ~FILTER_NETNS;
	return !(f->have & FILTER_NETNS) || netns == f->netns;
}

bool match_hit(const struct filter *f, const struct hit_rec *r)
{
	struct filter who;

	if (!f->have)
		return true;
	if (f->have & (FILTER_FAILED | FILTER_SLOWER) && !(r->flags & HIT_RETURNED))
		return false;
	if (f->have & FILTER_FAILED && ((s32)r->ret >= 0 || (s32)r->ret < -4095))
		return false;
	if (f->have & FILTER_SLOWER && r->dur < f->slower_ns)
		return false;
	if (!match_netns(f, r->netns, &who))
		return false;
	if (who.have & FILTER_TASK && !(r->flags & HIT_WHO))
		return false;
	return match_task(&who, &r->who) && (!(f->have & FILTER_SOCK) || match_subject(f, r));
}

/* A network namespace is the socket's own; what has no known owner passes no filter that asks who.
 */
static bool match_conn(const struct filter *f, const struct conn_rec *r)
{
	struct filter rest;

	if (!match_netns(f, r->netns, &rest))
		return false;
	if (rest.have & FILTER_TASK && !(r->flags & CONN_OWNED))
		return false;
	return match_sock(&rest, &r->s);
}

static bool match_drop(const struct filter *f, const struct drop_rec *r)
{
	struct filter who;

	if (!match_netns(f, r->netns, &who))
		return false;
	if (who.have & FILTER_TASK && (!r->who.pid || !match_task(&who, &r->who)))
		return false;
	return !(f->have & FILTER_SOCK) || match_packet(f, &r->packet) ||
	       (r->sock.id.flags & SOCK_ID_VALID && match_id(f, &r->sock.id));
}

static bool match_frame(const struct filter *f, const struct packet_rec *r)
{
	struct filter who;

	if (!match_netns(f, r->netns, &who))
		return false;
	return !(who.have & FILTER_TASK) || (r->bits & PACKET_WHO && match_task(&who, &r->who));
}

static bool match_synbl(const struct filter *f, const struct synbl_rec *r)
{
	struct filter rest;

	if (!match_netns(f, r->netns, &rest))
		return false;
	return (!(rest.have & FILTER_TASK) || r->s.who.pid) && match_sock(&rest, &r->s);
}

static bool match_retrans(const struct filter *f, const struct retrans_rec *r)
{
	struct filter who;

	if (!match_netns(f, r->netns, &who))
		return false;
	if (who.have & FILTER_TASK && (!r->who.pid || !match_task(&who, &r->who)))
		return false;
	return !(f->have & FILTER_SOCK) || match_id(f, &r->sock.id);
}

bool match_rec(const struct filter *f, const struct rec *r)
{
	switch (r->type) {
	case REC_CALL: return match_call(f, (const struct call_rec *)r);
	case REC_HIT: return match_hit(f, (const struct hit_rec *)r);
	case REC_CONN: return match_conn(f, (const struct conn_rec *)r);
	case REC_DROP: return match_drop(f, (const struct drop_rec *)r);
	case REC_PACKET: return match_frame(f, (const struct packet_rec *)r);
	case REC_SYNBL: return match_synbl(f, (const struct synbl_rec *)r);
	case REC_RETRANS: return match_retrans(f, (const struct retrans_rec *)r);
	case REC_CONNECT:
	case REC_ACCEPT:
	case REC_HTTP:
	case REC_DNS:
	case REC_LATENCY:
	case REC_RMEM: return match_sock(f, (const struct sock_rec *)r);
	default: return true;
	}
}

const struct who *rec_who(const struct rec *r)
{
	switch (r->type) {
	case REC_CALL: return &((const struct call_rec *)r)->who;
	case REC_HIT: return &((const struct hit_rec *)r)->who;
	case REC_DROP: return &((const struct drop_rec *)r)->who;
	case REC_PACKET: return &((const struct packet_rec *)r)->who;
	case REC_SYNBL: return &((const struct sock_rec *)r)->who;
	case REC_RETRANS: return &((const struct retrans_rec *)r)->who;
	case REC_CONNECT:
	case REC_ACCEPT:
	case REC_CONN:
	case REC_HTTP:
	case REC_DNS:
	case REC_LATENCY:
	case REC_RMEM: return &((const struct sock_rec *)r)->who;
	default: return NULL;
	}
}
