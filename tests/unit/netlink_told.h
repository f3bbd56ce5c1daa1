/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* For tests of netlink messages: bytes, and what is told of them. */
#ifndef NETLINK_TOLD_H
#define NETLINK_TOLD_H

#include <linux/netlink.h>
#include <sys/socket.h>
#include "telling.h"

#define AT     0x10000000ull
#define LO     "if_nametoindex(\"lo\")"
#define UNREAD 0x10000 /* of a protocol: what is not here could not be read */
#define NONE   0xffff  /* the socket's protocol is not known */

/* A message's head in bytes, in text and in JSON. */
#define MSG(len, type, flags) len "\0\0\0" type flags "\1\0\0\0\0\0\0\0"
#define TEXT(len, type, flags)                                                                     \
	"{nlmsg_len=" #len ", nlmsg_type=" type ", nlmsg_flags=" flags ", nlmsg_seq=1, "           \
	"nlmsg_pid=0}"
#define JSON(len, type, flags)                                                                     \
	"{\"nlmsg_len\":" #len ",\"nlmsg_type\":" type ",\"nlmsg_flags\":\"" flags                 \
	"\",\"nlmsg_seq\":1,\"nlmsg_pid\":0"

#define IFINFO "\0\0\x04\x03\1\0\0\0\x49\0\1\0\0\0\0\0"
#define IFINFO_TEXT                                                                                \
	"{ifi_family=AF_UNSPEC, ifi_type=ARPHRD_LOOPBACK, ifi_index=" LO                           \
	", ifi_flags=IFF_UP|IFF_LOOPBACK|IFF_RUNNING|IFF_LOWER_UP, ifi_change=0}"
#define IFINFO_JSON                                                                                \
	"{\"ifi_family\":\"AF_UNSPEC\",\"ifi_type\":\"ARPHRD_LOOPBACK\",\"ifi_index\":1,"          \
	"\"ifi_flags\":\"IFF_UP|IFF_LOOPBACK|IFF_RUNNING|IFF_LOWER_UP\",\"ifi_change\":0}"
#define RTMSG "\2\0\0\0\xfe\3\0\1\0\0\0\0"
#define RTMSG_TEXT                                                                                 \
	"{rtm_family=AF_INET, rtm_dst_len=0, rtm_src_len=0, rtm_tos=0, rtm_table=RT_TABLE_MAIN, "  \
	"rtm_protocol=RTPROT_BOOT, rtm_scope=RT_SCOPE_UNIVERSE, rtm_type=RTN_UNICAST, "            \
	"rtm_flags=0}"

/* What a program sent on a socket of that protocol. */
struct sent {
	u32 protocol;
	const char *bytes;
	u32 n;
	const char *text, *json; /* NULL: of no interest here */
};

/* n bytes of full. */
static inline void is_told(const struct sent *m, u32 full)
{
	char text[6000], json[6000];

	begin(CALL_sendto, (s64)full, 3, AT, full, 0, 0, 0);
	if ((u16)m->protocol != NONE)
		making.r.sock = (struct sock_id){.family = AF_NETLINK,
						 .type = SOCK_RAW,
						 .protocol = m->protocol,
						 .flags = SOCK_ID_VALID};
	add(SECT_DATA, 1, full, m->bytes, m->n);
	if (m->protocol & UNREAD)
		making.r.unread = 1 << 1;
	snprintf(text, sizeof(text), "(3, %s, %u, 0, NULL, 0)", m->text, full);
	snprintf(json, sizeof(json),
		 "{\"sockfd\":3,\"buf\":%s,\"len\":%u,\"flags\":\"0\",\"dest_addr\":null,"
		 "\"addrlen\":0}",
		 m->json ? m->json : "", full);
	is("bare", heard_by(&verbs_text, false, decode_args), text);
	is("json", heard_by(&verbs_json, false, decode_args), m->json ? json : NULL);
}

static inline void are_told(const struct sent *m, u32 count)
{
	for (; count; count--, m++)
		is_told(m, m->n);
}

#define ARE_TOLD(list) are_told(list, sizeof(list) / sizeof(*(list)))

#endif
