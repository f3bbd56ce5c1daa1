/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Rows in every format, and times against libc's calendar. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "out.h"

struct row {
	struct rec h;
	u8 one;
	u16 two;
	u32 four;
	u64 eight;
	s32 small;
	s64 ret;
	u64 dur;
	u64 cgroup;
	const char *text;
	char comm[16];
};

#define M(member) COLUMN(struct row, member)
#define COUNT(a)  (sizeof(a) / sizeof(*(a)))

static const char *eleven; /* a name that is learnt late */

static const char *cgroup_path(u64 id)
{
	return id == 7 ? "/seven\\x2d\033" : id == 11 ? eleven : NULL;
}

static struct out_world world = {.cgroup = cgroup_path};

static char got[1 << 16];

/* What an output wrote: heading and one row. */
static const char *printed(enum out_format format, const struct column *cols, u32 n,
			   const struct row *r, bool color, bool quiet)
{
	int fd = memfd_create("out", 0);
	struct out *o = out_open(format, fd, &world, color);
	ssize_t len;

	out_head(o, cols, n, quiet);
	if (r)
		out_row(o, cols, n, &r->h);
	assert_int_equal(out_close(o), 0);
	len = pread(fd, got, sizeof(got) - 1, 0);
	assert_true(len >= 0);
	got[len] = 0;
	close(fd);
	return got;
}

static const char *row(enum out_format format, const struct column *cols, u32 n,
		       const struct row *r)
{
	const char *all = printed(format, cols, n, r, false, true);

	return format == OUT_CSV ? strstr(all, "\r\n") + 2 : all;
}

static void tell(struct verbs *v, const struct rec *r)
{
	v->ops->open(v, BOX_ARGS);
	v->ops->field(v, "fd");
	v->ops->sint(v, 3);
	v->ops->note(v, "<TCP>");
	v->ops->field(v, "buf");
	v->ops->bytes(v, "a,\"\n", 4, false);
	v->ops->field(v, "len");
	v->ops->uint(v, r->len);
	v->ops->close(v);
}

static void tell_nothing(struct verbs *v, const struct rec *r)
{
	(void)v, (void)r;
}

/* Of two members. */
static void tell_both(struct verbs *v, const struct rec *r)
{
	const struct row *both = (const struct row *)r;

	v->ops->uint(v, both->cgroup * 1000 + both->two);
}

static const struct column all[] = {
	{"one", "ONE", COL_UINT, COL_TEXT, M(one), 4, NULL, NULL},
	{"two", "TWO", COL_UINT, COL_TEXT, M(two), 6, NULL, NULL},
	{"four", "FOUR", COL_UINT, COL_TEXT | COL_LEFT, M(four), 11, NULL, NULL},
	{"eight", "EIGHT", COL_UINT, 0, M(eight), 0, NULL, NULL},
	{"small", "SMALL", COL_INT, COL_TEXT, M(small), 5, NULL, NULL},
	{"latency_ns", "LATENCY", COL_NS, COL_TEXT, M(dur), 9, NULL, NULL},
	{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, M(comm), 8, NULL, NULL},
	{"text", "TEXT", COL_STRING, COL_TEXT | COL_LEFT, M(text), 5, NULL, NULL},
	{"cgroup", "CGROUP", COL_CGROUP, COL_TEXT, M(cgroup), 4, NULL, NULL},
	{"error", "ERROR", COL_ERROR, COL_TEXT | COL_LEFT, M(ret), 12, NULL, NULL},
	{"none", "NONE", COL_NEST, COL_TEXT | COL_LEFT, 0, 0, 4, tell_nothing, NULL},
	{"args", "ARGS", COL_NEST, COL_DATA_ONLY, 0, 0, 0, tell, NULL},
	{"line", "CALL", COL_NEST, COL_TEXT | COL_LEFT | COL_TEXT_ONLY, 0, 0, 0, tell, NULL},
};

static const struct row some = {
	.h.len = 9,
	.one = 255,
	.two = 65535,
	.four = 4294967295,
	.eight = 18446744073709551615u,
	.small = -42,
	.ret = -111,
	.dur = 1000053999,
	.cgroup = 1234567,
	.text = "x",
	.comm = "curl",
};

static void text_rows(void **unused)
{
	static const struct row empty = {.comm = "sixteen letters!", .cgroup = 7};

	(void)unused;
	assert_string_equal(
		printed(OUT_TEXT, all, COUNT(all), &some, false, false),
		" ONE    TWO FOUR        SMALL   LATENCY COMM     TEXT  CGROUP ERROR        "
		"NONE CALL\n"
		" 255  65535 4294967295    -42  1.000053 curl     x     1234567 ECONNREFUSED "
		"-    (3<TCP>, \"a,\\\"\\n\", 9)\n");
	assert_string_equal(row(OUT_TEXT, all, COUNT(all), &empty),
			    "   0      0 0               0  0.000000 sixteen letters! -     "
			    "/seven\\\\x2d\\x1b -            -    (3<TCP>, \"a,\\\"\\n\", 0)\n");
	assert_string_equal(printed(OUT_TEXT, all, 2, NULL, true, false),
			    "\033[1m ONE    TWO\033[0m\n");
	assert_string_equal(printed(OUT_TEXT, all, 2, NULL, true, true), "");
}

static void json_rows(void **unused)
{
	static const struct row empty = {.comm = "\"\033\\\xff", .cgroup = 7};
	static const struct column text_only[] = {
		{"line", "CALL", COL_NEST, COL_TEXT_ONLY, 0, 0, 0, tell, NULL}};
	static const struct column long_name[] = {
		{"a_name_that_is_longer_than_a_block_is", "A", COL_UINT, 0, M(one), 0, NULL, NULL},
		{"b", "B", COL_UINT, 0, M(two), 0, NULL, NULL}};

	(void)unused;
	assert_string_equal(printed(OUT_JSON, all, COUNT(all), &some, true, false),
			    "{\"one\":255,\"two\":65535,\"four\":4294967295,"
			    "\"eight\":18446744073709551615,\"small\":-42,"
			    "\"latency_ns\":1000053999,\"comm\":\"curl\",\"text\":\"x\","
			    "\"cgroup\":1234567,\"error\":\"ECONNREFUSED\",\"none\":null,"
			    "\"args\":{\"fd\":3,\"buf\":\"a,\\\"\\n\",\"len\":9}}\n");
	assert_string_equal(
		row(OUT_JSON, all, COUNT(all), &empty),
		"{\"one\":0,\"two\":0,\"four\":0,\"eight\":0,\"small\":0,"
		"\"latency_ns\":0,\"comm\":\"\\\"\\u001b\\\\\xef\xbf\xbd\",\"text\":null,"
		"\"cgroup\":\"/seven\\\\x2d\\u001b\",\"error\":null,\"none\":null,"
		"\"args\":{\"fd\":3,\"buf\":\"a,\\\"\\n\",\"len\":0}}\n");
	assert_string_equal(row(OUT_JSON, text_only, 1, &some), "{}\n");
	assert_string_equal(row(OUT_JSON, long_name, 2, &some),
			    "{\"a_name_that_is_longer_than_a_block_is\":255,\"b\":65535}\n");
}

static void csv_rows(void **unused)
{
	static const struct row odd = {.comm = "a,b\"c\n", .text = "\"", .cgroup = 7};

	(void)unused;
	assert_string_equal(
		printed(OUT_CSV, all, COUNT(all), &some, true, true),
		"one,two,four,eight,small,latency_ns,comm,text,cgroup,error,none,line\r\n"
		"255,65535,4294967295,18446744073709551615,-42,1000053999,curl,x,1234567,"
		"ECONNREFUSED,,\"(3<TCP>, \"\"a,\\\"\"\\n\"\", 9)\"\r\n");
	assert_string_equal(row(OUT_CSV, all, COUNT(all), &odd),
			    "0,0,0,0,0,0,\"a,b\"\"c\\x0a\",\"\"\"\",/seven\\\\x2d\\x1b,,,"
			    "\"(3<TCP>, \"\"a,\\\"\"\\n\"\", 0)\"\r\n");
}

/* Columns that change between rows of one output, and a row without any. */
static void other_columns(void **unused)
{
	int fd = memfd_create("out", 0);
	struct out *o = out_open(OUT_JSON, fd, &world, false);

	(void)unused;
	out_row(o, all, 1, &some.h);
	out_row(o, all + 1, 2, &some.h);
	out_row(o, all, 2, &some.h);
	out_row(o, all, 0, &some.h);
	out_line(o, "{\"end\":1}", 9);
	out_line(o, "{\"end\":2}\n", 10);
	assert_int_equal(out_flush(o), 0);
	got[pread(fd, got, sizeof(got) - 1, 0)] = 0;
	assert_string_equal(got, "{\"one\":255}\n{\"two\":65535,\"four\":4294967295}\n"
				 "{\"one\":255,\"two\":65535}\n{}\n{\"end\":1}\n{\"end\":2}\n");
	assert_int_equal(out_close(o), 0);
	close(fd);
}

/*
 * Columns that are kept say the same as those that are told anew in each row: for tasks that come
 * and go, that differ in one member, and in every format.
 */
static void kept_columns(void **unused)
{
	struct column told[] = {
		{"one", "ONE", COL_UINT, COL_TEXT, M(one), 4, NULL, NULL},
		{"comm", "COMM", COL_COMM, COL_TEXT | COL_LEFT, M(comm), 8, NULL, NULL},
		{"cgroup", "CGROUP", COL_CGROUP, COL_TEXT, M(cgroup), 9, NULL, NULL},
		{"two", "TWO", COL_UINT, COL_TEXT, M(two), 6, NULL, NULL},
		{"four", "FOUR", COL_UINT, COL_TEXT | COL_LEFT, M(four), 7, NULL, NULL},
		{"both", "BOTH", COL_NEST, COL_TEXT | COL_ALSO(struct row, two), M(cgroup), 7,
		 tell_both, NULL},
	};
	static const enum out_format formats[] = {OUT_TEXT, OUT_JSON, OUT_CSV};
	struct column kept[COUNT(told)];
	static char want[1 << 19], have[1 << 19];

	(void)unused;
	memcpy(kept, told, sizeof(told));
	/* all ways in which they can be distributed over a row */
	for (u32 ways = 0; ways < 1 << COUNT(told); ways++) {
		for (u32 i = 0; i < COUNT(told); i++)
			kept[i].flags = told[i].flags | (ways >> i & 1 ? COL_KEPT : 0);
		for (u32 f = 0; f < COUNT(formats); f++) {
			int fds[2] = {memfd_create("told", 0), memfd_create("kept", 0)};
			struct out *a = out_open(formats[f], fds[0], &world, false);
			struct out *b = out_open(formats[f], fds[1], &world, false);
			ssize_t n;

			for (u32 i = 0; i < 1009; i++) {
				struct row r = {.one = i % 7,
						.two = i % 3,
						.four = i / 503,
						.cgroup = i % 2 ? 7 : i % 5};

				snprintf(r.comm, sizeof(r.comm), "c%u\"", i % 11);
				out_row(a, told, COUNT(told), &r.h);
				out_row(b, kept, COUNT(told), &r.h);
			}
			assert_int_equal(out_close(a) | out_close(b), 0);
			n = pread(fds[0], want, sizeof(want), 0);
			assert_in_range(n, 1009 * 8, sizeof(want) - 1);
			assert_int_equal(pread(fds[1], have, sizeof(have), 0), n);
			assert_memory_equal(have, want, n);
			close(fds[0]);
			close(fds[1]);
		}
	}
}

/* Of each length, where the cell is as wide as most are, and where it is not. */
static void ports(void **unused)
{
	static const u16 all_ports[] = {0, 7, 53, 443, 999, 1000, 8080, 9999, 10000, 32768, 65535};
	static const struct column cols[] = {
		{"port", "PORT", COL_PORT, COL_TEXT, M(two), 5, NULL, NULL},
		{"wide", "WIDE", COL_PORT, COL_TEXT, M(two), 7, NULL, NULL},
		{"left", "LEFT", COL_PORT, COL_TEXT | COL_LEFT, M(two), 5, NULL, NULL},
		{"last", "LAST", COL_PORT, COL_TEXT, M(two), 5, NULL, NULL},
	};

	(void)unused;
	for (u32 i = 0; i < COUNT(all_ports); i++) {
		struct row r = {.two = all_ports[i]};
		char port[8] = "-", want[128];

		if (r.two)
			snprintf(port, sizeof(port), "%u", r.two);
		snprintf(want, sizeof(want), "%5s %7s %-5s %5s\n", port, port, port, port);
		assert_string_equal(row(OUT_TEXT, cols, COUNT(cols), &r), want);
		snprintf(want, sizeof(want), "{\"port\":%s}\n", r.two ? port : "null");
		assert_string_equal(row(OUT_JSON, cols, 1, &r), want);
		snprintf(want, sizeof(want), "%s\r\n", r.two ? port : "");
		assert_string_equal(row(OUT_CSV, cols, 1, &r), want);
	}
}

/* A name that was not known is not missed for good. */
static void kept_until_forgotten(void **unused)
{
	static const struct column cgroup[] = {
		{"cgroup", "CGROUP", COL_CGROUP, COL_TEXT | COL_KEPT, M(cgroup), 0, NULL, NULL}};
	struct row r = {.cgroup = 11};
	int fd = memfd_create("out", 0);
	struct out *o = out_open(OUT_TEXT, fd, &world, false);

	(void)unused;
	out_row(o, cgroup, 1, &r.h);
	eleven = "/eleven";
	out_forget(o);
	out_row(o, cgroup, 1, &r.h);
	out_row(o, cgroup, 1, &r.h);
	assert_int_equal(out_close(o), 0);
	got[pread(fd, got, sizeof(got) - 1, 0)] = 0;
	assert_string_equal(got, "11\n/eleven\n/eleven\n");
	eleven = NULL;
	close(fd);
}

static void bare(void **unused)
{
	int fd = memfd_create("out", 0);
	struct out *o = out_open(OUT_TEXT, fd, &world, false);

	(void)unused;
	out_notes(o, false);
	out_row(o, all + COUNT(all) - 1, 1, &some.h);
	assert_int_equal(out_close(o), 0);
	got[pread(fd, got, sizeof(got) - 1, 0)] = 0;
	assert_string_equal(got, "(3, \"a,\\\"\\n\", 9)\n");
	close(fd);
}

/* Times against libc's calendar: forwards, backwards, across zones. */
static void clocks(void **unused)
{
	static const struct column clock[] = {
		{"time", "TIME", COL_CLOCK, COL_TEXT, M(h.ts), 15, NULL, NULL}};
	static const struct column maybe[] = {
		{"time", "TIME", COL_CLOCK, COL_TEXT | COL_MAYBE, M(h.ts), 15, NULL, NULL}};
	static const s32 zones[] = {0, 3600, -34200, 45900};
	int fds[2] = {memfd_create("text", 0), memfd_create("json", 0)};
	char *at = got, want[64];
	struct row r = {0};
	struct tm tm;

	(void)unused;
	for (size_t z = 0; z < COUNT(zones); z++) {
		world.wall_ns = 1700000000123456789;
		world.zone_s = zones[z];
		struct out *text = out_open(OUT_TEXT, fds[0], &world, false);
		struct out *json = out_open(OUT_JSON, fds[1], &world, false);
		size_t text_at = lseek(fds[0], 0, SEEK_CUR), json_at = lseek(fds[1], 0, SEEK_CUR);

		for (u64 i = 0; i < 1009; i++) {
			r.h.ts = i * i * i * 7919 * 1000003 % 100000000000000;
			out_row(text, clock, 1, &r.h);
			out_row(json, clock, 1, &r.h);
		}
		r.h.ts = 0; /* none */
		out_row(text, maybe, 1, &r.h);
		out_row(json, maybe, 1, &r.h);
		assert_int_equal(out_close(text) | out_close(json), 0);
		pread(fds[0], at, 16, text_at + 16 * 1009);
		assert_memory_equal(at, "              -\n", 16);
		pread(fds[1], at, 14, json_at + 42 * 1009);
		assert_memory_equal(at, "{\"time\":null}\n", 14);
		for (u64 i = 0; i < 1009; i++) {
			u64 ns = i * i * i * 7919 * 1000003 % 100000000000000 + world.wall_ns;
			time_t s = ns / 1000000000, local = s + zones[z];

			strftime(want, sizeof(want), "%H:%M:%S", gmtime_r(&local, &tm));
			sprintf(want + 8, ".%06u\n", (u32)(ns % 1000000000 / 1000));
			pread(fds[0], at, 16, text_at + 16 * i);
			assert_memory_equal(at, want, 16);
			strftime(want, sizeof(want), "{\"time\":\"%FT%T", gmtime_r(&s, &tm));
			sprintf(want + 28, ".%09uZ\"}\n", (u32)(ns % 1000000000));
			pread(fds[1], at, 42, json_at + 42 * i);
			assert_memory_equal(at, want, 42);
		}
	}
	close(fds[0]);
	close(fds[1]);
	world.wall_ns = world.zone_s = 0;
}

static void error_names(void **unused)
{
	static const struct column error[] = {
		{"error", "ERROR", COL_ERROR, COL_TEXT, M(ret), 0, NULL, NULL}};
	static const struct {
		s64 ret;
		const char *text, *json;
	} rows[] = {{0, "-\n", "{\"error\":null}\n"},
		    {5, "-\n", "{\"error\":null}\n"},
		    {-EINPROGRESS, "EINPROGRESS\n", "{\"error\":\"EINPROGRESS\"}\n"},
		    {-512, "ERESTARTSYS\n", "{\"error\":\"ERESTARTSYS\"}\n"},
		    {-4095, "4095\n", "{\"error\":\"4095\"}\n"},
		    {-4096, "-\n", "{\"error\":null}\n"},
		    {INT64_MIN, "-\n", "{\"error\":null}\n"}};

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct row r = {.ret = rows[i].ret};

		assert_string_equal(row(OUT_TEXT, error, 1, &r), rows[i].text);
		assert_string_equal(row(OUT_JSON, error, 1, &r), rows[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_rows),
		cmocka_unit_test(json_rows),
		cmocka_unit_test(csv_rows),
		cmocka_unit_test(other_columns),
		cmocka_unit_test(bare),
		cmocka_unit_test(clocks),
		cmocka_unit_test(kept_columns),
		cmocka_unit_test(ports),
		cmocka_unit_test(kept_until_forgotten),
		cmocka_unit_test(error_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
