/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include "error.h"
#include "payloads.h"

int payloads_setup(struct attach *a)
{
	static const u8 shapes[CALL_MAX] = {
		[CALL_read] = PAYLOAD_BUF,      [CALL_write] = PAYLOAD_BUF,
		[CALL_recvfrom] = PAYLOAD_BUF,  [CALL_sendto] = PAYLOAD_BUF,
		[CALL_readv] = PAYLOAD_IOV,     [CALL_writev] = PAYLOAD_IOV,
		[CALL_preadv2] = PAYLOAD_IOV,   [CALL_pwritev2] = PAYLOAD_IOV,
		[CALL_recvmsg] = PAYLOAD_MSG,   [CALL_sendmsg] = PAYLOAD_MSG,
		[CALL_recvmmsg] = PAYLOAD_MMSG, [CALL_sendmmsg] = PAYLOAD_MMSG,
	};
	struct payload_conf *conf = attach_data(a, ".rodata.payload", sizeof(*conf));

	if (!conf)
		return FAIL;
	for (u32 i = 1; i < CALL_MAX; i++)
		if (shapes[i] && call_number(i) >= 0)
			conf->shapes[call_number(i)] = shapes[i];
	return 0;
}
