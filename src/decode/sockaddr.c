/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* A sockaddr by family. Shorter than its family's least is told as raw bytes, as strace does. */
#include <sys/socket.h>
#include "tell.h"

#define UNIX_MAX 110 /* sizeof(struct sockaddr_un): strace prints no more of a path */

NAMES(vm_cids, NULL, {0, "VMADDR_CID_HYPERVISOR"}, {1, "VMADDR_CID_LOCAL"}, {2, "VMADDR_CID_HOST"},
      {0xffffffff, "VMADDR_CID_ANY"});
NAMES(vm_ports, NULL, {0xffffffff, "VMADDR_PORT_ANY"});
NAMES(vm_flags, "VMADDR_FLAG_???", {1, "VMADDR_FLAG_TO_HOST"});

static void port(struct verbs *v, const char *name, const u8 *p)
{
	field(v, name);
	v->ops->wrapped(v, "htons", net16(p));
}

/* A name in the file system up to its NUL; else @ and all bytes, which may have NULs among them. */
static void tell_unix(struct verbs *v, const u8 *sa, u32 n)
{
	const u8 *path = sa + 2;

	if (n > UNIX_MAX)
		n = UNIX_MAX;
	n -= 2;
	if (!n)
		return;
	field(v, "sun_path");
	if (*path) {
		v->ops->bytes(v, path, strnlen((const char *)path, n), false);
	} else if (tell_is_text(v)) {
		tell_raw(v, "@");
		v->ops->bytes(v, path + 1, n - 1, false);
	} else {
		v->ops->bytes(v, path, n, false);
	}
}

static void tell_in(struct verbs *v, const u8 *sa, u32 n)
{
	(void)n;
	port(v, "sin_port", sa + 2);
	field_in4(v, "sin_addr", sa + 4);
}

/* A scope names a device only for link-local addresses. */
static bool link_local(const u8 *addr)
{
	return (addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) ||
	       (addr[0] == 0xff && (addr[1] & 0x0f) == 2);
}

static void tell_in6(struct verbs *v, const u8 *sa, u32 n)
{
	u32 scope = 0;

	port(v, "sin6_port", sa + 2);
	field(v, "sin6_flowinfo");
	v->ops->wrapped(v, "htonl", net32(sa + 4));
	v->ops->in6(v, "sin6_addr", sa + 8);
	if (n <= 24)
		return;
	memcpy(&scope, sa + 24, n < 28 ? n - 24 : 4);
	field(v, "sin6_scope_id");
	if (link_local(sa + 8))
		tell_ifindex(v, scope);
	else
		v->ops->uint(v, scope);
}

/* strace's %#08x: eight digits when 0, six after 0x at least. */
static void tell_groups(struct verbs *v, u32 groups)
{
	char text[16];
	struct buf b = {text, text, text + sizeof(text)};

	if (!groups) {
		tell_as(v, "00000000", 0);
		return;
	}
	if (groups >> 24) {
		v->ops->hex(v, groups);
		return;
	}
	buf_str(&b, "0x");
	for (int shift = 20; shift >= 0; shift -= 4)
		buf_chr(&b, "0123456789abcdef"[groups >> shift & 15]);
	buf_chr(&b, 0);
	tell_as(v, text, groups);
}

static void tell_nl(struct verbs *v, const u8 *sa, u32 n)
{
	(void)n;
	if (load16(sa + 2))
		field_hex(v, "nl_pad", load16(sa + 2));
	field_sint(v, "nl_pid", (s32)load32(sa + 4));
	field(v, "nl_groups");
	tell_groups(v, load32(sa + 8));
}

static void tell_ll(struct verbs *v, const u8 *sa, u32 n)
{
	field(v, "sll_protocol");
	tell_ethertype(v, net16(sa + 2));
	field(v, "sll_ifindex");
	tell_ifindex(v, load32(sa + 4));
	field_name(v, "sll_hatype", &names_arphrd, load16(sa + 8));
	field_name(v, "sll_pkttype", &names_packet_type, sa[10]);
	field_uint(v, "sll_halen", sa[11]);
	if (!sa[11])
		return;
	field(v, "sll_addr");
	tell_byte_array(v, sa + 12, sa[11], n - 12);
}

static void tell_vm(struct verbs *v, const u8 *sa, u32 n)
{
	(void)n;
	if (load16(sa + 2))
		field_hex(v, "svm_reserved1", load16(sa + 2));
	field_name(v, "svm_cid", &vm_cids, load32(sa + 8));
	field_name(v, "svm_port", &vm_ports, load32(sa + 4));
	field_flags(v, "svm_flags", &vm_flags, sa[12]);
	if (!(sa[13] | sa[14] | sa[15]))
		return;
	field(v, "svm_zero");
	tell_hex_bytes(v, sa + 13, 3);
}

static const struct {
	u8 least; /* bytes from which on it is told by member; 0: never */
	void (*tell)(struct verbs *v, const u8 *sa, u32 n);
} families[] = {
	[AF_UNIX] = {2, tell_unix},   [AF_INET] = {16, tell_in},   [AF_INET6] = {24, tell_in6},
	[AF_NETLINK] = {12, tell_nl}, [AF_PACKET] = {20, tell_ll}, [AF_VSOCK] = {16, tell_vm},
};

static __attribute__((noinline)) void sockaddr_anew(struct verbs *v, const u8 *sa, u32 n)
{
	size_t start = buf_len(v->b);
	u16 family;

	open_box(v, BOX_STRUCT);
	if (n < 2) {
		v->ops->more(v);
		close_box(v);
		return;
	}
	family = load16(sa);
	field_name(v, "sa_family", &names_af, family);
	if (family < ARRAY_SIZE(families) && families[family].least &&
	    n >= families[family].least) {
		families[family].tell(v, sa, n);
	} else if (n > 2) {
		field(v, "sa_data");
		v->ops->bytes(v, sa + 2, n - 2, false);
	}
	close_box(v);
	if (sockaddr_determined(sa, n))
		keep_told(v, start, MEMO_ADDR, sa, 2);
}

void decode_sockaddr(struct verbs *v, const void *sa, u32 n)
{
	if (!sockaddr_determined(sa, n) || !told_before(v, MEMO_ADDR, sa, 2))
		sockaddr_anew(v, sa, n);
}
