/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir socksize: how large messages are, by process and direction. */
#include "io.bpf.h"
#include "hist.h"

static __always_inline int on_door(u32 door, struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	TALLY_KEY(key, bucket);
	struct tally_slot *s;
	u32 tgid = task->tgid;

	if (!io_watched(door, task, tgid, sk))
		return 0;
	*key_words = tally_first(task_tgid_of(task, tgid), door + 1);
	if (ret >= 0)
		key->bucket = hist_slot(ret) + 1;
	s = TALLY_FIND(key, bucket);
	if (!s) {
		s = TALLY_SEARCH(key, bucket);
		if (!s)
			return 0;
		if (!s->key.comm[0])
			task_process(s->key.comm, task);
	}
	io_count(s, ret);
	if (ret > (s64)s->n[N_LARGEST])
		s->n[N_LARGEST] = ret;
	return 0;
}

DOOR_SOCK_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
