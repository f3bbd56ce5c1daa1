/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A plugin of qemu that counts the instructions that the emulated machine executes, between two
 * that do nothing else (bench/mark.h). Arguments, one or both:
 *
 * totals=PATH: a line is appended for each window, with how many
 * places=PATH: the n-th window is written to PATH.n, as lines of an address (hexadecimal) and how
 * often
 *
 * Counted by block: of one that is left in its middle (a page fault) all instructions count.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mark.h"

/* What is used of qemu's interface for plugins, version 1 (include/qemu/qemu-plugin.h of qemu 7.2,
 * which Debian has in no package). */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, enum qemu_plugin_op op,
					      void *at, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned, void *),
					    enum qemu_plugin_cb_flags flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
			       char **argv);

struct block {
	struct block *next;
	uint64_t count;
	size_t n;
	uint64_t at[];
};

static struct block *blocks; /* only where places are asked for */
static uint64_t total;
static const char *places, *totals;
static int windows;

static void start(unsigned cpu, void *data)
{
	(void)cpu, (void)data;
	total = 0;
	for (struct block *b = blocks; b; b = b->next)
		b->count = 0;
}

static FILE *opened(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void closed(FILE *file, const char *path)
{
	if (fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void write_places(void)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.%d", places, windows);
	file = opened(path, "w");
	for (struct block *b = blocks; b; b = b->next)
		for (size_t i = 0; b->count && i < b->n; i++)
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", b->at[i], b->count);
	closed(file, path);
}

static void write_total(void)
{
	FILE *file = opened(totals, "a");

	fprintf(file, "%" PRIu64 "\n", total);
	closed(file, totals);
}

static void stop(unsigned cpu, void *data)
{
	(void)cpu, (void)data;
	windows++;
	if (totals)
		write_total();
	if (places)
		write_places();
}

static bool is(const struct qemu_plugin_insn *insn, const char *bytes)
{
	return qemu_plugin_insn_size(insn) == MARK_BYTES &&
	       !memcmp(qemu_plugin_insn_data(insn), bytes, MARK_BYTES);
}

static void remember(struct qemu_plugin_tb *tb, size_t n)
{
	struct block *b = calloc(1, sizeof(*b) + n * sizeof(*b->at));

	if (!b)
		abort();
	for (size_t i = 0; i < n; i++)
		b->at[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
	b->n = n;
	b->next = blocks;
	blocks = b;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &b->count, 1);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is(insn, MARK_START))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
		if (is(insn, MARK_STOP))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
	}
	if (places)
		remember(tb, n);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &total, n);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "totals=", 7))
			totals = strdup(argv[i] + 7);
		else if (!strncmp(argv[i], "places=", 7))
			places = strdup(argv[i] + 7);
		else
			return 1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
