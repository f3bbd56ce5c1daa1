/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* weir socketio: messages and bytes, by process, direction, protocol and remote port. */
#include "io.bpf.h"

static __always_inline int on_door(u32 door, struct sock *sk, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	TALLY_KEY(key, port);
	struct tally_slot *s;
	u32 tgid = task->tgid;

	if (!io_watched(door, task, tgid, sk))
		return 0;
	*key_words = tally_first(task_tgid_of(task, tgid), door + 1);
	sk_kind(key, sk);
	if (key->family == AF_INET || key->family == AF_INET6)
		key->port = bpf_ntohs(sk->__sk_common.skc_dport);
	s = TALLY_FIND(key, port);
	if (!s) {
		s = TALLY_SEARCH(key, port);
		if (!s)
			return 0;
		if (!s->key.comm[0]) {
			task_process(s->key.comm, task);
			sk_name(s->key.name, sk);
		}
	}
	io_count(s, ret);
	return 0;
}

DOOR_SOCK_WAYS(on_door)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
