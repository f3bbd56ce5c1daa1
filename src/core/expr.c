/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <pcap/pcap.h>
#define bpf_insn linux_insn /* libpcap has one, and so has Linux */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "expr.h"

#define SNAP 262144 /* libpcap's MAXIMUM_SNAPLEN: no test of lengths goes beyond */

static char *text;
static const char *bare; /* for frames without a link level; NULL: the same */

#define RAW 101 /* LINKTYPE_ */

/* Compiled, by link type. */
static struct compiled {
	u16 link;
	bool done, said;
	int err;
	struct bpf_program prog;
	char why[PCAP_ERRBUF_SIZE];
} compiled[8];

static const char *text_for(u16 link)
{
	return bare && link == RAW ? bare : text;
}

/* pcap_compile() of n bytes of the text and of what is put behind them. */
static int compile(struct bpf_program *prog, u16 link, size_t n, const char *more, char *why)
{
	/* LINKTYPE_RAW is DLT_RAW elsewhere; of the others in use here both are the same number */
	pcap_t *dead = pcap_open_dead(link == RAW ? DLT_RAW : link, SNAP);
	char *whole = dead ? malloc(n + strlen(more) + 1) : NULL;
	int err = -1;

	*why = 0;
	if (whole) {
		memcpy(whole, text_for(link), n);
		strcpy(whole + n, more);
		err = pcap_compile(dead, prog, whole, 1, PCAP_NETMASK_UNKNOWN);
		if (err)
			snprintf(why, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(dead));
	}
	free(whole);
	if (dead)
		pcap_close(dead);
	return err;
}

/* Could the first n bytes be the beginning of a filter? libpcap tells only that it is none. */
static bool begins(u16 link, size_t n)
{
	static const char *const ends[] = {
		"",       " 1",        " 1.2.3.4",  " 1-2",         " tcp",   " = 1",
		")",      "] = 1",     "1] = 1",    " 1)",          " tcp)",  " = 1)",
		" 1 = 1", " 0 mask 0", " 1.2.3.4)", " 0:0:0:0:0:1", "[0] = 1"};
	char why[PCAP_ERRBUF_SIZE];
	struct bpf_program prog;

	for (u32 i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (!compile(&prog, link, n, ends[i], why)) {
			pcap_freecode(&prog);
			return true;
		}
		if (!i && !strstr(why, "syntax error"))
			return true; /* another mistake: its place is not this one */
	}
	return false;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_.:-", c);
}

/* Where the first word is that no filter has there. */
static size_t wrong_at(u16 link)
{
	size_t at = 0, n = strlen(text);

	while (at < n) {
		size_t end = at;

		while (text[end] && isspace((unsigned char)text[end]))
			end++;
		at = end;
		if (!text[end])
			break;
		if (in_word(text[end]))
			while (text[end] && in_word(text[end]))
				end++;
		else
			end++;
		if (!begins(link, end))
			return at;
		at = end;
	}
	return n;
}

static struct compiled *compiled_for(u16 link)
{
	struct compiled *c = compiled;

	while (c < compiled + 7 && c->done && c->link != link)
		c++;
	if (c->done && c->link == link)
		return c;
	c->link = link;
	c->said = false;
	c->done = true;
	c->err = compile(&c->prog, link, strlen(text_for(link)), "", c->why);
	return c;
}

static int tell_syntax(const char *why)
{
	size_t at = wrong_at(DLT_EN10MB);

	if (!text[at])
		return usage("%s: the filter ends too early, after its %zu characters; see "
			     "pcap-filter(7)",
			     why, at);
	return usage("%s at character %zu, where '%.40s%s' begins; see pcap-filter(7)", why, at + 1,
		     text + at, strlen(text + at) > 40 ? "..." : "");
}

#define TEXT_MOST 65536

int expr_set(char **words, int n)
{
	struct compiled *c;
	size_t len = 1;

	for (int i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	if (!n)
		return 0;
	if (len > TEXT_MOST)
		return usage("a filter of %zu bytes is more than the %u that weir takes", len,
			     TEXT_MOST);
	text = calloc(1, len);
	if (!text)
		return fail("no memory for the filter");
	for (int i = 0; i < n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, words[i]);
	}
	if (!text[strspn(text, " \t")]) {
		free(text);
		text = NULL;
		return 0;
	}
	c = compiled_for(DLT_EN10MB);
	if (!c->err)
		return 0;
	if (strstr(c->why, "syntax error"))
		return tell_syntax(c->why);
	return usage("the filter '%.60s%s' is wrong: %.200s; see pcap-filter(7)", text,
		     strlen(text) > 60 ? "..." : "", c->why);
}

void expr_set_bare(const char *words)
{
	bare = words;
}

bool expr_given(void)
{
	return text != NULL;
}

int expr_program(u16 link, const struct cbpf_how *how, const char **why)
{
	static char said[256];
	struct compiled *c = compiled_for(link);
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	struct linux_insn *insns;
	bool xdp = how->hook == CBPF_XDP;
	int n, fd, err;

	*why = said;
	if (c->err)
		return fail("the filter cannot be applied to such frames: %.200s", c->why);
	n = cbpf_translate((const struct cbpf *)c->prog.bf_insns, c->prog.bf_len, how, &insns);
	if (n < 0) {
		snprintf(said, sizeof(said), "%s",
			 n == -E2BIG ? "it is too large for the kernel" : "it has a loop");
		return -EXPR_TOO_LARGE;
	}
	if (xdp) {                         /* what calls each other must be alike */
		opts.prog_flags = 1U << 5; /* BPF_F_XDP_HAS_FRAGS, Linux 5.18 */
		opts.expected_attach_type = BPF_XDP;
	}
	fd = bpf_prog_load(xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, "weir_filter", "GPL",
			   (const void *)insns, n, &opts);
	err = fd < 0 ? errno : 0;
	free(insns);
	if (fd >= 0)
		return fd;
	snprintf(said, sizeof(said), "the kernel's verifier refuses its %d instructions (%s)", n,
		 strerror(err));
	return -EXPR_TOO_LARGE;
}

bool expr_passes(u16 link, const u8 *frame, u32 len, u32 full)
{
	struct compiled *c = text ? compiled_for(link) : NULL;

	if (!c)
		return true;
	if (c->err && !c->said)
		note("packets of link type %u are left out, as the filter cannot be applied to "
		     "them: %.200s",
		     link, c->why);
	c->said = true;
	return !c->err && bpf_filter(c->prog.bf_insns, frame, full, len);
}
