/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "error.h"
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
	[COMMON_DURATION] = {'d', "duration", "SECONDS", OPT_SECONDS, AT(duration_ns), 0, 0,
			     "end after this time"},
	[COMMON_COUNT] = {'n', "count", "COUNT", OPT_UINT, AT(count), 1, ~0u,
			  "end after this many rows"},
	[COMMON_INTERVAL] = {'i', "interval", "SECONDS", OPT_SECONDS, AT(interval_ns), 0, 0,
			     "time between reports"},
	[COMMON_OUTPUT] = {'o', "output", "FORMAT", OPT_FORMAT, AT(format), 0, 0,
			   "text (default), json or csv"},
	[COMMON_RECORD] = {0, "record", "FILE", OPT_STRING, AT(record), 0, 0,
			   "write the raw records to FILE, print none"},
	[COMMON_RING] = {0, "ring", "KIB", OPT_UINT, AT(ring_kib), 64, 1 << 20,
			 "size of the ring buffer (default 4096)"},
	[COMMON_WAY] = {0, "way", "NAME", OPT_STRING, AT(way), 0, 0,
			"attach this way only (fexit, tp, raw); for tests"},
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

/* Digits only, whole, within bounds. */
static int number(const char *s, u64 least, u64 most, u64 *v)
{
	char *end;

	errno = 0;
	*v = strtoull(s, &end, 10);
	return isdigit((unsigned char)*s) && !*end && !errno && *v >= least && *v <= most ? 0 : -1;
}

/* A decimal number with a unit; unit is the default's ns. */
static int span(const char *s, u64 unit, u64 *ns)
{
	static const struct {
		const char *name;
		u64 ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
	const char *unit_at = s + strspn(s, "0123456789.");
	char *end;
	double v;

	v = strtod(s, &end);
	if (end == s || end != unit_at) /* strtod() would also take 0x10, 1e3 and inf */
		return -1;
	for (u32 i = 0; *end && i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(end, units[i].name)) {
			unit = units[i].ns;
			end += strlen(end);
		}
	if (*end || !(v >= 0) || v * unit >= 9e18)
		return -1;
	*ns = v * unit;
	return 0;
}

static int set_host(struct filter *f, const char *s)
{
	char addr[64];
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : strlen(s);
	u64 bits, most = 128;

	if (n >= sizeof(addr))
		return -1;
	memcpy(addr, s, n);
	addr[n] = 0;
	if (inet_pton(AF_INET, addr, f->host + 12) == 1) {
		memset(f->host, 0, 10);
		memset(f->host + 10, 0xff, 2);
		most = 32;
		f->host_family = AF_INET;
	} else if (inet_pton(AF_INET6, addr, f->host) != 1) {
		return -1;
	} else {
		f->host_family = AF_INET6;
	}
	bits = most;
	if (slash && number(slash + 1, 0, most, &bits))
		return -1;
	bits += 128 - most;
	for (u32 i = 0; i < 16; i++) {
		u32 left = bits > 8 * i ? bits - 8 * i : 0;

		f->mask[i] = left >= 8 ? 0xff : 0xff00 >> left;
		f->host[i] &= f->mask[i];
	}
	return 0;
}

static int set_pid(struct filter *f, const char *s)
{
	u64 pid;

	if (number(s, 1, 1 << 22, &pid))
		return usage("-p takes a process id, not '%s'", s);
	f->pid = pid;
	return 0;
}

/* A C library that is linked in cannot ask what the system's would (NSS: LDAP and the like), and
 * the linker warns of getpwnam: weak, it is not there then. /etc/passwd can always be read. */
#pragma weak getpwnam

static struct passwd *user(const char *name)
{
	struct passwd *pw = getpwnam ? getpwnam(name) : NULL;
	FILE *file = pw ? NULL : fopen("/etc/passwd", "re");

	if (!file)
		return pw;
	do {
		pw = fgetpwent(file);
	} while (pw && strcmp(pw->pw_name, name));
	fclose(file);
	return pw;
}

static int set_uid(struct filter *f, const char *s)
{
	struct passwd *pw;
	u64 uid;

	if (!number(s, 0, ~0u - 1, &uid)) {
		f->uid = uid;
		return 0;
	}
	pw = user(s);
	if (!pw)
		return usage("--uid takes a number or a user's name; '%s' is neither", s);
	f->uid = pw->pw_uid;
	return 0;
}

/* The id that the kernel gives a cgroup is its inode number in the v2 file system. */
static int set_cgroup(struct filter *f, const char *s)
{
	struct statfs fs;
	struct stat st;

	if (statfs(s, &fs) || stat(s, &st))
		return usage("--cgroup %s: %s; give a directory below the cgroup2 mount", s,
			     strerror(errno));
	if (fs.f_type != 0x63677270 || !S_ISDIR(st.st_mode)) /* CGROUP2_SUPER_MAGIC */
		return usage("--cgroup %s is no cgroup v2 directory; findmnt -t cgroup2 tells "
			     "where they are",
			     s);
	f->cgroup = st.st_ino;
	return 0;
}

/* A namespace file of another kind looks the same but for this (ioctl_ns(2), Linux 4.11). */
static bool is_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int type = fd < 0 ? -1 : ioctl(fd, NS_GET_NSTYPE);

	if (fd >= 0)
		close(fd);
	return type == CLONE_NEWNET;
}

static int set_netns(struct filter *f, const char *s)
{
	char path[64];
	struct statfs fs;
	struct stat st;
	u64 pid;

	if (!number(s, 1, 1 << 22, &pid)) {
		snprintf(path, sizeof(path), "/proc/%s/ns/net", s);
		s = path;
	}
	if (stat(s, &st) || statfs(s, &fs))
		return usage("--netns %s: %s; give a process id or a path as in /run/netns", s,
			     strerror(errno));
	if (fs.f_type != 0x6e736673 || !is_netns(s)) /* NSFS_MAGIC */
		return usage(
			"--netns %s is no network namespace; ip netns list tells which there are",
			s);
	f->netns = st.st_ino;
	return 0;
}

static int set_family(struct filter *f, u16 family)
{
	if (f->have & FILTER_FAMILY && f->family != family)
		return usage("-4 and -6 exclude each other; leave both out for all families");
	f->family = family;
	f->have |= FILTER_FAMILY;
	return 0;
}

static int set_filter(struct filter *f, const struct option_row *row, const char *s)
{
	static const u32 bits[] = {
		[OPT_PID] = FILTER_PID,       [OPT_COMM] = FILTER_COMM,
		[OPT_UID] = FILTER_UID,       [OPT_CGROUP] = FILTER_CGROUP,
		[OPT_NETNS] = FILTER_NETNS,   [OPT_HOST] = FILTER_HOST,
		[OPT_PORT] = FILTER_PORT,     [OPT_FAILED] = FILTER_FAILED,
		[OPT_SLOWER] = FILTER_SLOWER,
	};
	u64 v;

	if (row->kind == OPT_IPV4 || row->kind == OPT_IPV6)
		return set_family(f, row->kind == OPT_IPV4 ? AF_INET : AF_INET6);
	if (f->have & bits[row->kind] && row->kind != OPT_FAILED)
		return usage("--%s is given twice", row->name);
	f->have |= bits[row->kind];
	switch (row->kind) {
	case OPT_PID: return set_pid(f, s);
	case OPT_UID: return set_uid(f, s);
	case OPT_CGROUP: return set_cgroup(f, s);
	case OPT_NETNS: return set_netns(f, s);
	case OPT_COMM:
		if (!*s || strlen(s) > 15)
			return usage("-c takes a name of 1 to 15 bytes: the kernel keeps no more "
				     "of '%s'",
				     s);
		memcpy(f->comm, s, strlen(s));
		return 0;
	case OPT_HOST:
		return set_host(f, s) ? usage("--host takes an address or a prefix as 10.0.0.0/8, "
					      "not '%s'",
					      s)
				      : 0;
	case OPT_PORT:
		if (number(s, 1, 65535, &v))
			return usage("--port takes a number from 1 to 65535, not '%s'", s);
		f->port = v;
		return 0;
	case OPT_SLOWER:
		return span(s, 1000000, &f->slower_ns)
			       ? usage("--slower takes a time as 5ms, 100us or 2s, not '%s'", s)
			       : 0;
	}
	return 0;
}

static int set_format(enum out_format *format, const char *s)
{
	static const char *const words[] = {"text", "json", "csv", NULL};
	const char *near;

	for (u32 i = 0; words[i]; i++)
		if (!strcmp(s, words[i])) {
			*format = i;
			return 0;
		}
	near = suggest(s, words);
	return usage("-o takes text, json or csv, not '%s'%s%s%s", s, near ? "; did you mean " : "",
		     near ? near : "", near ? "?" : "");
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

	switch (row->kind) {
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
		if (span(s, 1000000000, &v) || !v)
			return usage("--%s takes a time in seconds, more than 0, not '%s'",
				     row->name, s);
		*(u64 *)at = v;
		return 0;
	case OPT_TIME:
		if (span(s, 1000000, at))
			return usage("--%s takes a time as 5ms, 100us or 2s, not '%s'", row->name,
				     s);
		return 0;
	default: return set_filter(at, row, s);
	}
}

/* The rows that a tool takes, for getopt_long. */
struct table {
	struct option longs[80];
	const struct option_row *rows[80];
	void *bases[80];
	const char *words[80];
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

/* Is word, or the letter, the option of that row? */
static bool is_option(const struct option_row *row, const char *word)
{
	size_t n = strlen(row->name);

	if (strncmp(word, "--", 2))
		return row->letter && row->letter == optopt;
	return !strncmp(word + 2, row->name, n) && (!word[2 + n] || word[2 + n] == '=');
}

static int unknown_option(const struct table *t, const struct tool *tool, const char *word, int c)
{
	const char *near;

	if (c == ':')
		return usage("option '%s' needs a value; --help tells which", word);
	for (const struct option_row *row = common_rows; row->name; row++)
		if (!option_common(tool, row) && is_option(row, word))
			return usage("%s has no --%s%s%s", tool->name, row->name,
				     tool->lacks_why ? ": " : "",
				     tool->lacks_why ? tool->lacks_why : "");
	if (strncmp(word, "--", 2))
		return usage("unknown option -%c; --help lists them", optopt);
	for (u32 i = 0; i < t->n; i++) {
		size_t n = strlen(t->words[i]);

		if (!strncmp(word + 2, t->words[i], n) && word[2 + n] == '=')
			return usage("option --%s takes no value", t->words[i]);
	}
	near = suggest(word + 2, t->words);
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
	return 0;
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
		u32 i = c - 256;
		int err;

		if (c == '?' || c == ':')
			return unknown_option(&table, t, argv[optind - 1], c);
		for (u32 k = 0; c < 256 && k < table.n; k++)
			if (table.rows[k]->letter == c)
				i = k;
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

static void help_row(const struct option_row *row)
{
	char word[64];

	snprintf(word, sizeof(word), "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
		 row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		 row->arg ? " " : "", row->arg ? row->arg : "");
	printf("  %-26s %s\n", word, row->help);
}

void options_help(const struct tool *t)
{
	printf("weir %s: %s\n\nusage: weir %s %s\n", t->name, t->summary, t->name, t->usage);
	if (t->options) {
		printf("\nOptions of %s:\n", t->name);
		for (const struct option_row *row = t->options; row->name; row++)
			help_row(row);
	}
	printf("\nOptions that tools share:\n");
	for (const struct option_row *row = common_rows; row->name; row++)
		if (option_common(t, row))
			help_row(row);
	if (t->columns) {
		printf("\nColumns (names as in JSON and CSV):\n");
		for (const struct column *c = t->columns; c->name; c++)
			if (!(c->flags & COL_TEXT_ONLY))
				printf("  %-26s %s\n", c->name, c->help);
	}
}
