/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir packets --summary: what was counted, the most first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "packet_decode.h"
#include "packets.h"
#include "sums.h"

struct pair {
	struct packets_pair key;
	struct packets_count n;
};

struct type {
	u32 key;
	struct packets_count n;
};

static u64 packets_of(const struct packets_count *n)
{
	return n->packets[0] + n->packets[1];
}

static int by_packets(const struct packets_count *a, const struct packets_count *b)
{
	u64 x = packets_of(a), y = packets_of(b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static int order_pairs(const void *a, const void *b)
{
	return by_packets(&((const struct pair *)a)->n, &((const struct pair *)b)->n);
}

static int order_types(const void *a, const void *b)
{
	return by_packets(&((const struct type *)a)->n, &((const struct type *)b)->n);
}

/* All of a hash: key and value behind each other, in size bytes each; how many. */
static u32 read_all(struct attach *a, const char *name, void *to, u32 size, u32 most)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, name);
	u8 *at = to, *before = NULL;
	u32 n = 0;

	while (n < most && !bpf_map_get_next_key(map, before, at)) {
		before = at;
		if (!bpf_map_lookup_elem(map, at, at + size - sizeof(struct packets_count))) {
			at += size;
			n++;
		}
	}
	return n;
}

static void put_protocol(struct buf *b, u16 type, u8 version, u8 proto)
{
	const char *name = version ? name_of(&packet_protos, proto) : packet_ethertype(type);
	char text[24];

	if (!version && type < 1536)
		name = "802.3";
	snprintf(text, sizeof(text), version ? "proto %u" : "0x%04x", version ? proto : type);
	buf_text(b, name ? name : text);
	if (version == 6 && name && strcmp(name, "ICMP6"))
		buf_str(b, "/IPv6");
}

static void put_end(struct buf *b, const struct packets_pair *p, u32 i)
{
	const struct packets_end *e = &p->end[i];

	if (!p->version) {
		buf_chr(b, '-');
		return;
	}
	if (p->version == 6)
		buf_ip6(b, (const u8 *)e->addr);
	else
		buf_ip4(b, (const u8 *)e->addr);
	if (e->port) {
		buf_chr(b, '.');
		buf_u64(b, e->port);
	}
}

/* A text padded to a width, at its left or right. */
static void put_cell(struct buf *b, const char *text, int width)
{
	char room[128];

	snprintf(room, sizeof(room), "%*s ", width, text);
	buf_text(b, room);
}

static void put_number(struct buf *b, u64 n, int width)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	put_cell(b, text, width);
}

static char *text_of(struct buf *b)
{
	buf_chr(b, 0);
	return b->base;
}

static void line(struct run *run, struct buf *b)
{
	out_line(run->out, b->base, buf_len(b));
	buf_clear(b);
	run->rows++;
}

static void json_number(struct buf *b, const char *key, u64 n)
{
	buf_str(b, ",\"");
	buf_text(b, key);
	buf_str(b, "\":");
	buf_u64(b, n);
}

static void json_text(struct buf *b, const char *key, const char *text)
{
	buf_str(b, ",\"");
	buf_text(b, key);
	buf_str(b, "\":\"");
	buf_json_utf8(b, text, strlen(text));
	buf_chr(b, '"');
}

static void tell_type(struct run *run, const struct type *t)
{
	struct buf b = {0}, name = {0};

	put_protocol(&name, t->key >> 16, t->key >> 8, t->key);
	if (run->common.format == OUT_JSON) {
		buf_str(&b, "{\"summary\":\"protocol\"");
		json_text(&b, "protocol", text_of(&name));
		json_number(&b, "packets_out", t->n.packets[0]);
		json_number(&b, "bytes_out", t->n.bytes[0]);
		json_number(&b, "packets_in", t->n.packets[1]);
		json_number(&b, "bytes_in", t->n.bytes[1]);
		buf_chr(&b, '}');
	} else {
		put_cell(&b, text_of(&name), -16);
		put_number(&b, t->n.packets[0], 10);
		put_number(&b, t->n.bytes[0], 12);
		put_number(&b, t->n.packets[1], 10);
		put_number(&b, t->n.bytes[1], 12);
	}
	line(run, &b);
	buf_free(&b);
	buf_free(&name);
}

static void tell_pair(struct run *run, const struct pair *p)
{
	struct buf b = {0}, name = {0}, end[2] = {{0}};

	put_protocol(&name, p->key.type, p->key.version, p->key.proto);
	put_end(&end[0], &p->key, 0);
	put_end(&end[1], &p->key, 1);
	if (run->common.format == OUT_JSON) {
		buf_str(&b, "{\"summary\":\"conversation\"");
		json_text(&b, "protocol", text_of(&name));
		json_text(&b, "a", text_of(&end[0]));
		json_text(&b, "b", text_of(&end[1]));
		json_number(&b, "packets_a", p->n.packets[0]);
		json_number(&b, "bytes_a", p->n.bytes[0]);
		json_number(&b, "packets_b", p->n.packets[1]);
		json_number(&b, "bytes_b", p->n.bytes[1]);
		buf_chr(&b, '}');
	} else {
		put_cell(&b, text_of(&name), -10);
		put_cell(&b, text_of(&end[0]), -22);
		put_cell(&b, text_of(&end[1]), -22);
		put_number(&b, p->n.packets[0], 8);
		put_number(&b, p->n.packets[1], 8);
		put_number(&b, p->n.bytes[0], 10);
		put_number(&b, p->n.bytes[1], 10);
	}
	line(run, &b);
	for (u32 i = 0; i < 2; i++)
		buf_free(&end[i]);
	buf_free(&b);
	buf_free(&name);
}

#define BAR 40

static void tell_size(struct run *run, u32 bucket, u64 n, u64 most)
{
	u64 least = bucket ? 1ull << (bucket - 1) : 0, last = bucket ? (1ull << bucket) - 1 : 0;
	struct buf b = {0};
	char text[32];

	if (run->common.format == OUT_JSON) {
		buf_str(&b, "{\"summary\":\"size\"");
		json_number(&b, "least_bytes", least);
		json_number(&b, "most_bytes", last);
		json_number(&b, "packets", n);
		buf_chr(&b, '}');
	} else {
		snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)least,
			 (unsigned long long)last);
		put_cell(&b, text, -16);
		put_number(&b, n, 10);
		for (u64 i = 0; i < (n * BAR + most - 1) / most; i++)
			buf_chr(&b, '#');
	}
	line(run, &b);
	buf_free(&b);
}

static void heading(struct run *run, const char *text)
{
	if (run->common.format != OUT_JSON)
		out_line(run->out, text, strlen(text));
}

static void tell_sizes(struct run *run, struct attach *a)
{
	int map = bpf_object__find_map_fd_by_name(a->obj, "packets_sizes");
	int ncpus = libbpf_num_possible_cpus();
	u64 *each = ncpus > 0 ? calloc(ncpus, sizeof(*each)) : NULL, sum[PACKETS_SIZES] = {0},
	    most = 0;

	for (u32 i = 0; each && i < PACKETS_SIZES; i++) {
		if (bpf_map_lookup_elem(map, &i, each))
			continue;
		for (int cpu = 0; cpu < ncpus; cpu++)
			sum[i] += each[cpu];
		run->events += sum[i];
		most = sum[i] > most ? sum[i] : most;
	}
	heading(run, "\nBYTES               PACKETS\n");
	for (u32 i = 0; i < PACKETS_SIZES; i++)
		if (sum[i])
			tell_size(run, i, sum[i], most);
	free(each);
}

int packets_sums(struct run *run, struct attach *a)
{
	struct type *types = calloc(PACKETS_TYPES + 1, sizeof(*types));
	struct pair *pairs = calloc(PACKETS_PAIRS + 1, sizeof(*pairs));
	u32 ntypes, npairs;

	if (!types || !pairs || !a)
		return fail("no memory for the summary");
	ntypes = read_all(a, "packets_types", types, sizeof(*types), PACKETS_TYPES);
	npairs = read_all(a, "packets_pairs", pairs, sizeof(*pairs), PACKETS_PAIRS);
	qsort(types, ntypes, sizeof(*types), order_types);
	qsort(pairs, npairs, sizeof(*pairs), order_pairs);
	heading(run, "PROTOCOL                OUT        BYTES         IN        BYTES\n");
	for (u32 i = 0; i < ntypes; i++)
		tell_type(run, &types[i]);
	heading(run,
		"\nPROTOCOL   A                      B                           A>B      B>A  "
		"BYTES A>B  BYTES B>A\n");
	for (u32 i = 0; i < npairs; i++)
		tell_pair(run, &pairs[i]);
	tell_sizes(run, a);
	free(types);
	free(pairs);
	return 0;
}
