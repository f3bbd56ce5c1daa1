/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* Which language the user reads, and words of the catalog in both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "inside.h"
#include "suggest.h"

/* As setlocale(3) finds LC_MESSAGES. */
static enum lang of_environment(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (u32 i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strncmp(value, "ko", 2) ? LANG_EN : LANG_KO;
	}
	return LANG_EN;
}

int lang_named(const char *word, enum lang *lang)
{
	static const char *const words[LANG_MAX + 1] = {"en", "ko"};
	int i = word ? one_of("--lang", word, words) : (int)of_environment();

	if (i < 0)
		return i;
	*lang = i;
	return 0;
}

const char *layer_name(enum layer layer, enum lang lang)
{
	static const char *const names[LAYER_MAX][LANG_MAX] = {
		{"system calls", "시스템 콜"},
		{"socket", "소켓"},
		{"TCP", "TCP"},
		{"UDP", "UDP"},
		{"IP", "IP"},
		{"ICMP", "ICMP"},
		{"device", "네트워크 장치"},
		{"XDP", "XDP"},
		{"skb", "패킷 버퍼(skb)"},
		{"qdisc", "큐잉(qdisc)"},
		{"neighbour", "이웃(neighbour)"},
		{"NAPI", "NAPI"},
		{"tracing", "추적용 내부 함수"},
	};

	return names[layer][lang];
}

const char *layer_word(enum layer layer)
{
	static const char *const words[LAYER_MAX] = {
		"call", "socket", "tcp",   "udp",       "ip",   "icmp",    "device",
		"xdp",  "skb",    "qdisc", "neighbour", "napi", "tracing",
	};

	return words[layer];
}

const char *context_word(enum context context)
{
	static const char *const words[] = {"task", "softirq", "either"};

	return words[context];
}

const char *cost_word(enum cost cost)
{
	static const char *const words[] = {"rare", "connection", "call", "packet"};

	return words[cost];
}

const char *lack_text(const struct match *m, enum lang lang)
{
	static const char *const korean[LACK_MAX] = {
		[LACK_ABSENT] = "이 커널에는 그런 이름이 없습니다.",
		[LACK_INLINE] = "인라인 함수라서 호출하는 쪽에 들어가 있습니다.",
		[LACK_RENAMED] = "컴파일러가 인자를 바꾸고 이름도 바꿨습니다.",
		[LACK_TWINS] = "같은 이름의 함수가 여럿이라 구별할 수 없습니다.",
		[LACK_NOTRACE] = "커널이 추적을 허용하지 않는 함수입니다(notrace 또는 인라인).",
		[LACK_REFUSED] =
			"이 커널이나 이 프로세스의 권한으로는 붙일 수 없습니다. 이유는 weir "
			"doctor에 있습니다.",
	};
	static char text[300];
	struct here here;

	match_here(m, &here);
	if (lang == LANG_KO)
		return korean[here.lack];
	snprintf(text, sizeof(text), "Not to be had: %s.",
		 here.why ? here.why : "no reason is known");
	return text;
}
