/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdio.h>
#include "account.h"
#include "error.h"
#include "probes.h"

/* Keys of the JSON object, and what the sentence says; LOST_UNREAD loses a part, not an event. */
static const struct {
	const char *key, *words;
	bool event;
} causes[LOST_MAX] = {
	[LOST_RING] = {"ring_full", "the ring was full (a larger --ring or a filter helps)", true},
	[LOST_STATE] = {"no_state", "there was no memory to remember a call's entry", true},
	[LOST_MAP] = {"map_full", "a counting map was full", true},
	[LOST_FOLLOW] = {"not_followed", "a child could not be followed", true},
	[LOST_MISSED] = {"missed", "the kernel skipped a probe", true},
	[LOST_UNREAD] = {"unreadable", "with arguments that could not be read", false},
	[LOST_OPEN] = {"unfinished", "not finished at the end", false},
	[LOST_OWNER] = {"no_owner", "left out, as nobody knows whose they are", false},
};

void account_collect(struct run *run, struct attach *a)
{
	struct counters sum;

	if (attach_counters(a, &sum)) {
		note("%s", error_text());
		return;
	}
	for (u32 i = 0; i < LOST_MAX; i++)
		run->lost[i] += sum.lost[i]; /* to what the user half could not tell */
	run->lost[LOST_MISSED] += a->left + (a->skips_lose ? a->missed : 0);
	run->lost[LOST_OPEN] += attach_unfinished(a);
}

static void tell_text(const struct run *run, const struct attach *a)
{
	char line[1024];
	u64 lost = 0;
	int n;

	for (u32 i = 0; i < LOST_MAX; i++)
		lost += causes[i].event ? run->lost[i] : 0;
	n = snprintf(line, sizeof(line), "%llu %s, %llu lost", (unsigned long long)run->events,
		     run->events == 1 ? "event" : "events", (unsigned long long)lost);
	for (u32 i = 0; i < LOST_MAX; i++)
		if (run->lost[i] && n < (int)sizeof(line))
			n += snprintf(line + n, sizeof(line) - n, "; %llu %s%s",
				      (unsigned long long)run->lost[i],
				      causes[i].event ? "because " : "", causes[i].words);
	note("%s", line);
	for (u32 i = 1; a && i < CALL_MAX; i++)
		if (*a->missing[i])
			note("%s was not traced: %s", call_names[i], a->missing[i]);
	for (u32 i = 0; a && i < a->nprobes; i++)
		if (!a->probes[i].taken)
			note("%s was not traced: %s", a->probes[i].row->name,
			     probe_missing(&a->probes[i]));
	for (u32 i = 0; a && i < a->nuntraced; i++)
		note("%s was not traced: %s", a->untraced[i].name, a->untraced[i].text);
}

static void json_missing(struct buf *b, bool *first, const char *name, const char *reason)
{
	buf_str(b, *first ? "{\"probe\":\"" : ",{\"probe\":\"");
	buf_str(b, name);
	buf_str(b, "\",\"reason\":\"");
	buf_json_utf8(b, reason, strlen(reason));
	buf_str(b, "\"}");
	*first = false;
}

/* What is observed beside system calls and how, then all that is not observed. */
static void json_probes(struct buf *b, const struct attach *a)
{
	bool first = true;

	buf_str(b, ",\"probes\":{");
	for (u32 i = 0; a && i < a->nprobes; i++) {
		if (!a->probes[i].taken)
			continue;
		buf_str(b, first ? "\"" : ",\"");
		buf_str(b, a->probes[i].row->name);
		buf_str(b, "\":\"");
		buf_str(b, probe_taken(&a->probes[i]));
		buf_chr(b, '"');
		first = false;
	}
	for (u32 i = 0; a && i < a->ntraced; i++) {
		buf_str(b, first ? "\"" : ",\"");
		buf_text(b, a->traced[i].name);
		buf_str(b, "\":\"");
		buf_text(b, a->traced[i].text);
		buf_chr(b, '"');
		first = false;
	}
	buf_str(b, "},\"not_attached\":[");
	first = true;
	for (u32 i = 1; a && i < CALL_MAX; i++)
		if (*a->missing[i])
			json_missing(b, &first, call_names[i], a->missing[i]);
	for (u32 i = 0; a && i < a->nprobes; i++)
		if (!a->probes[i].taken)
			json_missing(b, &first, a->probes[i].row->name,
				     probe_missing(&a->probes[i]));
	for (u32 i = 0; a && i < a->nuntraced; i++)
		json_missing(b, &first, a->untraced[i].name, a->untraced[i].text);
	buf_chr(b, ']');
}

static void tell_json(struct run *run, const struct attach *a)
{
	struct buf b = {0};

	buf_str(&b, "{\"stats\":{\"events\":");
	buf_u64(&b, run->events);
	buf_str(&b, ",\"rows\":");
	buf_u64(&b, run->rows);
	buf_str(&b, ",\"lost\":{");
	for (u32 i = 0; i < LOST_MAX; i++) {
		buf_str(&b, i ? ",\"" : "\"");
		buf_str(&b, causes[i].key);
		buf_str(&b, "\":");
		buf_u64(&b, run->lost[i]);
	}
	buf_str(&b, "},\"way\":");
	if (a && a->calls) {
		buf_chr(&b, '"');
		buf_str(&b, call_way_names[a->way]);
		buf_chr(&b, '"');
	} else {
		buf_str(&b, "null");
	}
	json_probes(&b, a);
	buf_str(&b, "}}\n");
	out_line(run->out, b.base, buf_len(&b));
	buf_free(&b);
}

void account_tell(struct run *run, const struct attach *a)
{
	if (run->common.stats)
		tell_json(run, a);
	if (!run->common.quiet)
		tell_text(run, a);
}
