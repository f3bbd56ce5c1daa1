// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
/*
 * A BPF program that does nothing, at the entry or exit of kernel functions: what the kernel itself
 * takes for having one there. empty fentry|fexit FUNCTION...
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct btf *btf = btf__load_vmlinux_btf();

	for (int i = 2; i < argc; i++) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts,
			    .expected_attach_type =
				    strcmp(argv[1], "fexit") ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT,
			    .attach_btf_id = btf__find_by_name_kind(btf, argv[i], BTF_KIND_FUNC));
		int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", insns, 2, &opts);

		if (fd < 0 || bpf_raw_tracepoint_open(NULL, fd) < 0) {
			fprintf(stderr, "empty: %s: %s\n", argv[i], strerror(errno));
			return 1;
		}
	}
	fprintf(stderr, "empty: attached\n");
	pause();
	return 0;
}
