/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "error.h"
#include "filter_option.h"
#include "number.h"
#include "suggest.h"
#include "tool.h"

#define AT(member) offsetof(struct common, member)

const struct option_row common_rows[] = {
	[COMMON_PID] = {'p', "pid", "PID", OPT_PID, AT(filter), 0, 0,
			"only this process, with its threads"},
	[COMMON_COMM] = {'c', "comm", "COMM", OPT_COMM, AT(filter), 0, 0,
			 "only processes of this name (15 bytes)"},
	[COMMON_UID] = {'u', "uid", "UID", OPT_UID, AT(filter), 0, 0,
			"only this effective user, number or name"},
	[COMMON_CGROUP] = {0, "cgroup", "PATH", OPT_CGROUP, AT(filter), 0, 0,
			   "only this cgroup (v2) and those below it"},
	[COMMON_NETNS] = {0, "netns", "PATH|PID", OPT_NETNS, AT(filter), 0, 0,
			  "only this network namespace"},
	[COMMON_IPV4] = {'4', "ipv4", NULL, OPT_IPV4, AT(filter), 0, 0, "only IPv4 sockets"},
	[COMMON_IPV6] = {'6', "ipv6", NULL, OPT_IPV6, AT(filter), 0, 0, "only IPv6 sockets"},
	[COMMON_HOST] = {0, "host", "CIDR", OPT_HOST, AT(filter), 0, 0,
			 "only this address or prefix, at either end"},
	[COMMON_PORT] = {0, "port", "N", OPT_PORT, AT(filter), 0, 0,
			 "only this port, at either end"},
	[COMMON_FAILED] = {0, "failed", NULL, OPT_FAILED, AT(filter), 0, 0, "only what failed"},
	[COMMON_SLOWER] = {0, "slower", "TIME", OPT_SLOWER, AT(filter), 0, 0,
			   "only what took this long: 5ms, 100us, 2s"},
	[COMMON_DURATION] = {'d', "duration", "SECONDS", OPT_SECONDS | OPT_LIVE, AT(duration_ns), 0,
			     0, "end after this time"},
	[COMMON_COUNT] = {'n', "count", "COUNT", OPT_UINT, AT(count), 1, ~0u,
			  "end after this many rows"},
	[COMMON_INTERVAL] = {'i', "interval", "SECONDS", OPT_SECONDS | OPT_LIVE, AT(interval_ns), 0,
			     0, "time between reports"},
	[COMMON_OUTPUT] = {'o', "output", "FORMAT", OPT_FORMAT, AT(format), 0, 0,
			   "text (default), json or csv"},
	[COMMON_RECORD] = {0, "record", "FILE", OPT_STRING | OPT_LIVE, AT(record), 0, 0,
			   "write the raw records to FILE, print none"},
	[COMMON_RING] = {0, "ring", "KIB", OPT_UINT | OPT_LIVE, AT(ring_kib), 64, 1 << 20,
			 "size of the ring buffer (default 4096)"},
	[COMMON_WAY] = {0, "way", "NAME", OPT_STRING | OPT_LIVE, AT(way), 0, 0,
			"fexit, tp or raw: system calls so only, other hooks so first; for tests"},
	[COMMON_STATS] = {0, "stats", NULL, OPT_FLAG, AT(stats), 0, 0,
			  "end with the account as a JSON object on stdout"},
	[COMMON_QUIET] = {'q', "quiet", NULL, OPT_FLAG, AT(quiet), 0, 0,
			  "no heading, no account on stderr"},
	[COMMON_VERBOSE] = {'v', "verbose", NULL, OPT_FLAG, AT(verbose), 0, 0,
			    "say more on stderr, libbpf's log too"},
	[COMMON_HELP] = {'h', "help", NULL, OPT_FLAG, AT(help), 0, 0, "this text"},
	[COMMON_MAX] = {0},
};

bool option_common(const struct tool *t, const struct option_row *row)
{
	if (t->lacks >> (row - common_rows) & 1)
		return false;
	for (const struct option_row *own = t->options; own && own->name; own++)
		if (!strcmp(own->name, row->name))
			return false;
	return true;
}

static int set_format(enum out_format *format, const char *s)
{
	static const char *const words[] = {"text", "json", "csv", NULL};
	int i = one_of("-o", s, words);

	*format = i < 0 ? OUT_TEXT : (enum out_format)i;
	return i < 0 ? i : 0;
}

static int add_word(struct option_words *to, const struct option_row *row, const char *s)
{
	if (to->n >= OPTION_WORDS)
		return usage("--%s may be given %u times, not more", row->name, OPTION_WORDS);
	to->word[to->n++] = s;
	return 0;
}

static int set_value(void *base, const struct option_row *row, const char *s)
{
	void *at = (char *)base + row->off;
	u64 v;

	switch (row->kind & ~OPT_LIVE) {
	case OPT_FLAG: *(bool *)at = true; return 0;
	case OPT_STRING: *(const char **)at = s; return 0;
	case OPT_WORDS: return add_word(at, row, s);
	case OPT_FORMAT: return set_format(at, s);
	case OPT_UINT:
		if (number(s, row->least, row->most, &v))
			return usage("--%s takes a whole number from %u to %u, not '%s'", row->name,
				     row->least, row->most, s);
		*(u32 *)at = v;
		return 0;
	case OPT_SECONDS:
		if (span(s, 1000000000, &v))
			return usage("--%s takes a time in seconds, more than 0, not '%s'",
				     row->name, s);
		*(u64 *)at = v;
		return 0;
	case OPT_TIME: return time_option(row, s, at);
	default: return filter_option(at, row, s);
	}
}

/* The rows that a tool takes, for getopt_long. */
struct table {
	struct option longs[80];
	const struct option_row *rows[80];
	void *bases[80];
	const char *words[80];
	bool given[80];
	char shorts[200];
	u32 n;
};

static void table_add(struct table *t, const struct option_row *row, void *base)
{
	size_t at = strlen(t->shorts);

	if (t->n < 79) {
		t->longs[t->n] = (struct option){
			row->name, row->arg ? required_argument : no_argument, NULL, 256 + t->n};
		t->rows[t->n] = row;
		t->bases[t->n] = base;
		t->words[t->n] = row->name;
		t->n++;
		if (row->letter) {
			t->shorts[at++] = row->letter;
			if (row->arg)
				t->shorts[at++] = ':';
		}
	}
	t->shorts[at] = 0;
}

/* Is it the long option of that name, as it is and not shortened? */
static bool is_named(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, "--", 2) && !strncmp(word + 2, name, n) &&
	       (!word[2 + n] || word[2 + n] == '=');
}

/* Is word, or the letter, the option of that row? */
static bool is_option(const struct option_row *row, const char *word)
{
	if (strncmp(word, "--", 2))
		return row->letter && row->letter == optopt;
	return is_named(word, row->name);
}

static int unknown_option(const struct table *t, const struct tool *tool, const char *word, int c)
{
	bool named = strncmp(word, "--", 2);
	const char *near;
	char name[64];

	for (u32 i = 0; i < t->n; i++)
		named |= is_named(word, t->words[i]);
	if (c == ':' && named)
		return usage("option '%s' needs a value; --help tells which", word);
	for (const struct option_row *row = common_rows; row->name; row++)
		if (!option_common(tool, row) && is_option(row, word))
			return usage("%s has no --%s%s%s", tool->name, row->name,
				     tool->lacks_why ? ": " : "",
				     tool->lacks_why ? tool->lacks_why : "");
	if (strncmp(word, "--", 2))
		return usage("unknown option -%c; --help lists them", optopt);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	if (named)
		return usage("option --%s takes no value", name);
	near = suggest(name, t->words);
	return usage("unknown option '%s'%s%s; --help lists them", word,
		     near ? ", did you mean --" : "", near ? near : "");
}

static int contradiction(const struct common *c)
{
	const struct filter *f = &c->filter;

	if (c->command && f->have & FILTER_PID)
		return usage("-p and a command exclude each other: the command is watched, with "
			     "its children");
	if (f->have & FILTER_FAMILY && f->have & FILTER_HOST && f->family == AF_INET &&
	    f->host_family == AF_INET6)
		return usage("-4 and an IPv6 address of --host exclude each other");
	if (c->stats && c->format == OUT_CSV)
		return usage(
			"--stats ends the output with a JSON object, which is no row of -o csv; "
			"give -o json");
	return 0;
}

/* Of a setting the last one holds, so that who has it in an alias can give another; of filters and
 * words that would be less than was asked for. */
static bool may_repeat(u8 kind)
{
	kind &= ~OPT_LIVE;
	return kind == OPT_WORDS || kind == OPT_UINT || kind == OPT_SECONDS || kind == OPT_TIME ||
	       kind == OPT_FORMAT;
}

int options_parse(const struct tool *t, struct common *common, int argc, char **argv)
{
	struct table table = {.shorts = ":"};
	int c, end = argc;

	for (int i = 1; i < argc && end == argc; i++)
		if (!strcmp(argv[i], "--"))
			end = i;
	if (end < argc) {
		common->command = argv + end + 1;
		argv[end] = NULL;
		if (!*common->command)
			return usage("-- is not followed by a command");
	}
	for (const struct option_row *row = common_rows; row->name; row++)
		if (!(t->lacks >> (row - common_rows) & 1))
			table_add(&table, row, common);
	for (const struct option_row *row = t->options; row && row->name; row++)
		if (row->kind != OPT_COMMON)
			table_add(&table, row, t->own);
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(end, argv, table.shorts, table.longs, NULL)) != -1) {
		/* a value of its own stands behind the word */
		char letter[] = {'-', optopt, 0},
		     *word = argv[optind - 1 - (optarg == argv[optind - 1])];
		u32 i = c - 256;
		int err;

		if (c == '?' || c == ':')
			return unknown_option(&table, t, optopt && optopt < 256 ? letter : word, c);
		if (c >= 256 && !is_named(word, table.words[i]))
			return unknown_option(&table, t, word, '?');
		for (u32 k = 0; c < 256 && k < table.n; k++)
			if (table.rows[k]->letter == c)
				i = k;
		if (table.given[i] && optarg && !may_repeat(table.rows[i]->kind))
			return usage("--%s is given twice", table.words[i]);
		table.given[i] = true;
		if (table.rows[i]->kind & OPT_LIVE)
			common->live = table.words[i];
		err = set_value(table.bases[i], table.rows[i], optarg);
		if (err)
			return err;
		if (table.rows[i]->kind == OPT_CGROUP)
			common->cgroup = optarg;
		if (table.rows[i]->kind == OPT_NETNS)
			common->netns = optarg;
	}
	common->args = argv + optind;
	common->nargs = end - optind;
	return contradiction(common);
}
