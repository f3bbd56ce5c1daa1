/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include "parse.h"

u32 parse_release(const char *release)
{
	u32 major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 && minor < 256 ? KVER(major, minor)
									    : 0;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end && end[1] ? end + 1 : NULL;
}

#define for_each_line(line, text) for (const char *line = text; line; line = next_line(line))

bool parse_status(const char *text, const char *key, int base, u64 *value)
{
	size_t n = strlen(key);
	char *end;

	for_each_line(line, text)
	{
		if (strncmp(line, key, n) || line[n] != ':')
			continue;
		*value = strtoull(line + n + 1, &end, base);
		return end != line + n + 1;
	}
	return false;
}

char parse_config(const char *text, const char *option)
{
	size_t n = strlen(option);

	for_each_line(line, text)
	{
		if (strncmp(line, option, n) || line[n] != '=')
			continue;
		line += n + 1;
		return (*line == 'y' || *line == 'm') && (!line[1] || line[1] == '\n') ? *line
										       : '=';
	}
	return 'n';
}

enum lockdown parse_lockdown(const char *text)
{
	if (strstr(text, "[none]"))
		return LOCKDOWN_NONE;
	if (strstr(text, "[integrity]"))
		return LOCKDOWN_INTEGRITY;
	if (strstr(text, "[confidentiality]"))
		return LOCKDOWN_CONFIDENTIALITY;
	return LOCKDOWN_UNKNOWN;
}

/* Octal escapes stand for blanks and backslashes; n bytes of from. */
static void unescape(char *to, size_t size, const char *from, size_t n)
{
	const char *end = from + n;

	while (from < end && size > 1) {
		if (*from == '\\' && end - from >= 4) {
			*to++ = (from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0');
			from += 4;
		} else {
			*to++ = *from++;
		}
		size--;
	}
	*to = 0;
}

/* The nth word of a line, counted from 0; its length, 0 when there is none. */
static size_t word_at(const char *line, u32 nth, const char **word)
{
	for (; nth; nth--) {
		line += strcspn(line, " \n");
		if (*line != ' ')
			return 0;
		line++;
	}
	*word = line;
	return strcspn(line, " \n");
}

u32 parse_mounts(const char *text, const char *type, char *path, size_t size)
{
	size_t n = strlen(type), len;
	const char *word, *dash;
	u32 count = 0;

	for_each_line(line, text)
	{
		dash = strstr(line, " - ");
		if (!dash || strncmp(dash + 3, type, n) || dash[3 + n] != ' ')
			continue;
		len = word_at(line, 4, &word);
		if (!count++ && path && len)
			unescape(path, size, word, len);
	}
	return count;
}

bool parse_cmdline(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || at[-1] == ' ') && (!at[n] || strchr(" \n", at[n])))
			return true;
	return false;
}

/* Lines begin with the module's path: kernel/net/sched/cls_bpf.ko.xz: ... */
bool parse_module(const char *text, const char *name)
{
	size_t n = strlen(name);

	for_each_line(line, text)
	{
		const char *base = line, *end = line + strcspn(line, ":\n");

		for (const char *at = line; at < end; at++)
			if (*at == '/')
				base = at + 1;
		if (!strncmp(base, name, n) && !strncmp(base + n, ".ko", 3))
			return true;
	}
	return false;
}
