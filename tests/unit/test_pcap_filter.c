/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * Translated filters, run by the kernel (BPF_PROG_TEST_RUN), say what libpcap's interpreter says.
 * WEIR_FILTER_PACKETS: how many random packets for each filter (100003, where nothing else is
 * checked).
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
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZE 400
#ifdef __SANITIZE_ADDRESS__
#define PACKETS 10007
#else
#define PACKETS 100003
#endif

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

/*
 * Many filters as functions of one program: a run of it costs the kernel much more than a filter
 * does. Each one's answer becomes a byte of a map.
 */
#define BATCH   64 /* of the 256 functions that a program may have (BPF_MAX_SUBPROGS) */
#define FILTERS 256
#define INSNS   (1 << 18)

struct batch {
	int fd, map;
	u8 *said;
};

static struct bpf_program filters[FILTERS];
static char texts[FILTERS][512];
static u32 count;

/* What is in front of the functions takes 5 instructions for each, and 3. */
static u32 put_caller(struct linux_bpf_insn *to, u32 n, const u32 *begins, int map)
{
	u32 at = 0;

	to[at++] = (struct linux_bpf_insn){
		.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 1};
	for (u32 i = 0; i < n; i++) {
		to[at++] = (struct linux_bpf_insn){
			.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1, .src_reg = 6};
		to[at] = (struct linux_bpf_insn){.code = BPF_JMP | BPF_CALL,
						 .src_reg = BPF_PSEUDO_CALL};
		to[at].imm = 5 * n + 3 + begins[i] - at - 1;
		at++;
		to[at++] = (struct linux_bpf_insn){.code = BPF_LD | BPF_IMM | BPF_DW,
						   .dst_reg = 1,
						   .src_reg = BPF_PSEUDO_MAP_VALUE,
						   .imm = map};
		to[at++] = (struct linux_bpf_insn){.imm = i};
		to[at++] = (struct linux_bpf_insn){
			.code = BPF_STX | BPF_MEM | BPF_B, .dst_reg = 1, .src_reg = 0};
	}
	to[at++] = (struct linux_bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K};
	to[at++] = (struct linux_bpf_insn){.code = BPF_JMP | BPF_EXIT};
	return at;
}

static void make_batch(struct batch *b, u32 first, u32 n, const struct cbpf_how *how)
{
	static struct linux_bpf_insn all[INSNS];
	u32 begins[BATCH], len = 0, front = 5 * n + 3;
	LIBBPF_OPTS(bpf_map_create_opts, shared, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_prog_load_opts, opts);

	for (u32 i = 0; i < n; i++) {
		const struct bpf_program *f = &filters[first + i];
		struct linux_bpf_insn *insns;
		int has = cbpf_translate((const struct cbpf *)f->bf_insns, f->bf_len, how, &insns);

		assert_true(has > 0 && front + len + has < INSNS);
		begins[i] = len;
		memcpy(all + front + len, insns, has * sizeof(*insns));
		len += has;
		free(insns);
	}
	b->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_said", 4, 4096, 1, &shared);
	b->said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, b->map, 0);
	assert_true(b->map >= 0 && b->said != MAP_FAILED);
	assert_int_equal(put_caller(all, n, begins, b->map), front);
	if (how->hook == CBPF_XDP)
		opts.prog_flags = 1 << 5; /* BPF_F_XDP_HAS_FRAGS */
	b->fd = bpf_prog_load(how->hook == CBPF_XDP ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			      "weir_filters", "GPL", (const void *)all, front + len, &opts);
	if (b->fd < 0)
		fail_msg("filters %u to %u as one program: %s", first, first + n - 1,
			 strerror(errno));
}

/* False where the kernel does not take the packet: tc, IP with less than its header. */
static bool run(const struct batch *b, const u8 *packet, u32 len, u32 mark)
{
	struct __sk_buff skb = {.mark = mark};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len);
	int err;

	memset(b->said, 7, BATCH);
	if (mark) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	err = bpf_prog_test_run_opts(b->fd, &opts);
	if (err && err != -EINVAL)
		fail_msg("a run with %u bytes, mark %x: %s", len, mark, strerror(errno));
	return !err;
}

static u64 passed, refused, run_by[3];

static void compare(const struct batch *b, u32 first, u32 n, u32 kind, const u8 *want, u32 len)
{
	static const char *const names[] = {"XDP", "tc", "tc, with the tag taken out,"};

	run_by[kind] += n;
	if (!memcmp(b->said, want, n))
		return;
	for (u32 i = 0; i < n; i++)
		if (b->said[i] != want[i])
			fail_msg("%s: packet of %u bytes: libpcap %d, %s %d", texts[first + i], len,
				 want[i], names[kind], b->said[i]);
}

/* A packet, and where it has a tag the same without, as the kernel takes it out. */
static void one(struct batch (*batches)[3], const u8 *room, u32 len)
{
	static u8 want[FILTERS], bare[SIZE];
	bool tagged = (room[12] << 8 | room[13]) == 0x8100 && len >= 19;
	u32 tag = (u32)room[12] << 24 | room[13] << 16 | room[14] << 8 | room[15];

	for (u32 i = 0; i < count; i++) {
		want[i] = bpf_filter(filters[i].bf_insns, room, len, len) != 0;
		passed += want[i];
		refused += !want[i];
	}
	if (tagged) {
		memcpy(bare, room, 12);
		memcpy(bare + 12, room + 16, len - 16);
	}
	for (u32 i = 0; i < count; i += BATCH) {
		const struct batch *b = batches[i / BATCH];
		u32 n = count - i < BATCH ? count - i : BATCH;

		for (u32 k = 0; k < 2; k++)
			if (run(&b[k], room, len, 0))
				compare(&b[k], i, n, k, want + i, len);
		if (tagged && run(&b[2], bare, len - 4, tag))
			compare(&b[2], i, n, 2, want + i, len);
	}
}

/* All filters, compiled; each is taken by the kernel alone, too. */
static void read_filters(const struct cbpf_how *hows)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 262144);
	FILE *file = fopen("tests/unit/filters.txt", "re");

	assert_non_null(file);
	while (count < FILTERS && fgets(texts[count], sizeof(*texts), file)) {
		char *text = texts[count];

		text[strcspn(text, "\n")] = 0;
		if (*text == '#')
			continue;
		if (pcap_compile(dead, &filters[count], text, 1, PCAP_NETMASK_UNKNOWN))
			fail_msg("%s: %s", text, pcap_geterr(dead));
		for (u32 k = 0; k < 3; k++) {
			int fd = load(&filters[count], &hows[k]);

			if (fd < 0 && errno == EPERM)
				skip();
			if (fd < 0)
				fail_msg("%s: the kernel refuses it: %s", text, strerror(errno));
			close(fd);
		}
		count++;
	}
	assert_true(feof(file));
	fclose(file);
	pcap_close(dead);
}

static void all(void **state)
{
	const struct cbpf_how hows[3] = {
		{.hook = CBPF_XDP, .map = -1},
		{.hook = CBPF_TC, .map = -1, .tags = true},
		{.hook = CBPF_TC, .map = -1, .tags = true, .test_tag = true}};
	struct batch batches[FILTERS / BATCH][3];
	const char *env = getenv("WEIR_FILTER_PACKETS");
	u32 packets = env ? atoi(env) : PACKETS;
	u8 room[SIZE];

	(void)state;
	read_filters(hows);
	for (u32 i = 0; i < count; i += BATCH)
		for (u32 k = 0; k < 3; k++)
			make_batch(&batches[i / BATCH][k], i, count - i < BATCH ? count - i : BATCH,
				   &hows[k]);
	for (u32 i = 0; i < packets; i++) {
		u32 len = make(room);

		one(batches, room, len);
	}
	print_message("%u filters, %u packets each: %llu pass, %llu do not; run as XDP %llu, as tc "
		      "%llu, with the tag taken out %llu\n",
		      count, packets, (unsigned long long)passed, (unsigned long long)refused,
		      (unsigned long long)run_by[0], (unsigned long long)run_by[1],
		      (unsigned long long)run_by[2]);
	assert_true(count >= 200 && run_by[0] == passed + refused && run_by[1] > run_by[0] / 2 &&
		    run_by[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
