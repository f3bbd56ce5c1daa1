/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* ICMP messages as a line. */
#include "packet_decode.h"
#include "tell.h"

NAMES(unreachable, NULL, {0, "net unreachable"}, {1, "host unreachable"},
      {2, "protocol unreachable"}, {3, "port unreachable"}, {4, "unreachable - need to frag"},
      {5, "source route failed"}, {9, "net unreachable - prohibited"},
      {10, "host unreachable - prohibited"}, {13, "unreachable - admin prohibited filter"});

static void put_id_seq(struct buf *b, const struct layer *l)
{
	if (l->len < 8)
		return;
	buf_str(b, ", id ");
	buf_u64(b, net16(l->p + 4));
	buf_str(b, ", seq ");
	buf_u64(b, net16(l->p + 6));
}

void packet_put_icmp(struct buf *b, const struct layer *l)
{
	u8 type = l->p[0], code = l->p[1];
	const char *name;

	buf_str(b, "ICMP ");
	if (type == 8 || type == 0) {
		buf_str(b, type ? "echo request" : "echo reply");
		put_id_seq(b, l);
	} else if (type == 3) {
		name = name_of(&unreachable, code);
		if (l->len >= 28) {
			buf_ip4(b, l->p + 24);
			buf_chr(b, ' ');
		}
		buf_text(b, name ? name : "unreachable");
		if (code == 4 && l->len >= 8) {
			buf_str(b, " (mtu ");
			buf_u64(b, net16(l->p + 6));
			buf_chr(b, ')');
		}
	} else if (type == 11) {
		buf_str(b, code ? "ip reassembly time exceeded" : "time exceeded in-transit");
	} else if (type == 5) {
		buf_str(b, "redirect");
		if (l->len >= 8) {
			buf_str(b, " to ");
			buf_ip4(b, l->p + 4);
		}
	} else {
		buf_str(b, "type-#");
		buf_u64(b, type);
	}
	buf_str(b, ", ");
	packet_put_length(b, l->full);
}

NAMES(icmp6, NULL, {1, "destination unreachable"}, {2, "packet too big"},
      {3, "time exceeded in-transit"}, {4, "parameter problem"}, {128, "echo request"},
      {129, "echo reply"}, {130, "multicast listener query"}, {131, "multicast listener report"},
      {132, "multicast listener done"}, {133, "router solicitation"}, {134, "router advertisement"},
      {135, "neighbor solicitation"}, {136, "neighbor advertisement"}, {137, "redirect"},
      {143, "multicast listener report v2"});

void packet_put_icmp6(struct buf *b, const struct layer *l)
{
	u8 type = l->p[0];
	const char *name = name_of(&icmp6, type);

	buf_str(b, "ICMP6, ");
	if (name) {
		buf_text(b, name);
	} else {
		buf_str(b, "type-#");
		buf_u64(b, type);
	}
	if (type == 128 || type == 129)
		put_id_seq(b, l);
	if ((type == 135 || type == 136) && l->len >= 24) {
		buf_str(b, type == 135 ? ", who has " : ", tgt is ");
		buf_ip6(b, l->p + 8);
	}
	if (type == 2 && l->len >= 8) {
		buf_str(b, ", mtu ");
		buf_u64(b, net32(l->p + 4));
	}
	buf_str(b, ", ");
	packet_put_length(b, l->full);
}
