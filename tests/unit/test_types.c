/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/*
 * The small BTF that the loader hands to libbpf, and names, against what libbpf itself finds in the
 * whole of the running kernel's. Skipped where the kernel has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/btf.h>
#include "kernel.h"
#include "load.h"
#include "object.h"

extern const unsigned char trace_bpf_o[], conns_bpf_o[], base_bpf_o[];
extern const u32 trace_bpf_o_size, conns_bpf_o_size, base_bpf_o_size;

static struct btf *whole, *part;

static struct btf *slice_of(const void *object, size_t size)
{
	int fd = kernel_slice(object, size);
	struct btf *btf;
	struct stat st;
	void *data;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(data != MAP_FAILED);
	btf = btf__new(data, st.st_size);
	munmap(data, st.st_size);
	close(fd);
	return btf;
}

static const struct btf_type *plain(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* The same members at the same places, through all that lies within; what is behind pointers is
 * another matter. */
static u32 compare(u32 a, u32 b)
{
	const struct btf_type *x = plain(whole, a), *y = plain(part, b);
	u32 n = 1;

	assert_int_equal(btf_kind(x), btf_kind(y));
	if (btf_is_ptr(x))
		return n;
	assert_string_equal(btf__name_by_offset(whole, x->name_off),
			    btf__name_by_offset(part, y->name_off));
	if (btf_is_array(x)) {
		assert_int_equal(btf_array(x)->nelems, btf_array(y)->nelems);
		return n + compare(btf_array(x)->type, btf_array(y)->type);
	}
	assert_int_equal(x->size, y->size);
	assert_int_equal(x->info, y->info);
	if (btf_is_int(x))
		assert_int_equal(*(u32 *)(x + 1), *(u32 *)(y + 1));
	if (!btf_is_composite(x))
		return n;
	for (u32 i = 0; i < btf_vlen(x); i++) {
		const struct btf_member *m = btf_members(x) + i, *k = btf_members(y) + i;

		assert_string_equal(btf__name_by_offset(whole, m->name_off),
				    btf__name_by_offset(part, k->name_off));
		assert_int_equal(m->offset, k->offset);
		n += compare(m->type, k->type);
	}
	return n;
}

/* The object reads tasks and sockets; each struct with its essential name. */
static void test_slice(void **state)
{
	static const char *const names[] = {"task_struct", "sock",      "socket",  "file",
					    "sock_common", "inet_sock", "fdtable", "nsproxy"};
	u32 n = 0;

	(void)state;
	if (!whole)
		skip();
	for (u32 i = 0; i < sizeof(names) / sizeof(*names); i++) {
		s32 a = btf__find_by_name_kind(whole, names[i], BTF_KIND_STRUCT);
		s32 b = btf__find_by_name_kind(part, names[i], BTF_KIND_STRUCT);

		assert_true(a > 0 && b > 0);
		n += compare(a, b);
	}
	assert_in_range(n, 500, 100000);
	assert_in_range(btf__type_cnt(part), 50, btf__type_cnt(whole) / 10);
}

/* What no relocation speaks of is not there. */
static void test_slice_is_small(void **state)
{
	(void)state;
	if (!whole)
		skip();
	assert_true(btf__find_by_name_kind(whole, "ext4_inode", BTF_KIND_STRUCT) < 0 ||
		    btf__find_by_name_kind(part, "ext4_inode", BTF_KIND_STRUCT) < 0);
	assert_true(btf__find_by_name_kind(whole, "dentry", BTF_KIND_STRUCT) > 0);
	assert_true(btf__find_by_name_kind(part, "dentry", BTF_KIND_STRUCT) < 0);
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
	assert_int_equal(kernel_slice(bytes, sizeof(bytes)), -1);
	assert_int_equal(kernel_slice(bytes, 3), -1);
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
		cmocka_unit_test(test_slice), cmocka_unit_test(test_slice_is_small),
		cmocka_unit_test(test_names), cmocka_unit_test(test_bad_object),
		cmocka_unit_test(test_pack),  cmocka_unit_test(test_bad_pack),
	};
	void *object;
	size_t size;
	int status;

	if (!access("/sys/kernel/btf/vmlinux", R_OK)) {
		whole = btf__load_vmlinux_btf();
		object = object_unpack(trace_bpf_o, trace_bpf_o_size, &size);
		part = slice_of(object, size);
		free(object);
	}
	status = cmocka_run_group_tests(tests, NULL, NULL);
	btf__free(part);
	btf__free(whole);
	kernel_names_drop();
	return status;
}
