/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * A plugin of qemu that counts how often each instruction of the emulated machine is executed,
 * between two instructions that do nothing else (bench/mark.c). Argument: out=PATH. The n-th window
 * is written to PATH.n: lines of an address in hexadecimal and a count.
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

static struct block *blocks;
static const char *path;
static int windows;

static void start(unsigned cpu, void *data)
{
	(void)cpu, (void)data;
	for (struct block *b = blocks; b; b = b->next)
		b->count = 0;
}

static void stop(unsigned cpu, void *data)
{
	char name[4096];
	FILE *file;

	(void)cpu, (void)data;
	snprintf(name, sizeof(name), "%s.%d", path, ++windows);
	file = fopen(name, "w");
	for (struct block *b = blocks; file && b; b = b->next)
		for (size_t i = 0; b->count && i < b->n; i++)
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", b->at[i], b->count);
	if (!file || fclose(file)) {
		perror(name);
		exit(1);
	}
}

static bool is(const struct qemu_plugin_insn *insn, const char *bytes)
{
	return qemu_plugin_insn_size(insn) == MARK_BYTES &&
	       !memcmp(qemu_plugin_insn_data(insn), bytes, MARK_BYTES);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct block *b = calloc(1, sizeof(*b) + n * sizeof(*b->at));

	(void)id;
	if (!b)
		abort();
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		b->at[i] = qemu_plugin_insn_vaddr(insn);
		if (is(insn, MARK_START))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
		if (is(insn, MARK_STOP))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
	}
	b->n = n;
	b->next = blocks;
	blocks = b;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &b->count, 1);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) || !(path = strdup(argv[0] + 4)))
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
