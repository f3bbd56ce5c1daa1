/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Decoders of messages and what they carry. Texts are strace 6.1's for the same bytes. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "telling.h"

#define AT    0x10000000ull
#define IP4   "{sa_family=AF_INET, sin_port=htons(7777), sin_addr=inet_addr(\"127.0.0.1\")}"
#define NOBUF "msg_iov=NULL, msg_iovlen=0, "
#define TAIL  "msg_controllen=0, msg_flags=0}"
static const char name[16] = {2, 0, 0x1e, 0x61, 127, 0, 0, 1};

/* struct msghdr: where it has what; nothing but these is not 0. */
struct message {
	u64 name, namelen, iov, iovlen, control, controllen, flags;
};

static void add_head(u8 kind, u32 full, const struct message *m)
{
	const u64 words[7] = {m->name,    m->namelen,    m->iov,  m->iovlen,
			      m->control, m->controllen, m->flags};

	add_words(kind, 1, full, words, 7);
}

/* An iovec, and n bytes of what was used of it. */
static void add_iov(u64 base, u64 len, const char *bytes, u32 n, u32 full)
{
	u8 room[16 + 64];

	memcpy(room, &base, 8);
	memcpy(room + 8, &len, 8);
	memcpy(room + 16, bytes, n);
	add(SECT_IOV, 1, full, room, 16 + n);
}

static void begin_sendmsg(const struct message *m)
{
	begin(CALL_sendmsg, -EBADF, -1, 0x7f00, 0, 0, 0, 0);
	add_head(SECT_MSGHDR, m->namelen, m);
}

static void sent_is(const char *bare, const char *json)
{
	char want[2000], want_json[2000];

	snprintf(want, sizeof(want), "(-1, {%s, 0)", bare);
	snprintf(want_json, sizeof(want_json), "{\"sockfd\":-1,\"msg\":{%s,\"flags\":\"0\"}",
		 json ? json : "");
	args_are(want, NULL, json ? want_json : NULL);
}

static void msg_without_iovs(void **unused)
{
	(void)unused;
	begin_sendmsg(&(struct message){0});
	sent_is("msg_name=NULL, msg_namelen=0, " NOBUF TAIL,
		"\"msg_name\":null,\"msg_namelen\":0,\"msg_iov\":null,\"msg_iovlen\":0,"
		"\"msg_controllen\":0,\"msg_flags\":\"0\"}");
	begin_sendmsg(&(struct message){.iovlen = 2});
	sent_is("msg_name=NULL, msg_namelen=0, msg_iov=NULL, msg_iovlen=2, " TAIL, NULL);
	begin_sendmsg(&(struct message){.iov = AT});
	sent_is("msg_name=NULL, msg_namelen=0, msg_iov=[], msg_iovlen=0, " TAIL,
		"\"msg_name\":null,\"msg_namelen\":0,\"msg_iov\":[],\"msg_iovlen\":0,"
		"\"msg_controllen\":0,\"msg_flags\":\"0\"}");
	begin_sendmsg(&(struct message){.iov = 0xdead000, .iovlen = 1});
	sent_is("msg_name=NULL, msg_namelen=0, msg_iov=0xdead000, msg_iovlen=1, " TAIL, NULL);
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 1ull << 61});
	add_iov(AT, 1, B("x"), 1);
	sent_is("msg_name=NULL, msg_namelen=0, msg_iov=0x10000000, "
		"msg_iovlen=2305843009213693952, " TAIL,
		NULL);
	begin_sendmsg(&(struct message){.flags = 0x4000});
	sent_is("msg_name=NULL, msg_namelen=0, " NOBUF "msg_controllen=0, msg_flags=MSG_NOSIGNAL}",
		NULL);
	begin_sendmsg(&(struct message){.controllen = 16});
	sent_is("msg_name=NULL, msg_namelen=0, " NOBUF
		"msg_control=NULL, msg_controllen=16, msg_flags=0}",
		NULL);
	begin_sendmsg(&(struct message){.control = 0xdead000, .controllen = 16});
	sent_is("msg_name=NULL, msg_namelen=0, " NOBUF
		"msg_control=0xdead000, msg_controllen=16, msg_flags=0}",
		NULL);
}

static void msg_names(void **unused)
{
	(void)unused;
	begin_sendmsg(&(struct message){.name = AT, .namelen = 16});
	add(SECT_ADDR, 1, 16, name, 16);
	sent_is("msg_name=" IP4 ", msg_namelen=16, " NOBUF TAIL,
		"\"msg_name\":{\"sa_family\":\"AF_INET\",\"sin_port\":7777,\"sin_addr\":\"127.0.0."
		"1\"},"
		"\"msg_namelen\":16,\"msg_iov\":null,\"msg_iovlen\":0,\"msg_controllen\":0,\"msg_"
		"flags\":"
		"\"0\"}");
	begin_sendmsg(&(struct message){.name = AT, .namelen = 8});
	add(SECT_ADDR, 1, 8, name, 8);
	sent_is("msg_name={sa_family=AF_INET, sa_data=\"\\36a\\177\\0\\0\\1\"}, "
		"msg_namelen=8, " NOBUF TAIL,
		NULL);
	begin_sendmsg(&(struct message){.name = AT, .namelen = 0xffffffff});
	sent_is("msg_name=0x10000000, msg_namelen=-1, " NOBUF TAIL, NULL);
	begin_sendmsg(&(struct message){.name = 0xdead000, .namelen = 16});
	sent_is("msg_name=0xdead000, msg_namelen=16, " NOBUF TAIL, NULL);
}

#define IOV(text) "msg_name=NULL, msg_namelen=0, msg_iov=[" text "], msg_iovlen="

static void msg_iovs(void **unused)
{
	char many[2000] = "msg_name=NULL, msg_namelen=0, msg_iov=[";

	(void)unused;
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 3});
	add_iov(AT + 64, 5, B("hello"), 5);
	making.r.unread = 1 << 1;
	add_iov(0xdead000, 7, B(""), 7);
	add_iov(AT + 65, 2, B("el"), 2);
	sent_is(IOV("{iov_base=\"hello\", iov_len=5}, {iov_base=0xdead000, iov_len=7}, "
		    "{iov_base=\"el\", iov_len=2}") "3, " TAIL,
		"\"msg_name\":null,\"msg_namelen\":0,\"msg_iov\":["
		"{\"iov_base\":\"hello\",\"iov_len\":5},{\"iov_base\":\"0xdead000\",\"iov_len\":7},"
		"{\"iov_base\":\"el\",\"iov_len\":2}],\"msg_iovlen\":3,"
		"\"msg_controllen\":0,\"msg_flags\":\"0\"}");
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 2});
	add_iov(0, 5, B(""), 5);
	add_iov(0xdead000, 0, B(""), 0);
	sent_is(IOV("{iov_base=NULL, iov_len=5}, {iov_base=\"\", iov_len=0}") "2, " TAIL, NULL);
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 1});
	add_iov(AT, 1ull << 63, B("hello, this is more than what fit"), ~0u);
	sent_is(IOV("{iov_base=\"hello, this is more than what fi\"..., "
		    "iov_len=9223372036854775808}") "1, " TAIL,
		NULL);
	begin_sendmsg(&(struct message){.iov = AT + 4080, .iovlen = 3});
	add_iov(AT, 2, B("he"), 2);
	sent_is(IOV("{iov_base=\"he\", iov_len=2}, ... /* 0x10001000 */") "3, " TAIL, NULL);
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 3}); /* the record had no room */
	add_iov(AT, 2, B("he"), 2);
	add(SECT_MORE, 0, 0, NULL, 0);
	sent_is(IOV("{iov_base=\"he\", iov_len=2}, ...") "3, " TAIL, NULL);
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 40});
	for (u32 i = 0; i < 32; i++) {
		add_iov(AT, 1, B("h"), 1);
		strcat(many, "{iov_base=\"h\", iov_len=1}, ");
	}
	strcat(many, "...], msg_iovlen=40, " TAIL);
	sent_is(many, NULL);
}

static void msg_received(void **unused)
{
	static const struct message whole = {AT, 16, AT, 2, 0, 0, 0},
				    cut = {AT, 16, AT, 1, 0, 0, 0x20};

	(void)unused;
	begin(CALL_recvmsg, 3, 3, 0x7f00, 0, 0, 0, 0);
	add_head(SECT_MSGHDR, 100, &whole);
	add(SECT_ADDR, 1, 16, name, 16);
	add_iov(AT + 64, 2, B("ab"), 2);
	add_iov(AT + 128, 20, B("c"), 1);
	args_are("(3, {msg_name=" IP4 ", msg_namelen=100 => 16, msg_iov=[{iov_base=\"ab\", "
		 "iov_len=2}, {iov_base=\"c\", iov_len=20}], msg_iovlen=2, " TAIL ", 0)",
		 NULL, NULL);
	begin(CALL_recvmsg, 0, 3, 0x7f00, 0, 0, 0, 0);
	add_head(SECT_MSGHDR, 16, &(struct message){AT, 16, AT, 1, 0, 0, 0});
	add(SECT_ADDR, 1, 16, name, 16);
	add_iov(AT + 64, 2, B(""), 0);
	args_are("(3, {msg_name=" IP4 ", msg_namelen=16, msg_iov=[{iov_base=\"\", "
		 "iov_len=2}], msg_iovlen=1, " TAIL ", 0)",
		 NULL, NULL);
	begin(CALL_recvmsg, 2, 3, 0x7f00, 0, 0, 0,
	      0); /* fewer bytes were asked for than are told */
	add_head(SECT_MSGHDR, 8, &cut);
	add(SECT_ADDR, 1, 16, name, 16);
	add_iov(AT + 64, 2, B("ab"), 2);
	args_are("(3, {msg_name={sa_family=AF_INET, sa_data=\"\\36a\\177\\0\\0\\1\"}, "
		 "msg_namelen=8 => 16, msg_iov=[{iov_base=\"ab\", iov_len=2}], msg_iovlen=1, "
		 "msg_controllen=0, msg_flags=MSG_TRUNC}, 0)",
		 NULL,
		 "{\"sockfd\":3,\"msg\":{\"msg_name\":{\"sa_family\":\"AF_INET\",\"sa_data\":"
		 "\"\\u001ea\\u007f\\u0000\\u0000\\u0001\"},\"msg_namelen\":{\"in\":8,\"out\":16},"
		 "\"msg_iov\":[{\"iov_base\":\"ab\",\"iov_len\":2}],\"msg_iovlen\":1,"
		 "\"msg_controllen\":0,\"msg_flags\":\"MSG_TRUNC\"},\"flags\":\"0\"}");
	begin(CALL_recvmsg, -EBADF, -1, 0x7f00, 0, 0, 0, 0);
	add_head(SECT_MSGHDR, 16, &whole);
	args_are("(-1, {msg_namelen=16}, 0)", NULL,
		 "{\"sockfd\":-1,\"msg\":{\"msg_namelen\":16},\"flags\":\"0\"}");
	begin(CALL_recvmsg, -EBADF, -1, 0, 0, 0, 0, 0);
	args_are("(-1, NULL, 0)", NULL, "{\"sockfd\":-1,\"msg\":null,\"flags\":\"0\"}");
}

#define FIVE                                                                                       \
	"msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"hello\", iov_len=5}], "                \
	"msg_iovlen=1, " TAIL

static void msg_vectors(void **unused)
{
	static const struct message m = {.iov = AT, .iovlen = 1};
	char many[6000] = "(4, [";

	(void)unused;
	begin(CALL_sendmmsg, 1, 4, AT, 2, 0, 0, 0);
	add_head(SECT_MMSG, 5, &m);
	add_iov(AT, 5, B("hello"), 5);
	add_head(SECT_MMSG, 0, &(struct message){.iov = 0xdead000, .iovlen = 1});
	args_are("(4, [{msg_hdr={" FIVE ", msg_len=5}, {msg_hdr={msg_name=NULL, msg_namelen=0, "
		 "msg_iov=0xdead000, msg_iovlen=1, " TAIL "}], 2, 0)",
		 NULL, NULL);
	begin(CALL_sendmmsg, -EBADF, -1, AT, 2, 0, 0, 0);
	add_head(SECT_MMSG, 0, &m);
	add_iov(AT, 5, B("hello"), 5);
	args_are("(-1, [{msg_hdr={" FIVE "}, ... /* 0x10000040 */], 2, 0)", NULL, NULL);
	add(SECT_MORE, 0, 0, NULL, 0);
	args_are("(-1, [{msg_hdr={" FIVE "}, ...], 2, 0)", NULL, NULL);
	begin(CALL_sendmmsg, -EBADF, -1, AT, 0, 0, 0, 0);
	args_are("(-1, [], 0, 0)", NULL,
		 "{\"sockfd\":-1,\"msgvec\":[],\"vlen\":0,\"flags\":\"0\"}");
	begin(CALL_sendmmsg, -EBADF, -1, 0xdead000, 1, 0, 0, 0);
	args_are("(-1, 0xdead000, 1, 0)", NULL, NULL);
	begin(CALL_sendmmsg, -EDESTADDRREQ, 4, AT, 40, 0, 0, 0);
	for (u32 i = 0; i < 32; i++) {
		add_head(SECT_MMSG, 0, &(struct message){0});
		strcat(many, "{msg_hdr={msg_name=NULL, msg_namelen=0, " NOBUF TAIL "}, ");
	}
	strcat(many, "...], 40, 0)");
	args_are(many, NULL, NULL);
}

static void msg_vectors_received(void **unused)
{
	(void)unused;
	begin(CALL_recvmmsg, 1, 4, AT, 3, 0x40, 0, 0);
	add_head(SECT_MMSG, 5, &(struct message){AT, 16, AT, 1, 0, 0, 0});
	add(SECT_ADDR, 1, 16, name, 16);
	add_iov(AT, 5, B("hello"), 5);
	add(SECT_INLEN, 0, 28, NULL, 0);
	args_are("(4, [{msg_hdr={msg_name=" IP4 ", msg_namelen=28 => 16, "
		 "msg_iov=[{iov_base=\"hello\", iov_len=5}], msg_iovlen=1, " TAIL
		 ", msg_len=5}], 3, MSG_DONTWAIT, NULL)",
		 NULL, NULL);
	begin(CALL_recvmmsg, -EBADF, -1, AT, 2, 0, 0, 0);
	args_are("(-1, 0x10000000, 2, 0, NULL)", NULL, NULL);
}

static void plain_vectors(void **unused)
{
	(void)unused;
	begin(CALL_writev, 43, 6, AT, 2, 0, 0, 0);
	add_iov(AT, 3, B("abc"), 3);
	add_iov(AT, 40, B("123456789012345678901234567890123"), 40);
	args_are("(6, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"123456789012345678901234567890"
		 "12\"..., iov_len=40}], 2)",
		 NULL, NULL);
	begin(CALL_readv, -EBADF, -1, AT, 2, 0, 0, 0);
	add_iov(AT + 0x200, 2, B(""), 0);
	add_iov(AT + 0x208, 10, B(""), 0);
	args_are("(-1, [{iov_base=0x10000200, iov_len=2}, {iov_base=0x10000208, iov_len=10}], 2)",
		 NULL, NULL);
	begin(CALL_writev, -EBADF, -1, 0xdead000, 2, 0, 0, 0);
	args_are("(-1, 0xdead000, 2)", NULL, NULL);
}

/* What lies about its length is what it is: an address. */
static void damaged(void **unused)
{
	(void)unused;
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 1});
	((struct sect *)(making.room + sizeof(struct call_rec)))->len = 0xffff;
	args_are("(-1, 0x7f00, 0)", NULL, NULL);
	begin(CALL_sendmsg, 0, 3, 0x7f00, 0, 0, 0, 0);
	add(SECT_MSGHDR, 1, 0, "short", 5);
	args_are("(3, 0x7f00, 0)", NULL, NULL);
	begin_sendmsg(&(struct message){.iov = AT, .iovlen = 1});
	add(SECT_IOV, 1, 5, "short", 5);
	sent_is("msg_name=NULL, msg_namelen=0, msg_iov=[... /* 0x10000000 */], msg_iovlen=1, " TAIL,
		NULL);
	begin(CALL_connect, 0, 3, 0x7f00, 16, 0, 0, 0);
	add(SECT_ADDR, 1, 16, name, 16);
	making.r.h.fixed = 0xffff;
	args_are("(3, 0x7f00, 16)", NULL, NULL);
	making.r.h.fixed = sizeof(struct call_rec) + 1;
	args_are("(3, 0x7f00, 16)", NULL, NULL);
	making.r.h.fixed = 0;
	args_are("(3, 0x7f00, 16)", NULL, NULL);
	making.r.h.fixed = sizeof(struct call_rec);
	making.r.h.len = sizeof(struct call_rec) + 4; /* ends within the section's head */
	args_are("(3, 0x7f00, 16)", NULL, NULL);
	making.r.h.len = sizeof(struct call_rec) + sizeof(struct sect) + 8;
	args_are("(3, 0x7f00, 16)", NULL, NULL);
	begin(CALL_MAX, 0, 1, 2, 3, 4, 5, 6);
	args_are("()", NULL, "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(msg_without_iovs), cmocka_unit_test(msg_names),
		cmocka_unit_test(msg_iovs),         cmocka_unit_test(msg_received),
		cmocka_unit_test(msg_vectors),      cmocka_unit_test(msg_vectors_received),
		cmocka_unit_test(plain_vectors),    cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
