/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What a socket's ends are, a value at a time, for the columns of the tools that list them. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "tell.h"

static bool is_inet(const struct sock_id *id)
{
	return id->family == AF_INET || id->family == AF_INET6;
}

void decode_none(struct verbs *v)
{
	if (!tell_is_text(v))
		v->ops->ptr(v, 0);
}

void decode_lines(struct verbs *v, const char *text)
{
	const char *end;

	if (!text) {
		decode_none(v);
		return;
	}
	v->ops->open(v, BOX_ARRAY);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		v->ops->item(v);
		v->ops->bytes(v, text, end - text, false);
	}
	v->ops->close(v);
}

void decode_indented(struct buf *b, const char *text, const char *indent)
{
	const char *end;

	for (; (end = strchr(text, '\n')); text = end + 1) {
		buf_text(b, indent);
		buf_safe_utf8(b, text, end - text);
		buf_chr(b, '\n');
	}
}

void tell_address(struct verbs *v, const char *name, bool is4, const u8 *addr, s32 port)
{
	char room[64 + BUF_SLACK];
	struct buf b = {room, room, room + sizeof(room) - BUF_SLACK};

	if (is4)
		buf_ip4(&b, addr);
	else
		buf_ip6(&b, addr);
	buf_chr(&b, 0);
	field(v, name);
	open_box(v, BOX_STRUCT);
	field(v, "addr");
	v->ops->word(v, room);
	if (port >= 0)
		field_uint(v, "port", port);
	close_box(v);
}

void decode_family(struct verbs *v, const struct sock_id *id)
{
	const char *name = name_of(&names_af, id->family);

	if (!id->family)
		decode_none(v);
	else if (name)
		v->ops->word(v, name);
	else
		v->ops->uint(v, id->family);
}

void decode_protocol(struct verbs *v, const struct sock_id *id)
{
	if (id->flags & SOCK_ID_VALID && is_inet(id))
		v->ops->name(v, &names_ipproto, id->protocol);
	else
		decode_none(v);
}

void decode_addr(struct verbs *v, const struct sock_id *id, bool remote)
{
	char room[128];
	struct buf b = {room, room, room + sizeof(room) - BUF_SLACK};
	const u8 *addr = remote ? id->raddr : id->laddr;

	if (!(id->flags & (remote ? SOCK_ID_PEER : SOCK_ID_BOUND))) {
		decode_none(v);
		return;
	}
	switch (id->family) {
	case AF_INET: buf_ip4(&b, addr); break;
	case AF_INET6: buf_ip6(&b, addr); break;
	case AF_VSOCK: buf_u64(&b, remote ? id->rcid : id->lcid); break;
	default: decode_none(v); return;
	}
	buf_chr(&b, 0);
	v->ops->word(v, room);
}

void decode_port(struct verbs *v, const struct sock_id *id, bool remote)
{
	if (!(id->flags & (remote ? SOCK_ID_PEER : SOCK_ID_BOUND)))
		decode_none(v);
	else if (is_inet(id))
		v->ops->uint(v, remote ? id->rport : id->lport);
	else if (id->family == AF_VSOCK)
		v->ops->uint(v, remote ? id->rvport : id->lvport);
	else
		decode_none(v);
}

void decode_notes(struct verbs *v, const char *const *words, u32 n, u32 flags)
{
	v->ops->open(v, BOX_ARRAY);
	for (u32 i = 0; i < n; i++)
		if (flags >> i & 1) {
			v->ops->item(v);
			v->ops->word(v, words[i]);
		}
	v->ops->close(v);
}

void decode_outcome(struct verbs *v, const struct names *words, s64 ret)
{
	const char *word = name_of(words, ret < 0 ? -ret : 0);

	if (!word && ret < 0)
		word = errno_name(-ret);
	if (word)
		v->ops->word(v, word);
	else
		v->ops->sint(v, ret);
}
