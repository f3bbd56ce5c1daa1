/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What stands for bpf_rdonly_cast(pointer, its type) in the kernel half until the loader puts it in
 * (src/core/load.c): the number of a helper that there is not, and an argument for each type. */
#ifndef WEIR_CAST_H
#define WEIR_CAST_H

#define CAST_CALL 0x77656972
#define CAST_TASK 0x72696577 /* struct task_struct */
#define CAST_SOCK 0x72696578 /* struct sock */
#define CAST_TCP  0x72696579 /* struct tcp_sock */
#define CAST_REGS 0x7269657a /* struct pt_regs */

#endif
