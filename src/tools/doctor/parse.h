/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later */
/* What the kernel's text files say. No file is opened here: everything can be tried on any text. */
#ifndef WEIR_DOCTOR_PARSE_H
#define WEIR_DOCTOR_PARSE_H

#include <stdbool.h>
#include "wrap.h"

#define KVER(major, minor) ((major) << 8 | (minor))

enum lockdown {
	LOCKDOWN_UNKNOWN,
	LOCKDOWN_NONE,
	LOCKDOWN_SOME, /* locked down, the level is not known */
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,
};

/* "6.12.117+deb12-amd64" → KVER(6, 12); 0 when it begins otherwise. */
u32 parse_release(const char *release);
/* A line "KEY:\tNUMBER" of /proc/PID/status. */
bool parse_status(const char *text, const char *key, int base, u64 *value);
/* An option of a kernel's build configuration: 'y', 'm', 'n' (not set or not there), or '=' for any
 * other value. */
char parse_config(const char *text, const char *option);
/* "none [integrity] confidentiality" */
enum lockdown parse_lockdown(const char *text);
/* Mounts of a type in /proc/PID/mountinfo: their number; path (may be NULL) gets the first one's.
 */
u32 parse_mounts(const char *text, const char *type, char *path, size_t size);
/* Is a word of that name=value on the kernel's command line? */
bool parse_cmdline(const char *text, const char *word);
/* Has modules.dep or modules.builtin a module of that name? */
bool parse_module(const char *text, const char *name);

#endif
