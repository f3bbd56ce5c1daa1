/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Translated filters, run by the kernel (BPF_PROG_TEST_RUN), say what libpcap's interpreter says.
 * WEIR_FILTER_PACKETS: how many random packets for each filter (200).
 */
#include <errno.h>
#include <pcap/pcap.h>
#define bpf_insn linux_bpf_insn /* both have one */
#include <bpf/bpf.h>
#include "cbpf.h"
#undef bpf_insn
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 400

static u64 seed = 88172645463325252;

static u32 rnd(u32 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (seed >> 16) % n : 0;
}

static u8 *put16(u8 *p, u32 v)
{
	p[0] = v >> 8;
	p[1] = v;
	return p + 2;
}

static u32 port(void)
{
	static const u16 ports[] = {20, 22, 25, 53, 80, 443, 1023, 1024, 40000, 6081, 4789};

	return ports[rnd(sizeof(ports) / sizeof(*ports))];
}

static u8 *put_l4(u8 *p, u32 proto)
{
	if (proto == 6 || proto == 17 || proto == 132) {
		p = put16(p, port());
		p = put16(p, port());
	}
	if (proto == 6) {
		p[8] = (5 + rnd(4)) << 4;
		p[9] = rnd(3) ? 1u << rnd(6) : rnd(256);
		memcpy(p + 16, "GET / HTTP", 10);
		return p + 26;
	}
	if (proto == 17)
		put16(p, rnd(200));
	if (proto == 1 || proto == 58) {
		static const u8 types[] = {0, 3, 8, 128, 129, 135};

		p[0] = types[rnd(sizeof(types))];
		p[1] = rnd(4);
	}
	return p + 8;
}

static const u8 protos[] = {6, 6, 17, 17, 1, 58, 132, 2, 50, 51, 44, 0, 41, 47, 112};

static u8 *put_ip4(u8 *p)
{
	u32 proto = protos[rnd(sizeof(protos))], ihl = rnd(4) ? 5 : 5 + rnd(11);

	p[0] = 0x40 | ihl;
	p[1] = rnd(3) ? 0 : rnd(256);
	put16(p + 2, rnd(1000));
	if (!rnd(4))
		put16(p + 6, rnd(0x10000));
	p[8] = rnd(2) ? 64 : rnd(40);
	p[9] = proto;
	for (u32 i = 0; i < 2; i++) {
		static const u8 addrs[][4] = {{10, 0, 0, 1}, {10, 0, 0, 2},    {10, 0, 0, 3},
					      {10, 1, 2, 3}, {192, 168, 1, 1}, {255, 255, 255, 255},
					      {224, 0, 0, 1}};

		memcpy(p + 12 + 4 * i, addrs[rnd(7)], 4);
	}
	return put_l4(p + 4 * ihl, proto);
}

static u8 *put_ip6(u8 *p)
{
	u32 proto = protos[rnd(sizeof(protos))];

	p[0] = 0x60;
	put16(p + 4, rnd(300));
	p[6] = proto;
	p[7] = rnd(2) ? 64 : rnd(256);
	for (u32 i = 0; i < 2; i++) {
		memcpy(p + 8 + 16 * i, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		p[23 + 16 * i] = 1 + rnd(3);
		if (!rnd(8))
			p[8 + 16 * i] = 0xff;
	}
	p += 40;
	for (u32 n = rnd(3); proto == 0 && n; n--) {
		p[0] = n > 1 ? 0 : 17;
		p[1] = rnd(2);
		p += 8 * (p[1] + 1);
	}
	return put_l4(p, proto);
}

/* A packet that filters have something to say of; cut and spoilt now and then. Its length. */
static u32 make(u8 *room)
{
	static const u16 types[] = {0x800,  0x800,  0x86dd, 0x86dd, 0x806, 0x8100,
				    0x88a8, 0x8847, 0x8864, 0x88cc, 100,   0x8863};
	u8 *p = room, *end;
	u32 type, len;

	memset(room, 0, SIZE);
	for (u32 i = rnd(2) ? SIZE : 0; i--;)
		room[i] = rnd(256);
	for (u32 i = 0; i < 2; i++, p += 6) {
		memset(p, 0, 6);
		p[0] = 2;
		p[5] = 1 + rnd(3);
		if (!rnd(6))
			memset(p, 255, 6);
	}
	do {
		type = types[rnd(sizeof(types) / sizeof(*types))];
		p = put16(p, type);
		if (type == 0x8100 || type == 0x88a8)
			p = put16(p, rnd(2) ? 7 : 9);
	} while ((type == 0x8100 || type == 0x88a8) && p < room + 60);
	if (type == 0x8864) {
		p += 6;
		p = put16(p, rnd(2) ? 0x21 : 0x57);
	}
	if (type == 0x8847) {
		p[2] = rnd(2);
		p += 4;
	}
	end = p + 28;
	if (type == 0x800 || type == 0x8847 || type == 0x8864)
		end = put_ip4(p);
	else if (type == 0x86dd)
		end = put_ip6(p);
	else if (type == 0x806)
		put16(p + 6, 1 + rnd(2)), memcpy(p + 14, "\x0a\0\0\1", 4);
	len = end - room + rnd(40);
	if (!rnd(4))
		len = 15 + rnd(len - 14);
	for (u32 n = rnd(4) ? 0 : rnd(6); n--;)
		room[rnd(len)] = rnd(256);
	return len > SIZE ? SIZE : len;
}

/* A program of the translation; -1 when it was refused. */
static int load(const struct bpf_program *prog, const struct cbpf_how *how)
{
	struct linux_bpf_insn *insns;
	int n = cbpf_translate((const struct cbpf *)prog->bf_insns, prog->bf_len, how, &insns), fd;
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	if (n < 0)
		return -1;
	if (how->hook == CBPF_XDP)
		opts.prog_flags = 1 << 5; /* BPF_F_XDP_HAS_FRAGS */
	fd = bpf_prog_load(how->hook == CBPF_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			   "weir_filter", "GPL", (const void *)insns, n, &opts);
	if (fd < 0 && errno != EPERM) {
		static char log[1 << 20];

		opts.log_buf = log;
		opts.log_size = sizeof(log);
		opts.log_level = 1;
		bpf_prog_load(how->hook == CBPF_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			      "weir_filter", "GPL", (const void *)insns, n, &opts);
		log[3000] = 0;
		print_message("%s\n", log);
	}
	free(insns);
	return fd;
}

static int run(int fd, const u8 *packet, u32 len, u32 mark)
{
	struct __sk_buff skb = {.mark = mark};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len);

	if (mark) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	int err = bpf_prog_test_run_opts(fd, &opts);

	if (err == -EINVAL) /* tc: IP with less than its header, newer kernels do not take */
		return -1;
	if (err)
		fail_msg("a run with %u bytes, mark %x: %s", len, mark, strerror(errno));
	return opts.retval;
}

static u64 passed, refused, run_by[3];

static void one(const char *text, const struct bpf_program *prog, const int *fds, u32 packets)
{
	static u8 room[SIZE], bare[SIZE];

	for (u32 i = 0; i < packets; i++) {
		u32 len = make(room);
		int want = bpf_filter(prog->bf_insns, room, len, len) != 0, got;

		passed += want;
		refused += !want;
		for (u32 k = 0; k < 2; k++) {
			got = run(fds[k], room, len, 0);
			run_by[k] += got >= 0;
			if (got >= 0 && got != want)
				fail_msg("%s: %s of %u bytes: libpcap %d, %s %d", text, "packet",
					 len, want, k ? "tc" : "xdp", got);
		}
		/* the tag taken out, as the kernel does */
		if ((room[12] << 8 | room[13]) != 0x8100 || len < 19)
			continue;
		memcpy(bare, room, 12);
		memcpy(bare + 12, room + 16, len - 16);
		got = run(fds[2], bare, len - 4,
			  (u32)room[12] << 24 | room[13] << 16 | room[14] << 8 | room[15]);
		run_by[2] += got >= 0;
		if (got >= 0 && got != want)
			fail_msg("%s: tagged packet of %u bytes: libpcap %d, tc %d", text, len,
				 want, got);
	}
}

static void all(void **state)
{
	const struct cbpf_how hows[3] = {
		{.hook = CBPF_XDP, .map = -1},
		{.hook = CBPF_TC, .map = -1, .tags = true},
		{.hook = CBPF_TC, .map = -1, .tags = true, .test_tag = true}};
	const char *env = getenv("WEIR_FILTER_PACKETS");
	u32 packets = env ? atoi(env) : 200, n = 0;
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 262144);
	FILE *file = fopen("tests/unit/filters.txt", "re");
	char line[512];

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		struct bpf_program prog;
		int fds[3];

		line[strcspn(line, "\n")] = 0;
		if (*line == '#')
			continue;
		if (pcap_compile(dead, &prog, line, 1, PCAP_NETMASK_UNKNOWN))
			fail_msg("%s: %s", line, pcap_geterr(dead));
		for (u32 k = 0; k < 3; k++) {
			fds[k] = load(&prog, &hows[k]);
			if (fds[k] < 0 && errno == EPERM) {
				pcap_freecode(&prog);
				skip();
			}
			if (fds[k] < 0)
				fail_msg("%s: the kernel refuses it: %s", line, strerror(errno));
		}
		one(line, &prog, fds, packets);
		for (u32 k = 0; k < 3; k++)
			close(fds[k]);
		pcap_freecode(&prog);
		n++;
	}
	fclose(file);
	pcap_close(dead);
	print_message("%u filters, %u packets each: %llu pass, %llu do not; run as XDP %llu, as tc "
		      "%llu, with the tag taken out %llu\n",
		      n, packets, (unsigned long long)passed, (unsigned long long)refused,
		      (unsigned long long)run_by[0], (unsigned long long)run_by[1],
		      (unsigned long long)run_by[2]);
	assert_true(n >= 200 && run_by[0] == passed + refused && run_by[1] > run_by[0] / 2 &&
		    run_by[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
