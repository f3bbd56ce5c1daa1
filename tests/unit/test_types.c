/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * What the loader puts into instructions of the running kernel's types, and names, against what
 * libbpf itself finds in the whole of them. Skipped where the kernel has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include "kernel.h"
#include "load.h"
#include "object.h"

extern const unsigned char trace_bpf_o[], conns_bpf_o[], base_bpf_o[];
extern const u32 trace_bpf_o_size, conns_bpf_o_size, base_bpf_o_size;

static struct btf *whole;

#define INSNS_MAX (1 << 20)

/* What libbpf is about to load: it stops at the first program, when it is done with all of them. */
static struct {
	const struct bpf_object *obj;
	struct bpf_insn *insns;
	size_t n;
} now;

static int take_all(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	(void)opts;
	(void)cookie;
	bpf_object__for_each_program(prog, now.obj)
	{
		size_t n = bpf_program__insn_cnt(prog);

		assert_true(now.n + n <= INSNS_MAX);
		memcpy(now.insns + now.n, bpf_program__insns(prog), n * sizeof(*now.insns));
		now.n += n;
	}
	return -ECANCELED;
}

/* Instructions of all programs as they would be loaded, but for their maps, which are not made. */
static size_t insns_of(const void *object, size_t size, struct bpf_insn *insns)
{
	struct bpf_object *obj = bpf_object__open_mem(object, size, NULL);
	struct bpf_program *prog;
	struct bpf_map *map;

	assert_non_null(obj);
	bpf_object__for_each_map(map, obj) bpf_map__set_autocreate(map, false);
	bpf_object__for_each_program(prog, obj) bpf_program__set_autoload(prog, true);
	now.obj = obj;
	now.insns = insns;
	now.n = 0;
	assert_int_equal(bpf_object__load(obj), -ECANCELED);
	bpf_object__close(obj);
	return now.n;
}

static void *whole_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *bytes;

	assert_true(fd >= 0 && !fstat(fd, &st));
	bytes = malloc(st.st_size);
	assert_int_equal(read(fd, bytes, st.st_size), st.st_size);
	close(fd);
	*size = st.st_size;
	return bytes;
}

/* Each instruction of each object as libbpf has it, which reads the kernel's types by itself. */
static void test_relocate(void **state)
{
	static const char *const sections[] = {"fentry+",       "fexit+",      "tp_btf+",
					       "iter+",         "raw_tp+",     "kprobe+",
					       "tc+",           "tracepoint+", "xdp+",
					       "kprobe.multi+", "kretprobe+",  "kretprobe.multi+"};
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = take_all);
	struct bpf_insn *theirs, *ours;
	glob_t found;

	(void)state;
	if (!whole || geteuid())
		skip();
	theirs = calloc(INSNS_MAX, sizeof(*theirs));
	ours = calloc(INSNS_MAX, sizeof(*ours));
	libbpf_set_print(NULL);
	for (u32 i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		libbpf_register_prog_handler(sections[i], BPF_PROG_TYPE_RAW_TRACEPOINT, 0, &opts);
	assert_int_equal(glob("build/bpf/*.bpf.o", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 10);
	for (u32 i = 0; i < found.gl_pathc; i++) {
		size_t size, n;
		char *object = whole_file(found.gl_pathv[i], &size);

		n = insns_of(object, size, theirs);
		assert_true(n > 1000);
		assert_true(kernel_relocate(object, size));
		assert_int_equal(insns_of(object, size, ours), n);
		assert_memory_equal(ours, theirs, n * sizeof(*ours));
		free(object);
	}
	globfree(&found);
	free(theirs);
	free(ours);
}

static void test_names(void **state)
{
	struct kernel_name names[] = {
		{.name = "tcp_connect", .kind = BTF_KIND_FUNC},
		{.name = "btf_trace_sched_process_exec", .kind = BTF_KIND_TYPEDEF},
		{.name = "task_struct", .kind = BTF_KIND_STRUCT},
		{.name = "task_struct", .kind = BTF_KIND_FUNC},
		{.name = "no_such_name_at_all", .kind = BTF_KIND_FUNC},
		{.name = "", .kind = BTF_KIND_FUNC},
	};

	(void)state;
	if (!whole)
		skip();
	assert_true(kernel_names(names, 6));
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(names[i].id,
				 btf__find_by_name_kind(whole, names[i].name, names[i].kind));
	for (u32 i = 3; i < 6; i++)
		assert_int_equal(names[i].id, 0);
	assert_int_equal(names[0].nargs, 1); /* struct sock *sk */
	assert_int_equal(names[1].nargs, 4); /* its own, task, pid, bprm */
	assert_int_equal(names[2].nargs, -1);
	kernel_names_drop();
}

static void test_bad_object(void **state)
{
	char bytes[4096];

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	assert_false(kernel_relocate(bytes, sizeof(bytes)));
	assert_false(kernel_relocate(bytes, 3));
	kernel_names_drop();
}

/* What the compiler made, byte for byte, whatever the packing took of the base. */
static void test_pack(void **state)
{
	const struct {
		const char *path;
		const unsigned char *packed;
		u32 size;
	} objects[] = {
		{"build/bpf/trace.bpf.o", trace_bpf_o, trace_bpf_o_size},
		{"build/bpf/conns.bpf.o", conns_bpf_o, conns_bpf_o_size},
		{"build/bpf/tcprtt.bpf.o", base_bpf_o, base_bpf_o_size},
	};

	(void)state;
	for (u32 i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		int fd = open(objects[i].path, O_RDONLY);
		size_t size;
		char *object = object_unpack(objects[i].packed, objects[i].size, &size);
		char *made = calloc(1, size + 1);

		assert_non_null(object);
		assert_int_equal(read(fd, made, size + 1), size);
		assert_memory_equal(object, made, size);
		close(fd);
		free(object);
		free(made);
	}
}

/* Damaged in its middle, or cut off. */
static void test_bad_pack(void **state)
{
	unsigned char *bytes = malloc(trace_bpf_o_size);
	size_t size;

	(void)state;
	memcpy(bytes, trace_bpf_o, trace_bpf_o_size);
	bytes[trace_bpf_o_size / 2] ^= 1;
	assert_null(object_unpack(bytes, trace_bpf_o_size, &size));
	assert_int_equal(errno, EINVAL);
	assert_null(object_unpack(trace_bpf_o, trace_bpf_o_size - 97, &size));
	assert_null(object_unpack(bytes, 3, &size));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relocate),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_object), cmocka_unit_test(test_pack),
		cmocka_unit_test(test_bad_pack),
	};
	int status;

	if (!access("/sys/kernel/btf/vmlinux", R_OK))
		whole = btf__load_vmlinux_btf();
	status = cmocka_run_group_tests(tests, NULL, NULL);
	btf__free(whole);
	kernel_names_drop();
	return status;
}
